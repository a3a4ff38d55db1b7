"""Quick starts of Flask and its extensions, as their users write them, on ``create_app()``: one idiom a test.

``IDIOMS_ON=flask`` runs them on a plain ``Flask`` application instead, which verifies the expectations. Compared with
the manuals, the code adds only the mark ``public`` or a token.
"""
