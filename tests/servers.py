"""Real servers for the tests: each is started on a port of its own, waited for, and stopped again.

A program that is not installed skips the test that wants it, saying which package has it.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.waiting import PATIENCE, Transport, bound_ports, until

# Below what the system gives out by itself (32768 and up), so that only another such search can come between.
_PORTS: Final = range(10_000, 32_768)

_PACKAGES: Final = {
    "redis-server": "redis-server",
    "nginx": "nginx-light",
    "memcached": "memcached",
    "dnsmasq": "dnsmasq-base",
    "in.tftpd": "atftpd",
    "rsyslogd": "rsyslog",
    "socat": "socat",
    "nc.openbsd": "netcat-openbsd",
    "ip": "iproute2",
    "strace": "strace",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "telnetd": "inetutils-telnetd",
    "telnet": "inetutils-telnet",
    "ser2net": "ser2net",
    "ngircd": "ngircd",
    "vim.tiny": "vim-tiny",
    "less": "less",
    "top": "procps",
    "ps": "procps",
}


def program(name: str) -> str:
    """The path of an installed program; without it, the test is skipped."""
    # Debian keeps servers out of an ordinary user's PATH.
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: {_PACKAGES[name]})")
    return found


def module(name: str, package: str) -> None:
    """Skip the test where a Python module is not installed."""
    if find_spec(name) is None:
        pytest.skip(f"{package} is not installed (pip install '.[test]')")


class Server(NamedTuple):
    """A running server. `log` is all that it wrote to stdout and stderr."""

    port: int
    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        return self.directory / "output.log"


def free_port() -> int:
    """A port that nobody has, for TCP or UDP, on either loopback address."""
    while True:
        port = random.choice(_PORTS)
        try:
            for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with closing(socket.socket(family, kind)) as probe:
                        probe.bind((host, port))
        except OSError:
            continue
        return port


@contextmanager
def running(
    directory: Path, command: Callable[[int], Sequence[str]], needs: Sequence[Transport], port: int | None = None
) -> Iterator[Server]:
    """Start `command(port)` and wait until it has bound the port for each protocol in `needs`."""
    directory.mkdir(parents=True, exist_ok=True)
    server = _start(directory, command, needs, port)
    try:
        yield server
    finally:
        stop(server.process)


def _start(
    directory: Path, command: Callable[[int], Sequence[str]], needs: Sequence[Transport], port: int | None
) -> Server:
    for _ in range(3):  # another program may take the port between the search and the start
        chosen = port or free_port()
        with (directory / "output.log").open("wb") as log:
            process = subprocess.Popen(
                command(chosen), cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

        def settled(process: subprocess.Popen[bytes] = process, chosen: int = chosen) -> bool:
            ready = all(chosen in bound_ports(protocol, process.pid) for protocol in needs)
            return ready or process.poll() is not None

        try:
            until(settled, f"{command(chosen)[0]} to bind port {chosen}")
        except AssertionError:
            stop(process)
            raise
        if process.poll() is None:
            return Server(chosen, directory, process)
    raise AssertionError(f"{command(0)[0]} does not start:\n{(directory / 'output.log').read_text(errors='replace')}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here, whatever it does."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=PATIENCE)


def redis(directory: Path) -> Iterator[Server]:
    path = program("redis-server")
    options = ["--bind", "127.0.0.1", "::1", "--save", "", "--appendonly", "no", "--daemonize", "no"]
    with running(directory, lambda port: [path, "--port", str(port), *options], ["tcp"]) as server:
        yield server


NGINX_PAGE: Final = "".join(f"line {number}\n" for number in range(100_000)).encode()


def nginx(directory: Path) -> Iterator[Server]:
    """Serves NGINX_PAGE as /page."""
    path = program("nginx")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "page").write_bytes(NGINX_PAGE)

    def command(port: int) -> list[str]:
        (directory / "nginx.conf").write_text(
            f"""
            daemon off; master_process off; pid {directory}/nginx.pid; error_log stderr;
            events {{}}
            http {{
              access_log off;
              client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
              fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
              scgi_temp_path {directory}/scgi;
              server {{ listen 127.0.0.1:{port}; listen [::1]:{port}; root {directory}; }}
            }}
            """
        )
        return [path, "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", "stderr"]

    with running(directory, command, ["tcp"]) as server:
        yield server


def memcached(directory: Path) -> Iterator[Server]:
    """TCP and UDP on the same port."""
    path = program("memcached")
    # It refuses to run as root without being told the user; for anybody else the option does nothing.
    options = ["-l", "127.0.0.1", "-u", "root", "-m", "8", "-t", "1"]
    with running(directory, lambda port: [path, "-p", str(port), "-U", str(port), *options], ["tcp", "udp"]) as server:
        yield server


def dnsmasq(directory: Path, *records: str, port: int | None = None, wrapper: Sequence[str] = ()) -> Iterator[Server]:
    """Answers only from `records` (dnsmasq's own options), and logs each query."""
    path = program("dnsmasq")
    # Without a daemon it also keeps its user: giving up root fails in a user's own namespace.
    options = ["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--log-queries"]
    # Names under .test that are in no record do not exist.
    options += ["--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/"]
    with running(
        directory, lambda chosen: [*wrapper, path, f"--port={chosen}", *options, *records], ["udp", "tcp"], port
    ) as server:
        yield server


def tftpd(directory: Path) -> Iterator[Server]:
    """Serves the files in `directory`; each answer comes from a port of its own, as RFC 1350 wants."""
    path = program("in.tftpd")
    # Two packages install a program of this name, and each knows options that the other refuses.
    version = subprocess.run([path, "-V"], capture_output=True, text=True, check=False).stdout
    command = _tftpd_hpa if version.startswith("tftp-hpa") else _atftpd
    with running(directory, lambda port: [path, *command(port), str(directory)], ["udp"]) as server:
        yield server


def _atftpd(port: int) -> list[str]:
    user = ["--user", "root.root"] if os.geteuid() == 0 else []
    return ["--daemon", "--no-fork", "--logfile", "-", "--bind-address", "127.0.0.1", "--port", str(port), *user]


def _tftpd_hpa(port: int) -> list[str]:
    if os.geteuid() != 0:
        pytest.skip("tftpd-hpa changes its user at the start, which only root may do (Debian: atftpd needs no root)")
    return ["--foreground", "--address", f"127.0.0.1:{port}", "--user", "root", "--secure"]


class Syslog(NamedTuple):
    """rsyslogd, and the file that it writes what it receives to: one line a message, protocol first."""

    server: Server
    received: Path


def rsyslog(directory: Path) -> Iterator[Syslog]:
    """TCP and UDP on the same port."""
    path = program("rsyslogd")
    directory.mkdir(parents=True, exist_ok=True)
    received = directory / "received.log"

    def command(port: int) -> list[str]:
        (directory / "rsyslog.conf").write_text(
            f"""
            global(workDirectory="{directory}" maxMessageSize="64k")
            module(load="imudp")
            module(load="imtcp")
            template(name="raw" type="string" string="%inputname% %rawmsg%\\n")
            input(type="imudp" address="127.0.0.1" port="{port}")
            input(type="imtcp" address="127.0.0.1" port="{port}")
            action(type="omfile" file="{received}" template="raw")
            """
        )
        return [path, "-n", "-f", str(directory / "rsyslog.conf"), "-i", str(directory / "rsyslog.pid")]

    with running(directory, command, ["tcp", "udp"]) as server:
        yield Syslog(server, received)


def ngircd(directory: Path) -> Iterator[Server]:
    """An IRC server. It lets a client in that answers its PING."""
    path = program("ngircd")
    directory.mkdir(parents=True, exist_ok=True)

    def command(port: int) -> list[str]:
        (directory / "ngircd.conf").write_text(
            f"""
            [Global]
            Name = irc.test
            Info = a server for tests
            Listen = 127.0.0.1
            Ports = {port}
            [Options]
            RequireAuthPing = yes
            DNS = no
            Ident = no
            PAM = no
            """
        )
        return [path, "--nodaemon", "--config", str(directory / "ngircd.conf")]

    with running(directory, command, ["tcp"]) as server:
        yield server
