"""Shell lines by which a reader of the catalogue provokes an error; ``{url}`` stands for the service's address.

``$TOKEN`` is the reader's own; whom else a command needs, it asks ``flask tokens issue`` for, in the checkout.
"""

from typing import Final

BEARER: Final = '-H "Authorization: Bearer $TOKEN"'
JSON: Final = "-H 'Content-Type: application/json'"
LIST: Final = f"curl -i '{{url}}/v1/tasks' {BEARER}"
SEND: Final = f"{LIST} {JSON}"
"""A POST, once ``-d`` is added."""
_LOCATION: Final = "sed -n 's/^Location: //p' | tr -d '\\r'"
"""Reads the path of what was created from an answer's header."""


def issued(options: str) -> str:
    """Return the Authorization header of somebody else."""
    return f'-H "Authorization: Bearer $(.venv/bin/flask tokens issue {options})"'


def created(variable: str) -> str:
    """Return lines that create a task and keep its name in a variable."""
    title = """'{"task": {"title": "'"$$ $(date +%s)"'"}}'"""
    name = """sed 's/.*"name":"\\([^"]*\\)".*/\\1/'"""
    return f"{variable}=$(curl -s '{{url}}/v1/tasks' {BEARER} {JSON} -d {title} \\\n  | {name})\n"


def ordered(variable: str, credentials: str) -> str:
    """Return lines that create an order of alice's for a demo product and keep its path in a variable."""
    sent = """-d '{"customer_id": "alice", "currency": "EUR", "items": [{"sku": "TEA-100", "quantity": 1}]}'"""
    return f"{variable}=$(curl -si '{{url}}/v1/orders' {credentials} {JSON} {sent} \\\n  | {_LOCATION})\n"


def replaced_unread(collection: str) -> str:
    """Return lines that create something with a title and replace it without an If-Match."""
    sent = f"""{issued(f"--subject alice --scope {collection}:write")} {JSON} -d '{{"title": "Repo Man"}}'"""
    return f"AT=$(curl -si '{{url}}/v1/{collection}' {sent} \\\n  | {_LOCATION})\ncurl -i -X PUT \"{{url}}$AT\" {sent}"


def twice(command: str) -> str:
    """Return lines that run a command two times."""
    return f"for attempt in 1 2; do\n  {command}\ndone"
