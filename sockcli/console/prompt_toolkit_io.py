"""The terminal as prompt_toolkit gets it: nothing there changes the terminal's mode, asks it questions, or blocks.

The terminal's attributes are set once for both modes, so that nothing typed between them is echoed. The position of the
cursor is not asked for: the terminal's answer would come in as typed keys, and in character mode go to the peer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from prompt_toolkit.data_structures import Size
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output

from sockcli.console.tty_output import TtyOutput

# Bracketed paste: the terminal says where a pasted block begins and ends, so that no line of it is taken for typed.
PASTE_ON = b"\x1b[?2004h"
PASTE_OFF = b"\x1b[?2004l"


class TerminalInput(Vt100Input):
    """Keys from stdin."""

    def __init__(self) -> None:
        super().__init__(sys.stdin)

    def raw_mode(self) -> AbstractContextManager[None]:
        return nullcontext()

    def cooked_mode(self) -> AbstractContextManager[None]:
        return nullcontext()

    def take_typeahead(self) -> bytes:
        """What was typed, and read, but belongs to whatever comes next."""
        keys = get_typeahead(self)
        return "".join(key.data for key in keys).encode("utf-8", "surrogateescape")

    def give_typeahead(self, data: bytes) -> None:
        """Have the next prompt find this typed already."""
        keys: list[KeyPress] = []
        Vt100Parser(keys.append).feed_and_flush(data.decode("utf-8", "surrogateescape"))
        store_typeahead(self, keys)


class _Text:
    """As much of a text file as prompt_toolkit needs to write to. Without a fileno, it leaves O_NONBLOCK alone."""

    encoding = "utf-8"

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def write(self, text: str) -> int:
        self._write(text.encode("utf-8", "replace"))
        return len(text)

    def flush(self) -> None:
        return None

    def isatty(self) -> bool:
        return True


class TerminalOutput(Vt100_Output):
    """The prompt, on the display."""

    def __init__(self, display: TtyOutput) -> None:
        def size() -> Size:
            columns, rows = display.size
            return Size(rows=rows, columns=columns)

        super().__init__(
            _Text(display.write),  # type: ignore[arg-type]  # all that it uses of a TextIO
            size,
            term=os.environ.get("TERM"),
            default_color_depth=ColorDepth.from_env(),
            enable_cpr=False,
        )

    def get_rows_below_cursor_position(self) -> int:
        # Where nobody may ask, the least there can be: the toolbar then stands right below the line.
        return 1

    def enable_bracketed_paste(self) -> None:
        """On as long as the terminal is ours: a prompt that is drawn anew must not leave a gap in it."""

    def disable_bracketed_paste(self) -> None:
        """See above."""
