"""Two instances as ``make stack`` starts them, and one proxy in front of them."""

from collections.abc import Iterator

import pytest

from app.config import Settings
from tests.proxies.programs import NAME, RunningProxy, proxied
from tests.proxies.results import Results
from tests.stack.conftest import fronted
from tests.stack.deployment import Deployment

__all__ = ["fronted"]


@pytest.fixture(scope="session")
def proxy(fronted: Deployment, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """Run the proxy that PROXY names."""
    with proxied(NAME, fronted, settings, tmp_path_factory.mktemp(NAME)) as running:
        yield running


@pytest.fixture(scope="session")
def results(proxy: RunningProxy, request: pytest.FixtureRequest) -> Iterator[Results]:
    """Collect the observations of a run; a complete run without failures writes them into the documentation."""
    found = Results(NAME, proxy.version)
    yield found
    if found.is_complete and not request.session.testsfailed:
        found.write()
