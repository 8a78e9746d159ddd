"""What was tried and why it failed: several failures become one error with a message of one line."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Final, NamedTuple

from sockcli.base.connect_options import OnAttempt
from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Address, is_link_local
from sockcli.errors import LocalFailure, SockcliError, TimedOut, Unreachable
from sockcli.net.os_errors import RAISE_LIMIT, NoDescriptors, lacks_descriptors, reason
from sockcli.policy import Request

NO_ANSWER: Final = "no answer"
_NO_ZONE: Final = "a link-local address needs its interface, as in fe80::1%eth0"


class Failure(NamedTuple):
    """Why one attempt failed. `address` is None where nothing was sent."""

    address: Address | None
    reason: str
    kind: type[SockcliError]
    hint: str | None = None


class Attempts:
    """The attempts at one request. `on_attempt` is told of each as it begins and as it fails."""

    def __init__(self, request: Request, on_attempt: OnAttempt | None = None) -> None:
        self._endpoint = str(request.endpoint)
        self._doing = f"{request.operation} {self._endpoint}"
        self._on_attempt = on_attempt
        self._failures: list[Failure] = []

    def begin(self, address: Address) -> None:
        if self._on_attempt:
            self._on_attempt(f"trying {address}")

    def fail(self, address: Address, exc: OSError) -> None:
        """The connection to `address` failed, on the way there or at the other end."""
        if lacks_descriptors(exc):
            self._add(Failure(address, reason(exc), NoDescriptors, RAISE_LIMIT))
        elif exc.errno == errno.ETIMEDOUT:
            self._add(Failure(address, NO_ANSWER, TimedOut))
        else:
            host = address.host
            lost = exc.errno == errno.EINVAL and is_link_local(host.packed) and not host.zone
            self._add(Failure(address, reason(exc), Unreachable, _NO_ZONE if lost else None))

    def fail_here(self, error: LocalFailure) -> None:
        """It failed on this machine, before anything was sent."""
        self._add(Failure(None, str(error), LocalFailure, error.hint))

    def error(self) -> SockcliError:
        """The error for when all have failed. If any got further than this machine, that one decides the exit code."""
        kinds = {failure.kind for failure in self._failures}
        kind = next(kind for kind in (NoDescriptors, Unreachable, TimedOut, LocalFailure) if kind in kinds)
        hint = next((failure.hint for failure in self._failures if failure.hint), None)
        return kind(f"{self._doing}: {self._tell(self._failures)}", hint=hint)

    def timed_out(self, deadline: Deadline, waiting: Iterable[Address], untried: int) -> TimedOut:
        """The limit passed with attempts still waiting."""
        told = [*self._failures, *(Failure(address, NO_ANSWER, TimedOut) for address in waiting)]
        more = f"; {untried} more not tried" if untried else ""
        return TimedOut(f"{self._doing}: not connected within {deadline.seconds:g} s: {self._tell(told)}{more}")

    def _add(self, failure: Failure) -> None:
        self._failures.append(failure)
        if self._on_attempt:
            self._on_attempt(self._sentence(failure, ": "))

    def _tell(self, failures: Iterable[Failure]) -> str:
        # A source address that is not there fails in the same words for each address tried: say it once.
        return "; ".join(dict.fromkeys(self._sentence(failure) for failure in failures))

    def _sentence(self, failure: Failure, between: str = " ") -> str:
        if failure.address is None or (str(failure.address) == self._endpoint and between == " "):
            return failure.reason
        return f"{failure.address}{between}{failure.reason}"
