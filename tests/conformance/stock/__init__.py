"""Two small servers as in their frameworks' tutorials, and the comparison with Candor.

Each can create, list, read, change and delete an item of unique title, with a bearer token, as Candor can, and as
a good developer would write them in an afternoon: validation, 401, 404, 405 and 409, and no more. They
keep items in memory, and run in a separate environment, which ``requirements.lock`` names.
"""
