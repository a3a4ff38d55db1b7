"""Flask-Talisman: its header fields on every response, and its redirect to HTTPS."""

from flask_talisman import Talisman


def test_its_header_fields_are_on_every_response(app, client):
    Talisman(app, force_https=False)
    for path in ("/healthz", "/v1/tasks", "/nowhere"):
        headers = client.get(path).headers
        assert headers["X-Frame-Options"] == "SAMEORIGIN"
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers.getlist("X-Content-Type-Options") == ["nosniff"]


def test_http_is_redirected_unless_the_proxy_used_https(app, client):
    Talisman(app)
    response = client.get("/healthz")
    assert (response.status_code, response.location) == (302, "https://localhost/healthz")
    response = client.get("/healthz", headers={"X-Forwarded-Proto": "https"})
    assert response.status_code == 200
    assert response.headers["Strict-Transport-Security"].startswith("max-age=")
