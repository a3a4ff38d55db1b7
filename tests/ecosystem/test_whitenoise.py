"""WhiteNoise: it wraps ``app.wsgi_app`` and serves its files without a token, a request ID or a log entry."""

from flask.testing import FlaskClient
from whitenoise import WhiteNoise


def test_files_are_served_and_other_paths_reach_the_application(app, tmp_path):
    (tmp_path / "app.js").write_text("let it = 1")
    app.wsgi_app = WhiteNoise(app.wsgi_app, root=tmp_path, prefix="static/")
    client = FlaskClient(app)
    with client.get("/static/app.js") as response:
        assert (response.status_code, response.text) == (200, "let it = 1")
        assert "X-Request-Id" not in response.headers
    assert client.get("/healthz").status_code == 200
    assert client.get("/static/none.js").json["code"] == "ROUTE_NOT_FOUND"
