"""How the metrics of several workers become one answer, and go on through their crashes.

Each worker writes into files of its number (`files.py`); `exporter.py` is a process of its own that adds them up on
METRICS_PORT; `keeper.py` is what gunicorn's master does to have it.
"""
