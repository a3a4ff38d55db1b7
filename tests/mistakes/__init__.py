"""Typical mistakes, the check that finds each, and the sentence with what to write instead."""
