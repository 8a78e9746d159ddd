"""Running `sockcli tcp` in a pipe: sessions on stdin and stdout, one or, with `--keep-open`, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from sockcli.base.connect_options import DialOptions, ListenOptions
from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Operation
from sockcli.base.outcome import Ending
from sockcli.cli.options import family_of
from sockcli.cli.params import connect_target, expect_no_more, listen_target
from sockcli.cli.running import Driver, Output, prepare
from sockcli.cli.settings import RunSettings, report
from sockcli.cli.telnet import telnet_options_of
from sockcli.errors import ProtocolError, TimedOut, Unreachable, UsageError
from sockcli.net.listen import TcpListener, accept_next
from sockcli.net.transport import Transport
from sockcli.policy import Request
from sockcli.stdio.descriptors import STDERR
from sockcli.stdio.line_discipline import window_size
from sockcli.stdio.progress import Progress, progress
from sockcli.stdio.source import Source
from sockcli.transfer.relay import Relay, RelayOptions

if TYPE_CHECKING:
    from sockcli.telnet import TelnetCodec, TelnetOptions


def run(settings: RunSettings, output: Output, words: Sequence[str], values: Mapping[str, Any]) -> None:
    """Do what the command line says; `values` are the options of `sockcli tcp`. Raises SockcliError."""
    family = family_of(values["ipv4"], values["ipv6"])
    request = request_of(words, values["listen"])
    telnet = telnet_options_of(values, size=window_size(STDERR)) if values["telnet"] else None
    deadline = Deadline(values["deadline"])
    engine = prepare(settings, output, request, deadline)
    options = DialOptions(
        family,
        values["source"],
        values["connect_timeout"],
        deadline,
        values["retry"],
        values["retry_delay"],
        settings.detail,
    )
    with Sessions(settings, output, values, deadline, telnet) as sessions:
        if values["listen"]:
            sessions.accept(engine.listen(request, ListenOptions(family, deadline=deadline)))
        else:
            sessions.relay(engine.open(request, options))


def request_of(words: Sequence[str], listening: bool) -> Request:
    """What the arguments ask for. Raises UsageError."""
    if listening:
        return Request(Operation.TCP_LISTEN, *listen_target(words, "tcp"))
    target, more = connect_target(words, "tcp")
    expect_no_more(more)
    return Request(Operation.TCP_CONNECT, *target)


class Sessions:
    """One run of the command: a session, or with `--keep-open` one after the other."""

    def __init__(
        self,
        settings: RunSettings,
        output: Output,
        values: Mapping[str, Any],
        deadline: Deadline,
        telnet: TelnetOptions | None,
    ) -> None:
        """`telnet` where it is to be spoken."""
        self._settings = settings
        self._values = values
        self._output = output
        self._deadline = deadline
        self._source = Source()
        self._progress = self._progress_wanted()
        self._telnet = telnet
        self._options = RelayOptions(
            crlf=values["crlf"],
            line_delay=values["line_delay"],
            send_only=values["send_only"],
            recv_only=values["recv_only"],
            shutdown=not values["no_shutdown"],
            linger=values["linger"],
            idle_timeout=values["idle_timeout"],
            deadline=deadline,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._progress is not None:
            self._progress.close()

    def _progress_wanted(self) -> Progress | None:
        """Raises UsageError where it would get in the way of what is on the same terminal or in the same file."""
        values, choice = self._values, self._values["progress"]
        if choice:
            if "-" in (values["hex_dump"], values["log"]):
                raise UsageError("--progress and a record would both write to stderr", hint="record to a file")
        elif choice is None and (self._settings.quiet or values["probe"]):
            choice = False
        shown = progress(choice, None if values["recv_only"] else self._source)
        sink = self._output.sink
        if shown is not None and sink.filter is not None and self._output.on_terminal:
            sink.filter = shown.beside(sink.filter)
        return shown

    def accept(self, listener: TcpListener) -> None:
        """Wait for a peer and relay; with `--keep-open` again and again, whatever becomes of each."""
        keep_open = self._values["keep_open"]
        self._settings.listening(listener.local, chosen=listener.grant.request.port == 0)
        try:
            while True:
                peer = accept_next(
                    listener, patient=keep_open, deadline=self._deadline, interrupt=self._output.interrupt
                )
                if not keep_open:
                    listener.close()
                    self.relay(peer)
                    return
                try:
                    self.relay(peer)
                except (Unreachable, ProtocolError, TimedOut) as exc:
                    if self._deadline.expired:
                        raise
                    report(*exc.lines, hint=exc.hint)
        finally:
            listener.close()

    def relay(self, transport: Transport) -> None:
        """Run one session on `transport`, which is closed whatever happens."""
        grant = transport.grant
        self._settings.detail(
            f"{transport.local} is connected with {transport.peer}, allowed by {grant.rule} ({grant.source})"
        )
        try:
            self._output.session(self._session(transport), grant, transport.peer)
        finally:
            transport.close()

    def _session(self, transport: Transport) -> Driver:
        if self._values["probe"]:
            return Probe(self._settings, transport)
        return Relay(
            transport,
            self._source,
            self._output.sink,
            self._options,
            taps=self._output.taps,
            codec=self._codec(),
            on_event=self._notice_event,
            on_progress=self._progress.moved if self._progress is not None else None,
            interrupt=self._output.interrupt,
        )

    def _codec(self) -> TelnetCodec | None:
        if self._telnet is None:
            return None
        from sockcli.telnet import TelnetCodec

        return TelnetCodec(self._telnet)

    def _notice_event(self, event: object) -> None:
        """What telnet has to tell a person: a warning at once, the rest for `-v`."""
        from sockcli.telnet.events import TelnetWarning
        from sockcli.telnet.wording import describe

        if text := describe(event):
            tell = self._settings.notice if isinstance(event, TelnetWarning) else self._settings.detail
            tell(f"telnet: {text}")


class Probe:
    """`--probe`: that there is a connection is all that is wanted."""

    sent = received = 0

    def __init__(self, settings: RunSettings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport

    def run(self) -> Ending:
        endpoint, address = self._transport.grant.request.endpoint, self._transport.peer
        where = f" ({address})" if str(address) != str(endpoint) else ""
        self._settings.notice(f"{endpoint} accepts connections{where}")
        return Ending.INPUT
