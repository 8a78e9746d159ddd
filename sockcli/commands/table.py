"""The commands of the REPL: one table, used to run them, for `help`, for completion, and for the README's list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sockcli.base.escaping import printable
from sockcli.base.formatting import table
from sockcli.commands import word_parser
from sockcli.commands.handlers import connections, inspection, send, settings
from sockcli.commands.model import Call, Command
from sockcli.commands.options import Kind, OptionSpec
from sockcli.commands.shell import CommandLine
from sockcli.errors import UsageError
from sockcli.sessions.settings import SETTINGS


async def show_help(call: Call) -> None:
    words = call.words(most=1)
    if words:
        command = find(words[0])
        call.shell.show(help_text(command, options_of(command, call.shell.command_line)))
        return
    call.shell.show(f"{table([(each.name, each.summary) for each in COMMANDS.values()])}\n\n{_AFTER}")


_SETTINGS: Final = {
    "eol": "what Enter sends",
    "encoding": "the peer's characters",
    "view": "how what comes is shown",
    "timestamps": "when it came",
    "terminal": "what a peer may do to it",
    "history": "whether what is typed is kept",
}
_AFTER: Final = """\
`help COMMAND` shows how one is written. A command may be cut short as long as
no other begins so. Blanks separate words, quotes hold one together, and a
backslash takes the next character as it is."""
_WIDTH: Final = 78

_ROWS: Final = (
    Command(
        "tcp [OPTIONS] HOST PORT",
        "Connect, and have the session in front.",
        connections.connect,
        Kind.TCP,
        detail="The options mean what they mean to `sockcli tcp`; what is for pipes and scripts is not among them, nor "
        "is - for a file at a prompt. HOST:PORT and [IPV6]:PORT are taken as well, and a service's name as the port.",
    ),
    Command(
        "udp [OPTIONS] HOST PORT",
        "Send datagrams to one peer, and see its replies.",
        connections.connect,
        Kind.UDP,
        detail="Each line typed is a datagram, its newline with it unless --chomp is given.",
    ),
    Command(
        "listen [tcp|udp] [OPTIONS] [HOST] PORT",
        "Accept TCP connections, or receive datagrams from anyone.",
        connections.connect,
        Kind.LISTEN,
        detail="Without a HOST it is 127.0.0.1. Each TCP peer becomes a session of its own, to which the options "
        "apply; only -x and --log are for UDP. It comes to the front by itself if nothing else is there and nothing "
        "is typed. Datagrams are answered with `send --to HOST PORT TEXT`.",
    ),
    Command(
        "sessions",
        "List the sessions; * is the one in front.",
        connections.sessions,
    ),
    Command(
        "use N",
        "Put session N in front: its output is shown, and what is typed goes to it.",
        connections.use,
        Kind.SESSION,
    ),
    Command(
        "close [N]",
        "Close session N, or the one in front.",
        connections.close,
        Kind.SESSION,
        detail="What is still to be sent goes first, unless the peer takes nothing for 5 seconds, which is an error. "
        "What the peer has still to say is not waited for: `eof`, then `wait`, does that.",
    ),
    Command(
        "wait [SECONDS]",
        "Wait until the peer ends the session in front, or for replies.",
        connections.wait,
        detail="If the peer does not end it within SECONDS, that is an error (7). A session of datagrams has no end: "
        "there SECONDS must be given, and it is an error only if nothing has come since the last was sent. With a "
        "listener and no session in front, a peer is waited for first. A script prints what comes meanwhile, as at "
        "any time; at its end it sends the end of input and prints the rest until the peers end.",
    ),
    Command(
        "eof [N]",
        "Send the end of input (half-close); the peer may go on.",
        send.eof,
        Kind.SESSION,
    ),
    Command(
        "send [--line|--hex] [--to HOST PORT] TEXT",
        "Send the text as it stands, with escapes.",
        send.send,
        options=(
            OptionSpec(("--line",)),
            OptionSpec(("--hex",)),
            OptionSpec(("--to",), 2, Kind.ADDRESSEE),
            OptionSpec(("--",)),
        ),
        detail=r"The escapes are \n \r \t \0 \xHH and \\. No newline is added, unless --line asks for the one that "
        "Enter sends. Quotes around all of the text keep the blanks at its ends. With --hex it is pairs of hex digits. "
        "On a bound UDP port --to says whom it goes to, in one word or two, which needs a udp-send-to rule. -- ends "
        "the options.",
    ),
    Command(
        "sendfile FILE",
        "Send a file as it is, as fast as the peer takes it.",
        send.sendfile,
        Kind.FILE,
        detail="Ctrl-C stops it; what was read by then is still sent. To a UDP peer the file is one datagram.",
    ),
    Command(
        "status [N]",
        "Show addresses, the rule in force, bytes, times and telnet options.",
        inspection.status,
        Kind.SESSION,
    ),
    Command(
        "telnet do|dont|will|wont OPTION",
        "Ask the telnet peer to change an option.",
        send.telnet,
        Kind.NEGOTIATION,
        detail="An option is a name, as echo or sga, or a number. `status` shows which are in force.",
    ),
    Command("interrupt", "Send telnet's Interrupt Process, with Synch.", send.interrupt),
    Command("ayt", "Send telnet's Are You There.", send.ayt),
    Command("break", "Send telnet's Break.", send.send_break),
    Command(
        "set [NAME [VALUE]]",
        "Change a setting of the session in front, or show all.",
        settings.change,
        Kind.SETTING,
        detail="Without a session in front, new sessions get the setting. An encoding may be any that Python knows. "
        "`history` is for all that is typed, whichever session it is for: with `set history off` nothing more of it is "
        "kept, on the disk or in this run.",
    ),
    Command(
        "log FILE|off",
        "Record both directions' bytes to a file from now on.",
        settings.log,
        Kind.LOG,
        detail="A file that is there already is added to. One that is called off is written as ./off.",
    ),
    Command(
        "rules [TEXT]",
        "Show the manifest's rules that have the text in them.",
        inspection.rules,
    ),
    Command(
        "check OP HOST PORT",
        "Would the manifest allow it, and by which rule?",
        inspection.check,
        Kind.CHECK,
        detail="Asks no server. OP:HOST:PORT is taken as well, and OP alone where it has no address.",
    ),
    Command(
        "history",
        "Show the commands that were given.",
        inspection.history,
        detail="Not kept, neither commands nor lines for a peer: those that begin with a blank (a peer gets the blank "
        "too), those that look like a password in some protocol (AUTH, PASS, LOGIN …) or answer a prompt for one, and "
        "all that is typed while the peer has the echo or after `set history off`.",
    ),
    Command(
        "help [COMMAND]",
        "Show this list, or more about one command.",
        show_help,
        Kind.COMMAND,
    ),
    Command("suspend", "Stop the program, as Ctrl-Z does elsewhere; fg brings it back.", connections.suspend),
    Command(
        "quit",
        "Close every session and leave.",
        connections.leave,
        detail="What is still to be sent goes first, but nobody is waited for.",
    ),
)

COMMANDS: Final[Mapping[str, Command]] = {command.name: command for command in _ROWS}

# Other names for a command.
_ALIASES: Final = {"exit": "quit", "?": "help"}
# What a command is called in other programs, for the hint after an error.
_ELSEWHERE: Final = {"bye": "quit", "open": "tcp", "connect": "tcp", "z": "suspend"}


def find(name: str) -> Command:
    """The command of this name, or the only one that begins so. Raises UsageError."""
    name = _ALIASES.get(name, name)
    if name in COMMANDS:
        return COMMANDS[name]
    found = [each for each in COMMANDS if each.startswith(name)] if name else []
    if len(found) == 1:
        return COMMANDS[found[0]]
    if found:
        raise UsageError(f'"{printable(name)}" is the beginning of several commands: {", ".join(found)}')
    raise UsageError(f'no such command: "{printable(name)}"', hint=_advice(name))


def _advice(name: str) -> str:
    from difflib import get_close_matches  # only needed after an error

    close = [_ELSEWHERE[name]] if name in _ELSEWHERE else get_close_matches(name, COMMANDS, n=1)
    return f"did you mean {close[0]}?" if close else "`help` lists the commands"


def options_of(command: Command, command_line: CommandLine) -> Sequence[OptionSpec]:
    """The options of a command, whether its own or those of the command line."""
    return command_line.options.get(command.name, command.options)


def help_text(command: Command, options: Sequence[OptionSpec]) -> str:
    """The page of `help COMMAND`."""
    shown = [_fill(each) for each in (command.usage, command.summary, command.detail) if each]
    if command.argument is Kind.SETTING:
        rows = [(name, f"{_SETTINGS[name]}: {', '.join(values)}") for name, values in SETTINGS.items()]
    else:
        rows = [(option.usage, option.about) for option in options if option.about]
    if rows:
        width = max(len(name) for name, _ in rows) + 2
        shown.append("\n".join(_fill(about, name.ljust(width)) for name, about in rows))
    return "\n\n".join(shown)


def _fill(text: str, before: str = "") -> str:
    """A paragraph, whose first line begins with `before`; the other lines are indented as far."""
    from textwrap import fill

    after = " " * len(before)
    return fill(text, _WIDTH, initial_indent=before, subsequent_indent=after, break_on_hyphens=False)


def split(line: str) -> tuple[Command, str] | None:
    """The command that a line gives, and the rest of the line; None for an empty line or a comment.

    Raises UsageError.
    """
    name, rest = word_parser.first_word(line)
    if not name or name.startswith("#"):
        return None
    command = find(name)
    return (COMMANDS["help"], command.name) if rest in ("--help", "-h") else (command, rest)


def markdown_table() -> str:
    """The README's list of commands."""
    rows = ["| command | what it does |", "| --- | --- |"]
    for command in COMMANDS.values():
        usage = command.usage.replace("|", r"\|")
        rows.append(f"| `{usage}` | {command.summary} |")
    return "\n".join(rows)
