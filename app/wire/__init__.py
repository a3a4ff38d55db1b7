"""The wire format that all transports share: schemas, filter and order grammar, page tokens, masks, strict JSON.

This package imports no Flask, HTTP or gRPC. It contains all messages for clients about their input.
"""
