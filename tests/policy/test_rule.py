"""The rule grammar: every spelling and its canonical form, every refusal and its reason."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockcli.base.endpoint import Host, Operation
from sockcli.errors import UsageError
from sockcli.policy import Request, Rule

CANONICAL = [
    ("tcp-connect", "tcp-connect:*:*"),
    ("tcp-connect:", "tcp-connect:*:*"),
    ("tcp-connect::", "tcp-connect:*:*"),
    ("tcp-connect:*", "tcp-connect:*:*"),
    ("tcp-connect:*:", "tcp-connect:*:*"),
    ("tcp-connect::*", "tcp-connect:*:*"),
    ("tcp-connect:*:*", "tcp-connect:*:*"),
    ("tcp-connect:*:23", "tcp-connect:*:23"),
    ("udp-send-to::99", "udp-send-to:*:99"),
    ("udp-bind::8899", "udp-bind:*:8899"),
    ("tcp-listen:127.0.0.1:*", "tcp-listen:127.0.0.1:*"),
    ("tcp-connect:.example.com", "tcp-connect:*.example.com:*"),
    ("tcp-connect:*.example.com:443", "tcp-connect:*.example.com:443"),
    ("tcp-connect:*.Example.COM.:443", "tcp-connect:*.example.com:443"),
    ("tcp-connect:*.com", "tcp-connect:*.com:*"),
    ("tcp-connect:*.168.0.1:80", "tcp-connect:*.168.0.1:80"),
    ("tcp-connect:EXAMPLE.com.:80", "tcp-connect:example.com:80"),
    ("tcp-connect:host:00080", "tcp-connect:host:80"),
    ("tcp-connect:host:1", "tcp-connect:host:1"),
    ("tcp-connect:host:65535", "tcp-connect:host:65535"),
    ("tcp-connect:[0:0::1]", "tcp-connect:[::1]:*"),
    ("tcp-connect:[::1]:", "tcp-connect:[::1]:*"),
    ("tcp-connect:[::1]:*", "tcp-connect:[::1]:*"),
    ("tcp-connect:[::FFFF:127.0.0.1]:80", "tcp-connect:127.0.0.1:80"),
    ("tcp-connect:[fe80::1%eth0]:80", "tcp-connect:[fe80::1%eth0]:80"),
    ("tcp-connect:10.0.0.0/8", "tcp-connect:10.0.0.0/8:*"),
    ("tcp-connect:10.0.0.0/8:22", "tcp-connect:10.0.0.0/8:22"),
    ("tcp-connect:10.0.0.1/32:22", "tcp-connect:10.0.0.1/32:22"),
    ("tcp-connect:0.0.0.0/0:22", "tcp-connect:0.0.0.0/0:22"),
    ("tcp-connect:[2001:DB8::/32]:22", "tcp-connect:[2001:db8::/32]:22"),
    ("tcp-connect:[::/0]", "tcp-connect:[::/0]:*"),
    ("tcp-connect:[::1/128]", "tcp-connect:[::1/128]:*"),
    ("tcp-connect:[::ffff:10.0.0.0/104]:22", "tcp-connect:10.0.0.0/8:22"),
    ("tcp-connect:[::ffff:0:0/96]:22", "tcp-connect:0.0.0.0/0:22"),
    ("tcp-connect:[::fffe:0:0/95]:22", "tcp-connect:[::fffe:0:0/95]:22"),
    ("udp-multicast-membership", "udp-multicast-membership"),
    ("resolve-host", "resolve-host"),
    ("resolve-proxy", "resolve-proxy"),
    ("network-state", "network-state"),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_rule_in_canonical_form(text: str, canonical: str) -> None:
    rule = Rule.parse(text)
    assert str(rule) == canonical
    assert Rule.parse(canonical) == rule


PORT = "port must be 1 to 65535 or *"
REFUSED = [
    ("", "unknown operation"),
    ("*", "a bare * names no operation"),
    ("*:*", "a bare * names no operation"),
    ("tcp", 'unknown operation "tcp"'),
    ("TCP-CONNECT", "unknown operation"),
    ("tcp-connect-x:*", "unknown operation"),
    (":host:80", "unknown operation"),
    (" tcp-connect", "blanks"),
    ("tcp-connect :host:80", "blanks"),
    ("tcp-connect:host :80", "blanks"),
    ("tcp-connect: host:80", "blanks"),
    ("tcp-connect:host: 80", PORT),
    ("tcp-connect:host:80 ", PORT),
    ("tcp-connect:host:80\n", PORT),
    ("tcp-connect:\t", "blanks"),
    ("tcp-cönnect", "ASCII"),
    ("tcp-connect:host:0", PORT),
    ("tcp-connect:host:65536", PORT),
    ("tcp-connect:host:99999", PORT),
    ("tcp-connect:host:000080", PORT),
    ("tcp-connect:host:+80", PORT),
    ("tcp-connect:host:-1", PORT),
    ("tcp-connect:host:8_0", PORT),
    ("tcp-connect:host:８０", PORT),
    ("tcp-connect:host:http", PORT),
    ("tcp-connect:host:80-90", PORT),
    ("tcp-connect:host:**", PORT),
    ("tcp-connect:host:80:90", "too many fields"),
    ("tcp-connect:::", "too many fields"),
    ("tcp-connect:::1", "too many fields"),
    ("tcp-connect:[::1]:80:90", PORT),
    ("tcp-connect:*.", "no domain follows"),
    ("tcp-connect:.", "no domain follows"),
    ("tcp-connect:..", "no domain follows"),
    ("tcp-connect:*..", "no domain follows"),
    ("tcp-connect:*.:80", "no domain follows"),
    ("tcp-connect:.*", "first label only"),
    ("tcp-connect:*.*", "first label only"),
    ("tcp-connect:*.*.com", "first label only"),
    ("tcp-connect:a.*.com", "whole first label"),
    ("tcp-connect:*a.com", "whole first label"),
    ("tcp-connect:a*.com", "whole first label"),
    ("tcp-connect:**", "whole first label"),
    ("tcp-connect:**.com", "whole first label"),
    ("tcp-connect:*..com", "empty label"),
    ("tcp-connect:..com", "empty label"),
    ("tcp-connect:*.a b", "blanks"),
    ("tcp-connect:*.bücher.example", "xn--"),
    ("tcp-connect:a..b", "empty label"),
    ("tcp-connect:127.1", "write 127.0.0.1"),
    ("tcp-connect:0177.0.0.1", "write 127.0.0.1"),
    ("tcp-connect:2130706433", "write 127.0.0.1"),
    ("tcp-connect:user@host", "not allowed"),
    ("tcp-connect:host/path", "length of an IPv4 block"),
    ("tcp-connect:host/8", "as in 10.0.0.0/8"),
    ("tcp-connect:a.b.c.d/8", "as in 10.0.0.0/8"),
    ("tcp-connect:10.0.0.1/8", "write 10.0.0.0/8"),
    ("tcp-connect:10.0.0.0/33", "0 to 32"),
    ("tcp-connect:10.0.0.0/", "0 to 32"),
    ("tcp-connect:10.0.0.0/08", "0 to 32"),
    ("tcp-connect:10.0.0.0/-1", "0 to 32"),
    ("tcp-connect:10.0.0.0/8/8", "0 to 32"),
    ("tcp-connect:10.0.0.0/255.0.0.0", "0 to 32"),
    ("tcp-connect:10/8", "as in 10.0.0.0/8"),
    ("tcp-connect:010.0.0.0/8", "write 8.0.0.0"),
    ("tcp-connect:[::1/64]", "write [::/64]"),
    ("tcp-connect:[::ffff:10.0.0.1/104]", "write 10.0.0.0/8"),
    ("tcp-connect:[::ffff:10.0.0.0/64]", "write [::/64]"),
    ("tcp-connect:[::/129]", "0 to 128"),
    ("tcp-connect:[fe80::1%lo/128]", "no zone"),
    ("tcp-connect:[10.0.0.0/8]", "brackets are for IPv6"),
    ("tcp-connect:[::]/0", "inside the brackets"),
    ("tcp-connect:[127.0.0.1]", "brackets are for IPv6"),
    ("tcp-connect:[*]:80", "brackets are for IPv6"),
    ("tcp-connect:[]:80", "brackets are for IPv6"),
    ("tcp-connect:[::1", "not closed"),
    ("tcp-connect:[::1]80", "after the bracket"),
    ("tcp-connect:[::1%lo]", "only a link-local"),
    ("tcp-connect:[fe80::1%]", "a zone is"),
    *(
        (f"{operation}:{rest}", f"{operation} takes no address")
        for operation in ("udp-multicast-membership", "resolve-host", "resolve-proxy", "network-state")
        for rest in ("", ":", "*", "*:*", "example.com", "127.0.0.1:80")
    ),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_rule_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        Rule.parse(text)
    assert reason in caught.value.message


COVERS = [
    ("tcp-connect:*.example.com", "example.com", True),
    ("tcp-connect:*.example.com", "www.example.com", True),
    ("tcp-connect:*.example.com", "a.b.c.example.com", True),
    ("tcp-connect:*.example.com", "wwwexample.com", False),
    ("tcp-connect:*.example.com", "notexample.com", False),
    ("tcp-connect:*.example.com", "example.com.evil.org", False),
    ("tcp-connect:*.example.com", "com", False),
    ("tcp-connect:*.168.0.1", "192.168.0.1", False),
    ("tcp-connect:*.0.0.1", "127.0.0.1", False),
    ("tcp-connect:example.com", "EXAMPLE.com.", True),
    ("tcp-connect:example.com", "www.example.com", False),
    ("tcp-connect:localhost", "127.0.0.1", False),
    ("tcp-connect:127.0.0.1", "localhost", False),
    ("tcp-connect:127.0.0.1", "::ffff:127.0.0.1", True),
    ("tcp-connect:127.0.0.1", "::127.0.0.1", False),
    ("tcp-connect:127.0.0.1", "64:ff9b::127.0.0.1", False),
    ("tcp-connect:[fe80::1]", "fe80::1%lo", False),
    ("tcp-connect:[fe80::1%lo]", "fe80::1", False),
    ("tcp-connect:[fe80::1%lo]", "fe80::1%eth0", False),
    ("tcp-connect:[fe80::/10]", "fe80::1%eth0", True),
    ("tcp-connect:10.0.0.0/8", "10.255.255.255", True),
    ("tcp-connect:10.0.0.0/8", "11.0.0.0", False),
    ("tcp-connect:10.0.0.0/8", "10.example.com", False),
    ("tcp-connect:0.0.0.0/0", "::1", False),
    ("tcp-connect:[::/0]", "127.0.0.1", False),
    ("tcp-connect:[::/0]", "::1", True),
    ("tcp-connect:*", "127.0.0.1", True),
    ("tcp-connect:*", "::1", True),
    ("tcp-connect:*", "example.com", True),
    ("tcp-connect:example.com:81", "example.com", False),
    ("tcp-listen:example.com:80", "example.com", False),
]


@pytest.mark.parametrize(("rule", "host", "covered"), COVERS)
def test_what_a_rule_covers(rule: str, host: str, covered: bool) -> None:
    assert Rule.parse(rule).covers(Request(Operation.TCP_CONNECT, Host.parse(host), 80)) is covered


def test_port_0_is_covered_by_any_port_only() -> None:
    request = Request(Operation.TCP_LISTEN, Host.parse("127.0.0.1"), 0)
    assert Rule.parse("tcp-listen:127.0.0.1:*").covers(request)
    assert not Rule.parse("tcp-listen:127.0.0.1:1").covers(request)
    assert str(Rule.exactly(request)) == "tcp-listen:127.0.0.1:*"


def test_an_operation_without_address_is_covered_as_such() -> None:
    assert Rule.parse("network-state").covers(Request(Operation.NETWORK_STATE))
    assert not Rule.parse("network-state").covers(Request(Operation.RESOLVE_HOST))
    assert str(Rule.exactly(Request(Operation.NETWORK_STATE))) == "network-state"


def test_a_request_is_written_as_a_rule() -> None:
    assert str(Request(Operation.TCP_CONNECT, Host.parse("::1"), 80)) == "tcp-connect:[::1]:80"
    assert str(Request(Operation.NETWORK_STATE)) == "network-state"
    with pytest.raises(TypeError):
        _ = Request(Operation.NETWORK_STATE).endpoint


labels = st.text(st.sampled_from("abAB01-_"), min_size=1, max_size=8).filter(lambda label: not label.isdigit())
names = st.lists(labels, min_size=1, max_size=4).map(".".join).filter(lambda name: not name.split(".")[-1].isdigit())
blocks = st.ip_addresses(v=4).flatmap(
    lambda address: st.integers(0, 32).map(lambda bits: f"{_cleared(int(address), bits)}/{bits}")
)
spelt_hosts = (
    st.sampled_from(["", "*"])
    | names.filter(lambda name: not _is_hex(name))
    | names.map(lambda name: f"*.{name}")
    | names.map(lambda name: f".{name}.")
    | st.ip_addresses(v=4).map(str)
    | st.ip_addresses(v=6).map(lambda address: f"[{address.exploded}]")
    | blocks
)
spelt_ports = st.sampled_from(["", ":", ":*"]) | st.integers(1, 65535).map(lambda port: f":{port:05}")
with_address = st.sampled_from([operation.value for operation in Operation if operation.takes_address])


def _cleared(packed: int, bits: int) -> str:
    packed &= ~((1 << 32 - bits) - 1)
    return ".".join(str(packed >> shift & 255) for shift in (24, 16, 8, 0))


def _is_hex(name: str) -> bool:
    last = name.split(".")[-1].lower()
    return last.startswith("0x") and all(char in "0123456789abcdef" for char in last[2:])


@given(with_address, spelt_hosts, spelt_ports)
@settings(max_examples=200)
def test_every_sentence_of_the_grammar_is_a_rule_and_its_canonical_form_the_same_rule(
    operation: str, host: str, port: str
) -> None:
    rule = Rule.parse(f"{operation}:{host}{port}")
    canonical = str(rule)
    assert Rule.parse(canonical) == rule
    assert str(Rule.parse(canonical)) == canonical
    assert canonical.isascii()
    assert canonical == canonical.lower()


@given(st.text(st.sampled_from("*.:[]/%aA01 é"), max_size=16) | st.text(max_size=20))
@settings(max_examples=300)
def test_any_text_after_an_operation_is_a_rule_or_a_usage_error(text: str) -> None:
    try:
        rule = Rule.parse(f"tcp-connect:{text}")
    except UsageError as error:
        message = error.message
    else:
        message = str(rule)
        assert Rule.parse(message) == rule
    assert message.isascii()
    assert message.isprintable()


@given(names.filter(lambda name: not _is_hex(name)), names)
@settings(max_examples=200)
def test_a_domain_covers_label_by_label(name: str, domain: str) -> None:
    rule = Rule.parse(f"tcp-connect:*.{domain}")
    mine, theirs = name.lower().split("."), domain.lower().split(".")
    request = Request(Operation.TCP_CONNECT, Host.parse(name), 80)
    assert rule.covers(request) == (mine[-len(theirs) :] == theirs)
    below = Request(Operation.TCP_CONNECT, Host.parse(f"{name}.{domain}.com"), 80)
    assert Rule.parse(f"tcp-connect:*.{domain}.com").covers(below)
    assert not Rule.parse(f"tcp-connect:*.x{domain}.com").covers(below) or name.lower().endswith(f"x{domain}".lower())
