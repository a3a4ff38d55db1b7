"""Tests of the image, ``compose.yaml`` and ``deploy/kubernetes``, with podman; ``make containers`` runs them.

No registry is necessary: ``mmdebstrap`` makes the base from Debian packages.
"""
