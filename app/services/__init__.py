"""Services. A method is one use case and one transaction, and declares its errors with ``@raises``. No Flask, no SQL.

Collaborators are passed to the constructor, as Protocols that the module of the service declares. A service does not
use other services.
"""
