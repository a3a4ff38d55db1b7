"""Logger settings that can be changed at run time. They apply to every worker of every instance."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from app.errs import Violation, raises
from app.errs.requests import ValidationFailed
from app.models.logger import Level, LoggerSettings
from app.request_context import Principal
from app.resilience.clock import Clock
from app.resilience.transaction_retry import transaction


class LoggerReads(Protocol):
    """See ``app.repositories.logger``."""

    def find(self) -> LoggerSettings | None: ...  # noqa: D102


class LoggerCollection(Protocol):
    """See ``app.repositories.logger``."""

    def put(self, settings: LoggerSettings, *, by: str, at: datetime) -> None: ...  # noqa: D102


class Unit(Protocol):
    """One transaction."""

    @property
    def logger(self) -> LoggerCollection: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class Log(Protocol):
    """The log of this process; see ``app.observability.logs``."""

    def set_level(self, level: str, *, shows_stacks: bool) -> None: ...  # noqa: D102
    def audit(self, message: str, fields: dict[str, object]) -> None: ...  # noqa: D102


class LoggerService:
    """Changes the logger settings. ``least`` is the most verbose level that callers may set."""

    def __init__(
        self,
        *,
        reads: LoggerReads,
        unit_of_work: Callable[[], AbstractContextManager[Unit]],
        clock: Clock,
        log: Log,
        default: LoggerSettings,
        least: Level,
    ) -> None:
        self._reads = reads
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._log = log
        self._default = self._in_force = default
        self._least = least

    @raises()
    def get(self) -> LoggerSettings:
        """Return the stored settings. They are in force, or will be within seconds."""
        stored = self._reads.find() or self._default
        return LoggerSettings(max(stored.level, self._least), stored.log_error_stack)

    @raises(ValidationFailed)
    @transaction
    def put(self, new: LoggerSettings, *, by: Principal) -> LoggerSettings:
        """Change the settings, here immediately and in other processes at their next refresh."""
        if new.level < self._least:
            level = f"level must be one of {', '.join(each.name for each in Level if each >= self._least)}"
            raise ValidationFailed(violations=(Violation.of_member("level", "INVALID_VALUE", level),))
        with self._unit_of_work() as unit:
            unit.logger.put(new, by=by.id, at=self._clock.now())
            unit.commit()
        self._apply(new)
        fields: dict[str, object] = {"user": by.id, "log_level": new.level.name, "log_error_stack": new.log_error_stack}
        self._log.audit(f"the log level was set to {new.level.name}", fields)
        return new

    def refresh(self) -> None:
        """Apply the stored settings, which another worker or instance may have changed."""
        self._apply(self.get())

    def _apply(self, settings: LoggerSettings) -> None:
        if settings != self._in_force:
            self._in_force = settings
            self._log.set_level(settings.level.name, shows_stacks=settings.log_error_stack)
