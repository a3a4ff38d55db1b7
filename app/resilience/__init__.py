"""Time, and what to do when it runs out. Knows no HTTP; breaker, retry and retry budget move in here.

Safe by default, bounded, keyword-only; refuses nonsense at construction. It tells, it does not log.
"""
