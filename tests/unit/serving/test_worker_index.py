"""The index of a worker is the smallest one that no living worker has."""

from types import SimpleNamespace

import pytest

from deploy.serving import worker_index


def arbiter(*given: int) -> SimpleNamespace:
    """Return a master whose living workers have these indexes."""
    return SimpleNamespace(WORKERS={1000 + number: SimpleNamespace(number=number) for number in given})


@pytest.mark.parametrize(("living", "given"), [((), 0), ((0,), 1), ((0, 1), 2), ((1,), 0), ((0, 2), 1), ((2, 1, 0), 3)])
def test_the_smallest_free_index_is_given(living: tuple[int, ...], given: int) -> None:
    worker = SimpleNamespace()
    worker_index.give(arbiter(*living), worker)
    assert worker.number == given


def test_only_a_worker_has_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_index, "_own", None)
    assert worker_index.own() is None
    worker_index.set_own(SimpleNamespace(number=3))
    assert worker_index.own() == 3
