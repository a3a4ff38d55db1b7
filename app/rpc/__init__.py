"""gRPC: the twin of rest, on the same ``wire`` and the same services. Neither of the two imports the other.

``proto`` is what clients are promised, ``gen`` what protoc makes of it (`make proto`). A call passes ``admission``,
then ``hooks`` in order, ``decoding``, a handler in ``handlers``, with ``messages`` on both sides of it; whatever is
raised on the way is answered by ``errors``. Nothing here is loaded but by ``flask rpc serve``.
"""
