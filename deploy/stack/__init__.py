"""The whole deployment on one machine: PostgreSQL, two production instances behind nginx, as under systemd.

`make stack` executes `run.py`; `reverse_proxy.py` builds nginx's configuration from the files in `deploy/nginx`,
`instance.py` is one gunicorn. Standard library and `app.product` only, as in `deploy/local`, whose launcher it uses.
"""
