"""What is written in mails: a template each, its first line the subject, then paragraphs.

A paragraph that is indented is something to copy. Nothing that a stranger has typed belongs into one, such as the name
of a new user: everybody can have us write to everybody.
"""
