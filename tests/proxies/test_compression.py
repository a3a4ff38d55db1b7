"""A proxy that compresses responses leaves those with an entity tag alone, because of ``no-transform`` (C20).

Apache needs the directives in ``docs/operate/proxies.md``.
"""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from app.config import Settings
from tests.docs.pages import blocks_of
from tests.proxies.programs import NAME, RunningProxy, proxied
from tests.proxies.results import Results
from tests.proxies.test_faults import send
from tests.stack.deployment import Deployment

Bearer = Callable[..., dict[str, str]]
LONG: Final = "word " * 200
ENVOY: Final = """\
          - name: envoy.filters.http.compressor
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.compressor.v3.Compressor
              compressor_library:
                name: gzip
                typed_config: {"@type": type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip}
"""
APACHE: Final = next(each.source for each in blocks_of("docs/operate/proxies.md") if each.language == "apache")
"""Apache ignores ``no-transform``, and changes the entity tag of a response that it compresses."""
COMPRESSORS: Final[dict[str, Callable[[str], str]]] = {
    "apache": lambda text: text.replace("    RewriteEngine On\n", f"{APACHE}\n    RewriteEngine On\n").replace(
        "LoadModule headers_module",
        "".join(f"LoadModule {each}_module /usr/lib/apache2/modules/mod_{each}.so\n" for each in ("filter", "deflate"))
        + "LoadModule headers_module",
    ),
    "caddy": lambda text: text.replace("    bind 127.0.0.1\n", "    bind 127.0.0.1\n    encode gzip\n"),
    "envoy": lambda text: text.replace("          http_filters:\n", f"          http_filters:\n{ENVOY}"),
    "haproxy": lambda text: text.replace(
        "    balance leastconn\n",
        "    balance leastconn\n    compression algo gzip\n    compression type application/json\n",
    ),
    "traefik": lambda text: text.replace("[fields,", "[fields, compress,").replace(
        "  middlewares:\n    # The", "  middlewares:\n    compress: {compress: {}}\n    # The"
    ),
}
"""How an operator turns on compression."""


IGNORES: Final = NAME == "traefik"
"""True for a proxy that ignores ``no-transform``."""


@pytest.fixture(scope="module")
def compressing(
    fronted: Deployment, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningProxy]:
    """Run the proxy with compression."""
    home = Path(tmp_path_factory.mktemp("compressing"))
    with proxied(NAME, fronted, settings, home, change=COMPRESSORS[NAME]) as running:
        yield running


def test_a_resource_keeps_its_strong_entity_tag(compressing: RunningProxy, bearer: Bearer, results: Results) -> None:
    fields = {**bearer("compression"), "Accept-Encoding": "gzip"}
    created = send(compressing, "POST", "/v1/tasks", fields, {"task": {"title": "big", "description": LONG.strip()}})
    assert created.status == 201
    path = created.fields["location"]
    read = send(compressing, "GET", path, fields)
    assert ("content-encoding" in read.fields) is IGNORES
    assert read.fields["etag"] == created.fields["etag"]
    assert not read.fields["etag"].startswith("W/")
    listed = send(compressing, "GET", "/v1/tasks", fields)
    assert listed.fields["content-encoding"] == "gzip", "the compressor works"
    assert LONG.strip() in gzip.decompress(listed.body).decode()
    changed = send(compressing, "PATCH", path, {**fields, "If-Match": read.fields["etag"]}, {"title": "changed"})
    assert changed.status == 200
    assert send(compressing, "DELETE", path, fields).status == 200
    ignored = " (it ignores `no-transform`)" if IGNORES else ""
    results.observed["entity tags"] = f"strong behind the proxy's compression{ignored}, and valid in `If-Match`"
