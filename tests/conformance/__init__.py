"""A black-box suite of HTTP and error rules that can be pointed at any API in any language.

``python -m tests.conformance --url http://… --profile p.toml``. The suite does not depend on the application: it sends
bytes over a socket (``wire``), reads a ``profile`` of the API, and judges by ``rules``, each with its source. General
rules state the requirements of RFCs, with their keywords; rules of Candor's contract are a second group, only for APIs
that claim to follow it. Only the standard library, so any Python 3.11 runs it; ``stock`` starts servers to compare.
"""
