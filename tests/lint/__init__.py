"""Rules of this codebase that ruff does not have: ``python -m tests.lint [FILE …]``, a part of `make lint`.

A rule reads the syntax tree of one file, and yields lines with a sentence that contains what to write instead. Rules
that need imports or a database are tests in ``tests/law``.
"""
