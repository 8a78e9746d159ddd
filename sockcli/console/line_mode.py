"""Line mode: a line that is typed, and above it, at once, what comes in. The peer's unfinished line is the prompt.

What comes in is written in batches. For each the line is erased and then drawn again, and no more often than eyes can
see, so that a flood costs few redraws; a key that is typed meanwhile shows with the next one. The size of a batch is
adapted to how fast the terminal is, since a key shows only behind all that was written before it.

Not patch_stdout, which can hold output back for 150 ms. Never ANSI() or HTML() of what a peer sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from prompt_toolkit.auto_suggest import AutoSuggest, ConditionalAutoSuggest, Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import DynamicCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import ConditionalProcessor, Processor, Transformation, TransformationInput
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.shortcuts import PromptSession
from prompt_toolkit.styles import Style

from sockcli.base.escaping import printable
from sockcli.console.draft import Drafts
from sockcli.console.history import HistoryFile
from sockcli.console.keys import Actions, key_bindings
from sockcli.console.mode import COMMAND_PROMPT, ModeController, not_sent, orphan_prompt
from sockcli.console.prompt import fragments
from sockcli.console.prompt_toolkit_io import TerminalInput, TerminalOutput
from sockcli.console.session_view import SessionView
from sockcli.console.state import ConsoleState
from sockcli.console.toolbar import STYLES
from sockcli.console.tty_output import TtyOutput

ANSWER_PROMPT: Final = "(any key goes back) "

# Where the user wants no colours, a suggestion is not to look as if it had been typed.
_COLOURLESS: Final = {"auto-suggestion": "underline"}

# Seconds between two batches: 30 a second look like flowing text, and leave most of the time for everything else.
INTERVAL: Final = 0.03
# Bytes of a batch. The least shows some lines even on a serial line; the most is what a fast terminal takes meanwhile.
LEAST: Final = 2 * 1024
MOST: Final = 256 * 1024
# Seconds. After a batch that took the terminal, or us, longer than SLOW the next is half as large, so that a key waits
# for less than 100 ms in all; after one that took less than FAST it is twice as large.
SLOW: Final = 0.03
FAST: Final = 0.01

# Characters. A larger pasted block is refused: every key would draw all of it again. `sendfile` has no limit.
LARGEST_PASTE: Final = 64 * 1024
# Rows of the completion menu, where the terminal has so many beside the line and the toolbar.
MENU: Final = 8
NOT_MENU: Final = 1


class HideTyped(Processor):
    """Shows nothing of what is typed, not even how much."""

    def apply_transformation(self, _input: TransformationInput) -> Transformation:
        return Transformation([], source_to_display=lambda _: 0, display_to_source=lambda _: 0)


class SuggestFromHistory(AutoSuggest):
    """Suggests the rest of the last line that began so, but no command that failed when it was run last."""

    def __init__(self, controller: ModeController) -> None:
        self._controller = controller

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        text = document.text
        if not text.strip():
            return None
        lines = (line for line in reversed(buffer.history.get_strings()) if line.startswith(text))
        line = next((line for line in lines if not self._controller.failed(line)), text)
        return Suggestion(line[len(text) :])


class LineMode:
    """The ConsoleMode in which a line is edited."""

    def __init__(
        self, controller: ModeController, display: TtyOutput, keyboard: TerminalInput, history: HistoryFile
    ) -> None:
        self._controller = controller
        self._display = display
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0  # when the next batch may be written
        self._batch = MOST // 16
        self._batch_full = False
        self._spent = 0.0  # seconds that making the last batch took
        self._running = False  # it shows what comes
        self._paused = False
        self._keyboard = keyboard
        self._detached = ExitStack()  # from the keyboard, while paused
        self._size = display.size
        hidden = Condition(lambda: self._drafts.hidden)
        actions = Actions(
            self._enter,
            self._unless_orphaned(controller.cancel),
            self._unless_orphaned(controller.end_of_input),
            self._unless_orphaned(controller.toggle_prompt),
            controller.suspend,
            controller.quit_signal,
            self._paste,
            completes=lambda: self._drafts.for_command,
            any_key_goes_back=lambda: controller.state is ConsoleState.ANSWER,
            go_back=controller.go_back,
        )
        self._prompt_session: PromptSession[None] = PromptSession(
            self._prompt,
            completer=DynamicCompleter(lambda: controller.completer if self._drafts.for_command else None),
            auto_suggest=ConditionalAutoSuggest(SuggestFromHistory(controller), ~hidden),
            input_processors=[ConditionalProcessor(HideTyped(), hidden)],
            complete_while_typing=False,
            key_bindings=key_bindings(actions, controller.escape),
            bottom_toolbar=lambda: list(controller.toolbar(display.size[0])),
            style=Style.from_dict(STYLES | (_COLOURLESS if ColorDepth.from_env() is ColorDepth.DEPTH_1_BIT else {})),
            include_default_pygments_style=False,
            erase_when_done=True,
            input=keyboard,
            output=TerminalOutput(display),
        )
        self._drafts = Drafts(controller, self._prompt_session.default_buffer, self._prompt_session.clipboard, history)
        app = self._prompt_session.app
        app.max_render_postpone_time = None  # a redraw belongs right behind its batch
        app.terminal_size_polling_interval = None
        app.before_render += lambda _: self._before_render()

    async def run(self) -> None:
        self._running = True
        self._display.on_drained = self._drained
        self._drafts.follow()
        try:
            await self._prompt_session.prompt_async(
                default=self._prompt_session.default_buffer.document,
                handle_sigint=False,
                set_exception_handler=False,
                pre_run=self.wake,
            )
        finally:
            self._running = False
            if self._drafts.orphaned_by is not None:
                self._drafts.drop(self._prompt_session.default_buffer.text)
            self._detached.close()  # which would have the keyboard read for the prompt that is over
            asyncio.get_running_loop().remove_reader(self._keyboard.fileno())
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def leave(self) -> None:
        app = self._prompt_session.app
        if app.is_running and not app.is_done:
            self._show(self._controller.take_messages())
            self._running = False  # what comes before `run` returns is for the next mode to show
            app.exit()

    def wake(self) -> None:
        if self._running:
            self._drafts.follow()  # at once: the next key may be for it
        if self._running and self._timer is None and not self._paused and not self._display.pending:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(self._next, loop.time()), self._flush)

    def clear(self) -> None:
        if self._prompt_session.app.is_running:
            self._prompt_session.app.renderer.erase()

    def pause(self) -> None:
        if not self._paused and self._running:
            self._detached.enter_context(self._keyboard.detach())
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._detached.close()
        if self._prompt_session.app.is_running and not self._prompt_session.app.is_done:
            self._prompt_session.app.renderer.reset()
            self._prompt_session.app.invalidate()
            self.wake()

    def show(self, last: bytes) -> None:
        self._show(last + b"\r\n" if last and not last.endswith(b"\n") else last)

    @property
    def typing(self) -> bool:
        return self._drafts.begun

    def cut_off(self, view: SessionView) -> bool:
        return self._drafts.cut_off(view)

    def take_draft(self) -> str:
        return self._drafts.take()

    # Showing

    def _flush(self) -> None:
        self._timer = None
        if self._paused or not self._running:
            return
        self._drafts.follow()
        loop = asyncio.get_running_loop()
        started = loop.time()
        view = self._controller.view
        ahead = self._controller.take_messages_ahead()
        data = self._controller.take(self._batch)
        self._batch_full = view is not None and bool(view.session.inbox)
        spent = loop.time() - started
        above = view.lines.feed(data, self._display.size[0]) if view is not None else data
        self._show(ahead + above + self._controller.take_messages())
        self._next = started + INTERVAL
        self._controller.shown()
        self._spent = spent
        if not self._display.pending:
            self._drained(0)

    def _show(self, above: bytes) -> None:
        """Write these lines above the one being typed."""
        app = self._prompt_session.app
        if above:
            if app.is_running:
                app.renderer.erase()
            self._display.write(above)
        app.invalidate()

    def _drained(self, seconds: float) -> None:
        seconds += self._spent
        self._spent = 0.0
        if seconds > SLOW:
            self._batch = max(LEAST, self._batch // 2)
        elif seconds < FAST and self._batch_full:
            self._batch = min(MOST, self._batch * 2)
        view = self._controller.view
        if view is not None and view.session.inbox:
            self.wake()

    def _prompt(self) -> StyleAndTextTuples:
        controller = self._controller
        if self._drafts.orphaned_by is not None:
            return [("class:progress", orphan_prompt(self._drafts.orphaned_by))]
        if controller.busy:
            return [("class:progress", f"{printable(controller.doing)} ")] if controller.doing else []
        match controller.state:
            case ConsoleState.ANSWER:
                return [("class:progress", ANSWER_PROMPT)]
            case ConsoleState.COMMAND:
                return [("class:command", COMMAND_PROMPT)]
        return fragments(controller.view.lines.prompt if controller.view is not None else b"")

    def _before_render(self) -> None:
        self._drafts.follow()  # a hidden line that was emptied is hidden no longer
        size = self._display.size
        # Where the menu needs more rows than there are, prompt_toolkit shows nothing at all, not even the line.
        self._prompt_session.reserve_space_for_menu = max(0, min(MENU, size[1] - NOT_MENU))
        if size != self._size:
            self._size = size
            self._controller.resized(*size)

    # Typing

    def _enter(self, text: str) -> None:
        if self._drafts.orphaned_by is None:
            self._controller.enter(text)
        else:
            self._drop(text)

    def _unless_orphaned(self, action: Callable[[], None]) -> Callable[[], None]:
        """`action`, but at an orphaned line the key gives that line up instead."""

        def act() -> None:
            if self._drafts.orphaned_by is None:
                action()
            else:
                self._drop(self._prompt_session.default_buffer.text)

        return act

    def _drop(self, text: str) -> None:
        session = self._drafts.orphaned_by
        assert session is not None
        self._show(
            self._controller.take_messages()
            + _typed(orphan_prompt(session).encode(), "" if self._drafts.hidden else text)
        )
        kept = " (Ctrl-Y brings it back)" if self._drafts.drop(text) else ""
        if text:
            self._controller.refuse(f"{not_sent(session)}{kept}")
        else:
            self.wake()

    def entered(self, text: str) -> None:
        view = self._controller.view
        if self._controller.state.is_command:
            self._drafts.entered_command(text, remember=self._controller.remembers(text))
            self._show(self._controller.take_messages() + _typed(COMMAND_PROMPT.encode(), text))
        elif view is not None and not self._drafts.hidden:
            self._drafts.entered_line(text, remember=self._controller.remembers(text))
            self._show(self._controller.take_messages() + _typed(view.lines.complete(), text))
        # Where the peer has the echo, it also shows the end of the line.

    def _paste(self, text: str) -> str:
        """A block is one line to enter, however many it has: it shows what would be sent, and waits for Enter."""
        if len(text) > LARGEST_PASTE:
            self._controller.refuse(
                f"{len(text):,} characters are too much to paste; sendfile sends a file of any size"
            )
            return ""
        return text.removesuffix("\n")


def _typed(prompt: bytes, text: str) -> bytes:
    """A line that was entered, as it stays."""
    shown = "\r\n".join(printable(line) for line in text.split("\n"))
    return prompt + shown.encode("utf-8", "backslashreplace") + b"\r\n"
