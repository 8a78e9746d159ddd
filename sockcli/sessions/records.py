"""What a session is recorded to: the files that its options name, and the log that a command asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from sockcli.errors import LocalFailure
from sockcli.stdio.files import ANY_FILE, FileRules
from sockcli.stdio.recording import open_log
from sockcli.stdio.tap import Tap


class Records:
    """The files that one session is recorded to.

    `lost(error)` is called for one that cannot be written any more, unless it is vital; the session goes on without it.
    """

    def __init__(self, lost: Callable[[LocalFailure], None]) -> None:
        self.log_path: str | None = None  # where both directions' bytes go
        self._lost = lost
        self._taps: list[Tap] = []
        self._vital: Sequence[Tap] = ()
        self._log: Tap | None = None

    def add(self, taps: Sequence[Tap], log: str | None, *, vital: bool) -> None:
        """Record to what `open_records` opened before the session was; the last of `taps` is the one for `log`.

        `vital`: the session ends if one of them cannot be written. `received` and `sent` then raise LocalFailure.
        """
        self._taps += taps
        self._vital = taps if vital else ()
        if log is not None:
            self._log, self.log_path = taps[-1], log

    def start_log(self, path: str, rules: FileRules = ANY_FILE) -> bool:
        """Log from now on, appending. Whether the file had something already. Raises LocalFailure, UsageError."""
        tap, appends = open_log(path, rules)
        self.stop_log()
        self._log, self.log_path = tap, path
        self._taps.append(tap)
        return appends

    def stop_log(self) -> None:
        """Again is harmless. Raises LocalFailure."""
        if self._log is not None:
            tap = self._log
            self._forget(tap)
            tap.close()

    def received(self, data: bytes) -> None:
        """Bytes as they came off the wire. Raises LocalFailure."""
        self._each(lambda tap: tap.received(data))

    def sent(self, data: memoryview) -> None:
        """Bytes of ours that the kernel took. Raises LocalFailure."""
        if self._taps:
            copy = bytes(data)
            self._each(lambda tap: tap.sent(copy))

    def close(self) -> None:
        """Again is harmless. Raises LocalFailure."""
        taps, self._taps, self._log, self.log_path = self._taps, [], None, None
        for tap in taps:
            tap.close()

    def _each(self, write: Callable[[Tap], None]) -> None:
        for tap in tuple(self._taps):
            try:
                write(tap)
            except LocalFailure as exc:
                if tap in self._vital:
                    raise
                self._forget(tap)
                with suppress(LocalFailure):  # `lost` tells of the first one
                    tap.close()
                self._lost(exc)

    def _forget(self, tap: Tap) -> None:
        self._taps.remove(tap)
        if tap is self._log:
            self._log = self.log_path = None
