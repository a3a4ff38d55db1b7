"""Faults of several machines, each a network namespace of Linux: ``make drill-cluster``.

``network`` has the machines and their links, ``postgres`` three nodes under Patroni and etcd, ``service`` the ways to
them, two instances and nginx. ``faults`` has one function for each fault; ``oracle`` is another client of PostgreSQL,
with a new connection for each write; ``measure`` compares the two.
"""
