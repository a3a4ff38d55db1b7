"""The whole deployment on one machine: PostgreSQL, two production instances behind nginx, as systemd would run them.

`run.py` is what `make stack` executes, `front.py` makes nginx's configuration out of the files in `deploy/nginx`,
`instance.py` is one gunicorn. Standard library only, as in `deploy/local`, whose launcher this stands on.
"""
