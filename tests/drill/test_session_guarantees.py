"""The checker of sessions finds the errors in forged histories."""

from tests.drill.session_guarantees import Access, violations


def write(session: str, item: str, version: int, at: float) -> Access:
    return Access(session, item, version, True, at, at + 1)


def read(session: str, item: str, version: int, at: float) -> Access:
    return Access(session, item, version, False, at, at + 1)


A1, A2, B1 = write("w", "a", 1, 0), write("w", "a", 2, 10), write("w", "b", 1, 20)


def test_another_session_may_read_an_older_state() -> None:
    assert violations([A1, A2, read("r", "a", 1, 12), read("r", "a", 2, 14), read("s", "a", 0, 30)]) == []


def test_a_session_reads_its_writes() -> None:
    assert violations([A1, A2, read("w", "a", 1, 12)]) == ["session w read a at 1 after 2"]


def test_reads_are_monotonic() -> None:
    assert violations([A1, A2, read("r", "a", 2, 12), read("r", "a", 1, 14)]) == ["session r read a at 1 after 2"]


def test_a_state_has_all_objects() -> None:
    """A session with the first version of b has seen the second one of a, which was acknowledged before."""
    assert violations([A1, A2, B1, read("r", "b", 1, 30), read("r", "a", 1, 32)]) == ["session r read a at 1 after 2"]
    assert violations([A1, A2, B1, read("r", "a", 1, 30), read("r", "b", 0, 32)]) == []


def test_concurrent_writes_imply_nothing() -> None:
    overlapping = write("v", "b", 1, 10.5)
    assert violations([A1, A2, overlapping, read("r", "b", 1, 30), read("r", "a", 1, 32)]) == []
