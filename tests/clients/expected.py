"""Messages of openapi-generator about the document, with the reasons for keeping the document unchanged."""

from typing import Final

BETA: Final = (
    "[main] WARN  o.o.codegen.DefaultCodegen - OpenAPI 3.1 support is still in beta. To report an issue related to 3.1 "
    "spec, please kindly open an issue in the Github repo: https://github.com/openAPITools/openapi-generator."
)
"""Printed for every OpenAPI 3.1 document."""
INLINE: Final = "[main] WARN  o.o.codegen.utils.ModelUtils - Failed to get the schema name: null"
"""The generator looks up the name of an inline schema, an array or a string; its output is still correct."""
