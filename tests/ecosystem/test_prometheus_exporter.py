"""prometheus-flask-exporter: its page requires a token until it is listed as public; it counts every request."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_flask_exporter import PrometheusMetrics

from tests.idioms.kit import problem


@pytest.fixture
def exporter(app):
    return PrometheusMetrics(app, registry=CollectorRegistry(), group_by="url_rule")


def test_its_page_requires_a_token_until_it_is_public(exporter, app, client, bearer):
    problem(client.get("/metrics"), 401)
    assert client.get("/metrics", headers=bearer()).status_code == 200


def test_it_counts_every_request(exporter, app, client):
    app.config["PUBLIC_ENDPOINTS"] = ["prometheus_metrics"]
    client.get("/healthz")
    client.get("/nowhere")
    client.get("/v1/tasks")
    page = client.get("/metrics")
    assert page.status_code == 200
    for status in (200, 401, 404):
        assert f'flask_http_request_total{{method="GET",status="{status}"}} 1.0' in page.text
    assert 'url_rule="/healthz"' in page.text
