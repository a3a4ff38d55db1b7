"""gRPC: the twin of rest, on the same ``wire`` and the same services. Neither of the two imports the other.

``proto`` is what clients are promised, ``gen`` what protoc makes of it (`make proto`).
"""
