"""Logs, metrics, traces and the debug listener. They describe the service and make no decisions."""
