"""The WSGI entry point: ``gunicorn wsgi:app``, and where the ``flask`` command finds the application."""

import sys

from app import create_app
from app.config import InvalidSettings
from app.resilience import allocator

allocator.settle()

try:
    app = create_app()
except InvalidSettings as faults:
    sys.exit(str(faults))
