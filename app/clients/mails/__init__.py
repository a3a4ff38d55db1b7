"""The texts of mails, for a fork to edit: of each kind ``NAME.txt``, which begins with the subject, and ``NAME.html``.

Both are Jinja templates and say the same. They may use ``to``, ``token``, ``link`` (empty unless the setting for it is
set), ``public_url``, ``asked_at`` and ``name``. A stranger may have typed the name: ``shown`` of ``clients.letters``
decides how much of it a mail shows, because anybody can have us write to anybody.
"""
