"""The service behind each reverse proxy that ``flask edge`` configures: the conformance suite, faults, slow clients.

``make edge PROXY=caddy`` runs everything with one proxy, and writes its table to ``docs/evidence/proxies.md``. Without
PROXY, the tests run with HAProxy, and the long ones are left to ``make nightly``. The instances are those of ``make
stack``, on their Unix sockets or on TCP; nginx of the stack runs too, and is not used.
"""
