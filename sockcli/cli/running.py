"""What a run of `tcp` or `udp` writes: the peer's bytes or JSON lines in their place, and the records beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from sockcli.base.deadline import Deadline
from sockcli.base.interrupts import SignalInterrupt
from sockcli.base.outcome import DRAIN_GRACE, Ending, ending_of
from sockcli.base.poller import Interrupt
from sockcli.cli.settings import RunSettings
from sockcli.engine import Engine
from sockcli.errors import OutputGone, SockcliError, UsageError
from sockcli.policy import Request
from sockcli.stdio.descriptors import STDOUT
from sockcli.stdio.sink import Sink

if TYPE_CHECKING:
    from sockcli.base.endpoint import Address
    from sockcli.policy import Grant
    from sockcli.stdio.json_events import JsonEvents
    from sockcli.stdio.tap import Tap
    from sockcli.terminal import FilterMode, TerminalFilter


class Driver(Protocol):
    """A relay, or a sender or receiver of datagrams."""

    @property
    def sent(self) -> int: ...
    @property
    def received(self) -> int: ...
    def run(self) -> Ending: ...


class Output:
    """Stdout and the records of one run of the command."""

    def __init__(self, settings: RunSettings, values: Mapping[str, Any], interrupt: Interrupt) -> None:
        """`values` has the options of `record_options` and `json_option`."""
        self._settings = settings
        self._values = values
        self.interrupt = interrupt
        self.events = json_events() if values["as_json"] else None
        self._terminal = terminal_filter(values["terminal"]) if self.events is None and os.isatty(STDOUT) else None
        self.sink = Sink(STDOUT, output_filter=self.events or self._terminal)
        self.taps: Sequence[Tap] = ()
        self._had_session = False

    @property
    def on_terminal(self) -> bool:
        """The peer's bytes go to a terminal."""
        return self._terminal is not None

    def check_terminal(self) -> None:
        """Raises UsageError for a key that only a session has.

        --terminal is no such option: a script may say what holds wherever its output goes, and in a pipe nothing does.
        """
        if self._values["escape"] is not None:
            raise UsageError("--escape is for a session at a terminal, and this is none")

    def open_records(self, deadline: Deadline) -> None:
        """Make the files that are asked for: only once the request is granted, but before anything is connected.

        Raises LocalFailure, UsageError, TimedOut.
        """
        hex_dump, log = self._values["hex_dump"], self._values["log"]
        if hex_dump is None and log is None:
            return
        if hex_dump == log == "-":
            raise UsageError("--hex-dump and --log would both write to stderr", hint="record one of them to a file")
        from sockcli.stdio.recording import Limits, open_records

        self.taps = open_records(hex_dump, log, Limits(self.interrupt, deadline))

    @contextmanager
    def run(self) -> Iterator[None]:
        """Around all of a run: at its end everything is written and closed, whichever end it is."""
        try:
            yield
        except OutputGone:
            raise  # nobody is there to be told of a record's fault either
        except SockcliError as exc:
            if self.events is not None and not self._had_session:
                self._say(self.events.error(exc))
            with suppress(SockcliError):  # the first error is the one to tell
                self._close_taps()
            raise
        self.sink.drain(interrupt=self.interrupt)
        self._close_taps()
        self.sink.close()

    def session(self, session: Driver, grant: Grant, address: Address) -> None:
        """Run it, between its connect and its close event. Raises SockcliError, as it does."""
        self._had_session = True
        if self.events is not None:
            self.sink.write_raw(self.events.connect(grant, address))
        try:
            ending = session.run()
        except OutputGone:
            raise
        except SockcliError as exc:
            self._closed(session, ending_of(exc), exc.exit_code)
            raise
        self._closed(session, ending, 0)

    def _closed(self, session: Driver, ending: Ending, code: int) -> None:
        if self.events is not None:
            self._say(self.events.close(ending.value, session.sent, session.received, code))
        for notice in self._terminal.notices() if self._terminal is not None else ():
            self._settings.notice(notice)

    def _say(self, line: bytes) -> None:
        self.sink.write_raw(line)
        self.sink.drain(Deadline(DRAIN_GRACE))

    def _close_taps(self) -> None:
        for tap in self.taps:
            tap.close()


def json_events() -> JsonEvents:
    from sockcli.stdio.json_events import JsonEvents

    return JsonEvents()


def terminal_filter(mode: FilterMode | None) -> TerminalFilter:
    from sockcli.terminal import TerminalFilter  # in a pipe nothing of it is needed

    return TerminalFilter(mode or "safe")


def prepare(settings: RunSettings, output: Output, request: Request, deadline: Deadline) -> Engine:
    """The engine, with the request granted and the records open.

    Raises ManifestError, Denied, LocalFailure, TimedOut.
    """
    output.check_terminal()
    policy = settings.load_policy()
    policy.authorize(request)
    output.open_records(deadline)
    return Engine(policy, interrupt=output.interrupt)


@contextmanager
def output_of(settings: RunSettings, values: Mapping[str, Any]) -> Iterator[Output]:
    """Around all of a run, from the first check of its options: signals are caught, and errors are events too."""
    with SignalInterrupt() as interrupt:
        output = Output(settings, values, interrupt)
        with output.run():
            yield output
