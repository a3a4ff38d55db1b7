"""Collections in PostgreSQL: get raises, find may return None, add, page, remove.

A repository never commits, and reads select columns in autocommit. Driver errors become errs in ``translate`` and
nowhere else.
"""
