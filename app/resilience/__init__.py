"""Deadlines, retries, circuit breakers, limits and queues: protection from slow and failed dependencies.

Knows neither HTTP nor SQL. Everything is safe by default, bounded and keyword-only, and rejects invalid arguments at
construction. It reports events to hooks as frozen objects; logging and metrics are built on those hooks elsewhere.
"""
