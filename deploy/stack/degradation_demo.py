"""Run two instances, the first of which calls the second for users and preferences, and print changes of a profile.

PORT (8000) is the first's, and the next port the second's. Kill the second: it is started again after DEMO_PAUSE
seconds (20). Ctrl-C or SIGTERM ends everything that was started.
"""

import json
import os
import secrets
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # executed as a file, only its own folder is on the path

from deploy.local import embedded_postgres, exec_child, private_files
from deploy.local import run as local
from deploy.stack.instance import GUNICORN, InstanceError, Program
from deploy.stack.run import KNOWN, database

ASK_EVERY: Final = 0.5
READY_WITHIN: Final = 60.0
PARTS: Final = "users and preferences"


class Second(Program):
    """The called instance, which stays away for a while when it is killed."""

    def __init__(self, environment: Mapping[str, str], words: IO[bytes], *, pause: float) -> None:
        super().__init__(GUNICORN, environment, words)
        self._pause = pause
        self._gone_since: float | None = None

    def look_after(self) -> None:
        """Start it again when it has been away for long enough."""
        if self.is_alive:
            return
        if self._gone_since is None:
            self._gone_since = time.monotonic()
            info(f"the second instance has ended, and is started again in {self._pause:g} s")
        elif time.monotonic() - self._gone_since >= self._pause:
            self._gone_since = None
            self.start()
            info(f"the second instance is started again, as process {self.pid}")


def main() -> int:
    """Run the demonstration; an expected error is printed in one line."""
    os.chdir(local.ROOT)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    local.settle_environment()
    if "MAKELEVEL" in os.environ:
        exec_child.ends_with_parent(signal.SIGTERM)  # a killed make passes nothing on
    try:
        with ExitStack() as stack:
            stack.enter_context(database())
            demonstrate(stack)
    except KNOWN as error:
        local.info(str(error))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def demonstrate(stack: ExitStack) -> None:
    """Start both, create an account, and print the state of its profile whenever that changes."""
    port = int(os.environ["PORT"])
    first_url, second_url = (f"http://127.0.0.1:{each}" for each in (port, port + 1))
    common = {**os.environ, "WEB_CONCURRENCY": "1", "METRICS_PORT": "0", "DEBUG_TOKEN": "", "HOST": "127.0.0.1"}
    log = stack.enter_context(_log())
    reported = {**common, "PORT": str(port + 1), "PUBLIC_URL": second_url, "USERS_URL": "", "PREFERENCES_URL": ""}
    asking = {
        **common,
        "PORT": str(port),
        "PUBLIC_URL": first_url,
        "USERS_URL": second_url,
        "PREFERENCES_URL": second_url,
    }
    second = Second(reported, log, pause=float(os.environ.get("DEMO_PAUSE") or 20))
    first = Program(GUNICORN, asking, log)
    for each, url in ((second, second_url), (first, first_url)):
        each.start()
        stack.callback(_end, each)
        _wait_until_ready(each, url)
    user_id, token = _joined(first_url, stack)
    profile = f"{first_url}/v1/users/{user_id}/profile"
    _print_instructions(first, second, profile, token)
    _watch(second, profile, token)


def _watch(second: Second, profile: str, token: str) -> None:
    last = ""
    while True:
        second.look_after()
        began = time.monotonic()
        status, body, degraded = _request(profile, token)
        milliseconds = round((time.monotonic() - began) * 1000)
        said = f"{status}  {degraded or 'complete' if status == HTTPStatus.OK else body.get('code', '')}"
        if said != last:
            info(f"{said}  ({milliseconds} ms)")
            last = said
        time.sleep(ASK_EVERY)


def _joined(url: str, stack: ExitStack) -> tuple[str, str]:
    """Return the id and a token of a new account, which is deleted at the end."""
    credentials = {"email": f"demo-{secrets.token_hex(4)}@example.com", "password": secrets.token_urlsafe(16)}
    _request(f"{url}/v1/users", body={"name": "Demo", "email": credentials["email"]})
    sent = f"SELECT payload->>'token' FROM jobs WHERE payload->>'to' = '{credentials['email']}'"  # noqa: S608
    token = embedded_postgres.query(os.environ["DATABASE_URL"], sent)
    _, user, _ = _request(f"{url}/v1/users:activate", body={"token": token, "password": credentials["password"]})
    status, tokens, _ = _request(f"{url}/v1/tokens", body=credentials)
    if status != HTTPStatus.OK:
        raise InstanceError(f"no account could be created: {status} {tokens.get('code', '')}")
    token = str(tokens["access_token"])
    stack.callback(_request, f"{url}/v1/users/me", token, method="DELETE")
    return str(user["id"]), token


def _request(
    url: str, token: str = "", *, body: Mapping[str, str] | None = None, method: str | None = None
) -> tuple[int, dict[str, Any], str]:
    """Return the status, the JSON and the field Degraded of a response; 0 when there is none."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 -- a fixed URL
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310 -- as above
            return answer.status, json.loads(answer.read() or b"{}"), answer.headers.get("Degraded", "")
    except urllib.error.HTTPError as answer:
        return answer.code, json.loads(answer.read() or b"{}"), ""
    except OSError:
        return 0, {}, ""


def _wait_until_ready(program: Program, url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while _request(f"{url}/readyz")[0] != HTTPStatus.OK:
        if not program.is_alive or time.monotonic() > deadline:
            raise InstanceError(f"the instance on {url} does not start; see .local/demo/log")
        time.sleep(0.1)


def _log() -> IO[bytes]:
    kept = local.LOCAL / "demo"
    private_files.make_directory(kept)
    return (kept / "log").open("wb")


def _end(program: Program) -> None:
    """End it, even when it is suspended."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGCONT)
    program.signal(signal.SIGTERM)
    program.wait()


def _print_instructions(first: Program, second: Program, profile: str, token: str) -> None:
    lines = [
        "",
        f"  The first instance (process {first.pid}) calls the second (process {second.pid}) for {PARTS}.",
        "  Their log is .local/demo/log. Ctrl-C ends both.",
        "",
        f"  curl -i {profile} -H 'Authorization: Bearer {token}'",
        "",
        "  Below is the result, whenever it changes. Now stop the second, from another terminal:",
        "",
        f"  kill -KILL {second.pid}      it is gone, and back after a while; the breaker waits 30 s",
        f"  kill -STOP -{second.pid}     it hangs, with its workers, until kill -CONT -{second.pid}",
        "",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201 - for the user


def info(line: str) -> None:
    """Print an event and its time."""
    print(f"  {time.strftime('%H:%M:%S')}  {line}", flush=True)  # noqa: T201 - for the user


if __name__ == "__main__":
    sys.exit(main())
