"""Real telnet servers for the tests, and a tap on the wire to them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.servers import Server, module, program, running
from tests.waiting import PATIENCE

SERVICES: Final = Path(__file__).parent / "services"

# A login that needs no account: it says what it knows of the client, and repeats each line until `bye`. Nothing is
# said at its end, because telnetd drops what its child wrote last.
LOGIN: Final = r"""#!/bin/sh
trap 'echo interrupted; interrupted=yes' INT
echo "TERM=$TERM, $(stty size)"
echo ready
while :; do
  # `read` fails at an interrupt, which is no end, and at the end of the input: only then did no trap run.
  interrupted=
  read -r line || { [ "$interrupted" ] && continue; exit; }
  [ "$line" = bye ] && exit
  echo "got <$line>"
done
"""


def script(directory: Path, text: str = LOGIN, name: str = "login.sh") -> Path:
    """An executable file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(text)
    path.chmod(0o755)
    return path


@contextmanager
def telnetd(directory: Path, login: str = LOGIN, options: Sequence[str] = ()) -> Iterator[Server]:
    """GNU telnetd, a new one for each connection as inetd would have it, with `login` instead of a login."""
    command = " ".join([program("telnetd"), "-h", *options, "-E", str(script(directory, login))])
    socat = program("socat")
    with running(
        directory,
        lambda port: [socat, f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", f"EXEC:{command},nofork"],
        ["tcp"],
    ) as server:
        yield server


@contextmanager
def telnetlib3(directory: Path, *options: str) -> Iterator[Server]:
    module("telnetlib3", "telnetlib3")
    program_ = [sys.executable, "-m", "telnetlib3.server", "--logfile", str(directory / "server.log")]
    with running(directory, lambda port: [*program_, *options, "127.0.0.1", str(port)], ["tcp"]) as server:
        yield server


@contextmanager
def prompt_toolkit(directory: Path) -> Iterator[Server]:
    service = SERVICES / "prompt_toolkit_telnet.py"
    with running(directory, lambda port: [sys.executable, str(service), str(port)], ["tcp"]) as server:
        yield server


@contextmanager
def twisted(directory: Path) -> Iterator[Server]:
    module("twisted", "Twisted")
    service = SERVICES / "twisted_telnet.py"
    with running(directory, lambda port: [sys.executable, str(service), str(port)], ["tcp"]) as server:
        yield server


class SerialServer(NamedTuple):
    """ser2net, and the two ends of a pty: `cable` is what is connected to the serial port that `port` is."""

    server: Server
    cable: int
    port: int


@contextmanager
def ser2net(directory: Path) -> Iterator[SerialServer]:
    path = program("ser2net")
    cable, port = os.openpty()

    def command(number: int) -> list[str]:
        (directory / "ser2net.yaml").write_text(
            f"""
connection: &serial
  accepter: telnet(rfc2217=true),tcp,127.0.0.1,{number}
  connector: serialdev,{os.ttyname(port)},9600n81,local
"""
        )
        return [path, "-n", "-c", str(directory / "ser2net.yaml"), "-P", str(directory / "pid")]

    try:
        with running(directory, command, ["tcp"]) as server:
            yield SerialServer(server, cable, port)
    finally:
        os.close(cable)
        os.close(port)


class Tap(NamedTuple):
    """A relay in front of a server that keeps what passes."""

    port: int
    directory: Path

    @property
    def from_client(self) -> bytes:
        return (self.directory / "from-client").read_bytes()

    @property
    def from_server(self) -> bytes:
        return (self.directory / "from-server").read_bytes()

    @property
    def data_from_server(self) -> bytes:
        """What is left of it without telnet, for a server whose data has no 0xFF; made by other means than ours."""
        return re.sub(rb"(?s)\xff\xfa.*?\xff\xf0|\xff[\xfb-\xfe].|\xff[^\xfa-\xff]|(?<=\r)\0", b"", self.from_server)


@contextmanager
def tap(directory: Path, port: int) -> Iterator[Tap]:
    """Before `port`, for one connection."""
    socat = program("socat")
    records = ["-r", str(directory / "from-client"), "-R", str(directory / "from-server")]
    with running(
        directory,
        lambda own: [
            socat, f"-t{PATIENCE:g}", *records, f"TCP-LISTEN:{own},bind=127.0.0.1,reuseaddr", f"TCP:127.0.0.1:{port}",
        ],
        ["tcp"],
    ) as server:  # fmt: skip
        yield Tap(server.port, directory)
