"""Configuration of reverse proxies, generated from the error catalogue, the operations and the settings.

``description`` has the common parts: the problem documents for responses of the proxy itself, limits, timeouts, and the
requests that can be sent twice. Each other module writes them in the syntax of one proxy. ``flask edge`` prints the
result. No configuration contains text from a request, except the request ID, whose form is checked.
"""
