"""The demo's telnet service: a login in line mode, then a page in character mode. Only `serve_telnet` does I/O.

A client has to behave differently at each stage. It edits and echoes the name. It shows nothing of the password, as
the server has said WILL ECHO. Then it sends each key at once, because the server has said WILL SGA as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sockcli.base.escaping import printable
from sockcli.connection import Connection
from sockcli.demo.screen import CLEAR, ENTER, LEAVE, page
from sockcli.demo.telnet import ClientTerminal, ClientWindow, Heard, TelnetServer
from sockcli.errors import Interrupted
from sockcli.telnet import constants as tn
from sockcli.telnet.events import CommandReceived

MAX_LINE: Final = 64
# Where the client does not say how large its window is.
USUAL_SIZE: Final = ClientWindow(80, 24)

BANNER: Final = "sockcli demo telnet service: any name and any password will do\n"
EXPLAINED: Final = (
    "From here on each key goes to the server as it is pressed.\nAny key for a full-screen page, q to leave. "
)

# q, and Ctrl-C and Ctrl-D: in character mode these two are no signals, the client sends them to the server.
_LEAVE: Final = (b"q", b"Q", b"\x03", b"\x04")
_ERASE: Final = (b"\x7f", b"\x08")
_ENDS_LINE: Final = (b"\r\n", b"\r", b"\n")
# What one key sends: CR LF, an escape sequence (arrows, function keys), a UTF-8 character, or any other byte.
_KEY: Final = re.compile(
    rb"\r\n|\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~])|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf4][\x80-\xbf]{3}|.",
    re.DOTALL,
)
_ATTENTION: Final = frozenset({tn.IP, tn.BRK, tn.ABORT})


def serve_telnet(connection: Connection) -> None:
    """Serve one peer until it leaves. Where the servers are stopped, the peer's screen is restored first."""
    visit = Visit()
    try:
        connection.send_all(visit.take())
        for data in connection:
            visit.receive(data)
            connection.send_all(visit.take())
            if visit.over:
                return
        visit.leave()
        connection.send_all(visit.take())
    except Interrupted:
        visit.leave()
        connection.send(visit.take())
        raise


class Visit:
    """One peer in the service. It does no I/O: `receive` takes what the peer sent, `take` gives what to send."""

    def __init__(self) -> None:
        self.over = False
        self._telnet = TelnetServer()
        self._size: ClientWindow | None = None
        self._terminal = "not told"
        self._line: list[bytes] = []  # the keys of the line so far, for erasing one
        self._after_cr = False
        self._name = ""
        self._keys = 0
        self._last = ""
        self._on_page = False
        self._key: Callable[[bytes], None] = self._edit
        self._line_ended: Callable[[str], None] = self._named
        self._telnet.ask_peer(tn.TTYPE)
        self._telnet.ask_peer(tn.NAWS)
        self._telnet.write(f"{BANNER}login: ")

    def take(self) -> bytes:
        """The bytes to send now."""
        return self._telnet.take()

    def receive(self, data: bytes) -> None:
        """The peer sent this."""
        for heard in self._telnet.receive(data):
            if self.over:
                return
            self._take(heard)

    def leave(self) -> None:
        """Restore the peer's screen, say goodbye and be `over`. Calling it again does nothing."""
        if self.over:
            return
        self.over = True
        if self._on_page:
            self._telnet.write(LEAVE)
        self._telnet.write("\ngoodbye\n")

    def _take(self, heard: Heard) -> None:
        match heard:
            case ClientWindow():
                self._size = heard
                self._draw(CLEAR)
            case ClientTerminal(name):
                self._terminal = printable(name)
                self._draw()
            case CommandReceived(code):
                self._obey(code)
            case bytes():
                for key in _KEY.findall(heard):
                    if not self.over:
                        self._key(key)

    def _obey(self, code: int) -> None:
        if code in _ATTENTION:
            self.leave()
        elif code == tn.AYT and not self._on_page:
            self._telnet.write("\n[yes]\n")

    # Lines

    def _edit(self, key: bytes) -> None:
        # CR LF is one Enter, also where the LF comes with the next bytes. That LF is not another Enter.
        repeated, self._after_cr = self._after_cr and key == b"\n", key == b"\r"
        if repeated:
            return
        if key in _ENDS_LINE:
            line, self._line = b"".join(self._line), []
            self._line_ended(line.decode("utf-8", "replace"))
        elif key in _ERASE:
            del self._line[-1:]
        elif key in _LEAVE[2:]:
            self.leave()
        elif len(self._line) < MAX_LINE:
            self._line.append(key)

    def _named(self, line: str) -> None:
        self._name = printable(line.strip()) or "nobody"
        self._line_ended = self._let_in
        # The client stops echoing, and the server echoes nothing either: this hides a password in telnet.
        self._telnet.offer(tn.ECHO)
        self._telnet.write("password: ")

    def _let_in(self, _password: str) -> None:
        self._key = self._start
        self._telnet.offer(tn.SGA)
        self._telnet.write(f"\nwelcome, {self._name}\n{EXPLAINED}")

    # Keys

    def _start(self, key: bytes) -> None:
        if key in _LEAVE:
            self.leave()
        elif not (self._after_cr and key == b"\n"):
            self._key = self._count
            self._on_page = True
            self._draw(ENTER)
        self._after_cr = False

    def _count(self, key: bytes) -> None:
        if key in _LEAVE:
            self.leave()
            return
        self._keys += 1
        self._last = printable(key.decode("utf-8", "replace"))
        self._draw()

    def _draw(self, first: str = "") -> None:
        if not self._on_page:
            return
        size = self._size or USUAL_SIZE
        lines = [
            f"hello, {self._name}",
            "",
            f"terminal  {self._terminal}",
            f"window    {size.columns} x {size.rows}" + ("" if self._size else ", a guess: it was not told"),
            f"keys      {self._keys}" + (f", the last one {self._last}" if self._keys else ""),
            "",
            "Resize the window, press keys, press q.",
        ]
        self._telnet.write(first + page(size.columns, size.rows, "sockcli demo", lines, "q leaves"))
