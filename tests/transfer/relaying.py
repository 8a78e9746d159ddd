"""A relay on a real connection and real pipes, running beside the test that plays both of its ends."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from sockcli.base.byte_queue import HIGH_WATER
from sockcli.base.endpoint import Address, Host, Operation
from sockcli.base.outcome import Ending
from sockcli.errors import Interrupted, SockcliError
from sockcli.net.stream import TcpTransport
from sockcli.net.transport import Transport
from sockcli.policy import Effect, Grant, PlacedRule, Policy, Request, Rule
from sockcli.stdio.sink import OutputFilter, Sink
from sockcli.stdio.source import Source
from sockcli.stdio.tap import Tap
from sockcli.transfer.interfaces import Codec
from sockcli.transfer.relay import Relay, RelayOptions
from tests.waiting import PATIENCE

HOST = Host.parse("127.0.0.1")


def grant() -> Grant:
    policy = Policy([PlacedRule(Rule.parse("tcp-connect"), Effect.ALLOW, "permissions[0].socket[0]")])
    return policy.authorize(Request(Operation.TCP_CONNECT, HOST, 4000))


class Outcome:
    """What a function did that runs beside the test. A thread that hangs does not hold up the test run."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._function()
        except BaseException as exc:  # noqa: BLE001 - for the test to see
            self._error = exc

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def result(self) -> Any:
        self._thread.join(PATIENCE)
        assert not self.running, "still running"
        if self._error is not None:
            raise self._error
        return self._value


class Button:
    """An interrupt, pressed by the test."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._pressed = False

    def fileno(self) -> int:
        return self._read

    def check(self) -> None:
        if self._pressed:
            raise Interrupted(2)

    def press(self) -> None:
        self._pressed = True
        os.write(self._write, b"!")

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


class Session:
    """One relay with its ends: `peer` is a socket, `stdin` and `stdout` are the far ends of pipes."""

    def __init__(self, stack: ExitStack, kernel_transfers: bool) -> None:
        self._stack = stack
        self.kernel_transfers = kernel_transfers
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname(), PATIENCE)
            self.peer = stack.enter_context(listener.accept()[0])
        self.peer.settimeout(PATIENCE)
        host, port = ours.getpeername()
        self.ours = ours
        self.transport = TcpTransport(ours, grant(), Address(Host.parse(host), port))
        stack.callback(self.transport.close)
        self.stdin_read, self.stdin = self._pipe()
        self.stdout, self.stdout_write = self._pipe()
        self.button = Button()
        stack.callback(self.button.close)
        self.source: Source | None = None
        self.relay: Relay | None = None
        self._outcome: Outcome | None = None

    def _pipe(self) -> tuple[int, int]:
        read, write = os.pipe()
        return self.keep(read), self.keep(write)

    def keep(self, fd: int) -> int:
        """Close it at the end of the test."""
        self._stack.callback(_close, fd)
        return fd

    def start(
        self,
        options: RelayOptions = RelayOptions(),  # noqa: B008
        *,
        source: Source | None = None,
        stdout: int | None = None,
        transport: Transport | None = None,
        output_filter: OutputFilter | None = None,
        taps: Sequence[Tap] = (),
        codec: Codec | None = None,
        on_event: Callable[[object], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.source = source or Source(self.stdin_read)
        sink = Sink(self.stdout_write if stdout is None else stdout, output_filter=output_filter)
        self.relay = Relay(
            transport or self.transport,
            self.source,
            sink,
            options,
            taps=taps,
            codec=codec,
            on_event=on_event,
            on_progress=on_progress,
            interrupt=self.button,
            kernel_transfers=self.kernel_transfers,
        )
        self._stack.callback(sink.close)
        self._outcome = Outcome(self.relay.run)
        self._stack.callback(self._stop)

    def _stop(self) -> None:
        """What still runs would go on with the descriptors of the next test, which have the same numbers."""
        if self.running:
            self.button.press()
            with suppress(SockcliError):
                self.finish()

    @property
    def running(self) -> bool:
        assert self._outcome is not None
        return self._outcome.running

    @property
    def received(self) -> int:
        return 0 if self.relay is None else self.relay.received

    @property
    def stdout_is_full(self) -> bool:
        """The relay holds all that it may, or has left the rest to the kernel."""
        assert self.relay is not None
        return self.relay._receiving.output_blocked and (
            self.kernel_transfers or self.relay._sink.pending >= HIGH_WATER
        )

    def finish(self) -> Ending:
        assert self._outcome is not None
        ending = self._outcome.result()
        assert isinstance(ending, Ending)
        return ending

    def type(self, data: bytes) -> None:
        assert os.write(self.stdin, data) == len(data)

    def end_input(self) -> None:
        os.close(self.stdin)

    def printed(self, size: int) -> bytes:
        """The next `size` bytes of stdout."""
        data = bytearray()
        while len(data) < size:
            data += os.read(self.stdout, size - len(data))
        return bytes(data)

    def rest(self) -> bytes:
        """All that is in stdout now, after the relay ended: at most what a pipe holds."""
        os.set_blocking(self.stdout, False)
        with suppress(BlockingIOError):
            return os.read(self.stdout, 1 << 20)
        return b""

    def reset(self) -> None:
        """Break the connection from the peer's side."""
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.close()


def _close(fd: int) -> None:
    with suppress(OSError):  # the test itself closed it
        os.close(fd)


@contextmanager
def new_session(*, kernel_transfers: bool = True) -> Iterator[Session]:
    """With or without the kernel moving bytes by itself, which must make no difference."""
    with ExitStack() as stack:
        yield Session(stack, kernel_transfers)
