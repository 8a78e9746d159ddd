"""The demo's telnet service: a login in line mode, then a page in character mode. No I/O but in `serve_telnet`.

The stages are those in which a client has to behave differently: it edits and echoes the name, hides the password
(ECHO is ours), and then hands over each key (SGA as well), the window's size and the terminal's name.
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
# Where the client does not tell.
USUAL_SIZE: Final = ClientWindow(80, 24)

BANNER: Final = "sockcli demo telnet service: any name and any password will do\n"
EXPLAINED: Final = (
    "From here on each key goes to the server as it is pressed.\nAny key for a full-screen page, q to leave. "
)

# Ctrl-C and Ctrl-D: in character mode they are the server's.
_LEAVE: Final = (b"q", b"Q", b"\x03", b"\x04")
_ERASE: Final = (b"\x7f", b"\x08")
_ENDS_LINE: Final = (b"\r\n", b"\r", b"\n")
# An arrow or a function key is one key, and so is a character of several bytes.
_KEY: Final = re.compile(
    rb"\r\n|\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~])|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf4][\x80-\xbf]{3}|.",
    re.DOTALL,
)
_ATTENTION: Final = frozenset({tn.IP, tn.BRK, tn.ABORT})


def serve_telnet(connection: Connection) -> None:
    """Serve one peer, until it leaves. Also on a stop of the servers its screen is given back."""
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
    """One peer's way through the service."""

    def __init__(self) -> None:
        self.over = False
        self._telnet = TelnetServer()
        self._size: ClientWindow | None = None
        self._terminal = "not told"
        self._line: list[bytes] = []  # the keys of it
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
        """What is to be sent now."""
        return self._telnet.take()

    def receive(self, data: bytes) -> None:
        """The peer sent this."""
        for heard in self._telnet.receive(data):
            if self.over:
                return
            self._take(heard)

    def leave(self) -> None:
        """End it; again is harmless."""
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
        # Telnet's CR LF may be cut in two, and the LF be what the next key comes with.
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
        self._telnet.offer(tn.ECHO)  # and then not do it: this is how a client is told to hide a password
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
