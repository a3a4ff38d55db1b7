"""Benchmarks: Candor, a baseline and other servers; the layers of a request; growing rows, clients and workers.

``python -m bench`` compares, ``bench.cost`` measures the layers of a request, ``bench.guard`` compares with the record,
and ``bench.scaling`` increases the load. The figure is CPU time per request of a server's whole process tree,
because other programs on the machine hardly affect it; everything runs on loopback, bounded, and ends by itself.
"""
