"""``flask errors``: the error catalogue, offline."""

import json

import click
from flask import current_app

from app import errs
from app.cli.terminal import Failed, Group, lines, page
from app.rest import error_examples
from app.rest.errors import status_of
from app.rest.proxy_config import nginx

group = Group("errors", help="The error catalogue.")


@group.command("list")
def list_errors() -> None:
    """Print every error and violation code: code, HTTP status, category, title."""
    named = errs.named_errors()
    width = max(map(len, named))
    for code, error in named.items():
        lines(f"{code:<{width}}  {status_of(error).value}  {error.kind.string:<28}  {errs.title(error)}")
    for code, violation in errs.violation_codes().items():
        lines(f"{code:<{width}}  400  {'violation':<28}  {violation.title}")


@group.command("explain")
@click.argument("code")
def explain(code: str) -> None:
    """Print the catalogue page of an error or violation, by its code or slug."""
    name = code.upper().replace("-", "_")
    if violation := errs.violation_codes().get(name):
        _explain_violation(violation)
        return
    error = errs.named_errors().get(name)
    if error is None:
        raise Failed(f"The catalogue has no {code}. `flask errors list` prints all codes.")
    public_url = current_app.config["PUBLIC_URL"]
    lines(f"{error.code}  {status_of(error).value} {status_of(error).phrase}  ({error.kind.string})")
    page(f"\n{errs.title(error)}\n{errs.plain(errs.occurrence(error))}")
    page(f"\nAs a client:    {error.client}\nAs an operator: {errs.plain(error.operator)}")
    lines(f"Since:          {error.since}")
    document = error_examples.document(error, public_url=public_url)
    page(f"\nExample:\n{json.dumps(document, indent=2) if document else '(an empty body)'}")
    for name, value in error_examples.headers(error).items():
        lines(f"{name}: {value}")
    if error.curl:
        page(f"\nProvoke it:\n{error_examples.curl(error, public_url=public_url)}")
    if simulation := error_examples.simulation(error, current_app):
        page(f"\nSimulate it:\n{simulation}")


def _explain_violation(violation: errs.ViolationCode) -> None:
    lines(f"{violation.code}  (a violation in VALIDATION_FAILED, 400)")
    page(f"\n{violation.title}\n\nAs a client:    {errs.plain(violation.client)}")
    lines(f"Since:          {violation.since}")
    page(f"\nExample:\n{json.dumps(error_examples.violation(violation), indent=2)}")


@group.command("nginx", deprecated="use `flask edge nginx`")
def print_nginx() -> None:
    """Print deploy/nginx/problems.conf."""
    page(nginx.configuration(current_app), ends=False)
