"""``flask status``: a table of a running system, from the metrics of its instances and from PostgreSQL.

``scrape`` fetches metrics, ``rates`` compares scrapes, ``report`` collects both into one value, ``table`` renders it.
Nothing here changes the system.
"""
