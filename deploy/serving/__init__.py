"""What gunicorn does differently for us; `gunicorn.conf.py` puts it in place."""
