"""A monotonic clock that tests or ``sleep`` advance."""


class FakeMonotonic:
    """Seconds that pass only when the test advances them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """Return the present moment."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Advance the clock without a wait."""
        self.slept.append(seconds)
        self.now += seconds
