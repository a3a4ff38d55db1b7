"""What every transport says and understands: schemas, filter and order grammar, page tokens, masks, strict JSON.

No Flask, no HTTP and no gRPC here. A sentence that a client reads about its input is written on this floor.
"""
