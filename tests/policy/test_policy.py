"""What is allowed, where a name may lead, what a deny rule stops, and that nobody else makes a Grant."""

from __future__ import annotations

import copy
import pickle

import pytest

from sockcli.base.endpoint import Address, Host, HostKind, Operation
from sockcli.errors import Denied, ExitCode, UsageError
from sockcli.policy import Effect, Grant, PlacedRule, Policy, Request, Rule
from tests.policy.reference import addresses_of, allow, deny, policy_of

MANIFEST = "manifest.json"


def policy(*texts: str, deny: tuple[str, ...] = ()) -> Policy:
    placed = [PlacedRule(Rule.parse(text), Effect.ALLOW, f"permissions[0].socket[{i}]") for i, text in enumerate(texts)]
    placed += [PlacedRule(Rule.parse(text), Effect.DENY, f"deny[{i}]") for i, text in enumerate(deny)]
    return Policy(placed, manifest=MANIFEST)


def connect(host: str, port: int = 80) -> Request:
    return Request(Operation.TCP_CONNECT, Host.parse(host), port)


def denied(of: Policy, request: Request) -> Denied:
    with pytest.raises(Denied) as caught:
        of.authorize(request)
    return caught.value


def not_admitted(of: Policy, request: Request, *addresses: str) -> Denied:
    grant = of.authorize(request)
    with pytest.raises(Denied) as caught:
        grant.admit(addresses_of(request, addresses))
    return caught.value


def test_nothing_is_allowed_by_default() -> None:
    error = denied(Policy(), connect("localhost", 4000))
    assert error.exit_code is ExitCode.DENIED
    assert str(error) == "tcp-connect to localhost:4000 denied: no rule allows it (there is no manifest)"
    assert error.suggestion == "tcp-connect:localhost:4000"


def test_a_denial_names_operation_endpoint_manifest_and_the_rule_that_would_do() -> None:
    error = denied(policy("tcp-connect:other:80"), Request(Operation.TCP_LISTEN, Host.parse("::1"), 80))
    assert str(error) == "tcp-listen on [::1]:80 denied: no rule allows it (manifest: manifest.json)"
    assert error.hint == 'to allow it, add this rule to the manifest: "tcp-listen:[::1]:80"'
    assert (error.rule, error.source, error.manifest) == (None, None, MANIFEST)


def test_a_denial_without_endpoint() -> None:
    error = denied(policy(), Request(Operation.UDP_MULTICAST_MEMBERSHIP))
    assert str(error) == "udp-multicast-membership denied: no rule allows it (manifest: manifest.json)"
    assert error.suggestion == "udp-multicast-membership"


def test_the_suggestion_for_port_0_is_any_port() -> None:
    error = denied(policy("tcp-listen:127.0.0.1:80"), Request(Operation.TCP_LISTEN, Host.parse("127.0.0.1"), 0))
    assert error.suggestion == "tcp-listen:127.0.0.1:*"


def test_a_deny_rule_that_decides_is_named_instead_of_a_suggestion() -> None:
    error = denied(policy("tcp-connect", deny=("tcp-connect:169.254.0.0/16",)), connect("169.254.169.254"))
    assert 'deny[0] "tcp-connect:169.254.0.0/16:*" forbids it' in str(error)
    assert (error.suggestion, error.hint) == (None, None)
    assert (error.rule, error.source) == ("tcp-connect:169.254.0.0/16:*", "deny[0]")


MOST_SPECIFIC = [
    (["tcp-connect:*:*", "tcp-connect:*:80"], "a.b.com", 1),
    (["tcp-connect:*:80", "tcp-connect:*.com:*"], "a.b.com", 1),
    (["tcp-connect:*.com:80", "tcp-connect:*.b.com:*"], "a.b.com", 1),
    (["tcp-connect:*.b.com:80", "tcp-connect:*.a.b.com:*"], "a.b.com", 1),
    (["tcp-connect:*.a.b.com:80", "tcp-connect:a.b.com:*"], "a.b.com", 1),
    (["tcp-connect:a.b.com:*", "tcp-connect:a.b.com:80"], "a.b.com", 1),
    (["tcp-connect:a.b.com:80", "tcp-connect:A.b.com.:80"], "a.b.com", 0),
    (["tcp-connect:*:80", "tcp-connect:10.0.0.0/8:*"], "10.0.0.1", 1),
    (["tcp-connect:10.0.0.0/8:80", "tcp-connect:10.0.0.0/9:*"], "10.0.0.1", 1),
    (["tcp-connect:10.0.0.1/32:80", "tcp-connect:10.0.0.1:*"], "10.0.0.1", 1),
    (["tcp-connect:[::/0]:80", "tcp-connect:[fd00::/8]:*"], "fd00::1", 1),
]


@pytest.mark.parametrize(("rules", "host", "index"), MOST_SPECIFIC)
def test_the_most_specific_rule_is_reported(rules: list[str], host: str, index: int) -> None:
    grant = policy(*rules).authorize(connect(host))
    assert grant.source == f"permissions[0].socket[{index}]"
    assert grant.rule == Rule.parse(rules[index])
    placed = policy(*rules).decide(connect(host)).placed
    assert placed is not None
    assert placed.source == grant.source


# What each kind of rule may lead to: contract 1.2.
GLOBAL, PRIVATE = ["8.8.8.8", "2606:4700::1111"], ["10.0.0.1", "100.64.0.1", "192.0.2.1", "fd00::1", "2001:db8::1"]
LOOPBACK, LINK_LOCAL = ["127.0.0.1", "127.1.2.3", "::1"], ["169.254.169.254", "fe80::1", "fe80::1%lo"]
MULTICAST = ["224.0.0.1", "255.255.255.255", "ff02::1"]
TUNNELLED = ["64:ff9b::8.8.8.8", "2002:808:808::1"]
HIDDEN = ["64:ff9b::127.0.0.1", "::127.0.0.1", "2002:7f00:1::1", "64:ff9b::169.254.169.254", "64:ff9b:1::127.0.0.1"]
UNSPECIFIED = ["0.0.0.0", "::"]
LEADS_TO = [
    ("tcp-connect:db.example.com:80", "db.example.com", [*GLOBAL, *PRIVATE, *TUNNELLED]),
    ("tcp-connect:*.example.com:80", "db.example.com", GLOBAL),
    ("tcp-connect:*.localhost:80", "localhost", GLOBAL),
    ("tcp-connect:localhost:80", "localhost", ["127.0.0.1", "::1"]),
    *(
        (rule, "db.example.com", [*GLOBAL, *PRIVATE, *LOOPBACK, *LINK_LOCAL, *MULTICAST, *TUNNELLED, *HIDDEN])
        for rule in ("tcp-connect:*:80", "tcp-connect::80", "tcp-connect")
    ),
]
EVERYWHERE = [*GLOBAL, *PRIVATE, *LOOPBACK, *LINK_LOCAL, *MULTICAST, *TUNNELLED, *HIDDEN, *UNSPECIFIED]


@pytest.mark.parametrize(("rule", "host", "reached"), LEADS_TO)
def test_what_a_covered_name_may_lead_to(rule: str, host: str, reached: list[str]) -> None:
    request = connect(host)
    grant = policy(rule).authorize(request)
    admitted = grant.admit(addresses_of(request, EVERYWHERE))
    assert admitted == [address for address in addresses_of(request, EVERYWHERE) if address in admitted]
    assert {str(address.host) for address in admitted} == {str(Host.parse(text)) for text in reached}


@pytest.mark.parametrize("address", [*PRIVATE, *LOOPBACK, *LINK_LOCAL, *HIDDEN])
def test_an_address_rule_besides_lets_a_name_lead_there(address: str) -> None:
    request = connect("db.example.com")
    host = Host.parse(address)
    error = not_admitted(policy("tcp-connect:*.example.com"), request, address)
    assert error.suggestion == f"tcp-connect:{host.bracketed}:80"
    for rule in (error.suggestion, f"tcp-connect:{host.bracketed}"):
        grant = policy("tcp-connect:*.example.com", rule).authorize(request)
        assert grant.admit(addresses_of(request, [address])) == addresses_of(request, [address])


def test_a_block_besides_lets_a_name_lead_there() -> None:
    request = connect("db.example.com")
    grant = policy("tcp-connect:db.example.com", "tcp-connect:127.0.0.0/8:80").authorize(request)
    addresses = addresses_of(request, ["::1", "127.0.0.2", "8.8.8.8"])
    assert grant.admit(addresses) == addresses[1:]


@pytest.mark.parametrize("other", ["tcp-connect:127.0.0.1:81", "udp-send-to:127.0.0.1:80", "tcp-listen:127.0.0.1:80"])
def test_an_address_rule_for_another_port_or_operation_does_not(other: str) -> None:
    not_admitted(policy("tcp-connect:db.example.com", other), connect("db.example.com"), "127.0.0.1")


def test_the_rule_for_an_embedded_address_does_not_cover_what_carries_it() -> None:
    allowed = policy("tcp-connect:db.example.com", "tcp-connect:127.0.0.1")
    not_admitted(allowed, connect("db.example.com"), "64:ff9b::127.0.0.1")


def test_one_good_answer_among_bad_ones() -> None:
    request = connect("db.example.com")
    grant = policy("tcp-connect:db.example.com").authorize(request)
    addresses = addresses_of(request, ["127.0.0.1", "10.0.0.1", "169.254.169.254", "8.8.8.8"])
    assert grant.admit(addresses) == [addresses[1], addresses[3]]


def test_the_union_of_the_covering_rules_decides_not_the_narrowest() -> None:
    request = connect("db.example.com")
    grant = policy("tcp-connect:db.example.com:80", "tcp-connect:*").authorize(request)
    assert grant.source == "permissions[0].socket[0]"
    assert grant.admit(addresses_of(request, ["127.0.0.1"]))


def test_a_denial_after_the_lookup_says_where_the_name_leads_and_which_rule_would_do() -> None:
    error = not_admitted(policy("tcp-connect:db.test:80"), connect("db.test"), "127.0.0.1", "169.254.1.1")
    assert str(error) == (
        "tcp-connect to db.test:80 denied: db.test leads to 127.0.0.1 (loopback), 169.254.1.1 (link-local), "
        "and that needs a rule for the address (manifest: manifest.json)"
    )
    assert error.hint == 'to allow it, add this rule to the manifest: "tcp-connect:127.0.0.1:80"'


def test_a_denial_after_the_lookup_stays_short() -> None:
    many = [f"127.0.{high}.{low}" for high in range(10) for low in range(100)]
    error = not_admitted(policy("tcp-connect:db.test:80"), connect("db.test"), *many)
    assert "127.0.0.3 (loopback) and 996 more" in str(error)


def test_a_deny_rule_for_an_address_stops_a_name_that_leads_there() -> None:
    blocked = policy("tcp-connect:*", deny=("tcp-connect:169.254.0.0/16",))
    error = not_admitted(blocked, connect("metadata.test"), "169.254.169.254")
    assert (error.suggestion, error.rule, error.source) == (None, "tcp-connect:169.254.0.0/16:*", "deny[0]")
    assert "metadata.test leads to 169.254.169.254 (deny[0]" in str(error)
    request = connect("metadata.test")
    addresses = addresses_of(request, ["169.254.169.254", "8.8.8.8"])
    assert blocked.authorize(request).admit(addresses) == addresses[1:]


def test_a_suggestion_is_one_that_would_help() -> None:
    blocked = policy("tcp-connect:db.test", deny=("tcp-connect:127.0.0.1",))
    assert not_admitted(blocked, connect("db.test"), "127.0.0.1", "127.0.0.2").suggestion == "tcp-connect:127.0.0.2:80"


LOCALHOST_RULES = ("tcp-connect:localhost", "tcp-connect:LOCALHOST.:80", "tcp-connect:*.localhost:80")
LOCALHOST_SPELLINGS = (
    *("localhost", "app.localhost", "127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"),
    *("::127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"),
)

DENIED = [
    ("tcp-connect:127.0.0.1", "127.0.0.1"),
    ("tcp-connect:127.0.0.1", "::ffff:127.0.0.1"),
    ("tcp-connect:127.0.0.0/8", "::127.0.0.1"),
    ("tcp-connect:127.0.0.0/8", "64:ff9b::127.0.0.1"),
    ("tcp-connect:127.0.0.1", "64:ff9b:1::127.0.0.1"),
    ("tcp-connect:127.0.0.1", "2002:7f00:1::5"),
    ("tcp-connect:127.0.0.1", "2001:0:808:808::80ff:fffe"),
    ("tcp-connect:[64:ff9b::/96]", "64:ff9b::8.8.8.8"),
    ("tcp-connect:[::ffff:127.0.0.0/104]", "127.0.0.1"),
    ("tcp-connect:*:80", "8.8.8.8"),
    ("tcp-connect:*:80", "a.com"),
    ("tcp-connect", "a.com"),
    ("tcp-connect:*.com", "a.com"),
    ("tcp-connect:a.com:80", "A.com."),
    ("tcp-connect:[fe80::1]", "fe80::1%lo"),
    ("tcp-connect:[fe80::1%lo]", "fe80::1%lo"),
    ("tcp-connect:[fe80::1%lo]", "fe80::1"),
    ("tcp-connect:[fe80::1%lo]", "fe80::1%1"),
    ("tcp-connect:[fe80::1%1]", "fe80::1%lo"),
    ("tcp-connect:[fe80::1%1]", "fe80::1"),
    ("tcp-connect:[fe80::/10]", "fe80::1%lo"),
    # Any two zones count as the same link: which index and which name belong together is not known.
    ("tcp-connect:[fe80::1%lo]", "fe80::1%eth0"),
    ("tcp-connect:[fe80::1%1]", "fe80::1%2"),
    *((rule, host) for rule in LOCALHOST_RULES for host in LOCALHOST_SPELLINGS),
]


@pytest.mark.parametrize(("rule", "host"), DENIED)
def test_what_a_deny_rule_covers(rule: str, host: str) -> None:
    assert denied(policy("tcp-connect", deny=(rule,)), connect(host)).source == "deny[0]"


NOT_DENIED = [
    ("tcp-connect:127.0.0.1", "127.0.0.2"),
    ("tcp-connect:127.0.0.1", "localhost"),
    ("tcp-connect:127.0.0.1", "::1"),
    ("tcp-connect:0.0.0.0/8", "::1"),
    ("tcp-connect:*:81", "a.com"),
    ("tcp-connect:*.com", "com.org"),
    ("tcp-listen", "a.com"),
    ("tcp-connect:[fe80::1%1]", "fe80::2"),
    ("tcp-connect:[fe80::1%1]", "fe80::2%1"),
    ("tcp-connect:localhost", "128.0.0.1"),
    ("tcp-connect:localhost", "::2"),
    ("tcp-connect:localhost", "localhost.example.com"),
    ("tcp-connect:localhost:81", "127.0.0.1"),
    ("tcp-connect:app.localhost", "localhost"),
]


@pytest.mark.parametrize(("rule", "host"), NOT_DENIED)
def test_what_a_deny_rule_does_not_cover(rule: str, host: str) -> None:
    assert policy("tcp-connect", deny=(rule,)).authorize(connect(host))


@pytest.mark.parametrize("operation", ["tcp-listen", "udp-bind"])
@pytest.mark.parametrize(
    ("rule", "forbidden", "untouched"),
    [
        ("10.9.0.0/16", "0.0.0.0", "::"),
        ("10.9.0.1", "0.0.0.0", "10.9.0.2"),
        ("localhost", "0.0.0.0", "10.9.0.2"),
        ("localhost", "::", "2001:db8::8"),
        ("[2001:db8::/32]", "::", "0.0.0.0"),
        ("[2001:db8::7]", "::", "2001:db8::8"),
        ("[fe80::1%eth0]", "::", "fe80::2"),
        ("[::ffff:10.9.0.0/112]", "0.0.0.0", "::"),
    ],
)
def test_to_deny_listening_on_some_addresses_denies_it_on_all(
    operation: str, rule: str, forbidden: str, untouched: str
) -> None:
    ruled = policy(operation, deny=(f"{operation}:{rule}:80",))
    assert denied(ruled, Request(Operation(operation), Host.parse(forbidden), 80)).source == "deny[0]"
    assert ruled.authorize(Request(Operation(operation), Host.parse(forbidden), 81))
    assert ruled.authorize(Request(Operation(operation), Host.parse(untouched), 80))


def test_localhost_is_stopped_by_what_denies_its_addresses() -> None:
    request = connect("localhost")
    addresses = addresses_of(request, ["::1", "127.0.0.1"])
    one = policy("tcp-connect:localhost", deny=("tcp-connect:127.0.0.0/8",))
    assert one.authorize(request).admit(addresses) == addresses[:1]
    both = policy("tcp-connect:localhost", deny=("tcp-connect:127.0.0.0/8", "tcp-connect:[::1]"))
    assert not_admitted(both, request, "::1", "127.0.0.1").source == "deny[1]"


def test_deny_wins_in_any_order() -> None:
    for ruled in (
        allow("tcp-connect:a.com") + deny("tcp-connect:*.com"),
        deny("tcp-connect:*.com") + allow("tcp-connect:a.com"),
    ):
        assert not policy_of(ruled).decide(connect("a.com")).allowed


@pytest.mark.parametrize(
    ("rules", "host", "allowed"),
    [
        (["db.example.com"], "db.example.com", False),
        (["*.example.com"], "db.example.com", False),
        (["db.example.com", "10.9.0.0/16"], "db.example.com", False),
        (["10.9.0.0/16"], "10.9.0.255", False),
        (["*"], "db.example.com", True),
        (["10.9.0.255"], "10.9.0.255", True),
        (["db.example.com", "10.9.0.255"], "db.example.com", True),
    ],
)
def test_a_broadcast_takes_a_rule_for_that_address_or_any_host(rules: list[str], host: str, allowed: bool) -> None:
    request = Request(Operation.UDP_SEND_TO, Host.parse(host), 80)
    grant = policy(*(f"udp-send-to:{rule}:80" for rule in rules)).authorize(request)
    address = Address(Host.parse("10.9.0.255"), 80)
    if allowed:
        grant.admit_broadcast(address)
        return
    with pytest.raises(Denied) as caught:
        grant.admit_broadcast(address)
    assert caught.value.suggestion == "udp-send-to:10.9.0.255:80"


def test_an_address_host_is_admitted_as_itself() -> None:
    for host in ("127.0.0.1", "169.254.169.254", "224.0.0.1", "fe80::1%lo", "64:ff9b::127.0.0.1"):
        request = connect(host)
        grant = policy(str(Rule.exactly(request))).authorize(request)
        assert grant.admit([Address(Host.parse(host), 80)]) == [Address(Host.parse(host), 80)]
    not_admitted(policy("tcp-connect:127.0.0.1"), connect("127.0.0.1"), "127.0.0.2")


def test_no_addresses_are_no_denial() -> None:
    assert policy("tcp-connect:a.com").authorize(connect("a.com")).admit([]) == []


def test_an_address_with_another_port_is_no_answer() -> None:
    grant = policy("tcp-connect:a.com:80").authorize(connect("a.com"))
    with pytest.raises(ValueError, match=r"8\.8\.8\.8:81"):
        grant.admit([Address(Host.parse("8.8.8.8"), 81)])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::ffff:0.0.0.0", "64:ff9b::0.0.0.0"])
@pytest.mark.parametrize("operation", [Operation.TCP_CONNECT, Operation.UDP_SEND_TO])
def test_the_unspecified_address_is_none_to_connect_to(host: str, operation: Operation) -> None:
    everything = policy(str(operation), f"{operation}:0.0.0.0", f"{operation}:[::]")
    for ask in (everything.authorize, everything.decide):
        with pytest.raises(UsageError, match="no address to connect to"):
            ask(Request(operation, Host.parse(host), 80))


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
@pytest.mark.parametrize("operation", [Operation.TCP_LISTEN, Operation.UDP_BIND])
def test_the_unspecified_address_may_be_listened_on_where_it_is_said(host: str, operation: Operation) -> None:
    request = Request(operation, Host.parse(host), 80)
    rule = str(Rule.exactly(request))
    assert policy(rule).authorize(request).admit(addresses_of(request, [host]))
    named = Request(operation, Host.parse("a.com"), 80)
    not_admitted(policy(f"{operation}:*"), named, host)
    assert policy(f"{operation}:*", rule).authorize(named).admit(addresses_of(named, [host]))


@pytest.mark.parametrize(
    "request_",
    [
        Request(Operation.TCP_CONNECT),
        Request(Operation.TCP_CONNECT, Host.parse("a.com")),
        Request(Operation.TCP_CONNECT, None, 80),
        Request(Operation.TCP_CONNECT, Host.parse("a.com"), 65616),
        Request(Operation.TCP_CONNECT, Host.parse("a.com"), -1),
        Request(Operation.NETWORK_STATE, Host.parse("a.com"), 80),
        Request(Operation.NETWORK_STATE, None, 80),
    ],
)
def test_what_is_no_request(request_: Request) -> None:
    everything = policy(*(operation.value for operation in Operation))
    with pytest.raises(UsageError):
        everything.authorize(request_)


def test_operations_do_not_cover_each_other() -> None:
    for operation in Operation:
        rest = policy(*(other.value for other in Operation if other is not operation))
        host, port = (Host.parse("a.com"), 80) if operation.takes_address else (None, None)
        assert not rest.decide(Request(operation, host, port)).allowed
        assert policy(operation.value).decide(Request(operation, host, port)).allowed


class FlippingPort(int):
    """Compares as one port and is another."""

    def __eq__(self, other: object) -> bool:
        return other == 80

    def __hash__(self) -> int:
        return hash(80)


class OtherHost(Host):
    """What somebody thinks of next."""


def test_only_plain_ports_and_hosts_are_asked_about() -> None:
    everything = policy("tcp-connect")
    for port in (FlippingPort(22), True, 80.0, "80"):
        with pytest.raises(UsageError, match="a port is an int"):
            everything.authorize(Request(Operation.TCP_CONNECT, Host.parse("a.com"), port))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a host is a Host"):
        everything.authorize(Request(Operation.TCP_CONNECT, OtherHost("a.com", HostKind.NAME), 80))
    grant = everything.authorize(connect("a.com"))
    for address in (Address(Host.parse("8.8.8.8"), FlippingPort(22)), Address(OtherHost("a.com", HostKind.NAME), 80)):
        with pytest.raises(TypeError, match="is no address"):
            grant.admit([address])


def test_only_a_policy_makes_a_grant() -> None:
    of = policy("tcp-connect:a.com")
    placed = of.rules[0]
    for token in (None, object(), Grant, "token"):
        with pytest.raises(TypeError):
            Grant(token, of, connect("b.com"), placed)
    with pytest.raises(TypeError):
        type("Forged", (Grant,), {})


def test_a_grant_cannot_be_changed_or_copied_into_another() -> None:
    grant = policy("tcp-connect:a.com").authorize(connect("a.com"))
    with pytest.raises(AttributeError):
        grant.request = connect("b.com")
    with pytest.raises(AttributeError):
        del grant.request
    with pytest.raises(AttributeError):
        copy.copy(grant)
    with pytest.raises(AttributeError):
        pickle.loads(pickle.dumps(grant))
    assert repr(grant) == "<Grant tcp-connect:a.com:80 by permissions[0].socket[0]>"


def test_a_refusal_is_what_authorize_would_raise() -> None:
    of = policy("tcp-connect:a.com", "tcp-connect:b.com", deny=("tcp-connect:b.com",))
    assert of.refusal(connect("a.com")) is None
    for host in ("b.com", "c.com"):
        assert str(of.refusal(connect(host))) == str(denied(of, connect(host)))


def test_a_grant_is_proof_for_the_policy_that_gave_it_and_for_no_other() -> None:
    of, request_ = policy("tcp-connect:a.com"), connect("a.com")
    grant = of.authorize(request_)
    assert of.authorize(grant) is grant
    same = policy("tcp-connect:a.com")
    assert same.authorize(grant) is not grant
    assert same.authorize(grant).request == request_
    with pytest.raises(Denied):
        policy("tcp-connect:b.com").authorize(grant)
