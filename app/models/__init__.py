"""Typed models and their invariants, and the questions that may be asked of them. No Flask, no session."""
