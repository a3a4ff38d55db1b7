"""The name of the product is in ``app/product.py`` only; all that the service shows is made of it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from app import product

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).parents[2]
CODE: Final = ("app", "migrations", "gunicorn.conf.py", "wsgi.py")
TEXTS: Final = {".py", ".html", ".txt", ".css", ".js", ".proto"}
PROTOCOL: Final = {
    ("app/services/tokens.py", "candor key id v1"),
    ("app/wire/page_tokens.py", "candor page token v1"),
    ("app/wire/page_tokens.py", "candor page token v2"),
    ("app/wire/read_after.py", "candor position v1"),
}
"""Inputs of digests. They keep their text when the product is renamed, because stored digests depend on it."""
PROGRAM: Final = """
import json, logging
from app import create_app
from app.config import Settings
from app.observability import log_field_meanings, logs
from app.clients import redis_rate_limit_store
from app.rest.proxy_config import nginx as nginx_config

database = "postgresql+psycopg://u@127.0.0.1:1/none"
settings = Settings(database_url=database, jwt_secret="x" * 32, public_url="http://a.test")
app = create_app(settings)
client = app.test_client()
html = {"Accept": "text/html"}
print(json.dumps({
    "challenge": client.get("/v1/tasks").headers["WWW-Authenticate"],
    "openapi": client.get("/openapi.json").get_json()["info"]["title"],
    "front": client.get("/", headers={"Accept": "application/json"}).get_json()["name"],
    "pages": [client.get(path, headers=html).text for path in ("/errors", "/errors/route-not-found", "/docs")],
    "loggers": [logs.ACCESS.name, *log_field_meanings.LOGGERS],
    "redis": redis_rate_limit_store.NAMESPACE,
    "mail": settings.mail_from,
    "nginx": nginx_config.configuration(app),
}))
"""


def texts() -> list[Path]:
    """Return the files of the application that people have written."""
    paths = [path for name in CODE for path in ((ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name])]
    return [path for path in paths if path.suffix in TEXTS and "gen" not in path.parts]


def test_the_name_is_in_one_module() -> None:
    found = [
        (str(path.relative_to(ROOT)), match[0])
        for path in texts()
        if path != ROOT / "app" / "product.py"
        for match in re.finditer(rf"(?i)({product.NAME}|{product.SLUG})\b[\w ]*", path.read_text())
    ]
    assert set(found) - PROTOCOL == set()
    assert len(found) == len(PROTOCOL)


def test_a_renamed_copy_shows_the_new_name_everywhere(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "migrations", tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    module = tmp_path / "app" / "product.py"
    renamed = (
        module.read_text().replace(f'"{product.NAME}"', '"Acme Orders"').replace(f'"{product.SLUG}"', '"acme-orders"')
    )
    module.write_text(renamed)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert run.returncode == 0, run.stderr
    shown = json.loads(run.stdout.splitlines()[-1])
    assert shown["challenge"] == 'Bearer realm="acme-orders"'
    assert (shown["openapi"], shown["front"]) == ("Acme Orders", "Acme Orders")
    assert all("Acme Orders</title>" in page for page in shown["pages"])
    assert all(name.startswith("acme-orders") for name in shown["loggers"])
    assert shown["redis"] == "acme-orders:window:"
    assert shown["mail"] == "Acme Orders <acme-orders@localhost>"
    assert product.SLUG not in run.stdout.lower().replace("http://a.test", "")


@pytest.mark.parametrize(("name", "logger"), [("", product.SLUG), ("errors", f"{product.SLUG}.errors")])
def test_loggers_are_below_the_slug(name: str, logger: str) -> None:
    assert product.logger(name).name == logger
