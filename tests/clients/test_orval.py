"""The zod schemas of orval; they parse the responses and requests of other clients."""

import json
from pathlib import Path
from typing import Any, Final

from tests.clients.conftest import MODULES, PYTHON, run
from tests.clients.declared_errors import with_body
from tests.clients.driving import compiled
from tests.clients.recording import Answer, errors_in

CONFIGURATION: Final = {
    "candor": {
        "input": "./openapi.json",
        "output": {
            "client": "zod",
            "target": "./candor.ts",
            "override": {"zod": {"generateEachHttpStatus": True, "strict": {"response": True}}},
        },
    }
}
PRINTED: Final = "Your OpenAPI spec has been converted into ready to use orval!"
"""The last line and the only output except the version: no warning."""


def schemas_of(answer: Answer, document: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the schema names of a response and of a successful request, each with the JSON to parse."""
    name = "".join(word.title() for word in answer.operation(document)["operationId"].split("_"))
    succeeded = answer.status < 300 and answer.sent is not None
    return [(f"{name}{answer.status}Response", answer.body), *([(f"{name}Body", answer.sent)] if succeeded else [])]


def test_they_are_generated_typed_and_parse_every_response(
    folder: Path, document: dict[str, Any], answers: list[Answer]
) -> None:
    """Without a warning of the generator or an error of tsc; a response has no property that they lack.

    The responses have every declared error of every operation.
    """
    assert errors_in(answers, document) == with_body(document)
    node = PYTHON.parent / "node"
    (folder / "orval.config.mjs").write_text(f"export default {json.dumps(CONFIGURATION)};")
    printed = run(node, MODULES / "orval" / "dist" / "bin" / "orval.mjs", "-c", "orval.config.mjs", cwd=folder)
    assert [line.partition(" - ")[0] for line in printed.splitlines() if line] == ["🍻 orval v8.38.0", "candor"]
    assert printed.rstrip().endswith(PRINTED)
    program = compiled(folder, "drive_orval.ts")
    read = [each for answer in answers for each in schemas_of(answer, document)]
    (folder / "answers.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in read))
    assert run(node, program, "answers.jsonl", cwd=folder).split() == [name for name, _ in read]
