"""The manifest as a file's bytes: which keys hold rules, where each stands, and every fault with its place."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockcli.errors import ExitCode, ManifestError
from sockcli.policy import Effect, Policy
from sockcli.policy.manifest import Manifest, parse_manifest

EXAMPLE = Path(__file__).parents[2] / "manifest.example.json"
NAME = "manifest.json"

CONTRACT = """
{
  "name": "ops desk", "version": "1.0",
  "permissions": [{"socket": ["tcp-connect:*:23", "udp-send-to::99", "udp-bind::8899", "tcp-listen:127.0.0.1:*"]}],
  "sockets": {
    "tcp": {"connect": ["*.example.com:443", "127.0.0.1:6379"]},
    "tcpServer": {"listen": "127.0.0.1:8080"},
    "udp": {"send": ["*"], "bind": ["*"], "multicastMembership": ""}
  },
  "deny": ["tcp-connect:169.254.0.0/16"]
}
"""


def parse(value: object) -> Policy:
    return parse_manifest(json.dumps(value).encode(), NAME)


def shown(policy: Policy) -> list[tuple[str, str]]:
    return [(placed.source, str(placed.rule)) for placed in policy.rules]


def faults(data: bytes | str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(data if isinstance(data, bytes) else data.encode(), NAME)
    assert caught.value.exit_code is ExitCode.MANIFEST
    lines = str(caught.value).split("\n")
    assert all(line.startswith("manifest.json: ") for line in lines)
    return [line.removeprefix("manifest.json: ") for line in lines]


def test_both_spellings_are_united_each_rule_with_its_place() -> None:
    policy = parse_manifest(CONTRACT.encode(), NAME)
    assert shown(policy) == [
        ("permissions[0].socket[0]", "tcp-connect:*:23"),
        ("permissions[0].socket[1]", "udp-send-to:*:99"),
        ("permissions[0].socket[2]", "udp-bind:*:8899"),
        ("permissions[0].socket[3]", "tcp-listen:127.0.0.1:*"),
        ("sockets.tcp.connect[0]", "tcp-connect:*.example.com:443"),
        ("sockets.tcp.connect[1]", "tcp-connect:127.0.0.1:6379"),
        ("sockets.tcpServer.listen", "tcp-listen:127.0.0.1:8080"),
        ("sockets.udp.send[0]", "udp-send-to:*:*"),
        ("sockets.udp.bind[0]", "udp-bind:*:*"),
        ("sockets.udp.multicastMembership", "udp-multicast-membership"),
        ("deny[0]", "tcp-connect:169.254.0.0/16:*"),
    ]
    assert [placed.effect for placed in policy.rules] == [Effect.ALLOW] * 10 + [Effect.DENY]
    assert policy.manifest == NAME


def test_the_example_is_valid_and_uses_every_kind_of_rule() -> None:
    policy = parse_manifest(EXAMPLE.read_bytes(), EXAMPLE.name)
    places = {placed.source.split("[")[0] for placed in policy.rules}
    assert places == {
        *("permissions", "deny", "sockets.tcp.connect", "sockets.tcpServer.listen"),
        *("sockets.udp.send", "sockets.udp.bind", "sockets.udp.multicastMembership"),
    }


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({}, []),
        ({"permissions": [], "sockets": {}, "deny": []}, []),
        ({"permissions": [{"socket": []}], "sockets": {"tcp": {"connect": []}}}, []),
        ({"permissions": [{"socket": "tcp-connect"}]}, [("permissions[0].socket", "tcp-connect:*:*")]),
        ({"deny": "tcp-connect"}, [("deny", "tcp-connect:*:*")]),
        ({"sockets": {"tcp": {"connect": ""}}}, [("sockets.tcp.connect", "tcp-connect:*:*")]),
        ({"sockets": {"tcp": {"connect": "*"}}}, [("sockets.tcp.connect", "tcp-connect:*:*")]),
        ({"sockets": {"tcp": {"connect": ["*:5555"]}}}, [("sockets.tcp.connect[0]", "tcp-connect:*:5555")]),
        ({"sockets": {"tcp": {"connect": "a.com:80"}}}, [("sockets.tcp.connect", "tcp-connect:a.com:80")]),
        ({"sockets": {"tcp": {"connect": "[::1]:80"}}}, [("sockets.tcp.connect", "tcp-connect:[::1]:80")]),
        (
            {"sockets": {"udp": {"multicastMembership": [""]}}},
            [("sockets.udp.multicastMembership[0]", "udp-multicast-membership")],
        ),
        ({"sockets": {"udp": {"multicastMembership": []}}}, []),
    ],
)
def test_a_string_stands_for_a_list_of_one(manifest: object, expected: list[tuple[str, str]]) -> None:
    assert shown(parse(manifest)) == expected


@pytest.mark.parametrize(
    "manifest",
    [
        {"permissions": ["storage", "socket", "tcp-connect", {"fileSystem": ["write"]}, {"usbDevices": [{"id": 1}]}]},
        {"permissions": [{"other": 1}, 5, None, [], {}]},
        {"sockets": {"bluetooth": 5, "tcp": {"listen": "*", "other": 5}, "udp": {"connect": "*"}}},
        {"app": {"background": {"scripts": ["a.js"]}}, "socket": ["tcp-connect"], "Permissions": 5, "version": 1e99},
    ],
)
def test_what_is_not_ours_is_ignored(manifest: object) -> None:
    assert parse(manifest).rules == ()


def test_rules_are_read_in_the_order_of_the_file() -> None:
    policy = parse(
        {"deny": "network-state", "sockets": {"udp": {"bind": ""}}, "permissions": [{"socket": "tcp-listen"}]}
    )
    assert [source for source, _ in shown(policy)] == ["deny", "sockets.udp.bind", "permissions[0].socket"]


def test_an_error_names_file_place_text_and_reason() -> None:
    manifest = {"permissions": [{"socket": ["tcp-connect", "udp-bind", "tcp-connect:host:99999"]}]}
    assert faults(json.dumps(manifest)) == [
        'permissions[0].socket[2]: "tcp-connect:host:99999": port must be 1 to 65535 or *'
    ]


def test_all_errors_are_listed() -> None:
    manifest = {
        "permissions": ["storage", {"socket": ["tcp-connect", "*", 5]}],
        "sockets": {"tcp": {"connect": "a:0"}, "udp": {"multicastMembership": "*"}, "tcpServer": []},
        "deny": ["tcp-connect:127.0.0.0/33", None],
    }
    first, *others = faults(json.dumps(manifest))
    assert first.startswith('permissions[1].socket[1]: "*": a bare * names no operation')
    assert others == [
        "permissions[1].socket[2]: must be a string, not a number",
        'sockets.tcp.connect: "a:0": port must be 1 to 65535 or *',
        'sockets.udp.multicastMembership: "*": udp-multicast-membership takes no address',
        "sockets.tcpServer: must be an object, not a list",
        'deny[0]: "tcp-connect:127.0.0.0/33": the length of an IPv4 block is 0 to 32',
        "deny[1]: must be a string, not null",
    ]


def test_an_operation_where_the_key_says_it_is_explained() -> None:
    assert faults('{"sockets": {"tcp": {"connect": "tcp-connect:a.com:80"}}}') == [
        'sockets.tcp.connect: "tcp-connect:a.com:80": the operation is said already: write only host:port here'
    ]


@pytest.mark.parametrize(
    ("manifest", "fault"),
    [
        ([], "must be an object, not a list"),
        ("text", "must be an object, not a string"),
        (None, "must be an object, not null"),
        (1, "must be an object, not a number"),
        (1.5, "must be an object, not a number"),
        (True, "must be an object, not true"),
        ({"permissions": {"socket": []}}, "permissions: must be a list, not an object"),
        ({"permissions": "socket"}, "permissions: must be a list, not a string"),
        ({"permissions": None}, "permissions: must be a list, not null"),
        ({"permissions": [{"socket": None}]}, "permissions[0].socket: must be a string or a list of strings, not null"),
        (
            {"permissions": [{"socket": {}}]},
            "permissions[0].socket: must be a string or a list of strings, not an object",
        ),
        ({"permissions": [{"socket": [["tcp-connect"]]}]}, "permissions[0].socket[0]: must be a string, not a list"),
        ({"sockets": []}, "sockets: must be an object, not a list"),
        ({"sockets": {"tcp": "*"}}, "sockets.tcp: must be an object, not a string"),
        (
            {"sockets": {"tcp": {"connect": False}}},
            "sockets.tcp.connect: must be a string or a list of strings, not false",
        ),
        ({"deny": {"tcp-connect": "*"}}, "deny: must be a string or a list of strings, not an object"),
        ({"deny": True}, "deny: must be a string or a list of strings, not true"),
    ],
)
def test_wrong_types_are_errors_with_their_place(manifest: object, fault: str) -> None:
    assert faults(json.dumps(manifest)) == [fault]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ('{"deny": 1, "deny": []}', "deny: this key is given more than once"),
        (
            '{"sockets": {"tcp": {"connect": [], "connect": []}}}',
            "sockets.tcp.connect: this key is given more than once",
        ),
        (
            '{"permissions": [0, {"socket": [], "socket": []}]}',
            "permissions[1].socket: this key is given more than once",
        ),
        ('{"app": [{"x y": 1, "x y": 2}]}', 'app[0]["x y"]: this key is given more than once'),
        ('{"\\u001b": 1, "\\u001b": 2}', '["\\x1b"]: this key is given more than once'),
        ('{"deny": NaN}', "deny: NaN is not JSON"),
        ('{"app": [Infinity]}', "app[0]: Infinity is not JSON"),
        ('{"app": [-Infinity]}', "app[0]: -Infinity is not JSON"),
        ("NaN", "NaN is not JSON"),
        ("", "line 1, column 1: not JSON: expecting value"),
        ('{\n  "deny": [,]\n}', "line 2, column 12: not JSON: expecting value"),
        ('{"a": 1} x', "line 1, column 10: not JSON: extra data"),
        ('{"a": "\n"}', "line 1, column 8: not JSON: invalid control character"),
        ('{"a": "b', "line 1, column 7: not JSON: unterminated string"),
        ("{'a': 1}", "line 1, column 2: not JSON: expecting property name enclosed in double quotes"),
        (b'\n{"a\xff": 1}', "line 2, column 4: not UTF-8: byte 0xff"),
        (b'{"a": "\xed\xa0\x80"}', "line 1, column 8: not UTF-8: byte 0xed"),
        (b"\xff\xfe{\0}\0", "line 1, column 1: not UTF-8: byte 0xff"),
        (b"\xef\xbb\xbf{}", "starts with a byte order mark: save it as UTF-8 without one"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_strict_json(data: str | bytes, fault: str) -> None:
    assert faults(data) == [fault]


def test_faults_of_the_json_and_of_the_rules_are_listed_together() -> None:
    *of_json, of_rules = faults('{"deny": ["x"], "a": 1, "a": NaN}')
    assert of_json == ["a: this key is given more than once", "a: NaN is not JSON"]
    assert of_rules.startswith('deny[0]: "x": unknown operation "x"; there are tcp-connect, tcp-listen')


def test_a_key_given_twice_among_many_is_found_in_time() -> None:
    keys = ", ".join(f'"key{index}": {{}}' for index in range(50_000))
    assert faults(f'{{{keys}, "key7": 1}}') == ["key7: this key is given more than once"]


@pytest.mark.parametrize("number", ["9" * 5000, "-" + "9" * 5000, "1e999", "0.1e-999"])
def test_numbers_of_any_size_are_numbers(number: str) -> None:
    assert parse_manifest(f'{{"version": {number}}}'.encode(), NAME).rules == ()
    assert faults(f'{{"deny": [{number}]}}') == ["deny[0]: must be a string, not a number"]


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000", "\\u001b[2K", "\\u202e", "\\n", "１２７", '\\"', "\\\\"])
def test_the_text_of_a_rule_can_forge_nothing(text: str) -> None:
    for rule in (
        f"tcp-connect:{text}",
        text,
        f"tcp-connect:[{text}]",
        f"tcp-connect:*.{text}",
        f"tcp-connect:a:{text}",
    ):
        (line,) = faults(f'{{"deny": ["{rule}"]}}')
        assert line.isascii()
        assert line.isprintable()


def test_a_policy_of_100_000_rules_tells_them_apart() -> None:
    rules = [f"tcp-connect:host{index}.example.com:{index % 60_000 + 1}" for index in range(100_000)]
    policy = parse({"permissions": [{"socket": rules}]})
    assert len(policy.rules) == 100_000
    assert policy.rules[99_999].source == "permissions[0].socket[99999]"


@pytest.mark.parametrize("data", [b"{}", b"["])
def test_the_collector_is_left_as_it_was(data: bytes) -> None:
    def load() -> None:
        try:
            parse_manifest(data, NAME)
        except ManifestError:
            assert data == b"["

    assert gc.isenabled()
    load()
    assert gc.isenabled()
    gc.disable()
    try:
        load()
        assert not gc.isenabled()
    finally:
        gc.enable()


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["tcp-connect", "*"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["permissions", "socket", "sockets", "tcp", "connect", "udp", "send", "deny", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.binary() | st.text().map(str.encode) | values.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=300)
def test_any_bytes_are_a_policy_or_a_manifest_error(data: bytes) -> None:
    try:
        policy = parse_manifest(data, NAME)
    except ManifestError as error:
        message = str(error)
    else:
        message = " ".join(str(placed) for placed in policy.rules)
    assert message.isascii()
    assert message.replace("\n", "").isprintable()


def test_a_library_user_reads_a_manifest_from_text_or_a_file(tmp_path: Path) -> None:
    assert shown(Manifest.parse(CONTRACT).policy) == shown(Manifest.parse(CONTRACT.encode()).policy)
    assert Manifest.parse(CONTRACT).path is None
    path = tmp_path / "app.json"
    path.write_text(CONTRACT)
    manifest = Manifest.load(path)
    assert (manifest.path, manifest.policy.manifest) == (str(path), str(path))
    assert shown(manifest.policy) == shown(Manifest.parse(CONTRACT).policy)
    for broken in ('{"deny": 5}', '"\udc80"'):
        with pytest.raises(ManifestError, match=r"^inline: "):
            Manifest.parse(broken, name="inline")
