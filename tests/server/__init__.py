"""One real gunicorn on loopback: what only a server on a socket can show, and what it refuses by itself."""
