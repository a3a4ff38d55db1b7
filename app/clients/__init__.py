"""Clients of external systems, one module for each. Each has a timeout, and most have their own circuit breaker.

Clients raise application errors (``app.errs``). Durable data is only in PostgreSQL, never in these systems.
"""
