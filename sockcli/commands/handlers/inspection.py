"""Commands that show something and change nothing: of a session, of the manifest, of what was typed."""

from __future__ import annotations

import time

from sockcli.base.formatting import counted, table
from sockcli.commands import word_parser
from sockcli.commands.explanation import explain
from sockcli.commands.model import Call
from sockcli.sessions.session import Session


async def status(call: Call) -> None:
    call.shell.show(table(rows_of(call.session(*call.words(most=1)))))


def rows_of(session: Session) -> list[tuple[str, str]]:
    """Everything about it, as names and values to show."""
    rows = [
        ("session", f"{session.number}: {session.title}"),
        *session.addresses(),
        ("allowed by", f"{session.grant.rule} ({session.grant.source})"),
        ("sent", _amount(session.sent, session.last_sent)),
        ("received", _amount(session.received, session.last_received)),
        ("started", _clock(session.started)),
    ]
    if session.unsent:
        rows.append(("on its way", counted(session.unsent, "byte")))
    if session.inbox.dropped:
        rows.append(("dropped", f"{counted(session.inbox.dropped, 'byte')} that nobody looked at in time"))
    if session.records.log_path is not None:
        rows.append(("log", session.records.log_path))
    return rows + session.details()


def _clock(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))


def _amount(count: int, last: float | None) -> str:
    return counted(count, "byte") + (f", last at {_clock(last)}" if last is not None else "")


async def rules(call: Call) -> None:
    """The rules with the given text anywhere in their line; without a text all of them."""
    policy = call.shell.policy
    rows = [(placed.effect.value, str(placed.rule), placed.source) for placed in policy.rules]
    wanted = word_parser.text_to_send(call.rest).lower()
    found = [row for row in rows if wanted in " ".join(row).lower()]
    if found:
        call.shell.show(table(found))
    elif rows:
        call.shell.show(f'none of the {len(rows):,} rules of {policy.manifest} has "{wanted}" in it')
    else:
        call.shell.show(f"{policy.manifest or 'there is no manifest, which'} allows nothing")


async def check(call: Call) -> None:
    """As `sockcli check`."""
    words = word_parser.split_words(call.rest)
    if not words:
        raise call.usage("an operation is missing, as in check tcp-connect HOST PORT")
    policy, request = call.shell.policy, call.shell.command_line.parse_request(words)
    answer = explain(policy, request)
    denied = policy.refusal(request)
    if denied is not None:
        call.shell.deny(answer, denied)
    else:
        call.shell.show(answer)


async def history(call: Call) -> None:
    call.words(most=0)
    lines = call.shell.history
    if lines:
        call.shell.show(table([(f"{number:>4}", line) for number, line in enumerate(lines, 1)]))
