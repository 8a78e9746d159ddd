"""The code of docs/library.md is run, in its order, and prints what its comments say."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

import sockcli
from sockcli.demo.servers import Servers

PAGE = (Path(__file__).parent.parent / "docs/library.md").read_text()
CODE = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


def test_the_code_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert "7007" in CODE
    assert "7008" in CODE
    with closing(Servers()) as servers:
        ports = {"7007": str(servers.echo.port), "7008": str(servers.datagrams.port)}
        code = re.sub("700[78]", lambda found: ports[found[0]], CODE)
        exec(compile(code, "docs/library.md", "exec"), {})
    # What it prints is what its comments say.
    assert capsys.readouterr().out.splitlines() == re.findall(r"# prints (.*)$", code, re.MULTILINE)


@pytest.mark.parametrize("name", re.findall(r"^\| `(\w+)` \| \d", PAGE, re.MULTILINE))
def test_the_errors_have_these_exit_codes(name: str) -> None:
    (code,) = re.findall(rf"^\| `{name}` \| (\d+) \|", PAGE, re.MULTILINE)
    assert int(code) == getattr(sockcli, name).exit_code
