"""Describes the house and decides nothing: logs and metrics now; traces and the debug listener move in here."""
