"""A blueprint per resource. A handler is three beats: decode, call, encode; no branch, no query, no try."""
