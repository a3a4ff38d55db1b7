"""Quick starts of Flask and its extensions, as their users write them, on ``create_app()``: one idiom a test.

``IDIOMS_ON=flask`` runs them on a plain ``Flask`` application instead, which proves the expectations themselves. The
only additions to what a manual shows are the mark ``public`` or a token.
"""
