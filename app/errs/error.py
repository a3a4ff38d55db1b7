"""The base class of errors. An error has the attributes that one layer sets, and a cause with those of other layers.

Unset attributes are inherited from the nearest cause that sets them.
"""

import inspect
import re
import string
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Final, NamedTuple

from app.errs.kinds import Fault, Kind

_STEP: Final = re.compile(r"[.\[\]]+")
"""The separators in a field's name."""
CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
MAX_CODE_LENGTH: Final = 63
"""Characters of a code: the limit of ``reason`` in ``google.rpc.ErrorInfo``."""


class Violation(NamedTuple):
    """One rule that the input breaks.

    ``field`` is a readable name (``tags[2]``). Exactly one of ``pointer`` (RFC 6901, in the body), ``parameter`` (in
    the query) and ``header`` has the location.
    """

    field: str
    code: str
    message: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None

    @classmethod
    def of_member(cls, field: str, code: str, message: str) -> "Violation":
        """Return a violation by a property of the resource, for code that doesn't know where the request had it."""
        return cls(field, code, message, pointer="#/" + _STEP.sub("/", field).rstrip("/"))

    def document(self) -> dict[str, str]:
        """Return the violation as clients see it."""
        document = {"field": self.field}
        if self.pointer is not None:
            document["pointer"] = self.pointer
        if self.parameter is not None:
            document["parameter"] = self.parameter
        if self.header is not None:
            document["header"] = self.header
        document["code"], document["message"] = self.code, self.message
        return document


class Error(Exception):
    """The base class of all errors that the codebase raises intentionally.

    A subclass with a ``code`` is a named error. The first line of its docstring is the title, the rest describes when
    it occurs. Annotations are its typed facts, and ``message`` is a template of them. Without a ``message`` the title
    is the text. Facts that a class does not declare are logged and never sent to clients.
    """

    kind: Kind
    code: str
    message: str
    detail: str | None
    param: str | None
    user: str | None
    op: str | None
    realm: str | None
    retry_after: int | None
    violations: tuple[Violation, ...]
    failures: "tuple[tuple[int, Error], ...]"
    facts: Mapping[str, Any]

    client: ClassVar[str] = ""
    operator: ClassVar[str] = ""
    since: ClassVar[str] = ""
    example: ClassVar[Mapping[str, object]] = {}
    instance: ClassVar[str] = "/v1/tasks"
    curl: ClassVar[str | None] = None
    quotes: ClassVar[tuple[str, ...]] = ()
    """Facts that repeat the caller's input: sent to the caller, and not logged."""
    is_lasting: ClassVar[bool] = False
    """True if waiting does not help, although the kind suggests a retry."""
    declared_facts: ClassVar[Mapping[str, type]] = {}

    is_callers: bool = False
    """True if the caller set the exceeded limit, such as a short budget. Then it is not a fault of the service."""

    is_simulated: bool = False
    """True if the caller requested the error with a simulation: nothing failed."""

    operations: tuple[str, ...] = ()
    """The operations through which it was raised, outermost first. ``op`` is the operation that raised it first."""

    def __init_subclass__(cls) -> None:
        """Reject a definition that cannot be rendered."""
        super().__init_subclass__()
        annotations = inspect.get_annotations(cls, eval_str=True)
        cls.declared_facts = {**cls.declared_facts, **annotations}
        if "code" in cls.__dict__:
            _check(cls)

    def __init__(
        self,
        op: str | None = None,
        /,
        *,
        message: str | None = None,
        detail: str | None = None,
        param: str | None = None,
        user: str | None = None,
        realm: str | None = None,
        retry_after: int | None = None,
        violations: tuple[Violation, ...] | None = None,
        failures: "tuple[tuple[int, Error], ...] | None" = None,
        **facts: Any,
    ) -> None:
        if missing := self.declared_facts.keys() - facts.keys():
            raise TypeError(f"{type(self).__name__} needs {', '.join(sorted(missing))}")
        if "kind" in facts or "code" in facts:
            raise TypeError("the class defines kind and code; use E(...) to set others")
        if op is not None and not is_operation(op):
            raise TypeError(
                f"an operation is a name without blanks, such as 'tasks.get'; write message={op!r} for a text"
            )
        self.op = op
        self.facts = facts
        if message is None and self.declared_facts and hasattr(type(self), "message"):
            message = _rendered(type(self).message, {"retry_after": retry_after, **facts})
        attributes = {
            "message": message,
            "detail": detail,
            "param": param,
            "user": user,
            "realm": realm,
            "retry_after": retry_after,
            "violations": violations,
            "failures": failures,
        }
        self.__dict__.update({name: value for name, value in attributes.items() if value is not None})
        super().__init__(message or type(self).__name__)

    @property
    def fault(self) -> Fault:
        """The party that must act: the kind's, or the client if the caller set the exceeded limit."""
        fault = self.kind.fault
        if fault is Fault.CLIENT:
            return fault
        named = next((link for link in causes(self) if isinstance(link, Error) and has_own(link, "kind")), self)
        return Fault.CLIENT if named.is_callers else fault

    def __getattr__(self, name: str) -> object:
        """Return an unset attribute from the nearest cause that sets it, or a fact."""
        if name in UNSET:
            if self.__cause__ is None:
                return UNSET[name]
            inner = (link for link in causes(self.__cause__) if isinstance(link, Error) and has_own(link, name))
            source = next(inner, None)
            return UNSET[name] if source is None else getattr(source, name)
        facts = self.__dict__.get("facts", {})
        if name not in facts:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return facts[name]

    def record_operation(self, op: str) -> None:
        """Add an operation to the operation path, unless the path already contains it."""
        if op not in ops(self):
            self.operations = (op, *self.operations)

    def __str__(self) -> str:
        """Return the operation path and the message, each once."""
        return ": ".join([*ops(self), self._sentence()])

    def _sentence(self) -> str:
        """Return the message, or the title of a named error without a message."""
        if message := self.message:
            return message
        named = (type(link) for link in causes(self) if isinstance(link, Error) and type(link) is not Error)
        return title(next(named, Error)) or self.kind.string

    def without_quotes(self) -> str:
        """Return the text of the error without the operation path and without the caller's input."""
        text = self._sentence()
        for link in causes(self):
            if isinstance(link, Error) and link.quotes:
                facts = {**link.facts, "retry_after": link.retry_after, **dict.fromkeys(link.quotes, "…")}
                text = text.replace(link.message, _rendered(type(link).message, facts))
        return text


UNSET: Final[Mapping[str, object]] = {
    "kind": Kind.OTHER,
    "code": "",
    "message": "",
    "detail": None,
    "param": None,
    "user": None,
    "realm": None,
    "retry_after": None,
    "violations": (),
    "failures": (),
}


def is_code(text: object) -> bool:
    """Return true if a text is a code: UPPER_SNAKE, and not too long."""
    return isinstance(text, str) and len(text) <= MAX_CODE_LENGTH and CODE.fullmatch(text) is not None


def not_a_code(text: object) -> str:
    """Return the sentence that rejects a code."""
    return f"a code is UPPER_SNAKE, has at most {MAX_CODE_LENGTH} characters, and is not {text!r}"


def is_operation(name: object) -> bool:
    """Return true if a text is the name of an operation: it has no blanks, and is not empty."""
    return isinstance(name, str) and name != "" and not any(each.isspace() for each in name)


def _rendered(template: str, facts: Mapping[str, object]) -> str:
    """Fill the template. The items of a list are separated by commas."""
    return template.format_map({k: ", ".join(v) if isinstance(v, list) else v for k, v in facts.items()})


def title(cls: type[Error]) -> str:
    """Return the first sentence of the error's definition. The base class does not have one."""
    return "" if cls is Error else _first_line(cls.__doc__ or "")


@lru_cache(1024)
def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def _check(cls: type[Error]) -> None:
    """Reject a named error without a text that the catalogue shows."""
    if not is_code(cls.code):
        raise TypeError(f"{cls.__name__}: {not_a_code(cls.code)}")
    if not cls.__doc__:
        raise TypeError(f"{cls.__name__}: the docstring is the title, and it is missing")
    for name in ("client", "operator", "since"):
        if not getattr(cls, name):
            raise TypeError(f"{cls.__name__}: {name!r} is missing")
    for name, kind in cls.declared_facts.items():
        if kind not in {str, int, float, bool, list[str], dict[str, str]}:
            raise TypeError(f"{cls.__name__}.{name}: a fact is a str, int, float, bool, list[str] or dict[str, str]")
    _check_facts(cls)


def _check_facts(cls: type[Error]) -> None:
    """Reject a named error with undeclared facts in its message, or with declared facts that have no example."""
    if "message" in cls.__dict__:
        placeholders = {name for _, name, _, _ in string.Formatter().parse(cls.message) if name}
        if unknown := placeholders - cls.declared_facts.keys() - {"retry_after"}:
            raise TypeError(f"{cls.__name__}: the message contains undeclared facts: {', '.join(sorted(unknown))}")
    if unknown := {*cls.quotes} - cls.declared_facts.keys():
        raise TypeError(f"{cls.__name__} quotes undeclared facts: {', '.join(sorted(unknown))}")
    if lacking := cls.declared_facts.keys() - cls.example.keys():
        raise TypeError(f"{cls.__name__}: the example lacks {', '.join(sorted(lacking))}")


def causes(error: BaseException | None) -> Iterable[BaseException]:
    """Return the error and its causes, outermost first."""
    if error is not None and error.__cause__ is None:
        return (error,)
    links: dict[int, BaseException] = {}
    while error is not None and id(error) not in links:
        links[id(error)] = error
        error = error.__cause__
    return links.values()


def ops(error: BaseException) -> list[str]:
    """Return the operation path, outermost first."""
    return [op for link in causes(error) if isinstance(link, Error) for op in (*link.operations, link.op) if op]


def root_cause(error: BaseException) -> BaseException:
    """Return the innermost cause, or the error itself if it has no cause."""
    *_, last = causes(error)
    return last


def kind_is(kind: Kind, error: BaseException | None) -> bool:
    """Return true if the outermost ``Error`` in the chain is of this kind."""
    first = next((link for link in causes(error) if isinstance(link, Error)), None)
    return first is not None and first.kind is kind


def has_own(error: Error, name: str) -> bool:
    """Return true if an error sets an attribute itself, and does not inherit it from its causes."""
    return name in error.__dict__ or any(name in cls.__dict__ for cls in type(error).__mro__)
