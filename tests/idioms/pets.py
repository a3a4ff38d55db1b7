"""The schemas of flask-smorest's quick start."""

import marshmallow as ma
from marshmallow import fields as mf


class PetSchema(ma.Schema):
    """A pet."""

    id = mf.Int(dump_only=True)
    name = mf.String(required=True)


class PetQueryArgsSchema(ma.Schema):
    """Query parameters of a search for pets."""

    name = mf.String()
