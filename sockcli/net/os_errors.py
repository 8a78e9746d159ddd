"""A socket's OSError as an error of ours: translated here and nowhere else."""

from __future__ import annotations

import errno
import os
from typing import Final

from sockcli.base.formatting import uncapitalized
from sockcli.errors import LocalFailure, SockcliError, TimedOut, Unreachable


class NoDescriptors(LocalFailure):
    """This process or the machine has no descriptors or memory left. It may have some again in a moment."""


RAISE_LIMIT: Final = "close other programs or raise the limit (ulimit -n)"

_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_LOCAL = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT})

_PLAIN = {
    errno.ECONNRESET: "connection reset by the peer",
    errno.EPIPE: "the peer closed the connection and takes no more",
    errno.ETIMEDOUT: "the peer no longer answers",
}


def reason(exc: OSError) -> str:
    """What the kernel said, in plain words that can stand in the middle of a sentence."""
    if exc.errno is None:
        return str(exc)
    return uncapitalized(_PLAIN.get(exc.errno) or os.strerror(exc.errno))


def lacks_descriptors(exc: OSError) -> bool:
    return exc.errno in _NO_DESCRIPTORS


def translate(exc: OSError, doing: str) -> SockcliError:
    """The error of ours for a socket's OSError. `doing` is what failed, as `connection with 127.0.0.1:80`.

    The caller raises the result `from exc`.
    """
    sentence = f"{doing}: {reason(exc)}"
    if lacks_descriptors(exc):
        return NoDescriptors(sentence, hint=RAISE_LIMIT)
    if exc.errno in _LOCAL:
        return LocalFailure(sentence)
    if exc.errno == errno.ETIMEDOUT:
        # The kernel gave up on the peer. None of the user's limits passed, but to a script it is a time-out as well.
        return TimedOut(sentence)
    return Unreachable(sentence)
