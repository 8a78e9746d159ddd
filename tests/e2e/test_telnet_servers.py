"""In a pipe with --telnet: real telnet servers, whose data comes out and nothing else of theirs does."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import telnet_servers
from tests.e2e.runner import Process, Sockcli
from tests.servers import Server, program
from tests.telnet_servers import SerialServer
from tests.waiting import PATIENCE, until

IAC, SB, SE, WILL, DO, DONT = 255, 250, 240, 251, 253, 254
ECHO, MCCP2 = 1, 86
SIZE = {"COLUMNS": "91", "LINES": "33"}


def converse(process: Process, *exchanges: tuple[bytes, bytes]) -> None:
    """Send each line once what should come before it is there."""
    for awaited, line in exchanges:
        process.read_until(awaited)
        process.send(line + b"\n")


class TestTelnetd:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[Server]:
        with telnet_servers.telnetd(tmp_path / "telnetd") as server:
            yield server

    def test_a_login_and_its_data_alone(self, sockcli: Sockcli, server: Server) -> None:
        process = sockcli.start("tcp", "--telnet", "127.0.0.1", server.port, env={"TERM": "vt100", **SIZE})
        converse(process, (b"ready\r\n", b"hello"), (b"got <hello>\r\n", b"a\xff\xe2\x86\x92"))
        converse(process, (b"got <a\xff\xe2\x86\x92>\r\n", b"bye"))
        result = process.finish()
        assert (result.code, result.err) == (0, "")
        assert result.out.removesuffix(b"bye\r\n") == (
            b"TERM=vt100, 33 91\r\nready\r\nhello\r\ngot <hello>\r\na\xff\xe2\x86\x92\r\ngot <a\xff\xe2\x86\x92>\r\n"
        )

    def test_input_that_is_there_before_the_login(self, sockcli: Sockcli, server: Server) -> None:
        process = sockcli.start("tcp", "--telnet", "127.0.0.1", server.port)
        process.send(b"one\ntwo\n")
        converse(process, (b"got <one>\r\ngot <two>\r\n", b"bye"))
        result = process.finish()
        assert (result.code, result.err) == (0, "")
        assert b"\xff" not in result.out

    def test_a_peer_that_asks_to_the_last_and_does_not_wait_for_the_answer(
        self, sockcli: Sockcli, server: Server
    ) -> None:
        result = sockcli.run("tcp", "--telnet", "--no-shutdown", "127.0.0.1", server.port, data=b"hello\nbye\n")
        assert (result.code, result.err) == (0, "")

    def test_binary_mode_that_is_taken_back(self, sockcli: Sockcli, server: Server) -> None:
        """This telnetd accepts to it, finds its pty to be in another mode, and says WONT."""
        result = sockcli.run("tcp", "--telnet", "--binary", "--no-shutdown", "127.0.0.1", server.port, data=b"bye\n")
        assert result.code == 8
        assert "refused binary mode" in result.err

    def test_a_variable_reaches_the_login(self, sockcli: Sockcli, tmp_path: Path) -> None:
        login = '#!/bin/sh\necho "<$SHADE> <$SECRET>"\n'
        with telnet_servers.telnetd(tmp_path / "env", login, ["--accept-env=SHADE", "--accept-env=SECRET"]) as server:
            process = sockcli.start(
                "tcp", "--telnet", "--env", "SHADE=dark", "127.0.0.1", server.port, env={"SECRET": "x"}
            )
            assert process.read_until(b"\r\n") == b"<dark> <>\r\n"

    def test_gnu_telnet_is_answered_by_a_listening_run(self, sockcli: Sockcli) -> None:
        process = sockcli.start("tcp", "--telnet", "-l", "0")
        command = [program("telnet"), "-8", "127.0.0.1", str(process.port("tcp"))]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={"TERM": "vt100"}
        ) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdin.write(b"in\n")
            client.stdin.flush()
            assert process.read_until(b"in")
            process.finish_input(b"out\n")
            assert client.stdout.read().endswith(b"out\nConnection closed by foreign host.\n")


class TestTelnetlib3:
    @pytest.mark.parametrize("compress", [True, False])
    def test_compressed_or_not(self, sockcli: Sockcli, tmp_path: Path, compress: bool) -> None:
        login = str(telnet_servers.script(tmp_path))
        options = ["--compress"] if compress else []
        with (
            telnet_servers.telnetlib3(tmp_path / "server", "--compression", "--pty-exec", login) as server,
            telnet_servers.tap(tmp_path / "tap", server.port) as tap,
        ):
            process = sockcli.start("tcp", "--telnet", *options, "127.0.0.1", tap.port, env={"TERM": "xterm", **SIZE})
            converse(process, (b"ready\r\n", b"hello"), (b"got <hello>\r\n", b"bye"))
            result = process.finish()
            assert (result.code, result.err) == (0, "")
            lines = result.out.split(b"\r\n")
            assert lines[:2] == [b"TERM=xterm, 33 91", b"ready"]
            assert b"got <hello>" in lines
            assert bytes([IAC, DO if compress else DONT, MCCP2]) in tap.from_client
            assert (bytes([IAC, SB, MCCP2, IAC, SE]) in tap.from_server) == compress
            assert (b"got <hello>" in tap.from_server) == (not compress)

    def test_its_own_shell(self, sockcli: Sockcli, tmp_path: Path) -> None:
        with telnet_servers.telnetlib3(tmp_path / "server") as server:
            process = sockcli.start("tcp", "--telnet", "127.0.0.1", server.port)
            converse(process, (b"tel:sh> ", b"help"), (b"tel:sh> ", b"quit"))
            result = process.finish()
            assert (result.code, result.err) == (0, "")
            assert b"quit, writer, slc" in result.out
            assert result.out.endswith(b"Goodbye.\r\n")
            assert b"\xff" not in result.out


class TestPromptToolkit:
    def test_its_sequences_come_out_byte_for_byte(self, sockcli: Sockcli, tmp_path: Path) -> None:
        with (
            telnet_servers.prompt_toolkit(tmp_path / "server") as server,
            telnet_servers.tap(tmp_path / "tap", server.port) as tap,
        ):
            process = sockcli.start(
                "tcp", "--telnet", "--eol", "crnul", "127.0.0.1", tap.port, env={"TERM": "vt100", **SIZE}
            )
            converse(process, (b"\x1b[6n", b"joe"), (b"hello <joe>", b"bye"))
            result = process.finish()
            assert (result.code, result.err) == (0, "")
            assert b"\x1b[?2004h" in result.out
            assert result.out == tap.data_from_server


class TestTwisted:
    """Its protocol never ends a line on CR NUL."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[Server]:
        with telnet_servers.twisted(tmp_path / "server") as server:
            yield server

    def test_a_login(self, sockcli: Sockcli, server: Server) -> None:
        process = sockcli.start("tcp", "-v", "--telnet", "127.0.0.1", server.port)
        converse(process, (b"User: ", b"joe"), (b"Password: ", b"secret"), (b"> ", b"bye"))
        result = process.finish()
        assert result.code == 0
        assert result.out == (b"User: Password: \r\njoe has a password of 6 bytes\r\n> got <bye>\r\n> ")
        assert "telnet: the peer's ECHO is on" in result.err
        assert "telnet: the peer's ECHO is off" in result.err

    def test_a_line_that_ends_otherwise_is_none(self, sockcli: Sockcli, server: Server) -> None:
        process = sockcli.start("tcp", "--telnet", "--eol", "crnul", "127.0.0.1", server.port)
        process.read_until(b"User: ")
        assert process.finish(b"joe\n").out == b"User: "


class TestSer2net:
    @pytest.fixture
    def serial(self, tmp_path: Path) -> Iterator[SerialServer]:
        with telnet_servers.ser2net(tmp_path / "ser2net") as serial:
            yield serial

    def test_the_port_is_set_and_every_byte_passes(self, sockcli: Sockcli, serial: SerialServer) -> None:
        process = sockcli.start(
            "tcp", "-v", "--telnet", "--com-settings", "115200,8n2", "127.0.0.1", serial.server.port
        )
        process.wait_for_error("our COM-PORT is on")
        until(lambda: settings(serial.port) == (termios.B115200, termios.CSTOPB), "the port to be set")
        process.send(bytes(range(256)))
        assert read(serial.cable, 256) == bytes(range(256))
        os.write(serial.cable, bytes(range(256)))
        assert process.read(256) == bytes(range(256))
        process.kill(signal.SIGTERM)
        assert "not" not in process.finish().err, "it confirmed what was asked for"

    def test_the_port_is_left_as_it_is(self, sockcli: Sockcli, serial: SerialServer) -> None:
        process = sockcli.start("tcp", "-v", "--telnet", "--com", "127.0.0.1", serial.server.port)
        process.wait_for_error("our COM-PORT is on")
        process.send(b"AT\n")
        assert read(serial.cable, 3) == b"AT\n"
        assert settings(serial.port) == (termios.B9600, 0)


def settings(fd: int) -> tuple[int, int]:
    """Speed, and whether there are two stop bits; the rest a pty does not keep."""
    attributes = termios.tcgetattr(fd)
    return attributes[5], attributes[2] & termios.CSTOPB


def read(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        ready, _, _ = select.select([fd], [], [], PATIENCE)
        assert ready, f"only {data!r} came"
        data += os.read(fd, size - len(data))
    return data
