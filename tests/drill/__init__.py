"""Faults against the real stack under load, and a judge of what became of every write: ``make drill``.

``stage`` is what faults may touch, ``faults`` are the faults, one function each; ``load`` asks, ``verdicts`` judges
each answer, ``history`` holds what clients were told against what the database says.
"""
