"""How the house is brought up. What lives here starts, supervises or fronts the service; none of it serves a request.

Nothing here imports `app`, and `app` imports nothing from here: they meet only in environment variables and files.
"""
