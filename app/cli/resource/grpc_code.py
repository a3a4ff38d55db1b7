"""The gRPC protocol of a generated resource: a separate package, and the code that protoc makes of it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from app.cli.resource.members import Member
from app.config import ROOT

PROTO: Final = Path("app", "rpc", "proto")
GEN: Final = Path("app", "rpc", "gen")
NUMBER: Final = re.compile(r"= (\d+)\s*[;\[]")
RESERVED: Final = re.compile(r"(?m)^\s*reserved ([\d, to]+);")


def path_of(many: str) -> Path:
    """Return the file of a resource."""
    return PROTO / many / "v1" / f"{many}.proto"


def generated(root: Path, protocols: Mapping[Path, str]) -> dict[Path, str]:
    """Return the files of ``app/rpc/gen`` that new or changed files of the protocol add or change.

    Raises:
        ValueError: the repository has no gRPC, or protoc fails.
    """
    if not (root / PROTO).is_dir():
        raise ValueError("this repository has no gRPC: leave out --grpc")
    with TemporaryDirectory() as folder:
        proto, made = Path(folder, "proto"), Path(folder, "gen")
        shutil.copytree(root / PROTO, proto)
        for path, text in protocols.items():
            (proto / path.relative_to(PROTO)).parent.mkdir(parents=True, exist_ok=True)
            (proto / path.relative_to(PROTO)).write_text(text)
        command = [sys.executable, "-m", ".".join((*PROTO.parent.parts, "generate")), str(made), str(proto)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 -- a fixed command
        if done.returncode:
            raise ValueError(f"make proto, which needs make lint, failed: {' '.join(done.stderr.split())[-200:]!r}")
        texts = {
            GEN / path.relative_to(made): path.read_text() for path in made.rglob("*.py*") if path.suffix != ".pyc"
        }
    return {path: text for path, text in texts.items() if not _has(root / path, text)}


def with_member(text: str, message: str, member: Member) -> str:
    """Return a file of the protocol with a member at the end of a message, under a new number.

    Raises:
        ValueError: the file has no such message.
    """
    found = re.search(rf"(?ms)^message {message} {{\n.*?(?=^}})", text)
    if found is None:
        raise ValueError(f"the protocol has no message {message}: add the field by hand, then run make proto")
    return f"{text[: found.end()]}\n{member.proto(next_number(found[0]), None)}\n{text[found.end() :]}"


def next_number(message: str) -> int:
    """Return a number that no field of a message has or had; removed fields are ``reserved``."""
    numbers = NUMBER.findall(message)
    for each in RESERVED.findall(message):
        numbers += re.findall(r"\d+", each)
    return max(map(int, numbers), default=0) + 1


def _has(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text() == text
