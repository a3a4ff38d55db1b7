"""Dashboards for Grafana: ``dashboards.toml`` describes them, ``generate.py`` writes ``dashboards/*.json``."""
