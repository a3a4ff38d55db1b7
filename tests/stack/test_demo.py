"""``make demo-remote``: the first instance works without the second, and both leave nothing behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from app.config import Settings
from deploy.local.free_ports import free_port
from tests.stack.checkout import descendants, process_table, wait_until
from tests.stack.deployment import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts processes in /proc")

WITHIN: Final = 60.0


@pytest.mark.nightly
def test_the_second_is_killed_and_comes_back(settings: Settings, tmp_path: Path) -> None:
    """Degraded in the meantime; Ctrl-C ends everything."""
    port = free_port(followed_by=1)
    environment = os.environ | {
        "DATABASE_URL": settings.database_url,
        "DEMO_PAUSE": "1",
        "JWT_SECRET": settings.jwt_secret,
        "PORT": str(port),
    }
    printed = tmp_path / "printed"
    with printed.open("w") as out:
        command = [sys.executable, "deploy/stack/degradation_demo.py"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)

    def has_printed(words: str) -> bool:
        assert process.poll() is None, printed.read_text()
        return words in printed.read_text()

    everything = {process.pid}
    try:
        wait_until(lambda: has_printed("200  complete"), WITHIN)
        everything |= descendants(process.pid)
        second = re.search(r"kill -KILL (\d+)", printed.read_text())
        assert second is not None
        os.kill(int(second[1]), signal.SIGKILL)
        wait_until(lambda: has_printed("200  user;reason=unreachable"), WITHIN)
        wait_until(lambda: has_printed("is started again, as process"), WITHIN)
        everything |= descendants(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(WITHIN) == 128 + signal.SIGINT
    wait_until(lambda: not everything & set(process_table()), WITHIN)
