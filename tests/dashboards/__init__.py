"""The dashboards in ``deploy/grafana`` with data: a Prometheus server for tests, and charts of its results as SVG."""
