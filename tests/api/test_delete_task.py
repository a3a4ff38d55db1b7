"""DELETE /v1/tasks/{id}."""

from tests.api.caller import ABSENT, Caller, answered, path_of, refused, violated


class TestDelete:
    """A task goes, and stays gone."""

    def test_ok(self, alice: Caller) -> None:
        """200 with a message."""
        task = alice.task()
        response = alice.delete(path_of(task))
        assert answered(response) == {"message": f"Task {task['name']} deleted successfully"}
        assert "ETag" not in response.headers
        assert response.headers["Cache-Control"] == "no-store"

    def test_deleting_twice_is_404(self, alice: Caller) -> None:
        path = path_of(alice.task())
        answered(alice.delete(path))
        refused(alice.delete(path), 404, "TASK_NOT_FOUND")

    def test_another_s_task_stays(self, alice: Caller, bob: Caller, admin: Caller) -> None:
        """C8."""
        path = path_of(alice.task())
        assert bob.delete(path).status_code == 403
        answered(alice.get(path))
        answered(admin.delete(path))

    def test_a_body_is_ignored_whatever_it_is(self, alice: Caller) -> None:
        """RFC 9110, section 9.3.5: a body has no meaning here."""
        answered(alice.delete(path_of(alice.task()), data=b"{nonsense", content_type="text/plain"))

    def test_parameters_are_unknown(self, alice: Caller) -> None:
        assert violated(alice.delete(f"{ABSENT}?force=true")) == [("force", "UNKNOWN_PARAMETER")]

    def test_only_the_version_that_is_expected_goes(self, alice: Caller) -> None:
        """C20: 412 when stale, and the task stays."""
        created = alice.create()
        path, stale = created.headers["Location"], created.headers["ETag"]
        current = alice.patch(path, json={"title": "Buy oat milk"}).headers["ETag"]
        refused(alice.delete(path, headers={"If-Match": stale}), 412, "PRECONDITION_FAILED")
        answered(alice.delete(path, headers={"If-Match": current}))

    def test_if_match_of_anything_needs_something(self, alice: Caller) -> None:
        """C9a: 404 before 412."""
        for condition in ("*", '"1-00000000"'):
            refused(alice.delete(ABSENT, headers={"If-Match": condition}), 404, "TASK_NOT_FOUND")
