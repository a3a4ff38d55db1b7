"""Two instances as ``make stack`` starts them, and one proxy in front of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from app.config import Settings
from tests.conformance.profile import Profile
from tests.proxies.deviations import KNOWN
from tests.proxies.programs import NAME, RunningProxy, proxied
from tests.proxies.results import Results
from tests.stack.conftest import fronted
from tests.stack.deployment import Deployment

__all__ = ["fronted"]

PROFILE: Final = Path(__file__).parents[1] / "conformance" / "profiles" / "candor.toml"


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


@pytest.fixture(scope="session")
def profile(token: Callable[..., str]) -> Profile:
    """Return the profile of the service, with the known deviations of the proxy."""
    read = Profile.read(PROFILE, fetches_tokens=False)
    return replace(
        read,
        token=token("conformance", "tasks"),
        token_without_scope=token("conformance", "other:read"),
        deviations=KNOWN.get(NAME, {}),
    )
