"""The service on one machine that has only Python: an embedded PostgreSQL and gunicorn.

`make run` executes `run.py`; `embedded_postgres.py` is its database, `exec_child.py` prepares each child process before
it executes its program, `supervisor.py` restarts the worker. Standard library and `app.product` only, because this
runs before the requirements are installed.
"""
