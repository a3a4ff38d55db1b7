"""In-memory versions of the collaborators of services; contract tests compare them with PostgreSQL."""
