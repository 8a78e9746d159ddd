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
    result = sockcli.run(named=False, env={"_SOCKCLI_COMPLETE": f"{shell}_source"})
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
    result = sockcli.run(named=False, env=environment)
    assert result.out.decode().split() == [f"plain,{expected}"]


@pytest.mark.parametrize(
    "value", ["1", "bash", "bash_source", "bash_complete", "tcsh_source", "source", "_source", "fish_x"]
)
def test_a_variable_that_is_set_by_accident_changes_nothing(sockcli: Sockcli, value: str) -> None:
    sockcli.allow()
    result = sockcli.run("tcp", "127.0.0.1", 9, env={"_SOCKCLI_COMPLETE": value, "COMP_WORDS": "x", "COMP_CWORD": "0"})
    assert (result.code, result.out) == (3, b"")
    assert "denied" in result.err


@pytest.mark.parametrize("value", ["1", "bash_complete", "zsh_complete", "bash_sources"])
def test_a_call_that_is_not_documented_is_the_usual_one(sockcli: Sockcli, value: str) -> None:
    result = sockcli.run(named=False, env={"_SOCKCLI_COMPLETE": value})
    assert result.code == 2
    assert "Usage:" in result.err
