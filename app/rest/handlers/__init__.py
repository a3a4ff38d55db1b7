"""The handlers, one blueprint per resource. A handler decodes, calls and encodes; no branch, no query, no ``try``."""
