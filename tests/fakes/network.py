"""A network between the application and PostgreSQL that tests can stop."""

import select
import socket
import threading


class Proxy:
    """A proxy of PostgreSQL that can stop forwarding, as if the server had been stopped."""

    def __init__(self, host: str, port: int, *, listener: socket.socket | None = None) -> None:
        """Forward the connections of ``listener``, a bound socket, to this server; by default, of a new socket."""
        self._server = (host, port)
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self.flows = threading.Event()
        self.flows.set()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._ended = False
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop forwarding permanently."""
        self._ended = True
        self._thread.join()
        for each in (self._listener, *self._pairs):
            each.close()

    def _carry(self) -> None:
        while not self._ended:
            if not self.flows.wait(0.05):
                continue
            for ready in select.select([self._listener, *self._pairs], [], [], 0.05)[0]:
                if ready is self._listener:
                    client, server = ready.accept()[0], socket.create_connection(self._server)
                    self._pairs |= {client: server, server: client}
                elif ready in self._pairs:
                    self._pass_on(ready)

    def _pass_on(self, source: socket.socket) -> None:
        try:
            data = source.recv(65536)
            self._pairs[source].sendall(data)
        except OSError:
            data = b""
        if not data:
            peer = self._pairs.pop(source)
            del self._pairs[peer]
            source.close()
            peer.close()
