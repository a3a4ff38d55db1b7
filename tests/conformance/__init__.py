"""A black-box suite of HTTP and error rules that can be pointed at any API in any language.

``python -m tests.conformance --url http://… --profile p.toml``. What lives here knows nothing of the house: it speaks
bytes over a socket (``wire``), knows what ``profile`` says, and judges by ``rules``, each with its source. General
rules hold what an RFC says, and in which words; those of our own contract are a second group, asked only of who claims
to keep it. Only the standard library, so that any Python 3.11 runs it; what starts servers to compare is in ``stock``.
"""
