"""Describes the house and decides nothing: logs now; metrics, traces and the debug listener move in here."""
