"""Many datagrams in one system call, where Linux can: UDP_SEGMENT cuts what is sent, UDP_GRO joins what came in.

Only the number of calls changes. For each datagram to keep its boundaries, a batch has datagrams of one length, of
which only the last may be shorter, and none is empty. This file makes no system call.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

# linux/udp.h; Python has no names for them.
SOL_UDP: Final = 17
UDP_SEGMENT: Final = 103
UDP_GRO: Final = 104

# UDP_MAX_SEGMENTS of the kernels before 6.9; later ones take twice as many.
_MOST: Final = 64
_UINT16: Final = 2  # bytes of a length on its way out, by udp(7)
_INT: Final = 4  # and on its way in

# Room for what tells the length in a received batch, with its header.
ANCILLARY: Final = 64

Ancillary = Iterable[tuple[int, int, bytes]]

# A kernel without it; a datagram that would have to be split into fragments, which cannot be done to a batch; a device
# that cannot do checksums. None of the batch was sent.
REFUSALS: Final = frozenset({errno.EINVAL, errno.EMSGSIZE, errno.EIO, errno.EOPNOTSUPP, errno.ENOPROTOOPT})


def batch(datagrams: Sequence[bytes], limit: int) -> list[bytes]:
    """As many as can go together, from the front, one at least. `limit` is for the bytes of all of them."""
    first = datagrams[0]
    length = len(first)
    taken = [first]
    if length:
        for data in islice(datagrams, 1, min(_MOST, limit // length)):
            if not 0 < len(data) <= length:
                break
            taken.append(data)
            if len(data) < length:
                break
    return taken


def cut_at(length: int) -> list[tuple[int, int, bytes]]:
    """The ancillary data for sendmsg() with a batch of datagrams of this length (udp(7), UDP_SEGMENT)."""
    return [(SOL_UDP, UDP_SEGMENT, length.to_bytes(_UINT16, sys.byteorder))]


def split(data: bytes, ancillary: Ancillary) -> list[bytes]:
    """The datagrams that recvmsg() gave as one (udp(7), UDP_GRO)."""
    for level, kind, value in ancillary:
        if (level, kind) == (SOL_UDP, UDP_GRO):
            length = int.from_bytes(value[:_INT], sys.byteorder)
            return [data[start : start + length] for start in range(0, len(data), length)]
    return [data]
