"""The commands and the program of docs/call/clients.md work as they are written."""

import re
from pathlib import Path

from app.config import ROOT
from tests.clients.grpc.conftest import HERE, MODULES, run

SECTION = (ROOT / "docs" / "call" / "clients.md").read_text().partition("\n## gRPC clients\n")[2]
COMMANDS, PROGRAM = re.findall(r"^```(?:sh|ts)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)[:2]


def test_the_example_is_generated_typed_and_works(tmp_path: Path, service: dict[str, str]) -> None:
    (tmp_path / "app").symlink_to(ROOT / "app")
    (tmp_path / "node_modules").symlink_to(MODULES)
    for name in ("package.json", "tsconfig.json"):
        (tmp_path / name).write_text((HERE / name).read_text())
    installs, commands = re.findall(r"^(?:npm|pip) install .*\n", COMMANDS, re.MULTILINE), COMMANDS
    assert len(installs) == 2
    for each in installs:
        commands = commands.replace(each, "")
    run("bash", "-euc", commands, cwd=tmp_path)
    program = PROGRAM.replace("127.0.0.1:50051", f"127.0.0.1:{service['CANDOR_PORT']}")
    assert program != PROGRAM
    (tmp_path / "drive.ts").write_text(program + "\ndeclare const token: string;\n")
    assert run("tsc", "-p", ".", cwd=tmp_path) == ""
    bare = (tmp_path / "dist" / "drive.js").read_text()
    (tmp_path / "dist" / "drive.js").write_text(f"const token = {service['CANDOR_ALICE']!r};\n{bare}")
    printed = run("node", "dist/drive.js", cwd=tmp_path)
    says = re.search(r"// (\[\[.*\]\])$", PROGRAM, re.MULTILINE)
    assert says is not None
    assert re.sub(r"\s+", "", printed) == re.sub(r"\s+", "", says[1]).replace('"', "'")
