"""Shell commands that reproduce the errors of the catalogue. ``{url}`` is the address of the service.

``$TOKEN`` is the reader's token. Commands that need another caller get a token from ``flask tokens issue``, in a
checkout.
"""

from typing import Final

BEARER: Final = '-H "Authorization: Bearer $TOKEN"'
JSON: Final = "-H 'Content-Type: application/json'"
LIST: Final = f"curl -i '{{url}}/v1/tasks' {BEARER}"
SEND: Final = f"{LIST} {JSON}"
"""A POST request when ``-d`` is added."""
LOCATION: Final = "sed -n 's/^Location: //p' | tr -d '\\r'"
"""Reads the path of the new resource from the response header."""


def issued(options: str) -> str:
    """Return the Authorization header of a caller for whom a token is issued."""
    return f'-H "Authorization: Bearer $(.venv/bin/flask tokens issue {options})"'


def created(variable: str) -> str:
    """Return commands that create a task and store its name in a variable."""
    title = """'{"task": {"title": "'"$$ $(date +%s)"'"}}'"""
    name = """sed 's/.*"name":"\\([^"]*\\)".*/\\1/'"""
    return f"{variable}=$(curl -s '{{url}}/v1/tasks' {BEARER} {JSON} -d {title} \\\n  | {name})\n"


def replaced_unread(collection: str) -> str:
    """Return commands that create a resource with a title and replace it without If-Match."""
    sent = f"""{issued(f"--subject alice --scope {collection}:write")} {JSON} -d '{{"title": "Repo Man"}}'"""
    return f"AT=$(curl -si '{{url}}/v1/{collection}' {sent} \\\n  | {LOCATION})\ncurl -i -X PUT \"{{url}}$AT\" {sent}"


def twice(command: str) -> str:
    """Return commands that run a command twice."""
    return f"for attempt in 1 2; do\n  {command}\ndone"
