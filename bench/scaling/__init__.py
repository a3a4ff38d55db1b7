"""Candor's behavior with more rows, longer lists, more clients, more workers, and after many requests."""
