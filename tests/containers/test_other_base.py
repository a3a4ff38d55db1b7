"""The image on another base: Debian 13 with Python 3.13, the version of the default base."""

from typing import Final

import pytest

from tests.containers import engine
from tests.containers.conftest import Containers
from tests.containers.test_image import MEGABYTE, MOST_MEGABYTES, PATIENCE, ready
from tests.docs.pages import ROOT

SUITE: Final = "trixie"


@pytest.fixture(scope="module")
def other_base() -> str:
    """Return a Debian 13."""
    engine.skip_without_podman()
    return engine.base(SUITE)


def test_it_is_small_and_ready(other_base: str, settings_of_container: dict[str, str], ports: dict[str, str]) -> None:
    name = f"{engine.PREFIX}/candor:{SUITE}"
    image = engine.build(name, ROOT, f"--build-arg=BASE={other_base}", *engine.pip_options())
    containers = Containers(image, settings_of_container)
    assert containers.run("python", "--version").startswith("Python 3.13.")
    added = (engine.inspect("image", image)["Size"] - engine.inspect("image", other_base)["Size"]) / MEGABYTE
    print(f"\n{added:.0f} MB over its base")
    assert added < MOST_MEGABYTES
    containers.run("migrate")
    url = f"http://127.0.0.1:{ports['PORT']}"
    with containers.running("other", **ports) as web:
        engine.wait_until(lambda: ready(url), PATIENCE, lambda: engine.podman("logs", web))
        engine.podman("healthcheck", "run", web)
        engine.podman("stop", "--time=45", web)
        assert engine.inspect("container", web)["State"]["ExitCode"] == 0
