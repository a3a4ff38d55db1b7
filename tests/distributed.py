"""pytest plugin for several processes (pytest-xdist): shared databases, and tests that evaluate the whole run.

The controller starts the PostgreSQL server and makes the template before the first worker starts. Workers leave out the
tests marked ``last`` and send the observations of their tests to the controller. The controller runs the ``last`` tests
itself once all workers have ended, on the observations of all of them. In one process, nothing of this applies: the
``last`` tests are the last ones of the session.
"""

import gc
import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests import observed_errors
from tests.databases import SHARED, Databases, server, shared

MOST_WORKERS: Final = 8
REASON: Final = "evaluates all tests; run the whole suite"


@dataclass
class Controller:
    """The results that the process that distributes the tests has received from the workers."""

    last: set[str] = field(default_factory=set)
    crashed: bool = False


CONTROLLER: Final = pytest.StashKey[Controller]()


def is_full(config: pytest.Config) -> bool:
    """Return whether this run selects all tests, apart from directories that ``--ignore`` names."""
    if hasattr(config, "workerinput"):
        return bool(config.workerinput["is_full"])
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not is_filtered(config) and not is_fast()


def is_fast() -> bool:
    """Return whether this run leaves out the tests marked ``slow``."""
    return os.environ.get("FAST") == "true"


def is_filtered(config: pytest.Config) -> bool:
    """Return whether options leave tests out."""
    return any(config.getoption(option, None) for option in ("keyword", "markexpr", "deselect", "lf", "stepwise"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Answer ``-n auto``: as many workers as cores if a directory is given; none, for a quick start, for files."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    has_few = is_filtered(config) or not any((config.invocation_params.dir / arg).is_dir() for arg in config.args)
    return 0 if has_few or cores == 1 else min(cores, MOST_WORKERS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Start the server and make the template, which the workers share."""
    stack = ExitStack()
    config.add_cleanup(stack.close)
    server_url = stack.enter_context(server())
    databases = Databases(server_url, "controller")
    stack.callback(databases.close)
    config.stash[SHARED] = {"server_url": server_url, "template": databases.make_template()}
    config.stash[CONTROLLER] = Controller()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass a worker its input."""
    node.workerinput |= {**shared(node.config), "is_full": is_full(node.config)}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the tests marked ``last`` after all others, in the controller when there is one, and only in a full run."""
    last = [item for item in items if item.get_closest_marker("last")]
    if not is_full(config):
        for item in last:
            item.add_marker(pytest.mark.skip(reason=REASON))
    others = [item for item in items if not item.get_closest_marker("last")]
    if is_full(config) and hasattr(config, "workeroutput"):
        config.workeroutput["last"] = [item.nodeid for item in last]
        items[:] = others
    else:
        items[:] = [*others, *last]


def pytest_collection_finish() -> None:
    """Exclude modules and tests, which stay in memory, from garbage collections."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the controller the observations of this worker."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["observed"] = observed_errors.exported()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """Add the observations that a worker sends when it ends."""
    controller, output = node.config.stash[CONTROLLER], getattr(node, "workeroutput", None)
    if error or output is None:
        controller.crashed = True
    else:
        observed_errors.merge(output["observed"])
        controller.last.update(output.get("last", ()))


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Run the tests marked ``last`` in the controller, unless a worker has crashed or could not collect its tests."""
    result = yield
    controller = session.config.stash.get(CONTROLLER, None)
    if controller and controller.last and not controller.crashed and observed_errors.PROVOKED:
        _run(session, sorted(controller.last))
    return result


def _run(session: pytest.Session, node_ids: Sequence[str]) -> None:
    collected = session.testscollected
    items = [item for item in session.perform_collect(node_ids) if isinstance(item, pytest.Item)]
    session.testscollected = collected + len(items)
    for item, following in zip(items, [*items[1:], None], strict=True):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
