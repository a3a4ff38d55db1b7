"""Tests of a real gunicorn on loopback: behavior that needs a socket, and errors of the server itself."""
