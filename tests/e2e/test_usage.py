"""Command lines that are wrong: each is told in one line what is, and what to do, and nothing is done."""

from __future__ import annotations

import pytest

from tests.e2e.runner import Sockcli

TARGET = "give HOST PORT, HOST:PORT or [IPV6]:PORT"

# What is typed, what is said of it, and the hint.
WRONG = [
    # What click finds.
    ("nosuch", 'no such command: "nosuch"', "see `sockcli --help`"),
    ("tpc a 1", 'no such command: "tpc"', "did you mean tcp? see `sockcli --help`"),
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
    ("tcp a 1 b", 'unexpected argument "b"', None),
    ("check nosuch", '"nosuch" is no operation', None),
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
