"""The service on one machine, with nothing installed but Python: an embedded PostgreSQL beside gunicorn.

`run.py` is what `make run` executes, `postgres.py` the database it starts, `child.py` what a process of ours becomes
before it executes its program, `steady.py` what starts the worker again. Standard library only: this runs before
anything else may be taken for granted.
"""
