"""The TypeScript client of hey-api, with ``fetch``."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.clients.conftest import MODULES, PYTHON, run
from tests.clients.declared_errors import DeclaredError
from tests.clients.driving import Clock, compiled

CONFIGURATION: Final = {
    "input": "openapi.json",
    "logs": {"file": False},
    "output": {"path": "candor", "module": {"extension": ".js"}},
    "plugins": ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
}
PRINTED: Final = re.compile(
    r"@hey-api/openapi-ts v[\d.]+\n\n\[Job 1\] ~ Generating\.\.\.\n\[Job 1\]   \[1\] openapi\.json\n"
    r"\[Job 1\] ✓ \S+/candor · 4 files · \d+m?s\n"
)


def typed(declared: DeclaredError) -> str:
    """Return an expression in TypeScript that tsc rejects unless an error has its type, or none has a body."""
    name = "".join(word.title() for word in declared["operation"].split("_"))
    found = f"candor.{name}Errors[{declared['status']}]"
    if declared["schema"] is None:
        return f"null satisfies unknown extends {found} ? null : never"
    return f'"{declared["code"]}" satisfies ({found} & candor.{declared["schema"]})["code"]'


def checked(every: Iterable[DeclaredError]) -> str:
    """Return a module that checks the types of declared errors: the client does not have them at run time."""
    lines = ('import type * as candor from "./candor/index.js";', "export const errors = [")
    return "\n".join((*lines, *(f"  {typed(each)}," for each in every), "];\n"))


def test_it_is_generated_typed_and_works(folder: Path, service: dict[str, str]) -> None:
    """Without a warning of the generator or an error of tsc; each step of the driver passes."""
    node, generator = PYTHON.parent / "node", MODULES / "@hey-api" / "openapi-ts" / "bin" / "run.js"
    (folder / "openapi-ts.config.mjs").write_text(f"export default {json.dumps(CONFIGURATION)};")
    clock = Clock()
    printed = run(node, generator, "-f", "openapi-ts.config.mjs", cwd=folder, NO_COLOR="1")
    assert PRINTED.fullmatch(re.sub(r"\x1b\[\d+m", "", printed)), printed
    (folder / "errors.ts").write_text(checked(json.loads((folder / "errors.json").read_text())))
    program = compiled(folder, "drive_hey_api.ts", noUncheckedIndexedAccess=True)
    clock.driven(node, program, cwd=folder, environment=service)
