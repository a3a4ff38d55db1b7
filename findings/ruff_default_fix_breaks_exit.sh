#!/usr/bin/env bash
# ruff 0.17.6: `ruff check --fix-only`, with no configuration and no unsafe fixes, makes code that mypy accepts into code that
# mypy rejects. A class whose __exit__(self, *args: Any) hands its arguments on to another context manager gets
# `*args: object`; then mypy 2.4.1 reports that object is no type[BaseException], no BaseException and no TracebackType.
#
# PYI036 stands for stub files (flake8-pyi), but the default rules of ruff 0.17 apply it to modules; those of 0.11 do not have it.
# Whoever generates a client with openapi-python-client 0.29 meets it: the generator runs ruff on its result if it
# finds one, and the client that it has just written fails the type check, also without --strict.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv new
python3 -m venv old
new/bin/pip install -q --disable-pip-version-check ruff==0.17.6 mypy==2.4.1
old/bin/pip install -q --disable-pip-version-check ruff==0.11.13

cat > session.py <<'PY'
import io
from typing import Any


class Session:
    """Hands entering and leaving on to what it holds."""

    def __init__(self) -> None:
        self.inner = io.StringIO()

    def __enter__(self) -> "Session":
        self.inner.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self.inner.__exit__(*args)
PY
new/bin/mypy session.py
cp session.py with_the_old.py
old/bin/ruff check --isolated --fix --quiet with_the_old.py
cmp session.py with_the_old.py && echo "ruff 0.11.13 leaves it as it is"

new/bin/ruff check --isolated --fix-only session.py
grep -n "def __exit__" session.py
if new/bin/mypy session.py > told; then
  echo "changed: mypy accepts what ruff has made of it" >&2
  exit 1
fi
cat told
grep -q 'def __exit__(self, \*args: object)' session.py
test "$(grep -c 'arg-type' told)" -ge 1
echo "ruff's default, safe fix has made three type errors"
