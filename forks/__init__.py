"""Turns a clone into the repository of another product: ``make init NAME="Acme Orders"``.

``naming`` derives the names, ``renaming`` replaces them in all tracked files, ``initial_migration`` replaces the
migrations by one, and ``answers`` records the choices in ``fork.toml``. Uses nothing of the application but its models.
"""
