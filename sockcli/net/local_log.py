"""Lines for a log daemon of this machine, over its Unix socket: nothing here leaves the machine."""

from __future__ import annotations

import errno
import socket
from typing import Final

# Seconds to wait for a daemon that takes nothing: longer than one that is busy, shorter than anyone's patience.
_PATIENCE: Final = 5.0


class LocalLog:
    """A socket of datagrams at a path. A daemon that was started anew since is found again."""

    def __init__(self, path: str) -> None:
        """Raises OSError where nobody listens at `path`."""
        self._path = path
        self._socket = _connected(path)

    def write(self, message: bytes) -> None:
        """One datagram. Raises OSError: then it was not taken."""
        try:
            self._socket.send(message)
        except OSError as exc:
            # Refused where the daemon went away, and not connected from the second time on.
            if exc.errno not in (errno.ECONNREFUSED, errno.ECONNRESET, errno.ENOTCONN):
                raise
            anew = _connected(self._path)
            self._socket.close()
            self._socket = anew
            anew.send(message)

    def close(self) -> None:
        self._socket.close()


def _connected(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        sock.settimeout(_PATIENCE)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock
