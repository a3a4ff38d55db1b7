"""C20: entity tags, If-Match and If-None-Match (RFC 9110, section 13)."""

import re

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.extensions import db
from tests.api.caller import TASKS, Caller, answered, rejected, violated


@pytest.fixture
def created(alice: Caller) -> TestResponse:
    """Return the response to a creation."""
    return alice.create()


class TestEntityTag:
    """Header fields of a single resource."""

    def test_a_single_resource_carries_a_strong_tag(self, alice: Caller, path: str) -> None:
        """C20: quoted, not weak; clients may store it, and must revalidate."""
        headers = alice.get(path).headers
        assert re.fullmatch(r'"[0-9a-f-]+"', headers["ETag"])
        assert headers["Cache-Control"] == "private, no-cache, no-transform"

    def test_all_other_authenticated_responses_are_not_stored(self, alice: Caller, bob: Caller, path: str) -> None:
        """C20."""
        responses = [alice.list_tasks(), alice.batch({"title": "x"}), bob.get(path), alice.delete(path)]
        assert [each.headers["Cache-Control"] for each in responses] == ["no-store"] * 4
        assert all("ETag" not in each.headers for each in responses)

    def test_each_version_and_each_projection_has_its_own_tag(self, alice: Caller, path: str, tag: str) -> None:
        """RFC 9110, section 8.8.3: strong tags differ where bytes differ."""
        tags = [
            tag,
            alice.get(f"{path}?fields=title").headers["ETag"],
            alice.get(f"{path}?fields=name").headers["ETag"],
        ]
        tags.append(alice.patch(path, json={"title": "x"}).headers["ETag"])
        assert len({*tags}) == 4

    def test_the_order_of_a_projection_does_not_matter(self, alice: Caller, path: str) -> None:
        """The bytes are the same."""
        one, two = (alice.get(f"{path}?fields={fields}") for fields in ("title,name", "name,title"))
        assert (one.get_data(), one.headers["ETag"]) == (two.get_data(), two.headers["ETag"])


class TestIfNoneMatch:
    """304 if the client has the current version."""

    @pytest.mark.parametrize(
        "form",
        ["{}", "W/{}", '"x", {}', '{},"x"', "*", '"x",W/{} , "y"'],
        ids=["same", "weak", "last", "first", "any", "list"],
    )
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_the_current_version_is_not_sent_again(
        self, alice: Caller, path: str, tag: str, method: str, form: str
    ) -> None:
        """C20: no body, and the header fields of the representation."""
        response = alice.send(method, path, headers={"If-None-Match": form.replace("{}", tag)})
        assert (response.status_code, response.get_data()) == (304, b"")
        assert response.headers["ETag"] == tag
        assert response.headers["Cache-Control"] == "private, no-cache, no-transform"
        assert "Origin" in response.headers["Vary"]
        assert not {"Content-Type", "Content-Length"} & {*response.headers.keys()}

    @pytest.mark.parametrize("sent", ['"x"', "", "garbage", '"', "W/", "1-0"])
    def test_another_tag_gets_the_resource(self, alice: Caller, path: str, sent: str) -> None:
        """RFC 9110: a tag that does not match has no effect."""
        answered(alice.get(path, headers={"If-None-Match": sent}))

    def test_a_stale_tag_gets_the_new_version(self, alice: Caller, path: str, tag: str) -> None:
        """C20."""
        alice.patch(path, json={"title": "x"})
        assert answered(alice.get(path, headers={"If-None-Match": tag}))["title"] == "x"

    def test_the_tag_of_another_projection_does_not_match(self, alice: Caller, path: str, tag: str) -> None:
        """C19, C20."""
        answered(alice.get(f"{path}?fields=title", headers={"If-None-Match": tag}))

    def test_an_error_remains_an_error(self, alice: Caller, bob: Caller, path: str, tag: str) -> None:
        """RFC 9110, section 13.2.1: the condition applies only to requests that would otherwise succeed."""
        assert bob.get(path, headers={"If-None-Match": tag}).status_code == 403
        alice.delete(path)
        rejected(alice.get(path, headers={"If-None-Match": "*"}), 404, "TASK_NOT_FOUND")

    def test_a_range_is_ignored(self, alice: Caller, path: str, tag: str) -> None:
        response = alice.get(path, headers={"Range": "bytes=0-3", "If-Range": tag})
        answered(response)
        assert "Content-Range" not in response.headers


class TestIfMatch:
    """412 if the resource is not in the state that the client expects."""

    @pytest.mark.parametrize("form", ["{}", '"x", {}', "{} ,W/{}", "*", " * ", ', {},, "x",'])
    def test_the_current_tag_matches(self, alice: Caller, path: str, tag: str, form: str) -> None:
        """C20: a list needs one that matches; empty elements do not count (RFC 9110, section 5.6.1)."""
        answered(alice.patch(path, json={"title": "x"}, headers={"If-Match": form.replace("{}", tag)}))

    @pytest.mark.parametrize("form", ["W/{}", '"x"', '"", "y"', '"0-00000000"', '"{}"', '"ffffffffffffffff-00000000"'])
    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    def test_any_other_tag_is_412(self, alice: Caller, path: str, tag: str, method: str, form: str) -> None:
        """Weak tags never match strongly; nothing is changed."""
        body = {"title": "x"} if method == "PATCH" else None
        condition = (
            {"If-Match": form.replace("{}", tag.strip('"') + "0")} if "W/" not in form else {"If-Match": f"W/{tag}"}
        )
        rejected(alice.send(method, path, json=body, headers=condition), 412, "PRECONDITION_FAILED")
        assert alice.get(path).headers["ETag"] == tag

    @pytest.mark.parametrize(
        "sent", ["", "garbage", "1-0", '"open', 'W/"', "**", '"a" "b"', '*, "a"', "'a'", 'w/"a"', '"a"b']
    )
    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    def test_an_invalid_field_is_a_violation(self, alice: Caller, path: str, method: str, sent: str) -> None:
        """400."""
        response = alice.send(method, path, json={} if method == "PATCH" else None, headers={"If-Match": sent})
        assert violated(response) == [("If-Match", "INVALID_FORMAT")]
        assert response.json is not None
        assert response.json["errors"][0]["header"] == "If-Match"

    def test_a_tag_that_was_never_issued_for_the_whole_is_412(self, alice: Caller, path: str, tag: str) -> None:
        """C20, RFC 9110 section 13.1.1: the service compares whole tags, not the version in them."""
        part = alice.get(f"{path}?fields=title").headers["ETag"]
        for other in (part, tag.replace("-", "-f"), tag[:-5] + 'dead"', tag.replace('"1', '"01')):
            rejected(alice.patch(path, json={"title": "x"}, headers={"If-Match": other}), 412, "PRECONDITION_FAILED")

    def test_404_and_403_come_before_412(self, alice: Caller, bob: Caller, path: str) -> None:
        """C9a."""
        stale = {"If-Match": '"0-00000000"'}
        assert bob.patch(path, json={}, headers=stale).status_code == 403
        alice.delete(path)
        rejected(alice.patch(path, json={}, headers=stale), 404, "TASK_NOT_FOUND")

    def test_412_comes_before_409(self, alice: Caller, path: str) -> None:
        """C9a."""
        alice.task("taken")
        response = alice.patch(path, json={"title": "taken"}, headers={"If-Match": '"0-00000000"'})
        rejected(response, 412, "PRECONDITION_FAILED")

    def test_a_list_of_thousands_is_evaluated_at_once(self, alice: Caller, path: str) -> None:
        """No regular expression takes long."""
        rejected(alice.delete(path, headers={"If-Match": '"a", ' * 1000 + '"a"'}), 412, "PRECONDITION_FAILED")
        assert violated(alice.delete(path, headers={"If-Match": '"a", ' * 1000 + "x"})) == [
            ("If-Match", "INVALID_FORMAT")
        ]

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize(
        ("form", "status"), [("{}", 200), ('"x", {}', 200), ("*", 200), ("W/{}", 412), ('"x"', 412)]
    )
    def test_if_match_applies_to_reads_too(
        self, alice: Caller, path: str, tag: str, method: str, form: str, status: int
    ) -> None:
        """C20; RFC 9110, section 13.1.1: with any method, if the resource is not in the expected state."""
        response = alice.send(method, path, headers={"If-Match": form.replace("{}", tag)})
        assert response.status_code == status
        if method == "GET" and status == 412:
            rejected(response, 412, "PRECONDITION_FAILED")

    def test_a_projection_is_read_with_its_own_tag(self, alice: Caller, path: str, tag: str) -> None:
        """C19, C20."""
        part = f"{path}?fields=title"
        answered(alice.get(part, headers={"If-Match": alice.get(part).headers["ETag"]}))
        rejected(alice.get(part, headers={"If-Match": tag}), 412, "PRECONDITION_FAILED")

    @pytest.mark.parametrize("sent", ["", "garbage", '"a" "b"'])
    def test_an_invalid_field_is_a_violation_in_reads_too(self, alice: Caller, path: str, sent: str) -> None:
        """Listed with all others."""
        assert violated(alice.get(path, headers={"If-Match": sent})) == [("If-Match", "INVALID_FORMAT")]
        found = violated(alice.get(f"{path}?colour=red", headers={"If-Match": sent}))
        assert sorted(found) == [("If-Match", "INVALID_FORMAT"), ("colour", "UNKNOWN_PARAMETER")]

    def test_reading_a_missing_task_is_404_and_another_users_task_403(
        self, alice: Caller, bob: Caller, path: str
    ) -> None:
        """C9a."""
        assert bob.get(path, headers={"If-Match": '"x"'}).status_code == 403
        alice.delete(path)
        rejected(alice.get(path, headers={"If-Match": "*"}), 404, "TASK_NOT_FOUND")

    def test_it_has_no_effect_on_a_creation(self, alice: Caller) -> None:
        """C20: PATCH and DELETE evaluate it."""
        answered(alice.post(TASKS, json={"task": {"title": "y"}}, headers={"If-Match": "garbage"}), 201)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
class TestIfNoneMatchOnWrites:
    """412 if the resource is in a state that the client excludes (RFC 9110, section 13.1.2)."""

    @staticmethod
    def write(caller: Caller, method: str, path: str, headers: dict[str, str]) -> TestResponse:
        """Change or delete the task."""
        return caller.send(method, path, json={"title": "x"} if method == "PATCH" else None, headers=headers)

    @pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*", " * ", ', {},, "x",'])
    def test_the_current_tag_is_412(self, alice: Caller, path: str, tag: str, method: str, form: str) -> None:
        """C20: weak comparison, lists, anything; nothing is changed."""
        rejected(
            self.write(alice, method, path, {"If-None-Match": form.replace("{}", tag)}), 412, "PRECONDITION_FAILED"
        )
        assert alice.get(path).headers["ETag"] == tag

    @pytest.mark.parametrize("sent", ['"x"', '"", "y"', '"0-00000000"', 'W/"*"'])
    def test_another_tag_succeeds(self, alice: Caller, path: str, method: str, sent: str) -> None:
        """C20."""
        answered(self.write(alice, method, path, {"If-None-Match": sent}))

    @pytest.mark.parametrize("sent", ["", "garbage", '"open', "**", '"a" "b"', '*, "a"'])
    def test_an_invalid_field_is_a_violation(self, alice: Caller, path: str, method: str, sent: str) -> None:
        """A write must not succeed when the service cannot parse its condition."""
        response = self.write(alice, method, path, {"If-None-Match": sent})
        assert violated(response) == [("If-None-Match", "INVALID_FORMAT")]

    def test_404_and_403_come_first(self, alice: Caller, bob: Caller, path: str, method: str) -> None:
        """C9a."""
        assert self.write(bob, method, path, {"If-None-Match": "*"}).status_code == 403
        alice.delete(path)
        rejected(self.write(alice, method, path, {"If-None-Match": "*"}), 404, "TASK_NOT_FOUND")

    def test_both_conditions_must_hold(self, alice: Caller, path: str, tag: str, method: str) -> None:
        """RFC 9110, section 13.2.2."""
        for match, none in ((tag, tag), ('"x"', '"x"'), ("*", "*")):
            headers = {"If-Match": match, "If-None-Match": none}
            rejected(self.write(alice, method, path, headers), 412, "PRECONDITION_FAILED")
        answered(self.write(alice, method, path, {"If-Match": tag, "If-None-Match": '"x"'}))

    def test_several_fields_are_one_list(self, alice: Caller, path: str, tag: str, method: str) -> None:
        """RFC 9110, section 5.3."""
        body = {"title": "x"} if method == "PATCH" else None
        for name, status in (("If-None-Match", 412), ("If-Match", 200)):
            headers = [*alice.credentials.items(), (name, '"x"'), (name, tag)]
            assert alice.client.open(path, method=method, json=body, headers=headers).status_code == status


class TestPrecedence:
    """RFC 9110, section 13.2.2."""

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_if_match_is_evaluated_before_if_none_match(self, alice: Caller, path: str, tag: str, method: str) -> None:
        """412 if the first fails, 304 if only the second fails."""
        for match, none, status in (('"x"', tag, 412), (tag, tag, 304), (tag, '"x"', 200), ('"x"', '"x"', 412)):
            response = alice.send(method, path, headers={"If-Match": match, "If-None-Match": none})
            assert response.status_code == status

    @pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since"])
    @pytest.mark.parametrize("date", ["Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT", "yesterday"])
    def test_dates_are_ignored_because_there_is_no_last_modified(
        self, alice: Caller, path: str, tag: str, name: str, date: str
    ) -> None:
        """Sections 13.1.3 and 13.1.4."""
        response = alice.get(path, headers={name: date})
        answered(response)
        assert "Last-Modified" not in response.headers
        answered(alice.patch(path, json={"title": "x"}, headers={name: date, "If-Match": tag}))
        answered(alice.delete(path, headers={name: date}))


class TestOtherHistory:
    """A failover that loses a write, or a restored backup: the version number is used again for other content."""

    def test_a_tag_of_a_lost_version_names_no_other_content(self, alice: Caller, app: Flask, path: str) -> None:
        """RFC 9110, section 8.8.1: a strong validator changes whenever the content changes."""
        with app.app_context(), db.engine.begin() as database:
            query = text("SELECT title, version, update_time, id FROM tasks WHERE id = :id")
            row = database.execute(query, {"id": path.rpartition("/")[2]}).one()
        lost = alice.patch(path, json={"title": "lost"}).headers["ETag"]
        with app.app_context(), db.engine.begin() as database:
            restore = "UPDATE tasks SET title = :title, version = :version, update_time = :update_time WHERE id = :id"
            database.execute(text(restore), row._asdict())
        now = alice.patch(path, json={"title": "kept"}).headers["ETag"]
        assert now.split("-")[0] == lost.split("-")[0]
        assert now != lost
        rejected(alice.patch(path, json={"title": "x"}, headers={"If-Match": lost}), 412, "PRECONDITION_FAILED")
        assert alice.get(path, headers={"If-None-Match": lost}).status_code == 200
        assert alice.get(path, headers={"If-None-Match": now}).status_code == 304
