"""TCP ports for the Unix sockets of instances, for a proxy without Unix sockets.

A connection is reset if its instance does not accept one, and ends when that of the instance ends.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: on, with no time."""
CHUNK: Final = 65_536


@contextmanager
def relayed(path: Path) -> Iterator[str]:
    """Yield host and port, whose connections lead to a Unix socket."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=512)) as listener:
        threading.Thread(target=_accept, args=(listener, path), daemon=True).start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, path: Path) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_connect, args=(client, path), daemon=True).start()


def _connect(client: socket.socket, path: Path) -> None:
    with closing(client), closing(socket.socket(socket.AF_UNIX)) as instance:
        try:
            instance.connect(str(path))
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return
        back = threading.Thread(target=_copy, args=(instance, client), daemon=True)
        back.start()
        _copy(client, instance)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until one side ends, and then end the other."""
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    for each, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with suppress(OSError):
            each.shutdown(how)
