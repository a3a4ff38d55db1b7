#!/usr/bin/env bash
# flask-smorest 0.47.0: an operation with arguments from a form and from files, which is one multipart request.
# Expected: OpenAPI lists the fields of both in the request body.
# Seen: the body has the fields of the files only; those of the form become parameters "in: formData", which OpenAPI 3
# does not have (2.0 had it).
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check flask==3.1.3 flask-smorest==0.47.0 marshmallow==4.4.0 \
  apispec==6.10.1 webargs==8.7.1
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

import marshmallow as ma
from flask import Flask
from flask_smorest import Api, Blueprint
from flask_smorest.fields import Upload

app = Flask(__name__)
app.config.update(API_TITLE="Pets", API_VERSION="1", OPENAPI_VERSION="3.0.3")
api, blueprint = Api(app), Blueprint("pets", __name__)


class About(ma.Schema):
    name = ma.fields.String()


class Picture(ma.Schema):
    picture = Upload()


@blueprint.route("/pets", methods=["POST"])
@blueprint.arguments(About, location="form")
@blueprint.arguments(Picture, location="files")
@blueprint.response(204)
def create(about, files):
    pass


api.register_blueprint(blueprint)
operation = api.spec.to_dict()["paths"]["/pets"]["post"]
print("request body:", operation.get("requestBody"))
print("parameters:", operation.get("parameters"))
sys.exit(not any(each["in"] == "formData" for each in operation.get("parameters", ())))
PROGRAM
