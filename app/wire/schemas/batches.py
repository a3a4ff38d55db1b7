"""The items of a request that creates several resources."""

from app.wire import fields
from app.wire.validators import Breach


class Batch(fields.Listed):
    """The items of a batch, at least one."""

    def too_long(self) -> Breach:
        """Return the breach of a batch with too many items."""
        return Breach("BATCH_TOO_LARGE", f"must have at most {self.longest} items")

    def rejection(self, value: object) -> Breach | None:
        """Reject an empty batch too."""
        return Breach("EMPTY_BATCH", "must have at least one item") if value == [] else super().rejection(value)
