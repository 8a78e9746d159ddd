"""Completes command lines: from the table of commands, the manifest, the sessions and the disk.

The only thing offered that comes from a peer is the address that it sent from.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from sockcli.base.endpoint import LOOPBACK, Operation
from sockcli.base.escaping import is_visible, printable
from sockcli.commands import word_parser
from sockcli.commands.model import Command
from sockcli.commands.options import Kind, OptionSpec, by_flag
from sockcli.commands.shell import Shell
from sockcli.commands.table import COMMANDS, find, options_of
from sockcli.console.manifest_names import ManifestNames, Name
from sockcli.errors import UsageError
from sockcli.sessions.settings import CHOICES, SETTINGS
from sockcli.sessions.telnet import REQUESTS
from sockcli.sessions.udp import BoundSession
from sockcli.telnet.constants import OPTION_NAMES

# Offers at most: more than anyone looks through, and all of them are drawn at each key.
MOST: Final = 200
# `--eol=lf` has its value in it, and an unknown option is taken for a flag.
_NO_WORDS: Final = OptionSpec(())


class Offer(NamedTuple):
    """A word, and what is said about it."""

    text: str
    meta: str = ""


class Place(NamedTuple):
    """Where in a command the cursor is."""

    words: list[str]  # before it: arguments, or what an option has so far
    kind: Kind | None
    options: bool  # an option could stand here


class CommandCompleter(Completer):
    """Of one shell."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._named = ManifestNames(shell.policy)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002
        line = document.text_before_cursor
        if "\n" in line:
            return
        words, last = word_parser.split_unfinished(line)
        fitting = (offer for offer in self._offers(words, last.text) if offer.text.startswith(last.text))
        for text, meta in islice(fitting, MOST):
            yield Completion(
                word_parser.quote(text),
                start_position=last.start - len(line),
                display=printable(text),
                display_meta=printable(meta),
            )

    def _offers(self, words: list[str], last: str) -> Iterable[Offer]:
        if not words:
            return self._commands()
        try:
            command = find(words[0])
        except UsageError:
            return ()
        options = by_flag(options_of(command, self._shell.command_line))
        place = locate(command, options, words[1:])
        if place.options and last.startswith("-"):
            return map(Offer, options)
        return self._of_kind(place.kind, place.words, last)

    def _of_kind(self, kind: Kind | None, words: list[str], last: str) -> Iterable[Offer]:
        match kind:
            case Kind.TCP | Kind.UDP:
                return self._endpoint(Operation(kind.value), words)
            case Kind.ADDRESSEE:
                senders = () if words else self._senders()
                return (*senders, *self._endpoint(Operation.UDP_SEND_TO, words))
            case Kind.LISTEN:
                return self._listen(words)
            case Kind.CHECK:
                return self._check(words)
            case Kind.NEGOTIATION:
                return _negotiation(words)
            case Kind.SETTING:
                return _setting(words)
        return self._single(kind, last) if kind is not None and not words else ()

    def _single(self, kind: Kind, last: str) -> Iterable[Offer]:
        """What takes one word."""
        match kind:
            case Kind.COMMAND:
                return self._commands()
            case Kind.SESSION:
                return [Offer(str(number), each.title) for number, each in self._shell.manager.sessions.items()]
            case Kind.FILE:
                return files(last)
            case Kind.LOG:
                return (Offer("off", "no more"), *files(last))
        return map(Offer, CHOICES[kind.value])

    def _commands(self) -> Iterable[Offer]:
        return (Offer(name, command.summary) for name, command in COMMANDS.items())

    def _endpoint(self, operation: Operation, words: list[str]) -> Iterable[Offer]:
        if not words:
            return _from_rules(self._named.hosts(operation))
        return _from_rules(self._named.ports(operation, words[0])) if len(words) == 1 else ()

    def _senders(self) -> Iterable[Offer]:
        session = self._shell.manager.current
        seen = session.senders if isinstance(session, BoundSession) else ()
        return [Offer(str(sender), "sent a datagram") for sender in reversed([*seen])]

    def _listen(self, words: list[str]) -> Iterable[Offer]:
        protocol = words[0] if words[:1] in (["tcp"], ["udp"]) else ""
        operation = Operation.UDP_BIND if protocol == "udp" else Operation.TCP_LISTEN
        rest = words[1:] if protocol else words
        if rest:
            return self._endpoint(operation, rest)
        protocols = () if protocol else (Offer("tcp", "the same without it"), Offer("udp"))
        _, here = LOOPBACK  # where a listener is without a host
        ports = _from_rules(self._named.ports(operation, here.text))
        return (*protocols, *_from_rules(self._named.hosts(operation)), *ports)

    def _check(self, words: list[str]) -> Iterable[Offer]:
        if not words:
            return map(Offer, Operation)
        known = words[0] in set(Operation) and Operation(words[0]).takes_address
        return self._endpoint(Operation(words[0]), words[1:]) if known else ()


def _from_rules(names: Iterable[Name]) -> Iterable[Offer]:
    return (Offer(name.text, name.rule) for name in names)


def _negotiation(words: list[str]) -> Iterable[Offer]:
    if not words:
        return map(Offer, REQUESTS)
    if len(words) > 1 or words[0].lower() not in REQUESTS:
        return ()
    return (Offer(name.lower(), f"option {code}") for code, name in OPTION_NAMES.items())


def _setting(words: list[str]) -> Iterable[Offer]:
    if not words:
        return (Offer(name, "|".join(values)) for name, values in SETTINGS.items())
    return map(Offer, SETTINGS.get(words[0], ())) if len(words) == 1 else ()


def locate(command: Command, options: Mapping[str, OptionSpec], words: list[str]) -> Place:
    """What belongs after these words of a command, told by how many words each of its options takes."""
    arguments: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        if word == "--":
            return Place(arguments + words[position + 1 :], command.argument, False)
        if not word.startswith("-") or not options:
            arguments.append(word)
            position += 1
            continue
        takes = _NO_WORDS if "=" in word else options.get(word, _NO_WORDS)
        count = (
            1
            if takes.words == 2 and any(map(word_parser.has_port, words[position + 1 : position + 2]))
            else takes.words
        )
        values = words[position + 1 : position + 1 + count]
        if len(values) < count:
            return Place(values, takes.kind, False)
        position += 1 + count
    return Place(arguments, command.argument, bool(options))


def files(text: str) -> list[Offer]:
    """The files whose paths begin with `text`, folders with a slash."""
    folder, slash, start = text.rpartition("/")
    try:
        with os.scandir(os.path.expanduser(folder + slash) or ".") as entries:
            found = [(entry.name, "/" if entry.is_dir() else "") for entry in entries if _is_offered(entry.name, start)]
    except (OSError, ValueError):
        return []  # only an offer: the command itself says what is wrong
    return [Offer(f"{folder}{slash}{name}{end}") for name, end in sorted(found)]


def _is_offered(name: str, start: str) -> bool:
    if name.startswith(".") and not start:
        return False
    # A name with control characters is not offered, as it would drive the terminal. It can still be typed.
    return name.startswith(start) and all(map(is_visible, name))
