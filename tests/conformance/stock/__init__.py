"""Two small servers as their frameworks' tutorials make them, and what runs them beside ours.

Each does what ours does (create, list, read, change and delete an item of unique title, with a bearer token) the way
a good developer would after an afternoon with the documentation: validation, 401, 404, 405 and 409, and no more. They
keep items in memory, and run in an environment of their own, which ``requirements.lock`` names.
"""
