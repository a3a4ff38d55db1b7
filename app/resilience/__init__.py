"""Time and what to do when it runs out, and what to do with a dependency that fails. Knows no HTTP and no SQL.

Safe by default, bounded, keyword-only; refuses nonsense at construction. It tells its hooks frozen facts; logs and
metrics are made of them elsewhere.
"""
