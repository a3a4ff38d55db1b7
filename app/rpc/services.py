"""The served gRPC services, one line each."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.rpc.calls import Method
from app.rpc.handlers import (
    tasks,
)
from app.rpc.methods import Service

SERVICES: Final[Sequence[Service]] = [
    tasks.SERVICE,
]
NAMES: Final = tuple(service.described.full_name for service in SERVICES)
METHODS: Final[Mapping[str, Method]] = {
    path: method for service in SERVICES for path, method in service.methods.items()
}
"""All methods by path."""
