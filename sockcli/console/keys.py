"""What keys mean in a line. The rest is prompt_toolkit's own: Emacs keys, Ctrl-R to search, Tab to complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from prompt_toolkit.application.current import get_app
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, control_is_searchable, has_focus, is_searching
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.bindings.named_commands import get_by_name
from prompt_toolkit.keys import Keys
from prompt_toolkit.search import SearchDirection, start_search, stop_search

from sockcli.console.escape_key import EscapeKey

# How prompt_toolkit calls Ctrl and a key where that is not `c-` and the letter.
_NAMES: Final = {0x00: "c-@", 0x1C: "c-\\", 0x1D: "c-]", 0x1E: "c-^", 0x1F: "c-_"}


class Actions(NamedTuple):
    """What the keys do; all are called on the loop."""

    enter: Callable[[str], None]
    cancel: Callable[[], None]
    end_of_input: Callable[[], None]
    toggle_prompt: Callable[[], None]  # the escape key
    suspend: Callable[[], None]
    quit_signal: Callable[[], None]
    paste: Callable[[str], str]  # what of a pasted block goes into the line
    completes: Callable[[], bool]  # whether Tab completes; else it is a character like any other
    any_key_goes_back: Callable[[], bool]  # whether the next key, whichever it is, goes back to the session
    go_back: Callable[[str], None]  # that key was pressed: what it types


def key_bindings(actions: Actions, escape: EscapeKey | None) -> KeyBindings:
    """The keys of the line editor."""
    keys = KeyBindings()
    _edit_line(keys, actions)
    _leave_line(keys, actions, escape)
    _restore_after_search(keys)
    return keys


def _edit_line(keys: KeyBindings, actions: Actions) -> None:
    """Keys that make the line, give it up, and send it."""
    in_line = has_focus(DEFAULT_BUFFER)
    is_empty = Condition(lambda: not get_app().current_buffer.text)

    @keys.add("enter", filter=in_line)
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = buffer.text
        buffer.reset()
        actions.enter(text)

    @keys.add("c-c", filter=in_line)
    def _cancel(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            actions.cancel()

    @keys.add("c-d", filter=in_line & is_empty)
    def _end_of_input(_event: KeyPressEvent) -> None:
        actions.end_of_input()

    @keys.add(Keys.BracketedPaste)
    def _paste(event: KeyPressEvent) -> None:
        text = actions.paste(event.data.replace("\r\n", "\n").replace("\r", "\n"))
        event.current_buffer.insert_text(text)

    # Ctrl-V takes the next key as it is, as on a terminal that edits lines itself. prompt_toolkit has only Ctrl-Q.
    keys.add("c-v", filter=in_line)(get_by_name("quoted-insert"))

    @keys.add("tab", filter=in_line & ~Condition(actions.completes))
    def _tab(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\t")


def _leave_line(keys: KeyBindings, actions: Actions, escape: EscapeKey | None) -> None:
    """Keys for something else than the line: the program, the command prompt, the peer."""
    quoting = Condition(lambda: get_app().quoted_insert)

    @keys.add("c-z")
    def _suspend(_event: KeyPressEvent) -> None:
        actions.suspend()

    @keys.add("c-\\")
    def _quit_signal(_event: KeyPressEvent) -> None:
        actions.quit_signal()

    @keys.add("<any>", filter=Condition(actions.any_key_goes_back), eager=True)
    def _go_back(event: KeyPressEvent) -> None:
        actions.go_back(event.data)

    # In prompt_toolkit Ctrl-] searches for the character that is typed next. To users of telnet it is the escape key;
    # where another one is, it is a character like any other.
    @keys.add("c-]", filter=~Condition(actions.any_key_goes_back) & ~quoting, eager=True)
    def _control(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(event.data)

    if escape is not None:

        @keys.add(_name(escape), filter=~quoting, eager=True)
        def _ask(_event: KeyPressEvent) -> None:
            actions.toggle_prompt()


def _restore_after_search(keys: KeyBindings) -> None:
    """A search that is given up restores the line as it was. prompt_toolkit would leave what was found."""
    line = (0, 0)

    @keys.add("c-r", filter=control_is_searchable)
    @keys.add("c-s", filter=control_is_searchable)
    def _search(event: KeyPressEvent) -> None:
        nonlocal line
        line = event.current_buffer.working_index, event.current_buffer.cursor_position
        backward = event.key_sequence[0].key == Keys.ControlR
        start_search(direction=SearchDirection.BACKWARD if backward else SearchDirection.FORWARD)

    @keys.add("c-g", filter=is_searching)
    @keys.add("c-c", filter=is_searching)
    def _give_up(event: KeyPressEvent) -> None:
        stop_search()
        buffer = event.app.current_buffer
        buffer.working_index, buffer.cursor_position = line


def _name(key: EscapeKey) -> str:
    code = key.byte[0]
    if code >= 0x20:
        return chr(code)
    return _NAMES.get(code) or f"c-{chr(code | 0x60)}"
