"""Measurements of the service with more rows, longer lists, more clients and workers, and over many requests."""
