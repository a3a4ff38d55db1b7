"""Benchmarks of the service against a baseline and six frameworks, by layer, and with more rows, clients and workers.

``python -m bench`` compares the servers. ``bench.cost`` measures each layer of a request. ``bench.guard`` compares the
cost of a request with the record. ``bench.scaling`` increases rows, list lengths, clients and workers. The figure is
CPU time per request of all processes of a server, because other programs on the machine hardly change it. Everything
runs on loopback, within limits, and ends on its own.
"""
