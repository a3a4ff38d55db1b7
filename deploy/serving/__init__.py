"""Changes to gunicorn's behavior, which `gunicorn.conf.py` applies."""
