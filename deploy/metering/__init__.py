"""Metrics of several workers as one response, which survive crashes of workers.

Each worker writes into files with its index (`metrics_folder.py`); `exporter.py` is a separate process that adds them
up on METRICS_PORT; `exporter_supervisor.py` runs it from gunicorn's master.
"""
