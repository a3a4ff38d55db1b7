"""HTTP: statuses, headers and media types. Only this package, ``rpc`` and ``extensions`` import Flask.

The order of processing: ``hooks`` in order, then ``blueprint`` (Accept, body, violations), then a handler in
``handlers``. ``errors`` renders every error.
"""

from app import product
from app.config import VERSION, Settings
from app.rest import blueprint, converters, database_errors, errors, middleware
from app.rest.application import Application
from app.rest.handlers import (
    failed_requests,
    health,
    logger,
    movies,
    orders,
    passwords,
    preferences,
    profiles,
    sessions,
    tasks,
    users,
)
from app.rest.hooks import order
from app.rest.openapi import Api
from app.rest.openapi_components import introduction
from app.rest.pages import catalogue, docs, documentation_links, front
from app.rest.prepared_health import PreparedHealth
from app.rest.unknown_paths import UnknownPaths
from app.wire.page_tokens import PageTokens
from app.wire.read_after import Positions

BLUEPRINTS = (
    tasks.blp,
    movies.blp,
    orders.blp,
    orders.shipping,
    users.registration,
    users.account,
    users.blp,
    preferences.blp,
    profiles.blp,
    passwords.forgotten,
    passwords.blp,
    sessions.blp,
    failed_requests.blp,
    logger.blp,
    health.blp,
    catalogue.blp,
    docs.blp,
    front.blp,
)


def register(app: Application, settings: Settings) -> None:
    """Register hooks, error handlers and all blueprints."""
    app.url_map.converters["id"] = converters.ResourceId
    app.url_map.merge_slashes = False
    secret = (settings.page_token_secret or settings.jwt_secret).encode()
    app.extensions["app-page-tokens"] = PageTokens(secret)
    app.extensions["app-positions"] = Positions(secret)
    errors.register(app)
    database_errors.register(app)
    order.install(app)
    middleware.install(app)
    api = Api(
        app,
        spec_kwargs={
            "title": product.NAME,
            "version": VERSION,
            "openapi_version": "3.1.0",
            "info": {
                "description": introduction(settings.public_url, simulates_errors=settings.simulates_errors),
                "contact": {"name": product.NAME, "url": settings.public_url},
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": settings.public_url}],
            **documentation_links.external(settings.documentation_url),
        },
    )
    blueprint.register(app, api, BLUEPRINTS)
    app.extensions["app-prepared-health"] = PreparedHealth(app)
    app.extensions["app-unknown-paths"] = UnknownPaths(app)
