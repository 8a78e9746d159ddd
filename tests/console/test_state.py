"""What the terminal is for: the table has every case, and gives each of them one state."""

from __future__ import annotations

from itertools import product

import pytest

from sockcli.console.state import TABLE, CommandPrompt, ConsoleState, Showing


def test_every_case_is_in_the_table() -> None:
    assert TABLE.keys() == set(product(CommandPrompt, Showing))


@pytest.mark.parametrize("prompt", CommandPrompt)
def test_without_a_session_there_is_only_the_command_prompt(prompt: CommandPrompt) -> None:
    assert TABLE[prompt, Showing.NOTHING] is ConsoleState.COMMAND


@pytest.mark.parametrize("showing", Showing)
def test_an_open_prompt_is_for_a_command_whatever_is_shown(showing: Showing) -> None:
    assert TABLE[CommandPrompt.OPEN, showing] is ConsoleState.COMMAND


def test_a_closed_prompt_leaves_the_terminal_to_the_session() -> None:
    shown = [TABLE[CommandPrompt.CLOSED, showing] for showing in (Showing.LINES, Showing.CHARACTERS)]
    assert shown == [ConsoleState.LINE, ConsoleState.KEYS]
    assert not any(state.is_command for state in shown)
