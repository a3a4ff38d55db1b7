"""A handler that raises SystemExit ends no thread of the polling worker. (gunicorn's gthread worker restarts.)"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.config import Settings
from tests.server.test_gunicorn import parsed
from tests.stack.conftest import serving
from tests.stack.test_connections import request_for
from tests.stack.test_smuggling import statuses

Bearer = Callable[..., dict[str, str]]
THREADS: Final = 2
FORMS: Final = {
    "plain": ("GET", "", b""),
    "not plain": ("POST", "Transfer-Encoding: chunked", b"0\r\n\r\n"),
    "with an incomplete body": ("POST", "Content-Length: 5", b""),
}


def test_the_worker_answers_afterwards(settings: Settings, tmp_path: Path, bearer: Bearer) -> None:
    """After more of these requests than there are threads."""
    environment = {"WEB_WORKER": "polling", "WEB_CONCURRENCY": "1", "WEB_THREADS": str(THREADS)}
    application = "tests.stack.exiting_app:app"
    token = f"Authorization: {bearer()['Authorization']}"
    with serving(settings, tmp_path / "log", application=application, **environment) as served:
        for method, field, body in FORMS.values():
            fields = ["Host: x", token, *filter(None, [field])]
            data = request_for("/exit", *fields, method=method) + body
            answers = [served.raw(data, timeout=2) for _ in range(THREADS + 1)]
            if not field:
                assert [parsed(answer)[2]["code"] for answer in answers] == ["INTERNAL_ERROR"] * len(answers)
        last = [request_for("/nowhere", "Host: x", "Connection: close")] * (2 * THREADS)
        assert [statuses(served.raw(each)) for each in last] == [[404]] * len(last)
        assert "the handler exits" in served.log.read_text()
