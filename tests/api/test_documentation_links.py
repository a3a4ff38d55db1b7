"""Links from error pages and the OpenAPI document to the documentation; without its address they name the page."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

URL = "https://docs.example.com/candor"
ERROR = "/errors/task-title-taken"
VIOLATION = "/errors/violations/too-long"


@pytest.fixture
def documented(make_application: Callable[..., Flask]) -> FlaskClient:
    return make_application(documentation_url=URL).test_client()


def page(client: FlaskClient, path: str, media_type: str) -> str:
    response = client.get(path, headers={"Accept": media_type})
    assert response.status_code == 200
    return response.get_data(as_text=True)


@pytest.mark.parametrize("media_type", ["text/html", "text/markdown"])
class TestPages:
    @pytest.mark.parametrize(
        ("path", "target"),
        [
            (ERROR, f"{URL}/reference/errors.html#task-title-taken"),
            (VIOLATION, f"{URL}/reference/violations.html#too-long"),
        ],
    )
    def test_with_an_address_they_link_to_it(
        self, documented: FlaskClient, path: str, target: str, media_type: str
    ) -> None:
        assert target in page(documented, path, media_type)

    @pytest.mark.parametrize(
        ("path", "source"),
        [
            (ERROR, "docs/reference/errors.md#task_title_taken"),
            (VIOLATION, "docs/reference/violations.md#too_long"),
        ],
    )
    def test_without_one_they_name_the_source(
        self, client: FlaskClient, path: str, source: str, media_type: str
    ) -> None:
        assert source in page(client, path, media_type)

    @pytest.mark.parametrize("path", [ERROR, VIOLATION])
    def test_the_fix_comes_first(self, client: FlaskClient, path: str, media_type: str) -> None:
        text = page(client, path, media_type)
        headings = [text.index(each) for each in ("How to fix it", "Documentation")]
        others = [text.find(each) for each in ("For operators", "When it occurs", "Example")]
        assert headings[0] < min(found for found in [*others, headings[1]] if found >= 0)


class TestOpenApi:
    def test_with_an_address_it_has_external_docs(self, documented: FlaskClient) -> None:
        assert documented.get("/openapi.json").get_json()["externalDocs"]["url"] == f"{URL}/index.html"
        assert f"{URL}/index.html" in page(documented, "/docs", "text/html")

    def test_without_one_it_has_none(self, client: FlaskClient) -> None:
        assert "externalDocs" not in client.get("/openapi.json").get_json()
