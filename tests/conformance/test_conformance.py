"""Candor keeps every rule of the suite, directly and through nginx, and every rule detects a violation."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.conformance import report, wire
from tests.conformance.__main__ import main
from tests.conformance.api import Api
from tests.conformance.http2 import Http2Server
from tests.conformance.mutating_proxy import Proxy, Sabotage, becomes, with_body
from tests.conformance.mutations import SABOTAGES
from tests.conformance.profile import Profile
from tests.conformance.rule import RULES, Level, Result, Verdict
from tests.conformance.run import judge
from tests.stack.conftest import Served
from tests.stack.deployment import Deployment, needs_nginx

CLOSED: Final = Sabotage(spoil=lambda _, __: b"", closes=True)
"""A server that closes the connection without a response."""
PART: Final = Sabotage(
    spoil=lambda _, answer: replace(with_body(answer, answer.body[:-1]), status=206) if answer.status == 200 else answer
)
"""A server whose content is a part of a JSON text (RFC 9110, section 15.3.7)."""
UNASKED: Final = {
    "N08": "nothing is encoded",
    "U11": "no Retry-After",
}
UNSEEN_BEHIND_NGINX: Final = {
    "K28": "a repeated field is rejected",
    "C7.3": "a proxy in front rejects two of them as malformed",
    "C9a.3": "a proxy in front rejects a declared oversize by itself",
    "W15": "a proxy in front rejects a NUL in a path as malformed",
}
OF_HTTP_2: Final = {
    "P04": "there is no Connection field in HTTP/2 (RFC 9113 §8.2.2)",
    "P13": "nginx, up to 1.26 at least, answers no Expect over HTTP/2",
}
INEXPRESSIBLE_IN_HTTP_2: Final = {
    "L06": "rejected by a stream error (1), which HTTP/2 provides for (§8.1.1)",
    **dict.fromkeys(
        ("L10", "T04", "W13"),
        "rejected with the connection (ENHANCE_YOUR_CALM), as RFC 9113 §10.5 allows",
    ),
    **dict.fromkeys(("P03",), "HTTP/2 ends streams, and not the connection"),
    **dict.fromkeys(
        ("B07", "P11", "F04", "F05", "F06", "F07", "F08", "F09", "F10", "F11", "F13", "F14", "F15", "H02", "W12"),
        "fields that HTTP/2 replaces by frames",
    ),
    **dict.fromkeys(("F01", "F02", "F03"), "a length that HTTP/2 replaces by frames"),
    **dict.fromkeys(("H04", "H05", "L01", "L02", "L09", "T06", "W14"), "a request line that HTTP/2 does not have"),
    **dict.fromkeys(("L03", "L04", "L05", "L07", "L08"), "a field line that HTTP/2 does not have"),
}
"""Rules that do not apply, and the reasons; there may be no others."""


@pytest.fixture(scope="module")
def proxy(served: Served) -> Iterator[Proxy]:
    """Return a proxy in front of the application, without a sabotage."""
    with Proxy(served.port).listening() as proxy:
        yield proxy


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait no longer for a close than a server on this machine needs."""
    monkeypatch.setattr(wire, "CLOSES_WITHIN", 0.4)


class TestCandor:
    """The application itself."""

    def test_it_keeps_every_rule_but_the_known_deviations(self, served: Served, profile: Profile) -> None:
        self._keeps(served.url, profile, UNASKED)

    @needs_nginx
    def test_it_keeps_them_behind_nginx_with_tls_too(self, fronted: Deployment, profile: Profile) -> None:
        profile = replace(profile, ca_file=str(fronted.certificate))
        self._keeps(fronted.url, profile, UNASKED | UNSEEN_BEHIND_NGINX)

    @needs_nginx
    @pytest.mark.nightly
    def test_it_keeps_them_over_http_2_too(self, fronted: Deployment, profile: Profile) -> None:
        profile = replace(profile, ca_file=str(fronted.certificate), deviations={**profile.deviations, **OF_HTTP_2})
        verdicts = judge(fronted.url, profile, server=Http2Server)
        self._keep(profile, verdicts, UNASKED | UNSEEN_BEHIND_NGINX | INEXPRESSIBLE_IN_HTTP_2)
        assert len([each for each in verdicts if each.result is Result.PASSED]) > 180

    def _keeps(self, url: str, profile: Profile, unasked: dict[str, str]) -> None:
        self._keep(profile, judge(url, profile), unasked)

    def _keep(self, profile: Profile, verdicts: list[Verdict], unasked: dict[str, str]) -> None:
        assert report.broken(profile, verdicts) == []
        failed = {each.rule.id for each in verdicts if each.result is Result.FAILED}
        assert failed == set(profile.deviations), "a deviation that no longer exists"
        not_asked = {each.rule.id: each.seen for each in verdicts if each.result is Result.NOT_APPLICABLE}
        assert not_asked.items() <= unasked.items()

    def test_a_proxy_that_spoils_nothing_changes_nothing(self, proxy: Proxy, profile: Profile) -> None:
        proxy.sabotage = Sabotage()
        assert report.broken(profile, judge(proxy.url, profile)) == []


class TestRules:
    """A rule that cannot fail is a defect."""

    def test_there_are_enough_and_each_has_its_source(self) -> None:
        general = [rule for rule in RULES.values() if rule.level is not Level.CONTRACT]
        assert len(general) >= 60
        assert all("RFC " in rule.source for rule in general)
        assert all(rule.sentence.endswith(".") for rule in RULES.values())

    def test_each_has_a_sabotage(self) -> None:
        assert set(SABOTAGES) == set(RULES)

    @pytest.mark.parametrize("name", sorted(RULES))
    def test_it_detects_the_sabotage(self, proxy: Proxy, profile: Profile, impatient: None, name: str) -> None:
        proxy.sabotage = SABOTAGES[name]
        verdict = RULES[name].judge(Api(wire.Server.at(proxy.url), profile))
        assert verdict.result is Result.FAILED, verdict.seen
        assert "cannot be read" not in verdict.seen


class TestFreedom:
    """Behavior that the sources allow: a rule is not stricter than its source."""

    @pytest.mark.parametrize(
        ("name", "sabotage"),
        [
            ("F11", becomes(400, 502)),
            ("F11", CLOSED),
            ("F12", becomes(400, 503)),
            ("F12", becomes(400, 422)),
            ("F12", CLOSED),
            ("F13", becomes(400, 502)),
            ("F13", CLOSED),
            ("F15", becomes(501, 422)),
            ("F15", becomes(501, 502)),
            ("U09", PART),
            ("U10", PART),
        ],
    )
    def test_it_passes(self, proxy: Proxy, profile: Profile, impatient: None, name: str, sabotage: Sabotage) -> None:
        proxy.sabotage = sabotage
        verdict = RULES[name].judge(Api(wire.Server.at(proxy.url), profile))
        assert verdict.result is Result.PASSED, verdict.seen


class TestCommandLine:
    """``python -m tests.conformance``."""

    PROFILE = str(Path(__file__).parent / "profiles" / "candor.toml")

    @pytest.fixture(autouse=True)
    def tokens(self, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give the profile its tokens by the environment."""
        monkeypatch.setenv("CONFORMANCE_TOKEN", profile.token)
        monkeypatch.setenv("CONFORMANCE_TOKEN_WITHOUT_SCOPE", profile.token_without_scope)

    def test_ok(self, served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        written = tmp_path / "out.json"
        words = ["--url", served.url, "--profile", self.PROFILE, "--only", "M01,C16", "--json", str(written)]
        assert main(words) == 0
        assert "Candor: contract: 3 rules: 3 passed, 0 failed, 0 not applicable" in capsys.readouterr().out
        assert [each["id"] for each in json.loads(written.read_text())["rules"]] == ["M01", "C16.1", "C16.2", "C16.3"]

    @needs_nginx
    def test_tls_needs_a_certificate_that_is_trusted(
        self, fronted: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["--url", fronted.url, "--profile", self.PROFILE, "--only", "M01,P03,F12"]
        assert main(words) == 2
        assert "certificate verify failed" in capsys.readouterr().err
        monkeypatch.setenv("SSL_CERT_FILE", str(fronted.certificate))
        assert main(words) == 0
        assert "Candor: general rules: 3 rules: 3 passed" in capsys.readouterr().out

    def test_a_failed_rule_is_status_1(self, proxy: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
        proxy.sabotage = SABOTAGES["M01"]
        assert main(["--url", proxy.url, "--profile", self.PROFILE, "--only", "M01"]) == 1
        assert "M01 (RFC 9110 §15.5.5, means): A path that nothing answers is 404." in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--url", "http://127.0.0.1:9"], "the URL needs a profile"),
            (["--url", "nowhere", "--profile", PROFILE], "is not an http or https URL"),
            (["--url", "http://127.0.0.1:9", "--profile", PROFILE], "Connection refused"),
            (["--url", "http://127.0.0.1:9", "--profile", "nowhere.toml"], "nowhere.toml"),
        ],
    )
    def test_an_unusable_api_is_status_2(self, words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(words) == 2
        assert says in capsys.readouterr().err

    def test_a_profile_that_does_not_fit_is_status_2(
        self, served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("CONFORMANCE_TOKEN", "nonsense")
        assert main(["--url", served.url, "--profile", self.PROFILE]) == 2
        assert "GET /v1/tasks answers 401" in capsys.readouterr().err
