"""The message that the service prints before it exits because of invalid settings."""

from app import product


class InvalidSettings(Exception):
    """The environment is invalid; ``faults`` has one sentence for each fault."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__(f"{product.NAME} does not start:\n" + "\n".join(f"  - {fault}" for fault in faults))
