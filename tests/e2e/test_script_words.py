"""What a script's commands have to say, on stderr."""

from __future__ import annotations

from sockcli.errors import ExitCode
from tests.e2e.runner import Sockcli


def test_what_has_several_lines_stands_on_several(sockcli: Sockcli) -> None:
    result = sockcli.run("repl", data=b"set\n")
    assert (result.code, result.out) == (ExitCode.OK, b"")
    assert [line.split()[0] for line in result.err.splitlines()] == [
        "of",
        "eol",
        "encoding",
        "view",
        "timestamps",
        "terminal",
        "of",
        "history",
    ]
