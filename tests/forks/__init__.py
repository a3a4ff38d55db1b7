"""Tests of ``forks``: a clone becomes the repository of another product."""
