#!/usr/bin/env bash
# jsonsubschema 0.0.8 and its fork ghga-jsonsubschema 0.2.1 decide whether every value of one JSON Schema fits another.
# Strings of at most 200 characters are no subset of strings of at most 100, and both say so. With the same `pattern` in
# both schemas they say the opposite, although a string of 150 letters fits the first only: beside a pattern, maxLength and
# minLength do not count. Whoever compares two versions of an API with them misses a limit that was lowered.
# (The validator of jsonschema 4.26.0 shows that the counterexample is one.)
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/old"
"${PYTHON:-python3}" -m venv "$folder/fork"
"$folder/old/bin/pip" install -q --disable-pip-version-check jsonsubschema==0.0.8 setuptools==80.9.0
"$folder/fork/bin/pip" install -q --disable-pip-version-check ghga-jsonsubschema==0.2.1 jsonschema==4.26.0
cat > "$folder/compare.py" <<'PROGRAM'
import jsonsubschema

is_subschema = getattr(jsonsubschema, "isSubschema", None) or jsonsubschema.is_subschema

DIALECT = {"$schema": "http://json-schema.org/draft-04/schema#", "type": "string"}


def answer(**pattern):
    return is_subschema({**DIALECT, "maxLength": 200, **pattern}, {**DIALECT, "maxLength": 100, **pattern})


print("without a pattern:", answer())
print("with one:", answer(pattern="^[a-z]*$"))
PROGRAM
cat > "$folder/counterexample.py" <<'PROGRAM'
from jsonschema import Draft202012Validator

schema = {"type": "string", "pattern": "^[a-z]*$"}
print(*(Draft202012Validator({**schema, "maxLength": most}).is_valid("a" * 150) for most in (200, 100)))
PROGRAM
test "$("$folder/fork/bin/python" "$folder/counterexample.py")" = "True False"
status=0
for name in old fork; do
  seen="$("$folder/$name/bin/python" -W ignore "$folder/compare.py")"
  echo "$name: $seen"
  [ "$seen" = $'without a pattern: False\nwith one: True' ] || status=1
done
exit "$status"
