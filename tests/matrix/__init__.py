"""The support matrix: a part of the test suite in containers of each supported combination; ``make matrix`` runs it.

A row is a Debian with its own Python, nginx and Redis or Valkey, and a PostgreSQL. ``mmdebstrap`` makes the images from
Debian packages. Each row that has run is written to ``docs/evidence/matrix.md``, failures included.
"""
