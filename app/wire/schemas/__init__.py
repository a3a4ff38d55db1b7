"""The wire form of each resource, once: what is read, what is written, and what OpenAPI says of it."""
