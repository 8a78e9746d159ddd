"""`sockcli repl` with commands on stdin."""

from __future__ import annotations

from sockcli.cli.settings import RunSettings, say
from sockcli.cli.targets import make_runner, parse_piped
from sockcli.commands.script import Voice, run_script
from sockcli.sessions.targets import Target


def run(settings: RunSettings, target: Target | None) -> None:
    """Run them, first in a session with `target`. Raises SockcliError."""
    voice = Voice(say, settings.notice, settings.detail)
    run_script(settings.load_policy(), target, make_runner, parse_piped, voice)
