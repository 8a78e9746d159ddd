"""What click finds wrong with a command line, as an error of ours: one kind of quotes, and a hint that leads on.

Loaded only for a command line that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import click

from sockcli.base.escaping import quoted
from sockcli.base.formatting import uncapitalized
from sockcli.errors import UsageError

# The commands whose --json is a line for each event, an error among them.
WITH_EVENTS = frozenset({"tcp", "udp"})


def usage_error(exc: click.UsageError, help_command: str | None = None) -> UsageError:
    """The same fault in our words; `help_command` shows the options, if it is not the command's own --help."""
    if help_command is None:
        help_command = f"{exc.ctx.command_path if exc.ctx else 'sockcli'} --help"
    hint = f"see `{help_command}`"
    if isinstance(exc, click.NoSuchOption):
        meant = _closest(exc.option_name, _options(exc.ctx))
        return UsageError(f"no such option: {quoted(exc.option_name)}", hint=f"{meant}{hint}")
    if isinstance(exc, click.BadParameter) and isinstance(exc.param, click.Option):
        return UsageError(f"{max(exc.param.opts, key=len)}: {_in_our_form(exc.message)}", hint=hint)
    return UsageError(_in_our_form(exc.format_message()), hint=hint)


def no_such_command(words: Sequence[str], known: Sequence[str], path: str) -> UsageError:
    """The first word is none of the commands `known` of the one that is called by `path`."""
    meant = _closest(words[0], known) or (_connecting(words, path) if "tcp" in known else "")
    return UsageError(f"no such command: {quoted(words[0])}", hint=f"{meant}see `{path} --help`")


def _connecting(words: Sequence[str], path: str) -> str:
    """How to connect, where words are a target alone, as for telnet or nc."""
    target = re.fullmatch(r"[\w.:\[\]-]+(:| )[0-9]{1,5}", " ".join(words), re.ASCII)
    return f"to connect: `{path} tcp {target[0]}`; " if target else ""


def wants_events(arguments: Sequence[str]) -> bool:
    """Whether a command line that could not be read asks for JSON events all the same, as far as one can tell."""
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in words and not WITH_EVENTS.isdisjoint(words)


def messages_of(arguments: Sequence[str]) -> int | None:
    """The descriptor that such a command line names for our messages, the error's among them."""
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    found = re.search(r"(?:^|\0)--messages[\0=]([0-9]{1,7})(?:\0|$)", "\0".join(words))
    return int(found[1]) if found else None


def _options(ctx: click.Context | None) -> list[str]:
    return [name for param in ctx.command.params for name in (*param.opts, *param.secondary_opts)] if ctx else []


def _closest(word: str, known: Iterable[str]) -> str:
    """A question whether one of `known` was meant, where one is alike. Dashes make no two options alike."""
    names = {name.strip("-"): name for name in known}
    found = get_close_matches(word.strip("-"), names, n=1)
    return f"did you mean {names[found[0]]}? " if found else ""


def _in_our_form(text: str) -> str:
    """click's sentence without its capital, its full stop and its quotes."""
    text = re.sub(r"'([^']*)'", r'"\1"', uncapitalized(text))
    return text[:-1] if text.endswith(".") and ". " not in text else text
