"""Stored jobs, in memory; no worker runs them."""

from typing import Protocol

from app.models.jobs import NewJob


class Storage(Protocol):
    """The stored jobs, in the order in which they were added."""

    jobs: list[NewJob]


class FakeJobs:
    """Stores jobs."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(self, new: NewJob) -> None:
        """Store a job."""
        self._storage.jobs.append(new)
