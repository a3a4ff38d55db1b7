"""How the floor and the peers on WSGI are served: as ours are, by one worker with sixteen threads."""

worker_class = "gthread"
workers = 1
threads = 16
keepalive = 75
control_socket_disable = True
loglevel = "warning"
