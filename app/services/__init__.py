"""A method is a use case and a transaction. No Flask, no SQL; each declares what it raises.

Collaborators come in through the constructor, as Protocols declared beside the service. A service knows no other.
"""
