"""Who may do what: the one place that says yes.

A Policy turns a Request into a Grant or raises Denied, and nothing else makes a Grant. What no rule allows is denied,
and a deny rule wins over every allow rule. No I/O: the addresses of a name are looked up elsewhere, with the Grant in
hand, and come back to `Grant.admit`.

Both steps, `authorize` and `admit`, tell the policy's observer, so that no use of the network escapes a record of the
decisions. `decide`, `refusal` and `Grant.refusal` answer the same questions for those who only want to know, and tell
nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, NamedTuple, NoReturn, Protocol, final, runtime_checkable

from sockcli.base.address_scope import Scope, scope
from sockcli.base.endpoint import LOOPBACK, Address, Host, Operation
from sockcli.errors import Denied, UsageError
from sockcli.policy.index import AllowIndex, DenyIndex
from sockcli.policy.rule import AnyHost, Block, Exact, Pattern, PlacedRule, Request, Rule, Suffix
from sockcli.policy.rule_list import RuleList

_OUTWARD: Final = frozenset({Operation.TCP_CONNECT, Operation.UDP_SEND_TO})
_SHOWN_ADDRESSES: Final = 4  # however many records a name has, its denial stays a line that can be read


class Decision(NamedTuple):
    """The answer to a request. `placed` is the rule that decided: None where no rule covers the request."""

    allowed: bool
    placed: PlacedRule | None
    suggestion: str | None  # the rule that would allow it; None where it is allowed, or a deny rule decided
    by_ceiling: bool = (
        False  # it is the ceiling that denies, and `placed` and `suggestion` speak of the ceiling's rules
    )


class Dropped(NamedTuple):
    """An address that the host of a granted request leads to and that may not be used, and why."""

    address: Address
    reason: str
    suggestion: str | None  # the rule for the address that would admit it; None where no rule would
    forbidding: PlacedRule | None  # the deny rule that covers it
    by_ceiling: bool = False  # as in Decision


class DecisionObserver(Protocol):
    """Is told of every decision, before anybody can act on it: what a record or an audit is made from.

    An error that it raises goes to whoever asked, who then has no Grant and no address: what cannot be recorded does
    not happen.
    """

    def decided(self, request: Request, decision: Decision) -> None:
        """`authorize` was asked. Which rule decided and where it stands is in `decision.placed`."""
        ...

    def admitted(self, grant: Grant, admitted: Sequence[Address], dropped: Sequence[Dropped]) -> None:
        """`grant.admit` was asked. Where it admits none and drops some, it raises Denied after this."""
        ...


class GrantEnd(NamedTuple):
    """How a use of the network ended that the policy had allowed. `address` is None where nothing was opened."""

    address: Address | None  # of the peer; of our own port, where anyone may send to it
    sent: int  # bytes
    received: int
    exit_code: int  # as a process would exit that had done nothing else; 0 is a good end


@runtime_checkable
class EndObserver(DecisionObserver, Protocol):
    """A DecisionObserver that also wants to know how what was allowed ended."""

    def ended(self, grant: Grant, end: GrantEnd) -> None:
        """Something that `grant` allowed is over, or could not be opened. An error goes to whoever told of it."""
        ...


class CeilingAudit(NamedTuple):
    """The audit that the ceiling demands: where to, and whether nothing may happen that cannot be recorded."""

    to: str
    required: bool


class Policy:
    """The rules of a manifest; one without rules denies everything.

    Under a ceiling, only what the ceiling allows too is allowed, requests and addresses.
    """

    __slots__ = ("_allow", "_deny", "_observer", "ceiling", "manifest", "rules")

    is_ceiling: ClassVar[bool] = False

    def __init__(
        self, rules: Iterable[PlacedRule] = (), *, manifest: str | None = None, ceiling: Ceiling | None = None
    ) -> None:
        self.rules = rules if isinstance(rules, RuleList) else RuleList.of(rules)
        self.manifest = manifest
        self.ceiling = ceiling
        self._observer: DecisionObserver | None = None
        self._allow = AllowIndex(self.rules)
        self._deny = DenyIndex(self.rules)

    @property
    def ceiling_audit(self) -> CeilingAudit | None:
        """The audit that this machine's ceiling demands, whatever the command line says."""
        return self.ceiling.audit if self.ceiling else None

    def observe(self, observer: DecisionObserver) -> None:
        """From now on tell `observer` of every decision. Once, so that nobody can take the place of an observer.

        Raises RuntimeError where there is one already.
        """
        if self._observer is not None:
            raise RuntimeError("the policy has an observer already")
        self._observer = observer

    def decide(self, request: Request) -> Decision:
        """What `authorize` would answer. Raises UsageError for a request that makes no sense under any rules.

        The ceiling is asked first: where it denies, no rule in the manifest would help.
        """
        _check(request)
        if self.ceiling is not None:
            limit = self.ceiling.decide(request)
            if not limit.allowed:
                return limit
        forbidding = next(self._deny.matches(request), None)
        if forbidding is not None:
            return Decision(False, forbidding, None, self.is_ceiling)
        covering = next(self._allow.matches(request), None)
        if covering is not None:
            return Decision(True, covering, None)
        return Decision(False, None, str(Rule.exactly(request)), self.is_ceiling)

    def authorize(self, request: Request | Grant) -> Grant:
        """Permission to do it. Raises Denied, and UsageError as `decide` does.

        A Grant that this policy made is given back as it is: who needs the answer early asks early, and hands on the
        Grant instead of the request. Another policy's Grant proves nothing here, so its request is decided again.
        """
        if isinstance(request, Grant):
            if request._policy is self:
                return request
            request = request.request
        decision = self.decide(request)
        if self._observer is not None:
            self._observer.decided(request, decision)
        denied = self._denied(request, decision)
        if denied is not None:
            raise denied
        assert decision.placed is not None  # what no rule covers is denied
        return Grant(_ONLY_POLICY, self, request, decision.placed)

    def refusal(self, request: Request) -> Denied | None:
        """What `authorize` would raise; None where it would give a Grant. Raises UsageError as `decide` does."""
        return self._denied(request, self.decide(request))

    def _denied(self, request: Request, decision: Decision) -> Denied | None:
        allowed, placed, suggestion, by_ceiling = decision
        if placed is None:
            return self._denial(request, "no rule allows it", suggestion=suggestion, by_ceiling=by_ceiling)
        if allowed:
            return None
        return self._denial(request, f"{placed} forbids it", forbidding=placed, by_ceiling=by_ceiling)

    def _denial(
        self,
        request: Request,
        reason: str,
        *,
        suggestion: str | None = None,
        forbidding: PlacedRule | None = None,
        by_ceiling: bool = False,
    ) -> Denied:
        decider = self.ceiling if by_ceiling and self.ceiling is not None else self
        return Denied(
            request.operation.value,
            str(request.endpoint) if request.host else "",
            reason,
            suggestion=suggestion,
            rule=str(forbidding.rule) if forbidding else None,
            source=forbidding.source if forbidding else None,
            manifest=decider.manifest,
            by_ceiling=by_ceiling,
        )

    def _ended(self, grant: Grant, end: GrantEnd) -> None:
        if isinstance(self._observer, EndObserver):
            self._observer.ended(grant, end)

    def _admit(self, grant: Grant, addresses: Iterable[Address], *, broadcast: bool = False) -> list[Address]:
        admitted, dropped = self._sort_out(grant.request, addresses, broadcast)
        if self._observer is not None:
            self._observer.admitted(grant, admitted, dropped)
        if dropped and not admitted:
            raise self._nothing_left(grant.request, dropped)
        return admitted

    def _refusal(self, grant: Grant, address: Address) -> Denied | None:
        _, dropped = self._sort_out(grant.request, [address], False)
        return self._nothing_left(grant.request, dropped) if dropped else None

    def _sort_out(
        self, request: Request, addresses: Iterable[Address], broadcast: bool
    ) -> tuple[list[Address], list[Dropped]]:
        """Those that may be used, and the others; what the ceiling drops is not asked of the manifest."""
        if self.ceiling is not None:
            addresses, above = self.ceiling._sort_out(request, addresses, broadcast)
            admitted, dropped = self._sort_out_here(request, addresses, broadcast)
            return admitted, dropped + above
        return self._sort_out_here(request, addresses, broadcast)

    def _sort_out_here(
        self, request: Request, addresses: Iterable[Address], broadcast: bool
    ) -> tuple[list[Address], list[Dropped]]:
        covering = [placed.rule.pattern for placed in self._allow.matches(request)]
        admitted: list[Address] = []
        dropped: list[Dropped] = []
        for address in addresses:
            if type(address.port) is not int or type(address.host) is not Host:
                raise TypeError(f"{address!r} is no address")
            if address.port != request.port:
                # The rules were matched for the request's port; they say nothing about another.
                raise ValueError(f"{address} does not answer {request}")
            drop = self._drop(request, address, covering, broadcast)
            if drop is None:
                admitted.append(address)
            else:
                dropped.append(drop._replace(by_ceiling=self.is_ceiling))
        return admitted, dropped

    def _drop(self, request: Request, address: Address, covering: list[Pattern], broadcast: bool) -> Dropped | None:
        """Why an address that the request's host leads to may not be used; None where it may."""
        direct = Request(request.operation, address.host, address.port)
        kind = scope(address.host)
        forbidding = next(self._deny.matches(direct), None)
        if forbidding is not None:
            return Dropped(address, f"{forbidding} forbids it", None, forbidding)
        if kind is Scope.UNSPECIFIED and request.operation in _OUTWARD:
            return Dropped(address, "no address to connect to", None, None)
        by_address = [placed.rule.pattern for placed in self._allow.matches(direct)]
        if broadcast or kind is Scope.BROADCAST:
            if any(_allows_broadcast(pattern, address.host) for pattern in (*covering, *by_address)):
                return None
            return Dropped(address, Scope.BROADCAST.value, str(Rule.exactly(direct)), None)
        if request.host == address.host or any(_leads_to(pattern, address.host, kind) for pattern in covering):
            return None
        if any(isinstance(pattern, Exact | Block) for pattern in by_address):
            return None
        return Dropped(address, kind.value, str(Rule.exactly(direct)), None)

    def _nothing_left(self, request: Request, dropped: list[Dropped]) -> Denied:
        shown = ", ".join(f"{address.host} ({reason})" for address, reason, *_ in dropped[:_SHOWN_ADDRESSES])
        more = f" and {len(dropped) - _SHOWN_ADDRESSES} more" if len(dropped) > _SHOWN_ADDRESSES else ""
        reason = f"{request.host} leads to {shown}{more}"
        helpful = next((one for one in dropped if one.suggestion), None)
        if helpful:
            return self._denial(
                request,
                f"{reason}, and that needs a rule for the address",
                suggestion=helpful.suggestion,
                by_ceiling=helpful.by_ceiling,
            )
        decisive = next((one for one in dropped if one.forbidding), dropped[0])
        return self._denial(request, reason, forbidding=decisive.forbidding, by_ceiling=decisive.by_ceiling)


class Ceiling(Policy):
    """What root allows on this machine at most: the manifest that lies above every other (ceiling.py).

    With `only` it is the manifest too, and no other is read.
    """

    __slots__ = ("audit", "only")

    is_ceiling: ClassVar[bool] = True

    def __init__(
        self, rules: Iterable[PlacedRule], *, manifest: str, only: bool = False, audit: CeilingAudit | None = None
    ) -> None:
        super().__init__(rules, manifest=manifest)
        self.only = only
        self.audit = audit

    @property
    def ceiling_audit(self) -> CeilingAudit | None:
        return self.audit


def _check(request: Request) -> None:
    operation, host, port = request
    if not operation.takes_address:
        if host is not None or port is not None:
            raise UsageError(f"{operation} takes no address")
        return
    if host is None or port is None:
        raise UsageError(f"{operation} needs a host and a port")
    if type(port) is not int:
        # A subclass may compare as one port and be another when it is connected to; True is 1.
        raise UsageError(f"a port is an int, not {type(port).__name__}")
    if type(host) is not Host:
        raise UsageError(f"a host is a Host, not {type(host).__name__}")
    if not 0 <= port <= 65_535:
        raise UsageError(f"bad port {port}: a port is a number from 0 to 65535")
    if operation in _OUTWARD and host.is_address and scope(host) is Scope.UNSPECIFIED:
        # The kernel takes it for this machine, past any rule about 127.0.0.1.
        raise UsageError(f"{host} is no address to connect to", hint="this machine itself is 127.0.0.1 or ::1")


def _leads_to(pattern: Pattern, address: Host, kind: Scope) -> bool:
    """Whether a rule that covers a name trusts it to lead to this address."""
    match pattern:
        case AnyHost():
            return kind is not Scope.UNSPECIFIED
        case Suffix():
            return kind is Scope.GLOBAL
        case Exact(host) if host.is_localhost:
            return address in LOOPBACK
        case Exact(host):
            return not host.is_address and kind in (Scope.GLOBAL, Scope.PRIVATE)
        case Block():
            return False


def _allows_broadcast(pattern: Pattern, address: Host) -> bool:
    """Whether a rule means every machine of a network: only where it says that address, or any host.

    A block is about its machines one by one; which of its addresses goes to all of them depends on the network.
    """
    return isinstance(pattern, AnyHost) or pattern == Exact(address)


_ONLY_POLICY: Final = object()


@final
class Grant:
    """Permission to make one request: all that resolves, binds, sends or connects takes one. Immutable.

    It keeps a program from reaching what it did not ask for. It is no boundary against code in the same process, which
    can open a socket by itself.
    """

    __slots__ = ("_policy", "request", "rule", "source")

    request: Request
    rule: Rule  # the most specific of the rules that allow it
    source: str  # and where it stands in the manifest
    _policy: Policy

    def __init__(self, token: object, policy: Policy, request: Request, placed: PlacedRule) -> None:
        if token is not _ONLY_POLICY:
            raise TypeError("only Policy.authorize makes a Grant")
        for name, value in zip(self.__slots__, (policy, request, placed.rule, placed.source), strict=True):
            object.__setattr__(self, name, value)

    def admit(self, addresses: Iterable[Address]) -> list[Address]:
        """Those of the host's addresses that may be used, in their order.

        Raises Denied where there were some and none is left.
        """
        return self._policy._admit(self, addresses)

    def admit_broadcast(self, address: Address) -> None:
        """Raises Denied unless a rule for that very address, or for any host, lets it be sent to.

        Asked for an address that `admit` gave, once the kernel says that it goes to every machine of a network
        (SO_BROADCAST): the address itself does not show it.
        """
        self._policy._admit(self, [address], broadcast=True)

    def ended(self, end: GrantEnd) -> None:
        """Tell the policy's observer that something is over which this allowed. Raises what the observer raises."""
        self._policy._ended(self, end)

    def refusal(self, address: Address) -> Denied | None:
        """Why `admit` would drop this address; None where it would not."""
        return self._policy._refusal(self, address)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Grant is immutable: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Grant is immutable: {name}")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("a Grant cannot be subclassed")

    def __repr__(self) -> str:
        return f"<Grant {self.request} by {self.source}>"


def check_grant(grant: Grant) -> None:
    """At each door to the network: raises TypeError for what only looks like a Grant."""
    if not isinstance(grant, Grant):
        raise TypeError(f"it takes a Grant, not {type(grant).__name__}")
