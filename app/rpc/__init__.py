"""gRPC, on the same ``wire`` and the same services as ``rest``. Neither of the two imports the other.

``proto`` has the messages that clients rely on; protoc generates ``gen`` from it (``make proto``). A call passes
``admission``, the ``hooks`` in order, ``decoding``, a handler of ``handlers`` and ``messages`` in both directions.
``errors`` translates each error into a status. Only ``flask rpc serve`` imports this package.
"""
