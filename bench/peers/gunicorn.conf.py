"""gunicorn settings of the baseline and the WSGI frameworks: one worker with 16 threads, as for this service."""

worker_class = "gthread"
workers = 1
threads = 16
keepalive = 75
control_socket_disable = True
loglevel = "warning"
