"""Typical mistakes, the check that finds each, and the sentence that says what to write instead."""
