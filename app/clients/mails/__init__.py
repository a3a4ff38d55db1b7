"""The texts of mails, for a fork to edit: of each kind ``NAME.txt``, which begins with the subject, and ``NAME.html``.

Both are Jinja templates and say the same. They may use ``to``, ``token``, ``link`` (empty unless the setting for it is
set), ``public_url``, ``asked_at``, ``name``. Anyone can register any address under any name, so ``displayed_name`` of
``clients.mail_renderer`` limits how much of the name an email shows.
"""
