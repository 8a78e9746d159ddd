"""The audit: an account of every decision of a policy, and of how everything that it allowed ended.

It is the policy's observer. Whatever uses the network asks the policy first, so no command, no option and no program
that uses the library can leave its line out. A line is written before the decision takes effect; where it cannot be
written to a log that is required, whoever asked gets the error instead of a Grant, and nothing happens.

Three kinds of lines, in this order for one connection:

    event     step       when                                            has
    decision  request    a request was made; before any lookup           whether it is allowed, the rule and its place
    decision  addresses  its host was looked up; before any connection   the addresses, and those that may not be used
    end                  it is over, or could not be opened              bytes each way, and the exit code

No line has anything of what was sent or received in it, nor the words of a command line: they may be secrets.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sockcli.base.endpoint import Address
from sockcli.base.escaping import as_unicode
from sockcli.observers.audit_forms import FORMS, Entry, FormName
from sockcli.observers.audit_log import AuditLog
from sockcli.policy import Decision, Dropped, Grant, GrantEnd, Request

# An address that was dropped is told with its reason; of more than so many, only how many they are.
_SHOWN: Final = 32


class AuditSubject(NamedTuple):
    """Of what an audit tells: which program, under which manifest."""

    manifest: str | None = None  # its path
    sha256: str | None = None  # of the bytes that were read
    program: str = "sockcli"


class Audit:
    """Tells its logs of every decision and every end. To be given to `Policy.observe`."""

    def __init__(
        self,
        logs: Sequence[AuditLog],
        subject: AuditSubject,
        *,
        form: FormName = "sockcli",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._logs = logs
        self._form = FORMS[form]
        self._clock = clock
        self._subject = {
            "manifest": as_unicode(os.path.abspath(subject.manifest)) if subject.manifest else None,
            "sha256": subject.sha256,
            "uid": os.getuid(),
            "program": as_unicode(subject.program),
        }

    def decided(self, request: Request, decision: Decision) -> None:
        """Raises LocalFailure."""
        placed = decision.placed
        self._write(
            request,
            event="decision",
            step="request",
            addresses=[],
            allowed=decision.allowed,
            rule=str(placed.rule) if placed else None,
            source=placed.source if placed else None,
            by_ceiling=decision.by_ceiling,
        )

    def admitted(self, grant: Grant, admitted: Sequence[Address], dropped: Sequence[Dropped]) -> None:
        """Raises LocalFailure."""
        refused = [{"address": str(each.address), "reason": each.reason} for each in dropped[:_SHOWN]]
        self._write(
            grant.request,
            event="decision",
            step="addresses",
            addresses=[str(address) for address in admitted],
            allowed=bool(admitted) or not dropped,
            rule=str(grant.rule),
            source=grant.source,
            by_ceiling=not admitted and any(each.by_ceiling for each in dropped),
            **({"dropped": refused, "dropped_count": len(dropped)} if dropped else {}),
        )

    def ended(self, grant: Grant, end: GrantEnd) -> None:
        """Raises LocalFailure."""
        self._write(
            grant.request,
            event="end",
            addresses=[str(end.address)] if end.address is not None else [],
            allowed=True,
            rule=str(grant.rule),
            source=grant.source,
            sent=end.sent,
            received=end.received,
            exit=int(end.exit_code),
        )

    def close(self) -> None:
        for log in self._logs:
            log.close()

    def _write(self, request: Request, *, event: str, allowed: bool, **values: object) -> None:
        entry: Entry = {
            "time": round(self._clock(), 3),
            "event": event,
            "operation": str(request.operation),
            "endpoint": str(request.endpoint) if request.host else None,
            "allowed": allowed,
            **values,
            **self._subject,
            "pid": os.getpid(),  # asked each time: a program may fork
        }

        def line(previous: str | None) -> bytes:
            # ASCII, so that no line can drive the terminal that it is shown on.
            return json.dumps(self._form({**entry, "previous": previous})).encode("ascii") + b"\n"

        for log in self._logs:
            log.write(line, is_denial=not allowed)
