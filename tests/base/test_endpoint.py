"""Hosts, ports and targets: one spelling each, every other refused."""

from __future__ import annotations

import copy
import ipaddress
import pickle
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockcli.base.endpoint import Address, Endpoint, Host, HostKind, Operation, parse_port, split_target
from sockcli.errors import UsageError

CANONICAL = [
    ("localhost", "localhost"),
    ("EXAMPLE.com", "example.com"),
    ("example.com.", "example.com"),
    ("my_service-1.internal", "my_service-1.internal"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("1e3", "1e3"),
    ("127.0.0.1.nip.io", "127.0.0.1.nip.io"),
    ("0x7f.example", "0x7f.example"),
    ("a" * 63, "a" * 63),
    (".".join(["a" * 49] * 5) + ".abc", ".".join(["a" * 49] * 5) + ".abc"),
    ("127.0.0.1", "127.0.0.1"),
    ("127.0.0.1.", "127.0.0.1"),
    ("0.0.0.0", "0.0.0.0"),
    ("255.255.255.255", "255.255.255.255"),
    ("::1", "::1"),
    ("[::1]", "::1"),
    ("0:0::1", "::1"),
    ("2001:DB8:0:0:1::", "2001:db8:0:0:1::"),
    ("::ffff:127.0.0.1", "127.0.0.1"),
    ("[::FFFF:7f00:1]", "127.0.0.1"),
    ("::127.0.0.1", "::7f00:1"),
    ("fe80::1%eth0", "fe80::1%eth0"),
    ("[FE80:0::1%Eth0]", "fe80::1%Eth0"),
    ("fe80::1%1", "fe80::1%1"),
    ("fe80::1%4294967295", "fe80::1%4294967295"),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_host_in_canonical_form(text: str, canonical: str) -> None:
    host = Host.parse(text)
    assert host.text == str(host) == canonical
    assert Host.parse(canonical) == host
    assert Host.parse(host.bracketed) == host


REFUSED = [
    ("", "it is empty"),
    (".", "it is empty"),
    ("a..b", "empty label"),
    (".a", "empty label"),
    ("a..", "empty label"),
    ("a" * 64, "at most 63"),
    (".".join(["a" * 50] * 5), "at most 253"),
    ("127.0.0.1\0.example.com", "control characters"),
    ("a b", "blanks"),
    ("host\n", "blanks"),
    ("\thost", "blanks"),
    ("host\x7f", "control characters"),
    ("*", '"*" is not allowed'),
    ("*.example.com", '"*" is not allowed'),
    ("a/b", '"/" is not allowed'),
    ("a\\b", "is not allowed"),
    ("user@host", '"@" is not allowed'),
    ("a#b", '"#" is not allowed'),
    ("a?b", '"?" is not allowed'),
    ("a%b", '"%" is not allowed'),
    ("127.0.0.1%lo", '"%" is not allowed'),
    ("<broadcast>", "letters, digits"),
    ("bücher.example", "xn--"),
    ("１２７.0.0.1", "xn--"),
    ("①②⑦.0.0.1", "xn--"),
    ("127。0。0。1", "xn--"),
    ("ⓛocalhost", "xn--"),
    ("\u212aelvin", "xn--"),  # the Kelvin sign: str.lower() makes an ASCII k of it
    ("\udc80", "xn--"),
    ("127.1", "write 127.0.0.1"),
    ("127", "write 0.0.0.127"),
    ("0x7f.1", "write 127.0.0.1"),
    ("0X7F.1", "write 127.0.0.1"),
    ("0x7f000001", "write 127.0.0.1"),
    ("2130706433", "write 127.0.0.1"),
    ("0177.0.0.1", "write 127.0.0.1"),
    ("127.0.0.01", "write 127.0.0.1"),
    ("017.0.0.1", "write 15.0.0.1 (its leading 0 read as octal) or 17.0.0.1 (its leading 0 read as decimal)"),
    ("010.0.0.1", "write 8.0.0.1 (its leading 0 read as octal) or 10.0.0.1 (its leading 0 read as decimal)"),
    ("08.1.1.1", "write 8.1.1.1"),
    ("127.65535", "write 127.0.255.255"),
    ("1.2.3.256", "four plain decimal numbers"),
    ("1.2.3.4.5", "four plain decimal numbers"),
    ("example.0x7f", "four plain decimal numbers"),
    ("example.1", "four plain decimal numbers"),
    ("0x", "four plain decimal numbers"),
    ("4294967296", "four plain decimal numbers"),
    ("9" * 60, "four plain decimal numbers"),
    ("[127.0.0.1]", "brackets are for IPv6"),
    ("[localhost]", "brackets are for IPv6"),
    ("[::1", "not an IPv6 address"),
    ("::1]", "not an IPv6 address"),
    ("[]", "brackets"),
    (":::", "not an IPv6 address"),
    ("1:2", "not an IPv6 address"),
    ("::12345", "not an IPv6 address"),
    ("::ffff:127.0.0.01", "not an IPv6 address"),
    ("::1.", "not an IPv6 address"),
    ("localhost:80", "not an IPv6 address"),
    ("::1%lo", "only a link-local"),
    ("ff02::1%lo", "only a link-local"),
    ("::ffff:127.0.0.1%lo", "only a link-local"),
    ("fe80::1%", "a zone is"),
    ("fe80::1%a%b", "a zone is"),
    ("fe80::1%a/b", "a zone is"),
    *((f"fe80::1%{zone}", "without leading zeros") for zone in ("0", "00", "03", "003", "4294967296", "4294967299")),
    ("fe80::1%" + "a" * 16, "a zone is"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_host_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        Host.parse(text)
    assert reason in str(caught.value)


def test_hosts_compare_by_their_canonical_text() -> None:
    assert Host.parse("A.com.") == Host.parse("a.com")
    assert len({Host.parse("::1"), Host.parse("[0::1]")}) == 1
    assert Host.parse("fe80::1%lo") != Host.parse("fe80::1")
    assert Host.parse("fe80::1%lo") != Host.parse("fe80::1%eth0")
    assert Host.parse("localhost") != "localhost"


def test_host_says_what_it_is() -> None:
    name, four, six = Host.parse("a.com"), Host.parse("10.0.0.1"), Host.parse("fe80::1%lo")
    assert (name.kind, four.kind, six.kind) == (HostKind.NAME, HostKind.IPV4, HostKind.IPV6)
    assert (name.is_address, four.is_address, six.is_address) == (False, True, True)
    assert four.packed == 0x0A000001
    assert (six.zone, four.zone) == ("lo", None)
    assert (name.bracketed, four.bracketed, six.bracketed) == ("a.com", "10.0.0.1", "[fe80::1%lo]")
    with pytest.raises(TypeError):
        _ = name.packed


def test_host_is_immutable_and_can_be_copied() -> None:
    host = Host.parse("fe80::1%lo")
    with pytest.raises(AttributeError):
        host.text = "other"
    with pytest.raises(AttributeError):
        del host.text
    for other in (copy.deepcopy(host), pickle.loads(pickle.dumps(host))):
        assert (other, other.packed, other.zone) == (host, host.packed, "lo")


@pytest.mark.parametrize(
    ("text", "kind", "packed", "zone"),
    [
        ("127.0.0.1", HostKind.IPV4, 0x0808_0808, None),
        ("127.0.0.1", HostKind.NAME, 0, None),
        ("127.0.0.1", HostKind.IPV6, 0x7F00_0001, None),
        ("a.com", HostKind.IPV4, 0x7F00_0001, None),
        ("a.com", HostKind.NAME, 1, None),
        ("A.com", HostKind.NAME, 0, None),
        ("a.com\0.b.com", HostKind.NAME, 0, None),
        ("::1", HostKind.IPV6, 2, None),
        ("0::1", HostKind.IPV6, 1, None),
        ("::ffff:127.0.0.1", HostKind.IPV6, 0xFFFF_7F00_0001, None),
        ("fe80::1%lo", HostKind.IPV6, 0xFE80 << 112 | 1, "eth0"),
        ("fe80::1", HostKind.IPV6, 0xFE80 << 112 | 1, "eth0"),
        ("127.1", HostKind.IPV4, 0x7F00_0001, None),
    ],
)
def test_no_host_shows_one_address_and_is_another(text: str, kind: HostKind, packed: int, zone: str | None) -> None:
    with pytest.raises(UsageError):
        Host(text, kind, packed, zone)


@pytest.mark.parametrize(
    ("kind", "packed"),
    [
        (HostKind.IPV4, 1 << 32),
        (HostKind.IPV4, -1),
        (HostKind.IPV6, 1 << 128),
        (HostKind.NAME, 1),
        (HostKind.IPV4, True),
    ],
)
def test_numbers_that_are_no_address(kind: HostKind, packed: int) -> None:
    with pytest.raises(UsageError):
        Host.from_packed(kind, packed)


def test_a_mapped_number_is_the_ipv4_address() -> None:
    assert Host.from_packed(HostKind.IPV6, 0xFFFF_7F00_0001) == Host.parse("127.0.0.1")


def test_addresses_and_endpoints_are_written_with_their_port() -> None:
    assert str(Address(Host.parse("127.0.0.1"), 80)) == "127.0.0.1:80"
    assert str(Address(Host.parse("::1"), 80)) == "[::1]:80"
    assert str(Endpoint(Host.parse("a.com"), 80)) == "a.com:80"
    assert (Address(Host.parse("127.0.0.1"), 80).family, Address(Host.parse("::1"), 80).family) == (4, 6)


@pytest.mark.parametrize(("text", "port"), [("0", 0), ("1", 1), ("80", 80), ("00080", 80), ("65535", 65535)])
def test_port(text: str, port: int) -> None:
    assert parse_port(text) == port


@pytest.mark.parametrize(
    "text",
    ["", "65536", "65616", "99999", "000080", "-1", "+80", " 80", "80 ", "80\n", "80\0", "8_0", "８０", "0x50", "http"],
)
def test_port_refused(text: str) -> None:
    with pytest.raises(UsageError, match="a port is a number from 0 to 65535"):
        parse_port(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("localhost:80", ("localhost", "80")),
        ("localhost:http", ("localhost", "http")),
        ("[::1]:80", ("[::1]", "80")),
        ("[fe80::1%lo]:80", ("[fe80::1%lo]", "80")),
    ],
)
def test_target(text: str, parts: tuple[str, str]) -> None:
    assert split_target(text) == parts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("localhost", "the port is missing"),
        ("localhost:", "the port is missing"),
        ("[::1]:", "the port is missing"),
        (":80", "the host is missing"),
        ("[]:80", "the host is missing"),
        ("::1:80", "needs brackets"),
        ("a:b:80", "needs brackets"),
        ("[::1]", r"\[IPV6\]:PORT"),
        ("[::1:80", r"\[IPV6\]:PORT"),
        ("[::1]80", r"\[IPV6\]:PORT"),
        ("", "the port is missing"),
    ],
)
def test_target_refused(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        split_target(text)


def test_operations_with_and_without_address() -> None:
    with_address = {operation.value for operation in Operation if operation.takes_address}
    assert with_address == {"tcp-connect", "tcp-listen", "udp-bind", "udp-send-to"}
    assert f"{Operation.TCP_CONNECT}" == "tcp-connect"


@given(st.text(st.sampled_from("aAzZ019.-_:[]%x*/\0 é１"), max_size=20) | st.text(max_size=20))
@settings(max_examples=300)
def test_any_text_is_a_canonical_host_or_a_usage_error(text: str) -> None:
    try:
        host = Host.parse(text)
    except UsageError as error:
        message = str(error)
    else:
        message = host.text
        assert Host.parse(host.text) == host
        assert Host.parse(host.text).text == host.text
    assert message.isascii()
    assert message.isprintable()


@given(st.ip_addresses())
def test_addresses_are_read_and_written_as_the_standard_library_does(address: ipaddress.IPv4Address) -> None:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    host = Host.parse(address.exploded)
    assert host.text == (mapped or address).compressed
    assert host.packed == int(mapped or address)
    assert Host.from_packed(host.kind, host.packed) == host


@given(st.text(st.sampled_from("0123456789abcdefx."), min_size=1, max_size=16))
@settings(max_examples=300)
def test_whatever_the_c_library_reads_as_an_address_is_an_address_here_or_refused(text: str) -> None:
    try:
        packed = int.from_bytes(socket.inet_aton(text))
    except OSError:
        return
    try:
        host = Host.parse(text)
    except UsageError:
        return
    assert host.kind is HostKind.IPV4
    assert host.packed == packed
