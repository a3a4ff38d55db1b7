"""Repositories: collections in PostgreSQL. ``get`` raises, ``find`` may return ``None``; ``add``, ``page``, ``remove``.

A repository never commits. Reads are compiled statements (``compiled_statement``): rows of columns, in autocommit,
sent by the driver alone. Only ``error_translation`` translates errors of the driver to application errors.
"""
