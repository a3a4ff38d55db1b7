"""Flask-Caching: views and functions are cached; data of a single request is not."""

from flask_caching import Cache

from app.rest.public_routes import public


def test_a_cached_view_runs_once_and_every_response_has_its_own_request_id(app, client):
    cache, calls = Cache(app, config={"CACHE_TYPE": "SimpleCache"}), []

    @app.get("/slow")
    @public
    @cache.cached(timeout=60)
    def slow():
        calls.append(1)
        return {"calls": len(calls)}

    first, second = client.get("/slow"), client.get("/slow")
    assert first.json == second.json == {"calls": 1}
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_a_cached_view_still_requires_a_token(app, client, bearer):
    cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})

    @app.get("/closed")
    @cache.cached(timeout=60)
    def closed():
        return "secret"

    assert client.get("/closed", headers=bearer()).text == "secret"
    assert client.get("/closed").status_code == 401


def test_a_memoized_function_runs_once(app):
    cache, calls = Cache(app, config={"CACHE_TYPE": "SimpleCache"}), []

    @cache.memoize(60)
    def slow(number):
        calls.append(number)
        return number * 2

    with app.app_context():
        assert [slow(2), slow(2), slow(3)] == [4, 4, 6]
    assert calls == [2, 3]
