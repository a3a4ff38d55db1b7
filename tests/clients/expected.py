"""What openapi-generator says of the document, with the reason for which it stays so."""

from typing import Final

BETA: Final = (
    "[main] WARN  o.o.codegen.DefaultCodegen - OpenAPI 3.1 support is still in beta. To report an issue related to 3.1 "
    "spec, please kindly open an issue in the Github repo: https://github.com/openAPITools/openapi-generator."
)
"""Said of every document of OpenAPI 3.1."""
INLINE: Final = "[main] WARN  o.o.codegen.utils.ModelUtils - Failed to get the schema name: null"
"""The generator asks for the name of a schema that has none, an array or a text; what it makes of it is right."""
