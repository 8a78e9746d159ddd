"""Completion in the user's shell, as the README turns it on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.runner import Sockcli

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_names_the_variable_that_click_reads() -> None:
    assert 'eval "$(_SOCKCLI_COMPLETE=bash_source sockcli)"' in README.read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(sockcli: Sockcli, shell: str) -> None:
    result = sockcli.run(env={"_SOCKCLI_COMPLETE": f"{shell}_source"})
    assert result.code == 0
    assert re.search(rb"_sockcli_completion", result.out)


@pytest.mark.parametrize(
    ("words", "position", "expected"),
    [
        ("sockcli ma", 1, "manifest"),
        ("sockcli tcp --no-sh", 2, "--no-shutdown"),
        ("sockcli manifest va", 2, "validate"),
        ("sockcli tcp --terminal sa", 3, "safe"),
    ],
)
def test_commands_options_and_values_are_completed(sockcli: Sockcli, words: str, position: int, expected: str) -> None:
    environment = {"_SOCKCLI_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(position)}
    result = sockcli.run(env=environment)
    assert result.out.decode().split() == [f"plain,{expected}"]
