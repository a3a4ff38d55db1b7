"""The texts of emails, which forks can edit: ``NAME.txt``, which starts with the subject, and ``NAME.html``.

Both are Jinja templates with the same content. Their variables are ``to``, ``token``, ``link`` (empty unless the
setting for it is set), ``public_url``, ``asked_at`` (the time of the request) and ``name``. Anyone can register any
address under any name, therefore ``displayed_name`` of ``clients.mail_renderer`` limits the name that an email shows.
"""
