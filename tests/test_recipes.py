"""Every command of docs/recipes.md does what the page shows, on the demo's servers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from sockcli.demo.servers import Servers
from tests.servers import free_port
from tests.waiting import PATIENCE

PAGE = (Path(__file__).parent.parent / "docs/recipes.md").read_text()


class Recipe(NamedTuple):
    """What is typed, as a script, and what is shown on the terminal."""

    commands: str
    output: str


def recipes() -> list[Recipe]:
    """The page's blocks. `$ ` starts a command and `> ` goes on with it; every other line is output."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        lines = block.splitlines()
        commands = [line[2:] for line in lines if line.startswith(("$ ", "> "))]
        output = [line for line in lines if not line.startswith(("$ ", "> "))]
        found.append(Recipe("\n".join(commands) + "\n", "".join(f"{line}\n" for line in output)))
    return found


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with closing(Servers()) as running:
        yield running


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.commands.splitlines()[0])
def test_a_recipe(recipe: Recipe, servers: Servers, tmp_path: Path) -> None:
    ports = {
        "7001": servers.lines.port,
        "7002": servers.telnet.port,
        "7003": servers.echo.port,
        "7004": servers.datagrams.port,
        "7005": free_port(),
    }
    script = re.sub(r"\b700[1-5]\b", lambda found: str(ports[found[0]]), recipe.commands)
    (tmp_path / "manifest.json").write_text(
        '{"permissions": [{"socket": ["tcp-connect:127.0.0.1", "udp-send-to:127.0.0.1", "tcp-listen:127.0.0.1"]}]}'
    )
    # The command under test is this interpreter's, whatever `sockcli` the machine has.
    command = tmp_path / "bin" / "sockcli"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sockcli "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{command.parent}:{os.environ.get('PATH', os.defpath)}", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.stdout == recipe.output


def test_no_recipe_is_left_out() -> None:
    assert len(recipes()) >= 10
    assert not re.search(r"^```(?!console$|$)", PAGE, re.MULTILINE), "every block of the page is run"
