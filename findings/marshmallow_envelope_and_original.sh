#!/usr/bin/env bash
# marshmallow 4.4.0: a schema that takes an envelope off with pre_load(pass_collection=True), as its manual shows, and has a
# validates_schema(pass_original=True), loaded with many=True.
# Expected: the hook takes the envelope off, and each item is validated beside its original.
# Seen: ValueError (not ValidationError): items are paired strictly with the data before the hook.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check marshmallow==4.4.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

import marshmallow as ma


class Pet(ma.Schema):
    name = ma.fields.String(required=True)

    @ma.pre_load(pass_collection=True)
    def take_off(self, data, many, **_):
        return data["pets"] if many else data

    @ma.validates_schema(pass_original=True)
    def check(self, data, original, **_):
        pass


try:
    print(Pet(many=True).load({"pets": [{"name": "Ada"}, {"name": "Tom"}]}))
except ValueError as error:
    print(f"{type(error).__name__}: {error}")
    sys.exit(isinstance(error, ma.ValidationError))
sys.exit(1)
PROGRAM
