"""`sockcli tcp` in a pipe: stdin and stdout on a connection, or with `--keep-open` on one peer after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sockcli.base.connect_options import ListenOptions
from sockcli.base.outcome import Ending
from sockcli.cli.pipe_output import Driver, PipeOutput, prepare
from sockcli.cli.request import TcpRun
from sockcli.cli.settings import RunSettings, report
from sockcli.errors import ProtocolError, SockcliError, TimedOut, Unreachable
from sockcli.net.listen import TcpListener, accept_next
from sockcli.net.transport import Transport
from sockcli.policy import GrantEnd
from sockcli.stdio.progress import Progress, progress
from sockcli.stdio.source import Source
from sockcli.transfer.relay import Relay

if TYPE_CHECKING:
    from sockcli.telnet import TelnetCodec


def run_tcp(settings: RunSettings, output: PipeOutput, run: TcpRun) -> None:
    """Raises SockcliError."""
    engine, grant = prepare(settings, output, run.request, run.deadline, _own_ports(run))
    with TcpPipe(settings, output, run) as pipe:
        if isinstance(run.opening, ListenOptions):
            pipe.accept(engine.listen(grant, run.opening))
        else:
            pipe.relay(engine.open(grant, run.opening))


def _own_ports(run: TcpRun) -> list[int]:
    """The local port that `--source` names."""
    source = None if isinstance(run.opening, ListenOptions) else run.opening.source
    return [] if source is None or source.port is None else [source.port]


class TcpPipe:
    """Stdin and stdout, for one connection or for one after the other."""

    def __init__(self, settings: RunSettings, output: PipeOutput, run: TcpRun) -> None:
        self._settings = settings
        self._output = output
        self._run = run
        self._source = Source()
        self._progress = self._shown_progress()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._progress is not None:
            self._progress.close()

    def _shown_progress(self) -> Progress | None:
        choice = self._run.progress
        if choice is None and (self._settings.quiet or self._run.probe):
            choice = False
        shown = progress(choice, None if self._run.relay.recv_only else self._source)
        sink = self._output.sink
        if shown is not None and sink.filter is not None and self._output.on_terminal:
            sink.filter = shown.beside(sink.filter)
        return shown

    def accept(self, listener: TcpListener) -> None:
        """Wait for a peer and relay; with `--keep-open` again and again, also after a connection that failed."""
        keep_open = self._run.keep_open
        self._settings.listening(listener.local, chosen=listener.grant.request.port == 0)
        try:
            while True:
                peer = self._next_peer(listener)
                if not keep_open:
                    listener.close()
                    self.relay(peer)
                    return
                try:
                    self.relay(peer)
                except (Unreachable, ProtocolError, TimedOut) as exc:
                    if self._run.deadline.expired:
                        raise
                    report(*exc.lines, hint=exc.hint)
        finally:
            listener.close()

    def _next_peer(self, listener: TcpListener) -> Transport:
        """Wait for one. A wait that ends otherwise is the end of what the manifest allowed. Raises SockcliError."""
        patient, deadline, interrupt = self._run.keep_open, self._run.deadline, self._output.interrupt
        try:
            return accept_next(listener, patient=patient, deadline=deadline, interrupt=interrupt)
        except SockcliError as exc:
            listener.grant.ended(GrantEnd(None, 0, 0, exc.exit_code))
            raise

    def relay(self, transport: Transport) -> None:
        """Run it on this connection, which is closed whatever happens."""
        grant = transport.grant
        self._settings.detail(
            f"{transport.local} is connected with {transport.peer}, allowed by {grant.rule} ({grant.source})"
        )
        try:
            self._output.drive(self._driver(transport), grant, transport.peer)
        finally:
            transport.close()

    def _driver(self, transport: Transport) -> Driver:
        if self._run.probe:
            return Probe(self._settings, transport)
        return Relay(
            transport,
            self._source,
            self._output.sink,
            self._run.relay,
            taps=self._output.taps,
            codec=self._codec(),
            on_event=self._notice_event,
            on_progress=self._progress.moved if self._progress is not None else None,
            interrupt=self._output.interrupt,
        )

    def _codec(self) -> TelnetCodec | None:
        if self._run.telnet is None:
            return None
        from sockcli.telnet import TelnetCodec

        return TelnetCodec(self._run.telnet)

    def _notice_event(self, event: object) -> None:
        """Say what happened in telnet: a warning in any case, all else with `-v`."""
        from sockcli.telnet.events import TelnetWarning
        from sockcli.telnet.wording import describe

        if text := describe(event):
            tell = self._settings.notice if isinstance(event, TelnetWarning) else self._settings.detail
            tell(f"telnet: {text}")


class Probe:
    """`--probe`: say that there is a connection, and leave."""

    sent = received = 0

    def __init__(self, settings: RunSettings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport

    def run(self) -> Ending:
        endpoint, address = self._transport.grant.request.endpoint, self._transport.peer
        where = f" ({address})" if str(address) != str(endpoint) else ""
        self._settings.notice(f"{endpoint} accepts connections{where}")
        return Ending.INPUT
