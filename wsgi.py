"""The WSGI entry point: ``gunicorn wsgi:app``. The ``flask`` command also loads the application from here."""

import sys

from app import create_app
from app.config import InvalidSettings
from app.resilience import allocator

allocator.settle()

try:
    app = create_app()
except InvalidSettings as faults:
    sys.exit(str(faults))
