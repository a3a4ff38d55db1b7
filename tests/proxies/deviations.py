"""The rules of the conformance suite that a proxy breaks, whatever its configuration."""

from collections.abc import Mapping
from typing import Final

PARSER: Final = "HAProxy's parser rejects malformed HTTP with a fixed page, before the configuration applies"
GO: Final = "the HTTP parser of Go rejects malformed HTTP with a fixed text, before the configuration applies"
KNOWN: Final[Mapping[str, Mapping[str, str]]] = {
    "apache": {
        "F07": "Apache rejects unknown transfer codings with 500",
        "W14": "Apache joins folded lines, as RFC 9112 allows",
        "W15": "Apache rejects a NUL in a path as an unknown route",
    },
    "caddy": {
        **dict.fromkeys(("U01", "W14", "C1.1", "C1.3", "C4.1", "C4.2", "C16.2"), GO),
        "L02": "the HTTP parser of Go rejects an empty line before the request line",
        "T07": "the HTTP parser of Go accepts a fragment in a target, and sends it on as a part of the path",
    },
    "envoy": {
        **dict.fromkeys(("M12", "W02"), "Envoy's parser rejects unknown methods with 400"),
        "F07": "Envoy's parser rejects unknown transfer codings with 400",
        "W14": "Envoy's parser joins folded lines, as RFC 9112 allows",
    },
    "haproxy": {
        **dict.fromkeys(("U01", "W14", "C1.1", "C1.3", "C4.1", "C4.2"), PARSER),
        "F07": "HAProxy's parser rejects unknown transfer codings with 422",
    },
    "traefik": {
        **dict.fromkeys(("U01", "W14", "C1.1", "C1.3", "C4.1", "C4.2", "C16.2"), GO),
        **dict.fromkeys(("U08", "W12"), "Traefik rejects a large body without a document"),
        "F04": "the HTTP parser of Go leaves the connection open",
        "F10": "Traefik rejects an invalid chunk with 500",
        "L02": "the HTTP parser of Go rejects an empty line before the request line",
        "M08": "Traefik itself requests compressed content, for GET only",
    },
}
"""The rules that a proxy breaks, and the reasons."""
