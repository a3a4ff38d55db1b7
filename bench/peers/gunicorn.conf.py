"""gunicorn's settings for the baseline and the WSGI peers, as Candor's: one worker with sixteen threads."""

worker_class = "gthread"
workers = 1
threads = 16
keepalive = 75
control_socket_disable = True
loglevel = "warning"
