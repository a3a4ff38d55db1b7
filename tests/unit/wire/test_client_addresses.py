"""The client address of a request, from the peer and X-Forwarded-For."""

import logging
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire import client_addresses
from app.wire.client_addresses import client_address
from tests.captured_log import logged

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"), ip_network("fe80::/10"))
PROXY = "10.0.0.1"
TIMES = (0.0, 60.0, 1e9)
WARNINGS = (
    client_addresses.UNREADABLE,
    client_addresses.NAMELESS,
    client_addresses.IGNORED,
    client_addresses.MISSING,
)


def count(peer: str, forwarded: str) -> str:
    """Return the address that a limit counts."""
    return client_addresses.counted(client_address(peer, forwarded, TRUSTED), peer, forwarded, TRUSTED)


@pytest.fixture(autouse=True)
def allow_warnings() -> Iterator[None]:
    """Enable the first warning of a minute for each test."""
    for each in WARNINGS:
        each.reset()
    yield
    for each in WARNINGS:
        each.reset()


class TestForms:
    """All forms in which proxies write an address."""

    @pytest.mark.parametrize(
        ("forwarded", "client"),
        [
            ("203.0.113.1", "203.0.113.1"),
            ("203.0.113.1:40001", "203.0.113.1"),
            ("203.0.113.1:0", "203.0.113.1"),
            ("203.0.113.1:65535", "203.0.113.1"),
            (" 203.0.113.1:40001 ", "203.0.113.1"),
            ('"203.0.113.1:40001"', "203.0.113.1"),
            ("::ffff:203.0.113.1", "203.0.113.1"),
            ("[::ffff:203.0.113.1]:40001", "203.0.113.1"),
            ("::ffff:cb00:7101", "203.0.113.1"),
            ("2001:db8:1:2::3", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::3]", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::3]:40001", "2001:db8:1:2::/64"),
            ('"[2001:DB8:1:2::3]:40001"', "2001:db8:1:2::/64"),
            ("2001:db8:1:2:0:0:0:3:40001", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::3%eth0", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::3%25eth0]:40001", "2001:db8:1:2::/64"),
            ("1.2.3.4, 203.0.113.1:40001", "203.0.113.1"),
            ("1.2.3.4, 203.0.113.1:40001, 10.0.0.2:443, [2001:db8:ffff::1]:443, [fe80::1%eth0]:80", "203.0.113.1"),
            ("evil, , 203.0.113.1:1 ,10.0.0.2:2", "203.0.113.1"),
        ],
    )
    def test_an_unambiguous_port_zone_or_bracket_is_dropped(
        self, forwarded: str, client: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert client_address(PROXY, forwarded, TRUSTED) == client
        assert logged(caplog, "candor.limits") == []

    @given(st.ip_addresses(), st.integers(0, 65535), st.booleans())
    def test_an_address_counts_the_same_with_and_without_a_port(
        self, address: IPv4Address | IPv6Address, port: int, is_peer: bool
    ) -> None:
        plain = str(address)
        with_port = f"[{plain}]:{port}" if address.version == 6 else f"{plain}:{port}"
        spelled = [(text, "") if is_peer else ("127.0.0.1", text) for text in (plain, with_port)]
        one, other = (client_address(*each, [ip_network("127.0.0.1")]) for each in spelled)
        assert one == other != client_addresses.UNKNOWN

    def test_a_peer_with_a_zone_belongs_to_its_network(self) -> None:
        assert client_address("fe80::1%eth0", "203.0.113.1", TRUSTED) == "203.0.113.1"
        assert client_address("fe80::1%eth0", "", ()) == client_address("fe80::2%eth1", "", ()) == "fe80::/64"


class TestUnreadable:
    """Elements that are not an address."""

    @pytest.mark.parametrize(
        "element",
        [
            "unknown",
            "_hidden",
            "client.example.com",
            "203.0.113.1:port",
            "203.0.113.1:65536",
            "203.0.113.1:123456",
            "203.0.113.1:-1",
            "203.0.113.1:1:2",
            "203.0.113.256",
            "203.0.113.01",
            "[203.0.113.1]:80x",
            "[2001:db8::1",
            "2001:db8::1]:80",
            "[2001:db8::1]80",
            "1" * 5000,
            "203.0.113.1\u0661",
        ],
    )
    def test_the_client_counts_as_the_proxy_that_sent_it_and_a_warning_is_logged(
        self, element: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert client_address(PROXY, element, TRUSTED) == PROXY
        assert client_address("10.0.0.9", f"198.51.100.7, {element}, 10.0.0.2", TRUSTED) == "10.0.0.2"
        (record,) = logged(caplog, "candor.limits")
        assert record.levelno == logging.WARNING
        assert PROXY in record.getMessage()

    def test_the_warning_is_logged_once_a_minute(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 0.0
        monkeypatch.setattr(client_addresses.UNREADABLE, "clock", lambda: now)
        for now in (0.0, 0.1, 59.9, 60.0, 60.1, 119.9, 120.0):
            client_address(PROXY, f"odd-{now}", TRUSTED)
        assert len(logged(caplog, "candor.limits")) == 3

    def test_the_warning_has_the_form_of_the_text_and_not_the_text(self, caplog: pytest.LogCaptureFixture) -> None:
        client_address(PROXY, "198.51.100.7#Somebody", TRUSTED)
        (record,) = logged(caplog, "candor.limits")
        assert "000.00.000.0#aaaaaaaa" in record.getMessage()
        assert "198" not in record.getMessage()

    def test_a_socket_without_the_field_causes_a_warning_where_a_limit_is_counted(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = client_address("", "", TRUSTED)
        assert client == client_addresses.UNKNOWN
        assert logged(caplog, "candor.limits") == [], "reading the address for the log only must not warn"
        assert count("", "") == count("", "") == client
        assert len(logged(caplog, "candor.limits")) == 1

    def test_neither_warning_suppresses_the_other(self, caplog: pytest.LogCaptureFixture) -> None:
        count("", "")
        client_address(PROXY, "odd", TRUSTED)
        assert len(logged(caplog, "candor.limits")) == 2


class TestMisconfiguration:
    """Proxies whose configuration differs from TRUSTED_PROXIES: one warning in the life of a process."""

    def test_a_field_from_an_untrusted_peer(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client_addresses.IGNORED, "clock", iter(TIMES).__next__)
        for _ in TIMES:
            assert client_address("192.168.0.7", "203.0.113.1", TRUSTED) == "192.168.0.7"
        (record,) = logged(caplog, "candor.limits")
        assert "the peer 192.168.0.7 is ignored, because TRUSTED_PROXIES" in record.getMessage()
        assert "203.0.113.1" not in record.getMessage()

    def test_the_entry_has_no_public_address(self, caplog: pytest.LogCaptureFixture) -> None:
        client_address("8.8.8.8", "203.0.113.1", TRUSTED)
        (record,) = logged(caplog, "candor.limits")
        assert "a peer with a public address" in record.getMessage()
        assert "8.8.8.8" not in record.getMessage()

    def test_no_field_from_a_trusted_proxy(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client_addresses.MISSING, "clock", iter(TIMES).__next__)
        assert client_address(PROXY, "", TRUSTED) == PROXY
        assert logged(caplog, "candor.limits") == [], "a health check is harmless"
        for _ in TIMES:
            assert count(PROXY, "") == PROXY
        (record,) = logged(caplog, "candor.limits")
        assert f"The trusted proxy {PROXY} sends no X-Forwarded-For" in record.getMessage()

    @pytest.mark.parametrize(
        ("peer", "forwarded"), [(PROXY, "203.0.113.1"), (PROXY, "10.0.0.5"), ("203.0.113.1", ""), ("", "203.0.113.1")]
    )
    def test_a_consistent_configuration_logs_nothing(
        self, peer: str, forwarded: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        count(peer, forwarded)
        assert logged(caplog, "candor.limits") == []


class TestSocket:
    """A peer without an address."""

    def test_clients_of_a_socket_with_the_field_have_their_own_limits(self) -> None:
        assert client_address("", "203.0.113.1:1", TRUSTED) == "203.0.113.1"
        assert client_address("", "odd, 10.0.0.2:1", TRUSTED) == "10.0.0.2"
