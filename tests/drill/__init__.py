"""Faults in the real deployment under load, and the reconciliation of every write: ``make drill``.

``environment`` is the interface of the faults, ``faults`` has one function each; ``load`` sends requests, ``verdicts``
judges each response, ``history`` compares the responses of writes with the rows of the database,
``linearizability`` searches an order that explains all responses about one object.
"""
