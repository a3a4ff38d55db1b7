"""Starting, supervising and fronting the service; nothing here serves a request.

Nothing here imports `app`, and `app` imports nothing from here: their interface is environment variables and files.
"""
