"""Pages for people: the catalogue of errors, the reference, the front page.

A page is an operation like any other, with a guard and declared errors; ``rendering`` makes it from a template. It
needs no other host, and no script except for searching, copying and trying out. Nothing of a request is ever shown.
"""
