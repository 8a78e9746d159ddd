"""However the bytes come in pieces, and whoever is slow, the same bytes arrive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import given
from hypothesis import strategies as st

from sockcli.base.encodings import CrlfEncoder
from sockcli.base.endpoint import Address
from sockcli.base.outcome import Ending
from sockcli.net.transport import Events, NotReady
from sockcli.policy import Grant
from sockcli.stdio.sink import Sink
from sockcli.stdio.source import Source
from sockcli.telnet import TelnetCodec
from sockcli.transfer.relay import Relay, RelayOptions
from tests.transfer.relaying import HOST, grant

# None: nothing just now.
Piece = bytes | None


class ScriptedTransport:
    """Gives and takes pieces as the script says; its descriptor is always ready for both."""

    def __init__(self, fd: int, pieces: list[Piece], takes: list[int]) -> None:
        self._fd = fd
        self._pieces = list(pieces)
        self._takes = takes
        self._calls = 0
        self.taken = bytearray()
        self.eof_sent = False

    @property
    def grant(self) -> Grant:
        return grant()

    @property
    def peer(self) -> Address:
        return Address(HOST, 4000)

    @property
    def local(self) -> Address:
        return Address(HOST, 4001)

    def fileno(self) -> int:
        return self._fd

    def receive(self, limit: int = 65_536) -> bytes | NotReady:
        piece = self._pieces.pop(0) if self._pieces else b""
        if piece is None:
            return NotReady.WOULD_BLOCK
        assert len(piece) <= limit
        return piece or NotReady.EOF

    def send(self, data: memoryview) -> int | NotReady:
        assert data, "there is nothing to send"
        assert not self.eof_sent
        self._calls += 1
        # Always one byte in the end, or a script of zeros would never end.
        take = self._takes[self._calls % len(self._takes)] if self._calls % 10 else 1
        if not take:
            return NotReady.WOULD_BLOCK
        self.taken += data[:take]
        return len(data[:take])

    def pending(self) -> bool:
        return False

    def interest(self, want: Events) -> Events:
        return want

    def send_eof(self) -> None:
        self.eof_sent = True

    def close(self) -> None:
        raise AssertionError("the transport belongs to whoever opened it")


class ScriptedSource(Source):
    def __init__(self, fd: int, pieces: list[Piece]) -> None:
        super().__init__(fd)
        self._pieces = list(pieces)

    def read(self, limit: int = 65_536) -> bytes | NotReady:
        piece = self._pieces.pop(0) if self._pieces else b""
        if piece is None:
            return NotReady.WOULD_BLOCK
        assert len(piece) <= limit
        if not piece:
            self.ended = True
        return piece or NotReady.EOF


@contextmanager
def ready() -> Iterator[int]:
    fd = os.eventfd(1)
    try:
        yield fd
    finally:
        os.close(fd)


def relay(
    stdin: list[Piece], peer: list[Piece], takes: list[int], options: RelayOptions, codec: TelnetCodec | None = None
) -> tuple[bytes, bytes, Ending]:
    """What was sent, what was printed, and how it ended."""
    with ready() as socket_fd, ready() as stdin_fd, open(os.memfd_create("stdout"), "r+b", buffering=0) as stdout:
        transport = ScriptedTransport(socket_fd, peer, takes)
        sink = Sink(stdout.fileno())
        run = Relay(transport, ScriptedSource(stdin_fd, stdin), sink, options, codec=codec)
        ending = run.run()
        stdout.seek(0)
        printed = stdout.read()
        assert run.sent == len(transport.taken)
        assert run.received == len(joined(peer))
        assert transport.eof_sent == options.shutdown
        return bytes(transport.taken), printed, ending


def joined(pieces: list[Piece]) -> bytes:
    return b"".join(piece for piece in pieces if piece is not None)


def split(alphabet: str) -> st.SearchStrategy[list[Piece]]:
    return st.lists(st.none() | st.text(alphabet, min_size=1, max_size=6).map(lambda text: text.encode("latin-1")))


TAKES = st.lists(st.integers(0, 5), min_size=1, max_size=5)


@given(split("ab\r\n\x00\xff"), split("ab\r\n\x00\xff"), TAKES, st.booleans(), st.booleans())
def test_any_split_gives_the_same_bytes(
    stdin: list[Piece], peer: list[Piece], takes: list[int], crlf: bool, shutdown: bool
) -> None:
    sent, printed, ending = relay(stdin, peer, takes, RelayOptions(crlf=crlf, shutdown=shutdown))
    assert printed == joined(peer)
    assert sent == (CrlfEncoder().encode(joined(stdin)) if crlf else joined(stdin))
    assert ending in (Ending.PEER, Ending.INPUT)


@given(split("ab\r\n\x00\xff"), split("ab\r\n\x00\xff\xfd\xfb\xf1"), TAKES)
def test_any_split_gives_the_same_telnet(stdin: list[Piece], peer: list[Piece], takes: list[int]) -> None:
    options = RelayOptions(shutdown=False)  # or what is answered would depend on which end came first
    _, printed, _ = relay(stdin, peer, takes, options, TelnetCodec())
    _, expected, _ = relay([], [joined(peer)] if joined(peer) else [], takes, options, TelnetCodec())
    assert printed == expected


@given(split("ab\n"), TAKES)
def test_lines_with_a_pause_are_the_same_lines(stdin: list[Piece], takes: list[int]) -> None:
    sent, _, _ = relay(stdin, [], takes, RelayOptions(line_delay=1e-9))
    assert sent == joined(stdin)
