"""GNU telnetd itself, started the way inetd would, on a loopback socket: the codec gets through its login."""

from __future__ import annotations

import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sockcli.telnet import Event, TelnetCodec, TelnetOptions
from sockcli.telnet import constants as tn
from sockcli.telnet.events import CommandReceived, Data
from tests.telnet.talk import drain

TELNETD = shutil.which("telnetd", path="/usr/sbin:/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(TELNETD is None, reason="telnetd is not installed (Debian: inetutils-telnetd)")

OPTIONS = TelnetOptions(terminal_type="xterm-256color", size=(91, 33), mode="auto", env={"USER": "joe"})
LOGIN = r"""#!/bin/sh
trap 'echo interrupted; interrupted=yes' INT
echo "$TERM, $(stty size)"
echo ready
while :; do
  # `read` fails at an interrupt, which is no end, and at the end of the input: only then did no trap run.
  interrupted=
  read -r line || { [ "$interrupted" ] && continue; exit; }
  echo "got <$line>, $(stty size)"
  [ "$line" = bye ] && exit
done
"""
PATIENCE = 10.0


class Session:
    """A codec on a socket, as a relay has it: urgent data noticed, events first, then what is to be sent."""

    def __init__(self, connection: socket.socket, codec: TelnetCodec) -> None:
        self.codec = codec
        self.events: list[Event] = []
        self.shown = b""
        self.ended = False
        self._connection = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN | select.POLLPRI)

    def until_shown(self, text: bytes) -> None:
        """Talk until the peer has shown this, after what was waited for before."""
        self.until(lambda: text in self.shown)
        self.shown = self.shown.partition(text)[2]

    def until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        self.send()
        while not reached():
            ready = self._poll.poll(max(0, deadline - time.monotonic()) * 1_000)
            assert ready, f"nothing more comes after {self.shown!r}"
            if ready[0][1] & select.POLLPRI:
                self.codec.receive_urgent()
            self._receive()
            self.send()

    def _receive(self) -> None:
        assert not self.ended, f"the connection ended after {self.shown!r}"
        data = self._connection.recv(65_536)
        if data:
            self.codec.receive_data(data)
        else:
            self.codec.receive_eof()
            self.ended = True
        for event in drain(self.codec):
            self.events.append(event)
            self.shown += event.data if isinstance(event, Data) else b""

    def send(self) -> None:
        self._connection.sendall(self.codec.data_to_send())
        urgent = self.codec.urgent_to_send()
        if urgent:
            self._connection.sendall(urgent[:-1])
            self._connection.send(urgent[-1:], socket.MSG_OOB)

    def type(self, text: bytes) -> None:
        self.codec.send_data(text)
        self.codec.send_enter()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[socket.socket]:
    login = tmp_path / "login.sh"
    login.write_text(LOGIN)
    login.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    with accepted:
        process = subprocess.Popen(
            [str(TELNETD), "-h", "-E", str(login)],
            stdin=accepted.fileno(),
            stdout=accepted.fileno(),
            stderr=subprocess.DEVNULL,
        )
    with connection, process:
        yield connection
        process.kill()


@pytest.mark.parametrize("active", [True, False], ids=["from the start", "as soon as the peer does"])
def test_a_login(server: socket.socket, active: bool) -> None:
    session = Session(server, TelnetCodec(OPTIONS, active=active))
    session.until_shown(b"xterm-256color, 33 91\r\n")
    session.until_shown(b"ready\r\n")
    session.until(lambda: session.codec.character_mode)
    assert not session.codec.local_echo
    session.type(b"a\xff\xe2\x86\x92")
    session.until_shown(b"got <a\xff\xe2\x86\x92>, 33 91\r\n")
    session.codec.resize(255, 255)
    session.type(b"")
    session.until_shown(b"got <>, 255 255\r\n")
    session.codec.send_command("ayt")
    session.until_shown(b"[Yes]")
    session.type(b"bye")
    session.until(lambda: session.ended)
    assert [option for option, us, _ in session.codec.status() if us.value == "on"] == [
        tn.BINARY,
        tn.TTYPE,
        tn.NAWS,
        tn.NEW_ENVIRON,
    ]


def test_the_interrupt(server: socket.socket) -> None:
    session = Session(server, TelnetCodec(OPTIONS))
    session.until_shown(b"ready\r\n")
    session.codec.interrupt()
    session.until_shown(b"interrupted\r\n")
    assert CommandReceived(tn.DM) in session.events, "the server flushed its output, and said so with a Synch"
    session.type(b"still here")
    session.until_shown(b"got <still here>")
