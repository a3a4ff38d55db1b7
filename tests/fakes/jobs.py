"""Jobs that were written down, in memory; nobody does them."""

from typing import Protocol

from app.models.jobs import NewJob


class Storage(Protocol):
    """Where the jobs are, in the order in which they were added."""

    jobs: list[NewJob]


class FakeJobs:
    """Takes jobs."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(self, new: NewJob) -> None:
        """Write a job down."""
        self._storage.jobs.append(new)
