"""C10, C11: the error catalogue, the front page and their assets, in every format."""

import re
from typing import Final

import pytest
from flask.testing import FlaskClient

from app import errs
from app.rest.errors import BODILESS, status_of
from app.rest.pages.rendering import ACTS

CODES: Final = tuple(errs.named_errors())
PAGES: Final = ("/", "/errors", "/docs", *(f"/errors/{errs.slug(code)}" for code in CODES))
HTML: Final = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
MARKDOWN: Final = {"Accept": "text/markdown"}
PUBLIC_URL: Final = "http://candor.test"
STRICT: Final = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
}


class TestCatalogue:
    """GET /errors and GET /errors/{slug}."""

    def test_every_error_is_listed_once_with_its_definition(self, client: FlaskClient) -> None:
        """C10."""
        listed = client.get("/errors").get_json()["errors"]
        assert [each["code"] for each in listed] == list(CODES)
        for each in listed:
            named = errs.named_errors()[each["code"]]
            assert each == {
                "code": named.code,
                "title": errs.title(named),
                "status": status_of(named).value,
                "kind": named.kind.string,
                "fault": named.kind.fault,
                "retryable": named.kind.retryable,
                "type": f"{PUBLIC_URL}/errors/{errs.slug(named.code)}",
            }

    @pytest.mark.parametrize("code", CODES)
    def test_every_error_has_a_page_in_json(self, client: FlaskClient, code: str) -> None:
        """C10, C11: the whole definition, and an example."""
        named = errs.named_errors()[code]
        page = client.get(f"/errors/{errs.slug(code)}").get_json()
        assert (page["code"], page["title"]) == (code, errs.title(named))
        assert page["when"] == errs.plain(errs.occurrence(named))
        assert (page["client"], page["operator"], page["since"]) == (
            named.client,
            errs.plain(named.operator),
            named.since,
        )
        assert [each["name"] for each in page["extras"]] == list(named.declared_facts)
        assert page["example"]["status"] == page["status"] == status_of(named)
        if status_of(named) in BODILESS:
            assert page["example"]["body"] is None
            assert page["example"]["headers"]["Content-Length"] == "0"
        else:
            assert page["example"]["body"]["type"] == page["type"]
            assert page["example"]["body"].keys() >= named.declared_facts.keys()

    @pytest.mark.parametrize("code", CODES)
    def test_every_error_has_a_page_in_html_and_markdown(self, client: FlaskClient, code: str) -> None:
        """C11: with the same content as the JSON."""
        path = f"/errors/{errs.slug(code)}"
        known = client.get(path).get_json()
        html = client.get(path, headers=HTML)
        markdown = client.get(path, headers=MARKDOWN)
        assert html.content_type == "text/html; charset=utf-8"
        assert markdown.content_type == "text/markdown; charset=utf-8"
        for text in (_text(html.get_data(as_text=True)), markdown.get_data(as_text=True)):
            for member in ("code", "title", "when", "client", "operator", "kind", "fault", "since"):
                assert _plain(str(known[member])).lower() in _plain(text).lower(), member
            assert all(each["name"] in text for each in known["extras"])
            assert all(each["path"] in text for each in known["operations"])
            assert known["curl"] is None or known["curl"] in text
            assert known["simulation"] is None or known["simulation"] in text
            assert ("Simulate it" in text) == (known["simulation"] is not None) == bool(known["operations"])

    def test_code_in_texts_is_marked_up_in_each_format(self, client: FlaskClient) -> None:
        """C11: plain in JSON, with markup in Markdown and HTML."""
        path = "/errors/not-ready"
        assert "run flask db upgrade or" in client.get(path).get_json()["operator"]
        assert "run `flask db upgrade` or" in client.get(path, headers=MARKDOWN).get_data(as_text=True)
        assert "run <code>flask db upgrade</code> or" in client.get(path, headers=HTML).get_data(as_text=True)
        for code in CODES:
            assert "`" not in client.get(f"/errors/{errs.slug(code)}").get_data(as_text=True)
            assert "``" not in client.get(f"/errors/{errs.slug(code)}", headers=MARKDOWN).get_data(
                as_text=True
            ).replace("```", "")

    @pytest.mark.parametrize("slug", ["no-such-error", "TASK-NOT-FOUND", "task_not_found", "<script>", "%00", "é"])
    def test_an_unknown_slug_is_a_problem_document(self, client: FlaskClient, slug: str) -> None:
        """C1, for a browser too."""
        response = client.get(f"/errors/{slug}", headers=HTML)
        assert response.status_code == 404
        assert response.json is not None
        assert response.json["code"] == "CATALOGUE_ENTRY_NOT_FOUND"

    def test_every_fault_is_explained(self) -> None:
        """The index has a group for each fault."""
        assert set(ACTS) == set(errs.Fault)


class TestNegotiation:
    """Accept, by its quality values (RFC 9110, section 12.5.1)."""

    @pytest.mark.parametrize(
        ("accept", "mimetype"),
        [
            (None, "application/json"),
            ("*/*", "application/json"),
            ("application/*", "application/json"),
            ("text/html", "text/html"),
            ("text/markdown", "text/markdown"),
            ("text/markdown, text/html;q=0.9, application/json;q=0.8", "text/markdown"),
            ("application/json;q=0.2, text/html;q=0.3", "text/html"),
            ("text/html;q=0, */*;q=0.1", "application/json"),
            ("application/xml, */*;q=0.1", "application/json"),
            ("text/html, application/json", "application/json"),
        ],
    )
    @pytest.mark.parametrize("path", ["/errors", "/errors/task-not-found"])
    def test_the_preferred_format_is_returned(
        self, client: FlaskClient, path: str, accept: str | None, mimetype: str
    ) -> None:
        """C11."""
        response = client.get(path, headers={"Accept": accept} if accept else {})
        assert response.status_code == 200
        assert response.mimetype == mimetype
        assert {"Accept", "Origin"} <= set(response.vary)

    @pytest.mark.parametrize("path", ["/", "/errors", "/errors/task-not-found", "/docs", "/openapi.json"])
    def test_an_unavailable_format_is_406(self, client: FlaskClient, path: str) -> None:
        response = client.get(path, headers={"Accept": "application/xml"})
        assert response.status_code == 406
        assert response.json is not None
        assert response.json["code"] == "NOT_ACCEPTABLE"
        assert ("Accept" in response.vary) == (path not in {"/docs", "/openapi.json"})

    def test_the_front_page_is_an_index_for_programs(self, client: FlaskClient) -> None:
        """Every link in it works."""
        links = client.get("/").get_json()["links"]
        assert links == {
            "docs": "/docs",
            "openapi": "/openapi.json",
            "errors": "/errors",
            "health": "/healthz",
            "readiness": "/readyz",
        }
        assert {client.get(link).status_code for link in links.values()} == {200}


class TestHtml:
    """Rules for every page that a browser shows."""

    @pytest.mark.parametrize("path", PAGES)
    def test_it_has_a_strict_policy_and_loads_nothing_from_another_host(self, client: FlaskClient, path: str) -> None:
        """C11: no inline script or style, and every link is relative."""
        response = client.get(path, headers=HTML)
        html = response.get_data(as_text=True)
        policy = set(response.headers["Content-Security-Policy"].split("; "))
        assert policy - {"style-src 'self' 'unsafe-inline'"} >= STRICT - (
            {"style-src 'self'"} if path == "/docs" else set()
        )
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", html)
        for link in re.findall(r'(?:src|href)="([^"]*)"', html):
            assert re.match(r"[/#](?!/)", link), link

    @pytest.mark.parametrize("path", ["/", "/errors", "/errors/validation-failed", "/docs"])
    def test_every_link_works(self, client: FlaskClient, path: str) -> None:
        """Pages, assets and the skip link's target."""
        html = client.get(path, headers=HTML).get_data(as_text=True)
        for link in set(re.findall(r'(?:src|href)="([^"]*)"', html)):
            target, _, fragment = link.partition("#")
            with client.get(target or path) as response:
                assert response.status_code == 200, link
            assert not fragment or target or f'id="{fragment}"' in html

    @pytest.mark.parametrize("path", ["/errors", "/errors/validation-failed", "/docs"])
    def test_no_part_of_the_request_is_shown(self, client: FlaskClient, path: str) -> None:
        """Neither host nor query: an invalid query is rejected."""
        html = client.get(path, headers={**HTML, "Host": "evil.example", "X-Request-Id": "evil-request"})
        assert "evil" not in html.get_data(as_text=True)
        assert client.get(f"{path}?q=<script>", headers=HTML).status_code == 400


class TestAssets:
    """Files that pages load."""

    @pytest.mark.parametrize(
        ("path", "mimetype"),
        [
            ("/assets/pages.css", "text/css"),
            ("/assets/pages.js", "text/javascript"),
            ("/assets/mark.svg", "image/svg+xml"),
            ("/docs/assets/swagger-ui.css", "text/css"),
            ("/docs/assets/swagger-ui-bundle.js", "text/javascript"),
        ],
    )
    def test_it_has_its_media_type_and_is_not_sent_twice(self, client: FlaskClient, path: str, mimetype: str) -> None:
        """A browser with the current version gets 304."""
        with client.get(path) as first:
            assert (first.status_code, first.mimetype) == (200, mimetype)
            assert "no-store" not in first.headers["Cache-Control"]
        with client.get(path, headers={"If-None-Match": first.headers["ETag"]}) as again:
            assert (again.status_code, again.get_data()) == (304, b"")

    @pytest.mark.parametrize(
        "path",
        [
            "/assets/nothing.css",
            "/assets/",
            "/assets/../templates/error.html",
            "/assets/%2e%2e/templates/error.html",
            "/assets/..%2ftemplates/error.html",
            "/assets//etc/passwd",
            "/docs/assets/../dist/swagger-ui.css",
            "/docs/assets/%00",
        ],
    )
    def test_other_files_are_not_served(self, client: FlaskClient, path: str) -> None:
        """No file outside the list of assets."""
        response = client.get(path)
        assert response.status_code == 404
        assert response.json is not None
        assert response.json["code"] == "ROUTE_NOT_FOUND"


def _text(html: str) -> str:
    """Return the visible text of the page."""
    text = re.sub(r"<[^>]+>", "", html)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&#34;", '"'), ("&#39;", "'"), ("&amp;", "&")):
        text = text.replace(entity, character)
    return text


def _plain(text: str) -> str:
    return text.replace("`", "")
