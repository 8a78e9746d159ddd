"""What a run of `tcp` or `udp` in a pipe writes: the peer's bytes, or JSON lines instead of them, and its records."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from sockcli.base.deadline import Deadline
from sockcli.base.interrupts import SignalInterrupt
from sockcli.base.outcome import DRAIN_GRACE, Ending, ending_of
from sockcli.base.poller import Interrupt
from sockcli.cli.request import OutputOptions
from sockcli.cli.settings import RunSettings
from sockcli.engine import Engine, failure_told
from sockcli.errors import ExitCode, OutputGone, SockcliError
from sockcli.policy import GrantEnd, Request
from sockcli.stdio.descriptors import STDOUT
from sockcli.stdio.sink import Sink

if TYPE_CHECKING:
    from sockcli.base.endpoint import Address
    from sockcli.datagram.printer import Show
    from sockcli.policy import Grant
    from sockcli.stdio.json_events import JsonEvents
    from sockcli.stdio.tap import Tap
    from sockcli.terminal import FilterMode, TerminalFilter


class Driver(Protocol):
    """Moves bytes until the run is over: a Relay, DatagramExchange, DatagramReceiver or Probe."""

    @property
    def sent(self) -> int:
        """Bytes that the kernel took from us."""
        ...

    @property
    def received(self) -> int:
        """Bytes that came from the peer."""
        ...

    def run(self) -> Ending: ...


class PipeOutput:
    """Stdout and the record files of one run."""

    def __init__(self, settings: RunSettings, options: OutputOptions, interrupt: Interrupt) -> None:
        self._settings = settings
        self._options = options
        self.interrupt = interrupt
        self.events = json_events() if options.as_json else None
        self._terminal = terminal_filter(options.terminal) if self.events is None and os.isatty(STDOUT) else None
        self.sink = Sink(STDOUT, output_filter=self.events or self._terminal)
        self.taps: Sequence[Tap] = ()
        self._was_connected = False

    @property
    def show_datagram(self) -> Show | None:
        """What to print for a datagram; None: its bytes."""
        return self.events.datagram if self.events is not None else None

    @property
    def on_terminal(self) -> bool:
        """The peer's bytes go to a terminal."""
        return self._terminal is not None

    def open_records(self, deadline: Deadline) -> None:
        """Make the files of `-x` and `--log`. For after the request is granted, and before anything is connected.

        Raises LocalFailure, UsageError, TimedOut.
        """
        hex_dump, log = self._options.hex_dump, self._options.log
        if hex_dump is None and log is None:
            return
        from sockcli.stdio.recording import Limits, open_records

        limits, rules = Limits(self.interrupt, deadline), self._settings.file_rules()
        self.taps = open_records(hex_dump, log, limits, rules)

    @contextmanager
    def run(self) -> Iterator[None]:
        """Around all of a run. However it ends, what is left is written, and the files are closed."""
        try:
            yield
        except OutputGone:
            raise  # stdout's reader is gone. The run ends quietly, also where a record could not be written.
        except SockcliError as exc:
            if self.events is not None and not self._was_connected:
                self._write_event(self.events.error(exc))
            with suppress(SockcliError):  # only the first error is reported
                self._close_taps()
            raise
        self.sink.drain(interrupt=self.interrupt)
        self._close_taps()
        self.sink.close()

    def drive(self, driver: Driver, grant: Grant, address: Address) -> None:
        """Run `driver` on a connection with `address`, between a connect and a close event. Raises as it does."""
        self._was_connected = True
        if self.events is not None:
            self.sink.write_raw(self.events.connect(grant, address))
        try:
            ending = driver.run()
        except OutputGone as exc:
            grant.ended(GrantEnd(address, driver.sent, driver.received, exc.exit_code))
            raise
        except SockcliError as exc:
            grant.ended(GrantEnd(address, driver.sent, driver.received, exc.exit_code))
            self._closed(driver, ending_of(exc), exc.exit_code)
            raise
        grant.ended(GrantEnd(address, driver.sent, driver.received, ExitCode.OK))
        self._closed(driver, ending, ExitCode.OK)

    def _closed(self, driver: Driver, ending: Ending, code: int) -> None:
        if self.events is not None:
            self._write_event(self.events.close(ending.value, driver.sent, driver.received, code))
        for notice in self._terminal.notices() if self._terminal is not None else ():
            self._settings.notice(notice)

    def _write_event(self, line: bytes) -> None:
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


def prepare(
    settings: RunSettings, output: PipeOutput, request: Request, deadline: Deadline, own_ports: Iterable[int] = ()
) -> tuple[Engine, Grant]:
    """All that a run needs before it reaches the network. The Grant is what to open with.

    In this order: the manifest is read, the audit opened, the request authorized, the records made; then the process
    gives up what it needs no more. From then on no file can be opened for writing, and no thread has been started
    before. `own_ports` are those of this machine that the user asked for. Raises ManifestError, Denied, LocalFailure,
    UsageError, TimedOut.
    """
    engine = Engine(settings.load_policy(), interrupt=output.interrupt)
    grant = engine.policy.authorize(request)
    with failure_told(grant):
        output.open_records(deadline)
    if settings.is_process:
        from sockcli.sandbox.confinement import confine

        settings.detail(str(confine(engine.policy, own_ports=own_ports)))
    return engine, grant


@contextmanager
def output_of(settings: RunSettings, options: OutputOptions) -> Iterator[PipeOutput]:
    """Around all of a run, from the first check of its options: signals are caught, and errors are events too."""
    with SignalInterrupt() as interrupt:
        output = PipeOutput(settings, options, interrupt)
        with output.run():
            settings.check_files({"--hex-dump": options.hex_dump, "--log": options.log})
            yield output
