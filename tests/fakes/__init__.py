"""In-memory stand-ins for what services are handed; contract tests hold them against PostgreSQL."""
