"""Linters of OpenAPI as checks: each rule that the document does not follow is listed, with the reason."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.clients.conftest import MODULES, PYTHON, run

SPECTRAL: Final = {
    "oas3-operation-security-defined": "OpenAPI 3.1 allows the scopes of a bearer token; the rule is that of 3.0",
    "owasp:api2:2023-no-credentials-in-url": "page_token is not a credential: it is bound to the caller",
    "owasp:api2:2023-read-restricted": "health, catalogue and document are public: `security: []`",
    "owasp:api2:2023-write-restricted": "registration, login and password reset are for callers without a token",
    "owasp:api4:2023-array-limit": "arrays of answers, which are as long as the document or the catalogue has members",
    "owasp:api4:2023-integer-format": "query parameters whose larger values are reduced: a format is a maximum",
    "owasp:api4:2023-integer-limit": "integers of answers, and query parameters as above",
    "owasp:api4:2023-rate-limit": "health endpoints are exempt from rate limits",
    "owasp:api4:2023-rate-limit-responses-429": "as above",
    "owasp:api4:2023-string-limit": "strings of answers; those of requests have a pattern or format, or stand in a URI",
    "owasp:api4:2023-string-restricted": "texts for people and names of the caller's choice",
    "owasp:api8:2023-define-cors-origin": "the operator configures CORS",
    "owasp:api8:2023-define-error-responses-401": "401 has no body: WWW-Authenticate has the reason (RFC 6750)",
    "owasp:api8:2023-no-server-http": "the server is PUBLIC_URL, which is HTTPS in production",
    "owasp:api9:2023-inventory-access": "the operator decides on the audience",
}
"""Rules of spectral:oas and of OWASP that the document breaks, and why."""


def test_openapi_spec_validator_accepts_the_document(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


@pytest.mark.parametrize("rules", ["recommended-strict", "spec"])
def test_redocly_reports_nothing(folder: Path, rules: str) -> None:
    command = (PYTHON.parent / "node", MODULES / "@redocly" / "cli" / "bin" / "cli.js")
    (folder / "redocly.yaml").write_text("telemetry: off\n")
    options = ("--extends", rules, "--format", "json")
    printed = run(*command, "lint", "openapi.json", *options, cwd=folder, REDOCLY_SUPPRESS_UPDATE_NOTICE="true")
    found, _ = json.JSONDecoder().raw_decode(printed[printed.index("{") :])
    assert found["problems"] == []


def test_spectral_reports_only_listed_rules(folder: Path) -> None:
    """Each reported rule is listed, and each listed rule is reported."""
    rules = ["spectral:oas", str(MODULES / "@stoplight" / "spectral-owasp-ruleset" / "dist" / "ruleset.js")]
    ruleset = {"extends": rules, "rules": dict.fromkeys(SPECTRAL, "hint")}
    (folder / "spectral.json").write_text(json.dumps(ruleset))
    program = MODULES / "@stoplight" / "spectral-cli" / "dist" / "index.js"
    options = ("--ruleset", "spectral.json", "--format", "json", "--output", "found.json", "--quiet")
    run(PYTHON.parent / "node", program, "lint", "openapi.json", *options, "--fail-severity", "info", cwd=folder)
    found = json.loads((folder / "found.json").read_text())
    assert {each["code"] for each in found} == SPECTRAL.keys()
