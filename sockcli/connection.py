"""A transport with waiting added: what a program that uses sockcli as a library holds.

`Transport` never waits, because a relay and an event loop drive it; a script wants calls that do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.endpoint import Address
from sockcli.base.interrupts import Cancellation
from sockcli.base.poller import NO_INTERRUPT, Interrupt, wait
from sockcli.errors import ExitCode, Interrupted, SockcliError, TimedOut
from sockcli.net.transport import CHUNK, WANT_READ, WANT_WRITE, Events, NotReady, Transport
from sockcli.policy import Grant, GrantEnd

Handler = Callable[[bytes], None]
CloseHandler = Callable[[BaseException | None], None]


class Connection:
    """A TCP connection or a connected UDP socket that the manifest allowed, with calls that wait.

    Time limits are in seconds; None waits for ever. Every call raises Unreachable when the connection is lost, and
    every call that waits raises Interrupted when `interrupt` says so.
    """

    def __init__(self, transport: Transport, interrupt: Interrupt = NO_INTERRUPT) -> None:
        self._transport = transport
        self._interrupt = interrupt
        self._reader: _ReceivingThread | None = None
        self._sent = 0
        self._received = 0
        self._exit_code = ExitCode.OK
        self._is_closed = False

    @property
    def peer(self) -> Address:
        return self._transport.peer

    @property
    def local(self) -> Address:
        return self._transport.local

    @property
    def grant(self) -> Grant:
        """What allowed it: the request and the rule."""
        return self._transport.grant

    def send(self, data: bytes | memoryview, *, timeout: float | None = None) -> int:
        """Send what the kernel takes now, waiting until it takes something; the number of bytes taken.

        On UDP that is the datagram or nothing. Raises TimedOut.
        """
        view, deadline = memoryview(data).cast("B"), Deadline(timeout)
        with self._failure_kept():
            while isinstance(taken := self._transport.send(view), NotReady):
                self._wait(WANT_WRITE, deadline, "nothing could be sent")
        self._sent += taken
        return taken

    def send_all(self, data: bytes | memoryview, *, timeout: float | None = None) -> None:
        """Send all of `data`. Raises TimedOut, after which it is not known how much was sent."""
        view, deadline = memoryview(data).cast("B"), Deadline(timeout)
        while view := view[self.send(view, timeout=deadline.remaining()) :]:
            pass

    def send_eof(self) -> None:
        """Half-close: tell the peer that nothing more is coming. It may still send."""
        self._transport.send_eof()

    def receive(self, limit: int = CHUNK, *, timeout: float | None = None) -> bytes | None:
        """What has come in, at most `limit` bytes, or one whole datagram (b"" is one too); None at the end.

        Raises TimedOut, and RuntimeError where a handler already receives.
        """
        if self._reader is not None:
            raise RuntimeError("what comes in goes to the handler given to on_receive")
        deadline = Deadline(timeout)
        with self._failure_kept():
            while (data := self._transport.receive(limit)) is NotReady.WOULD_BLOCK:
                self._wait(WANT_READ, deadline, "nothing came")
        if not isinstance(data, bytes):
            return None
        self._received += len(data)
        return data

    def __iter__(self) -> Iterator[bytes]:
        while (data := self.receive()) is not None:
            yield data

    def on_receive(self, handler: Handler, on_close: CloseHandler | None = None) -> None:
        """From now on call `handler` with what comes in, on a thread of the connection's own.

        `on_close` is called once, last, whatever ended it: with None at the peer's end or after `close`, else with
        the error. That is a SockcliError when the connection is lost. What `handler` itself raises is reported as well,
        as for any thread (`threading.excepthook`). Raises RuntimeError where there is a handler already.
        """
        if self._reader is not None:
            raise RuntimeError("the connection has a handler already")

        def counted(data: bytes) -> None:
            self._received += len(data)
            handler(data)

        self._reader = _ReceivingThread(self._transport, counted, on_close)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the handler given to `on_receive` was called for the last time. Raises TimedOut."""
        if self._reader is not None and not self._reader.join(timeout):
            raise TimedOut(f"{self.peer}: it did not end within {timeout:g} s")

    def close(self) -> None:
        """Close it, and end the handler's thread; again is harmless.

        The policy's observer is told how it ended: with the last failure of a call, if there was one. Raises what the
        observer raises.
        """
        if self._reader is not None:
            self._reader.stop()
        self._transport.close()
        if not self._is_closed:
            self._is_closed = True
            self.grant.ended(GrantEnd(self.peer, self._sent, self._received, self._exit_code))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @contextmanager
    def _failure_kept(self) -> Iterator[None]:
        try:
            yield
        except SockcliError as exc:
            self._exit_code = exc.exit_code
            raise

    def _wait(self, want: Events, deadline: Deadline, what: str) -> None:
        if want == WANT_READ and self._transport.pending():
            return
        if not wait([(self._transport.fileno(), self._transport.interest(want))], deadline, self._interrupt):
            raise TimedOut(f"{self.peer}: {what} within {deadline.seconds:g} s")


class _ReceivingThread:
    """The thread behind `on_receive`. `stop` ends its wait, so that closing never waits for the peer."""

    def __init__(self, transport: Transport, handler: Handler, on_close: CloseHandler | None) -> None:
        self._transport = transport
        self._handler = handler
        self._on_close = on_close
        self._stop = Cancellation()
        self._lock = threading.Lock()  # of `_stop`: the handler and the program may close at the same time
        self._thread = threading.Thread(target=self._run, name=f"sockcli {transport.peer}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait until it has ended, unless it is the handler itself that asks."""
        with self._lock:
            self._stop.cancel()
        self.join(None)

    def join(self, timeout: float | None) -> bool:
        """Whether the thread has ended, or is the one that asks: a handler may close its own connection."""
        if threading.current_thread() is self._thread:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._read()
        except SockcliError as exc:
            error = exc
        except BaseException as exc:
            error = exc  # the handler's; `threading.excepthook` reports it
            raise
        finally:
            with self._lock:
                self._stop.close()
            if self._on_close is not None:
                self._on_close(error)

    def _read(self) -> None:
        while not self._stop.cancelled:
            data = self._transport.receive()
            if isinstance(data, bytes):
                self._handler(data)
            elif data is NotReady.EOF:
                return
            elif not self._transport.pending():
                events = self._transport.interest(WANT_READ)
                try:
                    wait([(self._transport.fileno(), events)], NEVER, self._stop)
                except Interrupted:
                    return
