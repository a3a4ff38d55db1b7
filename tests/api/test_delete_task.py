"""DELETE /v1/tasks/{id}."""

from tests.api.caller import ABSENT, Caller, answered, path_of, rejected, violated


class TestDelete:
    """A task is deleted permanently."""

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
        rejected(alice.delete(path), 404, "TASK_NOT_FOUND")

    def test_another_user_s_task_is_not_deleted(self, alice: Caller, bob: Caller, admin: Caller) -> None:
        """C8."""
        path = path_of(alice.task())
        assert bob.delete(path).status_code == 403
        answered(alice.get(path))
        answered(admin.delete(path))

    def test_a_body_is_ignored(self, alice: Caller) -> None:
        """RFC 9110, section 9.3.5: a body of DELETE has no meaning."""
        answered(alice.delete(path_of(alice.task()), data=b"{nonsense", content_type="text/plain"))

    def test_every_parameter_is_unknown(self, alice: Caller) -> None:
        assert violated(alice.delete(f"{ABSENT}?force=true")) == [("force", "UNKNOWN_PARAMETER")]

    def test_only_the_expected_version_is_deleted(self, alice: Caller) -> None:
        """C20: 412 if stale, and the task stays."""
        created = alice.create()
        path, stale = created.headers["Location"], created.headers["ETag"]
        current = alice.patch(path, json={"title": "Buy oat milk"}).headers["ETag"]
        rejected(alice.delete(path, headers={"If-Match": stale}), 412, "PRECONDITION_FAILED")
        answered(alice.delete(path, headers={"If-Match": current}))

    def test_a_star_in_if_match_needs_an_existing_task(self, alice: Caller) -> None:
        """C9a: 404 before 412."""
        for condition in ("*", '"1-00000000"'):
            rejected(alice.delete(ABSENT, headers={"If-Match": condition}), 404, "TASK_NOT_FOUND")
