"""Collections in PostgreSQL: get raises, find may return None, add, page, remove.

A repository never commits, and reads are ``prepared``: rows of columns, in autocommit, by the driver alone. Driver
errors become errs in ``translate`` and nowhere else.
"""
