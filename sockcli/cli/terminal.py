"""Sessions and the REPL, for a user at a terminal."""

from __future__ import annotations

from sockcli.cli.command_line import at_prompt
from sockcli.cli.settings import RunSettings, say
from sockcli.console import entry
from sockcli.console.escape_key import EscapeKey, parse_escape
from sockcli.console.options import ConsoleOptions
from sockcli.sessions.targets import Target, TcpTarget, UdpTarget

ESCAPE = "^]"


def run_session(settings: RunSettings, target: TcpTarget | UdpTarget, escape: str | None) -> None:
    """One session, whose end is the program's. Raises SockcliError, as a relay does."""
    options = _options(settings, escape)._replace(settings=target.settings)
    settings.check_files({"--hex-dump": target.hex_dump, "--log": target.log})
    entry.run_session(
        settings.load_policy(), target, at_prompt, options, notice=settings.notice, detail=settings.detail
    )


def run_repl(settings: RunSettings, target: Target | None, escape: str | None) -> None:
    """`sockcli repl`: commands, and with `target` a session first. Raises SockcliError."""
    options = _options(settings, escape)
    entry.run_repl(settings.load_policy(), target, at_prompt, options, notice=settings.notice)


def _options(settings: RunSettings, escape: str | None) -> ConsoleOptions:
    """Raises UsageError."""
    return ConsoleOptions(
        escape=escape_key(escape),
        history=not settings.no_history,
        files=settings.file_rules(),
        plain=settings.plain,
        say=say if settings.messages is not None else None,
    )


def escape_key(text: str | None) -> EscapeKey | None:
    """Raises UsageError."""
    return parse_escape(ESCAPE if text is None else text)
