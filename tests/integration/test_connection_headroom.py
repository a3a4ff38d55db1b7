"""A warning if PostgreSQL's connections don't suffice for a reload."""

import logging
from datetime import timedelta

import pytest
from flask import Flask

from app.extensions import db
from app.repositories.autocommit_reads import Reads
from app.repositories.connection_headroom import check_later, shortage
from app.repositories.server_status import ServerReads, ServerStatus


class TestShortage:
    def test_ok(self) -> None:
        """Four instances with four workers: 96 connections, 24 for a reload, 3 for operators, 3 reserved."""
        assert shortage(ServerStatus("18", 96, 126, 3), generation=24) is None

    def test_one_too_few(self) -> None:
        warning = shortage(ServerStatus("18", 96, 125, 3), generation=24)
        assert warning is not None
        assert warning.startswith("PostgreSQL accepts 122 connections, 96 are open, and a reload of this instance")
        assert "max_connections to 126" in warning


class TestCheck:
    def test_the_server_is_read(self, app: Flask) -> None:
        with app.app_context():
            engine = db.engine
        status = ServerReads(Reads(lambda: engine)).status()
        assert 0 < status.connections <= status.max_connections
        assert status.reserved >= 3

    @pytest.mark.parametrize(("generation", "warnings"), [(6, 0), (1200, 1)])
    def test_a_shortage_is_logged(
        self, app: Flask, generation: int, warnings: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        with app.app_context():
            engine = db.engine
        with caplog.at_level(logging.WARNING):
            check_later(engine, generation=generation, after=timedelta(0)).join()
        assert sum("a reload of this instance needs" in each.getMessage() for each in caplog.records) == warnings
