"""The pydantic models of datamodel-code-generator; they parse the responses that other clients received."""

import json
import re
from pathlib import Path
from typing import Any, Final

from tests.clients.conftest import PYTHON, run
from tests.clients.declared_errors import with_body
from tests.clients.recording import Answer, errors_in

OPTIONS: Final = (
    *("--input", "openapi.json", "--input-file-type", "openapi", "--output", "models.py"),
    *("--output-model-type", "pydantic_v2.BaseModel", "--target-python-version", "3.11", "--use-union-operator"),
    *("--use-standard-collections", "--use-annotated", "--field-constraints", "--enum-field-as-literal", "all"),
    *("--formatters", "builtin", "--disable-timestamp"),
)
WARNINGS: Final = {
    "Pydantic does not take pattern on AwareDatetime": "the type itself takes timestamps alone",
    "Pydantic does not take pattern on SecretStr": "the service checks a password's characters",
}
"""The parts of the document that are dropped, and why that is harmless."""
WARNING: Final = re.compile(r"UserWarning: (.+?)(?: \| None)?; \w+\.\w+ is generated without this constraint\.")
READER: Final = """\
import json, sys
import models

for line in open(sys.argv[1]):
    name, body = json.loads(line)
    model = getattr(models, name).model_validate(body, extra="forbid")
    assert set(model.model_dump(mode="json", exclude_unset=True)) == set(body), name
update = models.TaskUpdate(title="x")
assert update.model_dump(exclude_unset=True) == {"title": "x"}
"""


def test_they_are_generated_typed_and_parse_every_response(
    folder: Path, document: dict[str, Any], answers: list[Answer]
) -> None:
    """With the listed warnings and without an error of mypy; a response has no property that they lack.

    The responses have every declared error of every operation.
    """
    assert errors_in(answers, document) == with_body(document)
    printed = run(PYTHON.parent / "datamodel-codegen", *OPTIONS, cwd=folder)
    warnings = [line for line in printed.splitlines() if line and not line.startswith("  ")]
    assert {match[1] if (match := WARNING.search(line)) else line for line in warnings} == WARNINGS.keys()
    (folder / "reader.py").write_text(READER)
    run(PYTHON, "-m", "mypy", "--strict", "models.py", cwd=folder)
    read = [[answer.schema(document), answer.body] for answer in answers]
    (folder / "answers.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in read))
    assert run(PYTHON, "reader.py", "answers.jsonl", cwd=folder) == ""
    assert {"Task", "TaskBatch", "Order", "Profile", "ValidationFailed", "RateLimitExceeded"} <= {
        name for name, _ in read
    }
