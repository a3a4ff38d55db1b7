"""Tests with real processes, started as from a shell, and observed from outside."""
