"""Command lines that are wrong: each is told in one line what is, and what to do, and nothing is done."""

from __future__ import annotations

import pty

import click
import pytest

from sockcli.cli.command_line import GLOBAL
from sockcli.cli.common import Sections
from sockcli.cli.options import tcp as tcp_options
from sockcli.cli.options import udp as udp_options
from sockcli.cli.tcp import command as tcp
from sockcli.cli.udp import command as udp
from tests.e2e.peers import Background, Listen, deliver
from tests.e2e.runner import Sockcli

TARGET = "give HOST PORT, HOST:PORT or [IPV6]:PORT"

# What is typed, what is said of it, and the hint.
WRONG = [
    # What click finds.
    ("nosuch", 'no such command: "nosuch"', "see `sockcli --help`"),
    ("tpc a 1", 'no such command: "tpc"', "did you mean tcp? see `sockcli --help`"),
    (
        "127.0.0.1 16379",
        'no such command: "127.0.0.1"',
        "to connect: `sockcli tcp 127.0.0.1 16379`; see `sockcli --help`",
    ),
    ("[::1]:80", 'no such command: "[::1]:80"', "to connect: `sockcli tcp [::1]:80`; see `sockcli --help`"),
    ("-- --nosuch", 'no such command: "--nosuch"', "see `sockcli --help`"),
    ("manifest", "missing command", "see `sockcli manifest --help`"),
    ("manifest sohw", 'no such command: "sohw"', "did you mean show? see `sockcli manifest --help`"),
    ("--nosuch", 'no such option: "--nosuch"', "see `sockcli --help`"),
    ("tcp --jsn a 1", 'no such option: "--jsn"', "did you mean --json? see `sockcli tcp --help`"),
    ("tcp --no-progess a 1", 'no such option: "--no-progess"', "did you mean --no-progress? see `sockcli tcp --help`"),
    ("udp a 1 -x", 'option "-x" requires an argument', "see `sockcli udp --help`"),
    ("manifest show --manifest", 'option "--manifest" requires an argument', "see `sockcli manifest show --help`"),
    ("manifest show x", "got unexpected extra argument (x)", "see `sockcli manifest show --help`"),
    ("tcp --quiet=1 a 1", 'option "--quiet" does not take a value', "see `sockcli tcp --help`"),
    ("tcp --eol x a 1", '--eol: "x" is not one of "crlf", "lf", "cr", "crnul"', "see `sockcli tcp --help`"),
    ("udp -n x a 1", '--replies: "x" is not a whole number from 1', "see `sockcli udp --help`"),
    ("udp -n +1 a 1", '--replies: "+1" is not a whole number from 1', "see `sockcli udp --help`"),
    ("udp -l --count 0 1", '--count: "0" is not a whole number from 1', "see `sockcli udp --help`"),
    ("tcp --retry -1 a 1", '--retry: "-1" is not a whole number from 0', "see `sockcli tcp --help`"),
    ("udp -w 1s a 1", '--wait: "1s" is not a number of seconds', "see `sockcli udp --help`"),
    ("tcp -s here a 1", '--source: "here" is a name; give an address of this machine, or :PORT', None),
    # What we find.
    ("tcp", "a target is missing", TARGET),
    ("tcp a", '"a": the port is missing', TARGET),
    ("tcp http://a.test/ 80", '"http://a.test/" is a URL', "give its host and its port alone, as example.com 80"),
    ("tcp http://a.test:80", '"http://a.test:80" is a URL', "give its host and its port alone, as example.com 80"),
    ("tcp a 1 b", 'unexpected argument "b"', None),
    ("check nosuch", '"nosuch" is no operation', None),
    ("udp --framing 0 a 1", '--framing: "0" is not line, all or a number of bytes from 1', None),
    ("udp --framing= a 1", '--framing: "" is not line, all or a number of bytes from 1', None),
    ("tcp --telnet --env =x a 1", '--env "=x": a name is missing', "write NAME or NAME=VALUE"),
    ("tcp --telnet --com-settings x a 1", 'no settings for a serial port: "x"', None),
]


@pytest.mark.parametrize(("line", "message", "hint"), WRONG)
def test_what_is_wrong_is_said_in_a_line(sockcli: Sockcli, line: str, message: str, hint: str | None) -> None:
    result = sockcli.run(*line.split())
    assert (result.code, result.out) == (2, b""), result.err
    error, *more = result.err.splitlines()
    assert error.startswith(f"sockcli: error: {message}")
    assert [text.partition(": ")[0] for text in more] in ([], ["hint"])
    if hint is not None:
        assert more == [f"hint: {hint}"]


@pytest.mark.parametrize(("command", "sections"), [(tcp, tcp_options.SECTIONS), (udp, udp_options.SECTIONS)])
def test_each_option_is_listed_under_one_heading(command: click.Command, sections: Sections) -> None:
    listed = [name for names in sections.values() for name in names]
    general = set(GLOBAL)
    options = {param.name for param in command.params if isinstance(param, click.Option)}
    assert sorted(listed) == sorted(options - general)
    shown = command.get_help(command.make_context("sockcli", [], resilient_parsing=True)).splitlines()
    headings = [line.rstrip(":") for line in shown if line.endswith(":") and not line.startswith(" ")]
    assert headings == [*sections, "General"]
    firsts = [line.replace(",", " ").split()[0] for line in shown if line.startswith("  -")]
    assert sorted(firsts) == sorted([param.opts[0] for param in command.params if param.name in options] + ["-h"])


# Options that mean something else to be done than what this kind of run does, and what is said of each.
USELESS = {
    "udp --count 1 a 1": "--count needs --listen",
    "udp --retries 1 a 1": "--retries needs --replies",
    "udp -l --source :1 1": "--source makes no sense with --listen",
    "tcp --retry-delay 1 -l 1": "--retry-delay makes no sense with --listen",
    "tcp -k a 1": "--keep-open needs --listen",
    "tcp --escape ^A a 1": "--escape is for a session at a terminal, and this is none",
    "tcp --telnet --recv-only --eol lf a 1": "--eol makes no sense with --recv-only",
    "tcp --eol lf a 1": "--eol needs --telnet, except in a session at a terminal",
    "repl --escape ^A": "--escape is for a terminal, and stdin or stdout is none",
    "check -4 tcp-connect a 1": "-4, -6 and --deadline are for --resolve",
}


@pytest.mark.parametrize("line", USELESS)
def test_an_option_that_would_have_no_effect_is_refused(sockcli: Sockcli, line: str) -> None:
    result = sockcli.run(*line.split())
    assert result.code == 2
    assert f"sockcli: error: {USELESS[line]}\n" in result.err


AT_A_TERMINAL = {
    "tcp --progress a 1": "--progress is for pipes and files, and both stdin and stdout are a terminal",
    "tcp --progress --line-delay 1 a 1": "--progress is for pipes and files, and both stdin and stdout are a terminal",
    "tcp -z --escape ^A a 1": "--escape is for a session at a terminal, and this is none",
    "tcp -l --eol lf 1": "--eol needs --telnet, except in a session at a terminal",
}


@pytest.mark.parametrize("line", AT_A_TERMINAL)
def test_so_it_is_at_a_terminal(sockcli: Sockcli, line: str) -> None:
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0), open(theirs, "rb", buffering=0) as terminal:
        result = sockcli.start(*line.split(), stdin=terminal, stdout=terminal).finish()
    assert (result.code, result.err) == (2, f"sockcli: error: {AT_A_TERMINAL[line]}\n")


# What has no use here but asks for nothing that is not done: the default said outright, what to refuse, or how to do
# what is off. A script that always gives them works, as it would with curl.
HARMLESS = [
    "tcp --retry-delay 1",
    "tcp -z --no-telnet --no-progress",
    "tcp --terminal safe",
    "tcp --json --terminal raw",
    "tcp --send-only --terminal screen",
    "udp --framing line",
    "udp --framing 4 --terminal safe",
]


@pytest.mark.parametrize("line", HARMLESS)
def test_an_option_that_takes_nothing_away_is_allowed_anywhere(
    sockcli: Sockcli, tcp_peer: Listen, udp_peer: Listen, background: Background, line: str
) -> None:
    peer = tcp_peer() if line.startswith("tcp") else udp_peer()
    if peer.is_stream:
        background(lambda: peer.accept().close())
    message = [] if peer.is_stream else ["message"]
    assert sockcli.run(*line.split(), "127.0.0.1", peer.port, *message).code == 0


def test_what_is_not_for_a_terminal_is_exact_whatever_terminal_says(
    sockcli: Sockcli, tcp_peer: Listen, background: Background
) -> None:
    sent = b"\x1b[6n\x1b]0;title\x07\x9b\xff\x00"
    peer = tcp_peer()

    def send() -> None:
        with peer.accept() as connection:
            deliver(connection, sent)

    background(send)
    assert sockcli.run("tcp", "--terminal", "safe", "127.0.0.1", peer.port).out == sent
