"""Captured log entries of one logger: threads of other tests' applications may log at the same time."""

import logging

import pytest


def logged(caplog: pytest.LogCaptureFixture, logger: str) -> list[logging.LogRecord]:
    """Return the entries of a logger, in their order."""
    return [each for each in caplog.records if each.name == logger]
