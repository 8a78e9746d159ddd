"""Commands that change how a session shows, sends and records."""

from __future__ import annotations

import os

from sockcli.base.formatting import table
from sockcli.commands.model import Call
from sockcli.errors import UsageError
from sockcli.sessions.settings import HISTORY, SETTINGS, not_a_choice


async def change(call: Call) -> None:
    """`set`: of the current session; where there is none, of sessions to come. `history` is of the prompt."""
    words = call.words(most=2)
    if words[:1] == [HISTORY]:
        _history(call, *words[1:])
        return
    session = call.shell.manager.current
    settings = session.settings if session is not None else call.shell.settings
    if len(words) < 2:
        values = settings.values()
        if words and words[0] not in values:
            settings.change(words[0], "")  # raises the error that lists the names
        of = f"session {session.number}" if session is not None else "new sessions"
        rows = [(name, value, "|".join(SETTINGS[name])) for name, value in values.items() if words in ([], [name])]
        call.shell.show(f"of {of}:\n{table(rows)}")
        if not words:
            _history(call)
    elif session is not None:
        session.change(*words)
    else:
        settings.change(*words)


def _history(call: Call, value: str | None = None) -> None:
    """Show whether what is typed is kept, or change it. Raises UsageError."""
    choices = SETTINGS[HISTORY]
    if value is None:
        state = "on" if call.shell.keeps_history else "off"
        call.shell.show(f"of this prompt:\n{table([(HISTORY, state, '|'.join(choices))])}")
    elif value in choices:
        call.shell.keep_history(value == "on")
    else:
        raise not_a_choice(HISTORY, value)


async def log(call: Call) -> None:
    words = call.words(most=1)
    if not words:
        raise call.usage("a file is missing, or off")
    if words[0] == "-":
        # On a terminal it would overwrite the line that is being typed; in a script it would mix with our messages.
        raise UsageError("log: give a file; on the screen it is there already", hint=f"usage: {call.command.usage}")
    records = call.session().records
    before = records.log_path
    if words[0] == "off":
        records.stop_log()
        call.shell.notice("there was no log" if before is None else f'no longer logging to "{before}"')
    else:
        path = os.path.expanduser(words[0])
        appends = records.start_log(path, call.shell.manager.files)
        call.shell.notice(f'logging to "{path}"{" (appended)" if appends else ""}')
