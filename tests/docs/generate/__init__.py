"""Pages of the reference that are generated from the code: ``python -m tests.docs.generate`` writes docs/reference.

Each module has a function ``page`` that returns a page as Markdown. Production does not need this package.
"""
