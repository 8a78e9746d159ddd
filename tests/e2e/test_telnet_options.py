"""The telnet options of `sockcli tcp` in a pipe, each against a peer that notes every byte; and where they are refused.

What a peer may ask and what is answered is in tests/telnet; here it is whether the options reach that.
"""

from __future__ import annotations

import socket
import zlib
from pathlib import Path

import pytest

from tests.e2e.peers import Listen, connect, nobody, read_all, read_exactly
from tests.e2e.runner import Sockcli

SB, WILL, WONT, DO, DONT, IAC = range(250, 256)
SE = 240
BINARY, ECHO, TTYPE, NAWS, NEW_ENVIRON, CHARSET, COM_PORT = 0, 1, 24, 31, 39, 42, 44
MSDP, MSSP, MCCP2, GMCP = 69, 70, 86, 201


def say(*verbs: int) -> bytes:
    """`say(DO, TTYPE, WILL, ECHO)`: negotiations in pairs."""
    pairs = zip(verbs[::2], verbs[1::2], strict=True)
    return b"".join(bytes([IAC, verb, option]) for verb, option in pairs)


def sub(option: int, body: bytes) -> bytes:
    return bytes([IAC, SB, option]) + body.replace(b"\xff", b"\xff\xff") + bytes([IAC, SE])


class TestWithoutTelnet:
    @pytest.mark.parametrize("option", [[], ["--no-telnet"]])
    def test_a_pipe_gets_every_byte_and_nothing_is_answered(
        self, sockcli: Sockcli, tcp_peer: Listen, option: list[str]
    ) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", *option, "127.0.0.1", peer.port)
        connection = peer.accept()
        data = say(DO, TTYPE, WILL, ECHO) + sub(TTYPE, b"\x01") + b"\xff\xff\r\0"
        connection.sendall(data)
        assert process.read(len(data)) == data
        process.finish_input(b"\xff\n")
        assert read_all(connection) == b"\xff\n"

    def test_port_23_is_no_exception_in_a_pipe(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        try:
            peer = tcp_peer("127.0.0.23", 23)
        except PermissionError:
            pytest.skip("only root may listen at port 23")
        process = sockcli.start("tcp", "127.0.0.23", "23")
        connection = peer.accept()
        connection.sendall(say(DO, TTYPE))
        assert process.read(3) == say(DO, TTYPE)
        process.finish_input(b"x")
        assert read_all(connection) == b"x"


class TestTelnet:
    def test_the_data_alone_comes_out(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(b"a" + say(WILL, ECHO) + b"\r\0b\xff\xff\r\n" + say(DO, TTYPE) + sub(TTYPE, b"\x01") + b"c")
        assert process.read(7) == b"a\rb\xff\r\nc"
        assert read_exactly(connection, 16) == say(DO, ECHO, WILL, TTYPE) + sub(TTYPE, b"\0DUMB")
        connection.close()
        assert process.finish().out == b"a\rb\xff\r\nc"

    def test_the_peer_has_the_first_word(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "127.0.0.1", peer.port)
        process.finish_input(b"")
        assert read_all(peer.accept()) == b""

    @pytest.mark.parametrize(
        ("options", "sent"),
        [
            ([], b"a\r\nb\r\nc\r\0d\xff\xff"),
            (["--eol", "crlf"], b"a\r\nb\r\nc\r\0d\xff\xff"),
            (["--eol", "lf"], b"a\nb\nc\r\0d\xff\xff"),
            (["--eol", "cr"], b"a\rb\rc\r\0d\xff\xff"),
            (["--eol", "crnul"], b"a\r\0b\r\0c\r\0d\xff\xff"),
            (["-C"], b"a\r\nb\r\nc\r\0d\xff\xff"),
        ],
    )
    def test_how_lines_end(self, sockcli: Sockcli, tcp_peer: Listen, options: list[str], sent: bytes) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", *options, "127.0.0.1", peer.port)
        process.finish_input(b"a\nb\r\nc\rd\xff")
        assert read_all(peer.accept()) == sent

    def test_a_listening_run_speaks_it_too(self, sockcli: Sockcli) -> None:
        process = sockcli.start("tcp", "--telnet", "-l", "0")
        with connect(process.port("tcp")) as connection:
            connection.sendall(say(WILL, ECHO) + b"in\r\n")
            assert process.read(4) == b"in\r\n"
            process.send(b"out\n")
            assert read_exactly(connection, 8) == say(DO, ECHO) + b"out\r\n"

    @pytest.mark.parametrize(
        ("variables", "size"), [({"COLUMNS": "255", "LINES": "3"}, b"\0\xff\0\x03"), ({}, None), ({"LINES": "3"}, None)]
    )
    def test_the_size_is_told_where_it_is_known(
        self, sockcli: Sockcli, tcp_peer: Listen, variables: dict[str, str], size: bytes | None
    ) -> None:
        peer = tcp_peer()
        sockcli.start("tcp", "--telnet", "127.0.0.1", peer.port, env=variables)
        connection = peer.accept()
        connection.sendall(say(DO, NAWS))
        answer = say(WONT, NAWS) if size is None else say(WILL, NAWS) + sub(NAWS, size)
        assert read_exactly(connection, len(answer)) == answer

    def test_verbose_tells_what_was_agreed_on(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "-v", "--telnet", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(say(WILL, ECHO, DO, TTYPE, WONT, ECHO) + bytes([IAC, SB]))
        connection.close()
        lines = [line for line in process.finish().err.splitlines() if "telnet" in line]
        assert lines == [
            "sockcli: telnet: the peer's ECHO is on",
            "sockcli: telnet: our TTYPE is on",
            "sockcli: telnet: the peer's ECHO is off",
            "sockcli: telnet: the connection ended within a telnet command",
        ]

    def test_verbose_tells_what_the_peer_has_to_say_of_itself(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start(
            "tcp", "-v", "--telnet", "--mud", "--com-settings", "9600", "127.0.0.1", peer.port
        )  # fmt: skip
        connection = peer.accept()
        connection.sendall(
            say(WILL, GMCP, DO, CHARSET, DONT, COM_PORT, DO, COM_PORT)
            + sub(GMCP, b'Char.Vitals { "hp": 7, "name": "\xc3\xa4\x1b[31m\xff" }')
            + sub(MSDP, b"\x01ROOM\x02" + b"x" * 2_000)
            + sub(CHARSET, b"\x02UTF-8")
            + sub(COM_PORT, b"\x64ser2net\x9b1m")
            + sub(COM_PORT, b"\x65\0\0\x25\x80")
            + sub(TTYPE, b"\x01")
            + b"data"
        )
        connection.shutdown(socket.SHUT_WR)
        result = process.finish(b"")
        assert result.out == b"data"
        assert [line for line in result.err.splitlines() if "telnet" in line] == [
            "sockcli: telnet: the peer's GMCP is on",
            "sockcli: telnet: our CHARSET is on",
            "sockcli: telnet: the peer refused COM-PORT",
            "sockcli: telnet: our COM-PORT is on",
            r'sockcli: telnet: GMCP Char.Vitals { "hp": 7, "name": "ä\x1b[31m\xff" }',
            r"sockcli: telnet: MSDP \x01ROOM\x02" + "x" * 994 + "… and 1,006 bytes more",
            "sockcli: telnet: the peer agreed on UTF-8",
            r"sockcli: telnet: serial port: signature ser2net\x9b1m",
            "sockcli: telnet: serial port: baudrate 9600",
        ]

    def test_without_verbose_none_of_it_is_told(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "--mud", "--com", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(say(WILL, GMCP, DO, COM_PORT) + sub(GMCP, b"x") + sub(COM_PORT, b"\x65\0\0\x25\x80"))
        connection.shutdown(socket.SHUT_WR)
        assert process.finish(b"").err == ""

    def test_a_warning_is_quiet_with_quiet(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "-q", "--telnet", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(bytes([IAC, SB]))
        connection.close()
        result = process.finish()
        assert (result.code, result.err) == (0, "")


class TestWithTheOtherOptions:
    def test_json_has_the_data_and_the_records_have_the_wire(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer, log = tcp_peer(), sockcli.directory / "log"
        process = sockcli.start("tcp", "--telnet", "--json", "--log", str(log), "127.0.0.1", peer.port)
        connection = peer.accept()
        wire = say(WILL, ECHO) + b"a\xff\xffb"
        connection.sendall(wire)
        assert read_exactly(connection, 3) == say(DO, ECHO)
        connection.close()
        received = [event for event in process.finish().events() if event["event"] == "receive"]
        assert [event["base64"] for event in received] == ["Yf9i"]
        assert log.read_bytes() == wire + say(DO, ECHO)

    def test_recv_only_still_answers(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "--recv-only", "127.0.0.1", peer.port)
        process.send(b"never read")
        connection = peer.accept()
        connection.sendall(say(WILL, ECHO) + b"x")
        assert read_exactly(connection, 3) == say(DO, ECHO)
        connection.close()
        result = process.finish()
        assert (result.code, result.out) == (0, b"x")

    def test_send_only_prints_nothing_and_answers(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "--send-only", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(say(WILL, ECHO) + b"x")
        assert read_exactly(connection, 3) == say(DO, ECHO)
        process.finish_input(b"y\n")
        assert read_all(connection) == b"y\r\n"
        result = process.finish()
        assert (result.code, result.out) == (0, b"")

    def test_lines_are_paced(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "--line-delay", "0.2", "127.0.0.1", peer.port)
        process.finish_input(b"a\nb\n")
        connection = peer.accept()
        assert read_all(connection) == b"a\r\nb\r\n"
        connection.close()
        assert process.finish().seconds > 0.2


class TestBinary:
    def test_nothing_is_sent_before_it_is_agreed_on(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "--binary", "127.0.0.1", peer.port)
        process.finish_input(b"\n\r\r\n\xff")
        connection = peer.accept()
        asked = read_exactly(connection, 6)
        assert {asked[:3], asked[3:]} == {say(WILL, BINARY), say(DO, BINARY)}
        connection.sendall(say(DO, BINARY, WILL, BINARY) + b"\r\0\n")
        assert process.read(3) == b"\r\0\n"
        assert read_all(connection) == b"\n\r\r\n\xff\xff"

    @pytest.mark.parametrize("refusal", [say(DONT, BINARY), say(WONT, BINARY), say(DO, BINARY, WONT, BINARY)])
    def test_a_refusal_is_exit_8(self, sockcli: Sockcli, tcp_peer: Listen, refusal: bytes) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "--binary", "127.0.0.1", peer.port)
        process.send(b"secret")
        connection = peer.accept()
        connection.sendall(b"before" + refusal)
        result = process.finish()
        assert (result.code, result.out) == (8, b"before")
        assert "refused binary mode" in result.err
        assert b"secret" not in read_all(connection)


class TestEnvironment:
    ASKED = say(DO, NEW_ENVIRON) + sub(NEW_ENVIRON, b"\x01")

    def test_what_is_listed_is_told_and_nothing_else(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        sockcli.start(
            "tcp", "--telnet", "--env", "USER=joe", "--env", "SHADE", "--env", "EMPTY=", "127.0.0.1", peer.port,
            env={"SHADE": "a=b", "SECRET": "x"},
        )  # fmt: skip
        connection = peer.accept()
        connection.sendall(self.ASKED + sub(NEW_ENVIRON, b"\x01\x03SECRET\x00HOME"))
        told = sub(NEW_ENVIRON, b"\x00\x00USER\x01joe\x03SHADE\x01a=b\x03EMPTY\x01")
        untold = sub(NEW_ENVIRON, b"\x00\x03SECRET\x00HOME")
        answer = say(WILL, NEW_ENVIRON) + told + untold
        assert read_exactly(connection, len(answer)) == answer

    def test_without_it_the_option_is_refused(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        sockcli.start("tcp", "--telnet", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(self.ASKED + say(WILL, 99))
        assert read_exactly(connection, 6) == say(WONT, NEW_ENVIRON, DONT, 99)


class TestMud:
    OFFERS = say(WILL, GMCP, WILL, MSDP, WILL, MSSP)

    def test_the_protocols_are_taken_and_the_text_comes_out(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start(
            "tcp", "--telnet", "--mud", "127.0.0.1", peer.port, env={"TERM": "xterm-256color"}
        )  # fmt: skip
        connection = peer.accept()
        connection.sendall(self.OFFERS + say(DO, TTYPE) + sub(TTYPE, b"\x01") * 4)
        names = (b"SOCKCLI", b"XTERM-256COLOR", b"MTTS 13", b"MTTS 13")
        answer = say(DO, GMCP, DO, MSDP, DO, MSSP, WILL, TTYPE) + b"".join(sub(TTYPE, b"\0" + name) for name in names)
        assert read_exactly(connection, len(answer)) == answer
        connection.sendall(b"You are " + sub(GMCP, b'Char.Vitals { "hp": 7 }') + b"here." + sub(MSSP, b"\x01NAME\x02x"))
        connection.close()
        assert process.finish().out == b"You are here."

    def test_without_it_they_are_refused(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        sockcli.start("tcp", "--telnet", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(self.OFFERS)
        assert read_exactly(connection, 9) == say(DONT, GMCP, DONT, MSDP, DONT, MSSP)


class TestCompress:
    def test_compressed_data_comes_out_plain(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "--compress", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(say(WILL, MCCP2))
        assert read_exactly(connection, 3) == say(DO, MCCP2)
        connection.sendall(b"a" + sub(MCCP2, b"") + zlib.compress(b"b" * 1000 + say(WILL, ECHO)) + b"c")
        assert process.read(1002) == b"a" + b"b" * 1000 + b"c"
        assert read_exactly(connection, 3) == say(DO, ECHO)

    def test_what_is_no_zlib_is_exit_8(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "--compress", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(say(WILL, MCCP2) + b"a" + sub(MCCP2, b"") + b"garbage")
        result = process.finish()
        assert (result.code, result.out) == (8, b"a")

    def test_without_it_the_offer_is_refused(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        sockcli.start("tcp", "--telnet", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(say(WILL, MCCP2))
        assert read_exactly(connection, 3) == say(DONT, MCCP2)


class TestComPort:
    @pytest.mark.parametrize("options", [["--com"], ["--com-settings", ""]])
    def test_it_agrees(self, sockcli: Sockcli, tcp_peer: Listen, options: list[str]) -> None:
        peer = tcp_peer()
        sockcli.start("tcp", "--telnet", *options, "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(say(DO, COM_PORT) + sub(COM_PORT, b"\x64"))
        answer = say(WILL, COM_PORT) + sub(COM_PORT, b"\0sockcli")
        assert read_exactly(connection, len(answer)) == answer

    def test_it_sets_the_port_and_says_what_became_of_it(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "--com-settings", "9600,7e2", "127.0.0.1", peer.port)
        connection = peer.accept()
        assert read_exactly(connection, 3) == say(WILL, COM_PORT)
        connection.sendall(say(DO, COM_PORT))
        settings = (b"\x01\0\0\x25\x80", b"\x02\x07", b"\x03\x03", b"\x04\x02")
        answer = b"".join(sub(COM_PORT, setting) for setting in settings)
        assert read_exactly(connection, len(answer)) == answer
        connection.sendall(sub(COM_PORT, b"\x65\0\0\x04\xb0"))
        connection.close()
        assert "baudrate is 1200, not 9600" in process.finish().err

    def test_its_flow_control_is_obeyed(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", "--com", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(say(DO, COM_PORT) + sub(COM_PORT, b"\x6c") + b"-")
        assert process.read(1) == b"-"
        assert read_exactly(connection, 3) == say(WILL, COM_PORT)
        process.finish_input(b"held")
        connection.sendall(say(WILL, 99))
        assert read_exactly(connection, 3) == say(DONT, 99)
        connection.sendall(sub(COM_PORT, b"\x6d"))
        assert read_all(connection) == b"held"


class TestEncoding:
    @pytest.mark.parametrize(("options", "name"), [([], b"UTF-8"), (["--encoding", "ISO-8859-1"], b"ISO-8859-1")])
    def test_it_is_offered(self, sockcli: Sockcli, tcp_peer: Listen, options: list[str], name: bytes) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "--telnet", *options, "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(say(DO, CHARSET) + b"\xe4")
        answer = say(WILL, CHARSET) + sub(CHARSET, b"\x01;" + name)
        assert read_exactly(connection, len(answer)) == answer
        assert process.read(1) == b"\xe4", "a pipe gets the peer's bytes"


class TestRefused:
    @pytest.mark.parametrize(
        "option",
        [["--binary"], ["--env", "A=b"], ["--com"], ["--com-settings", "9600"], ["--mud"], ["--compress"]],
        ids=lambda option: option[0],
    )
    @pytest.mark.parametrize(
        ("how", "why"),
        [
            ([], "needs --telnet, except in a session at a terminal"),
            (["--no-telnet"], "makes no sense with --no-telnet"),
        ],
    )
    def test_what_only_telnet_has_a_use_for(
        self, sockcli: Sockcli, option: list[str], how: list[str], why: str
    ) -> None:
        result = sockcli.run("tcp", *how, *option, "127.0.0.1", nobody())
        assert (result.code, result.err) == (2, f"sockcli: error: {option[0]} {why}\n")

    @pytest.mark.parametrize("option", [["--eol", "lf"], ["--encoding", "latin1"]], ids=lambda option: option[0])
    def test_what_a_plain_pipe_has_no_use_for(self, sockcli: Sockcli, option: list[str]) -> None:
        result = sockcli.run("tcp", *option, "127.0.0.1", nobody())
        assert result.code == 2
        assert f"{option[0]} needs --telnet" in result.err

    @pytest.mark.parametrize(
        "option",
        ["--telnet", "--binary", "--env=A=b", "--com", "--com-settings=1", "--mud", "--compress",
         "--eol=lf", "--encoding=utf-8"],
    )  # fmt: skip
    def test_what_a_probe_has_no_use_for(self, sockcli: Sockcli, option: str) -> None:
        result = sockcli.run("tcp", "-z", option, "127.0.0.1", nobody())
        assert result.code == 2
        assert "makes no sense with --probe" in result.err

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (["-C", "--eol", "lf"], "--crlf and --eol both say how lines end"),
            (["--eol", "bel"], '"bel" is not one of'),
            (["--env", "=x"], "a name is missing"),
            (["--env", ""], "a name is missing"),
            (["--env", "NOWHERE"], "NOWHERE: it is not set here"),
            (["--env", "USER=-froot"], "USER must not start with a hyphen"),
            (["--com-settings", "fast"], "no settings for a serial port"),
            (["--com-settings", "0"], "no settings for a serial port"),
            (["--com-settings", "9600,9n1"], "no settings for a serial port"),
            (["--encoding", "a;b"], "not the name of a character set"),
            (["--encoding", "nosuch"], 'no such encoding: "nosuch"'),
            (["--encoding", "ü"], "not the name of a character set"),
            (["--encoding", ""], "not the name of a character set"),
        ],
    )
    @pytest.mark.parametrize("how", ["connecting", "listening"])
    def test_what_makes_no_sense_is_said_before_anything_is_done(
        self, sockcli: Sockcli, tmp_path: Path, options: list[str], says: str, how: str
    ) -> None:
        record = tmp_path / "record"
        target = ["-l", "0"] if how == "listening" else ["127.0.0.1", str(nobody())]
        result = sockcli.run("tcp", "--telnet", "--log", str(record), *options, *target)
        assert result.code == 2
        assert says in result.err
        assert not record.exists()
