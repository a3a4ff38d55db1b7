"""Systems outside: one a file, each bounded in time and behind a breaker of its own. Never a database of record.

What a client raises is an error of the house; what it can do without its system it does.
"""
