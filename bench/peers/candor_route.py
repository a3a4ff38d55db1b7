"""Candor with one more route, as a fork adds it: Flask answers what ``/healthz`` does, and nothing is prepared."""

from app.rest.public_routes import public
from wsgi import app


@app.get("/bench/healthz")
@public
def healthz() -> dict[str, str]:
    return {"status": "ok"}


__all__ = ["app"]
