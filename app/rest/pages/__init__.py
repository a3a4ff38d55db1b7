"""HTML pages: the error catalogue, the API reference, the index page.

A page is an ordinary operation with a scope and declared errors. ``rendering`` renders it from a template. It uses no
other host, and scripts only for search, copying and trying operations. It never shows data from a request.
"""
