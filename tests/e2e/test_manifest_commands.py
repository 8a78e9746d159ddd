"""`check`, `manifest show` and `manifest validate`: what the manifest says, without doing anything."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.e2e.runner import Sockcli

EXAMPLE: dict[str, Any] = {
    "name": "ops desk",
    "version": "1.0",
    "permissions": [
        "storage",
        {"usb": []},
        {"socket": ["tcp-connect:*:23", "udp-send-to::99", "udp-bind::8899", "tcp-listen:127.0.0.1:*"]},
    ],
    "sockets": {
        "tcp": {"connect": ["*.example.com:443", "127.0.0.1:6379"]},
        "tcpServer": {"listen": "127.0.0.1:8080"},
        "udp": {"send": ["*"], "bind": ["*"], "multicastMembership": ""},
    },
    "deny": ["tcp-connect:169.254.0.0/16"],
    "web_accessible_resources": [],
}


def test_show_lists_the_rules_of_both_spellings_with_their_places(sockcli: Sockcli) -> None:
    sockcli.manifest.write_text(json.dumps(EXAMPLE))
    result = sockcli.run("manifest", "show", "--json")
    assert result.code == 0
    shown = json.loads(result.out)
    assert shown["manifest"] == str(sockcli.manifest)
    assert [(rule["effect"], rule["rule"], rule["source"]) for rule in shown["rules"]] == [
        ("allow", "tcp-connect:*:23", "permissions[2].socket[0]"),
        ("allow", "udp-send-to:*:99", "permissions[2].socket[1]"),
        ("allow", "udp-bind:*:8899", "permissions[2].socket[2]"),
        ("allow", "tcp-listen:127.0.0.1:*", "permissions[2].socket[3]"),
        ("allow", "tcp-connect:*.example.com:443", "sockets.tcp.connect[0]"),
        ("allow", "tcp-connect:127.0.0.1:6379", "sockets.tcp.connect[1]"),
        ("allow", "tcp-listen:127.0.0.1:8080", "sockets.tcpServer.listen"),
        ("allow", "udp-send-to:*:*", "sockets.udp.send[0]"),
        ("allow", "udp-bind:*:*", "sockets.udp.bind[0]"),
        ("allow", "udp-multicast-membership", "sockets.udp.multicastMembership"),
        ("deny", "tcp-connect:169.254.0.0/16:*", "deny[0]"),
    ]


def test_show_for_people_has_the_same(sockcli: Sockcli) -> None:
    sockcli.manifest.write_text(json.dumps(EXAMPLE))
    shown = json.loads(sockcli.run("manifest", "show", "--json").out)["rules"]
    lines = sockcli.run("manifest", "show").out.decode().splitlines()
    for rule, line in zip(shown, [line for line in lines if ":" in line or "udp-multicast" in line], strict=True):
        assert rule["rule"] in line
        assert rule["source"] in line
        assert rule["effect"] in line


@pytest.mark.parametrize(
    ("rule", "canonical"),
    [
        *((f"tcp-connect{rest}", "tcp-connect:*:*") for rest in ("", ":", "::", ":*", ":*:", "::*", ":*:*")),
        ("tcp-connect:.example.com", "tcp-connect:*.example.com:*"),
        ("tcp-connect:EXAMPLE.com.:80", "tcp-connect:example.com:80"),
        ("tcp-connect:[0:0::1]", "tcp-connect:[::1]:*"),
        ("tcp-connect:[::ffff:127.0.0.1]", "tcp-connect:127.0.0.1:*"),
        ("tcp-connect:10.0.0.0/8:80", "tcp-connect:10.0.0.0/8:80"),
        ("tcp-connect:[2001:DB8::/32]:80", "tcp-connect:[2001:db8::/32]:80"),
        ("udp-send-to::99", "udp-send-to:*:99"),
        ("resolve-host", "resolve-host"),
        ("resolve-proxy", "resolve-proxy"),
        ("network-state", "network-state"),
        ("udp-multicast-membership", "udp-multicast-membership"),
    ],
)
def test_a_rule_is_shown_in_canonical_form(sockcli: Sockcli, rule: str, canonical: str) -> None:
    sockcli.allow(rule)
    (shown,) = json.loads(sockcli.run("manifest", "show", "--json").out)["rules"]
    assert shown == {"rule": canonical, "effect": "allow", "source": "permissions[0].socket[0]"}


def test_an_empty_list_grants_nothing(sockcli: Sockcli) -> None:
    sockcli.manifest.write_text(json.dumps({"sockets": {"tcp": {"connect": []}, "udp": {"send": []}}}))
    result = sockcli.run("manifest", "show", "--json")
    assert (result.code, json.loads(result.out)["rules"]) == (0, [])


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "connect",
        "TCP-CONNECT:a:1",
        "tcp-connect ",
        " tcp-connect",
        "tcp-connect: a:1",
        "tcp-connect:a:1:2",
        "tcp-connect:a:0",
        "tcp-connect:a:65536",
        "tcp-connect:a:99999",
        "tcp-connect:a:+1",
        "tcp-connect:a:８０",
        "tcp-connect:*.",
        "tcp-connect:.",
        "tcp-connect:a.*.com",
        "tcp-connect:*a.com",
        "tcp-connect:a*",
        "tcp-connect:**",
        "tcp-connect:::",
        "tcp-connect:::1",
        "tcp-connect:[::1",
        "tcp-connect:10.0.0.1/8",
        "tcp-connect:10.0.0.0/33",
        "tcp-connect:127.1",
        "tcp-connect:0x7f.1",
        "tcp-connect:bücher.de",
        "resolve-host:a",
        "network-state:*:1",
        "udp-multicast-membership:224.0.0.1",
        "resolve-proxy:a",
        "tcp-connect:a/b",
        "tcp-connect:[a]",
    ],
)
def test_a_wrong_rule_refuses_the_whole_manifest(sockcli: Sockcli, rule: str) -> None:
    sockcli.allow("tcp-connect", "udp-send-to", rule)
    result = sockcli.run("manifest", "validate")
    assert result.code == 4
    # What is not ASCII is shown by its number.
    shown = rule.encode("unicode_escape").decode()
    assert f'{sockcli.manifest}: permissions[0].socket[2]: "{shown}": ' in result.err
    assert sockcli.run("check", "tcp-connect:a:1").code == 4


def test_an_error_is_worded_as_promised(sockcli: Sockcli) -> None:
    (sockcli.working_directory / "manifest.json").write_text(
        '{"permissions": [{"socket": ["tcp-connect", "udp-bind", "tcp-connect:host:99999"]}]}'
    )
    result = sockcli.run("--manifest", "manifest.json", "manifest", "validate", named=False)
    expected = 'manifest.json: permissions[0].socket[2]: "tcp-connect:host:99999": port must be 1 to 65535 or *'
    assert expected in result.err


def test_all_errors_are_listed(sockcli: Sockcli) -> None:
    sockcli.manifest.write_text(
        json.dumps(
            {
                "permissions": [{"socket": ["nonsense", "tcp-connect:a:0"]}],
                "sockets": {"tcp": {"connect": ["a:b:c"]}},
                "deny": ["tcp-connect:*x"],
            }
        )
    )
    result = sockcli.run("manifest", "validate")
    assert (result.code, result.out) == (4, b"")
    for place in ("permissions[0].socket[0]", "permissions[0].socket[1]", "sockets.tcp.connect[0]", "deny[0]"):
        assert place in result.err


def test_a_key_given_twice_is_an_error(sockcli: Sockcli) -> None:
    sockcli.manifest.write_text('{"deny": [], "permissions": [], "deny": []}')
    result = sockcli.run("manifest", "validate")
    assert result.code == 4
    assert "deny" in result.err


def test_validate_a_good_one(sockcli: Sockcli) -> None:
    sockcli.manifest.write_text(json.dumps(EXAMPLE))
    assert sockcli.run("manifest", "validate").code == 0


def test_validate_one_without_a_rule(sockcli: Sockcli) -> None:
    """Other keys are ignored, one that is misspelt among them."""
    sockcli.manifest.write_text('{"permission": [{"socket": ["tcp-connect"]}]}')
    result = sockcli.run("manifest", "validate")
    assert (result.code, result.out) == (0, f"{sockcli.manifest}: valid, 0 rules, so it allows nothing\n".encode())


@pytest.mark.parametrize("text", [None, "{", "{}"])
@pytest.mark.parametrize("words", [["manifest", "validate"], ["check", "-v", "tcp-connect:a:1"], ["tcp", "-v", "a:1"]])
def test_the_files_name_cannot_forge_a_line(sockcli: Sockcli, words: list[str], text: str | None) -> None:
    forging = sockcli.directory / "x\nsockcli: error: y"
    if text is not None:
        forging.write_text(text)
    result = sockcli.run("--manifest", str(forging), *words, named=False)
    assert result.code != 1
    assert not any(line.startswith("sockcli: error: y") for line in (result.out.decode() + result.err).splitlines())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["manifest", "show"], "{}"),
        (["manifest", "validate"], "{}"),
        (["manifest", "validate"], '{"deny": ["\\udcff"]}'),
        (["check", "tcp-connect:a:1"], "{}"),
        (["tcp", "a", "1"], "{"),
    ],
)
def test_what_is_not_unicode_is_valid_json_all_the_same(sockcli: Sockcli, words: list[str], text: str) -> None:
    path = os.fsencode(sockcli.directory) + b"/\xff.json"
    with open(path, "w") as file:
        file.write(text)
    result = sockcli.run("--manifest", os.fsdecode(path), *words, "--json", named=False)
    answer = json.loads(result.out)
    assert r"\xff.json" in (answer["message"] if "message" in answer else answer["manifest"])
    json.dumps(answer, ensure_ascii=False).encode()  # which half a pair of surrogates is not fit for


def test_a_manifest_without_a_name_is_a_clear_error(sockcli: Sockcli) -> None:
    result = sockcli.run("--manifest", "", "tcp", "a:1", named=False)
    assert (result.code, result.err) == (4, 'sockcli: error: "": cannot be read: no such file or directory\n')


def test_the_rules_text_cannot_drive_a_terminal(sockcli: Sockcli) -> None:
    sockcli.allow("tcp-connect:\x1b[2J\u202e\u009b:1")
    result = sockcli.run("manifest", "validate")
    assert result.code == 4
    assert all(character.isprintable() for character in result.err.replace("\n", ""))


class TestCheck:
    def check(self, sockcli: Sockcli, *words: str) -> tuple[int, dict[str, Any]]:
        result = sockcli.run("check", "--json", *words)
        return result.code, json.loads(result.out)

    def test_allowed(self, sockcli: Sockcli) -> None:
        sockcli.allow("udp-bind", "tcp-connect:*:4000")
        for words in (
            ["tcp-connect", "localhost", "4000"],
            ["tcp-connect:localhost:4000"],
            ["tcp-connect", "LOCALHOST.", "4000"],
        ):
            assert self.check(sockcli, *words) == (
                0,
                {
                    "allowed": True,
                    "operation": "tcp-connect",
                    "host": "localhost",
                    "port": 4000,
                    "rule": "tcp-connect:*:4000",
                    "source": "permissions[0].socket[1]",
                    "manifest": str(sockcli.manifest),
                },
            )

    def test_denied(self, sockcli: Sockcli) -> None:
        sockcli.allow("tcp-connect:localhost:4001")
        code, answer = self.check(sockcli, "tcp-connect", "localhost", "4000")
        assert code == 3
        assert answer["allowed"] is False
        assert answer["rule"] is None
        assert answer["suggestion"] == "tcp-connect:localhost:4000"
        assert (answer["operation"], answer["host"], answer["port"]) == ("tcp-connect", "localhost", 4000)

    def test_the_suggestion_is_what_allows_it(self, sockcli: Sockcli) -> None:
        for request in ("tcp-connect:[::1]:80", "udp-send-to:10.1.2.3:53", "udp-bind:a.example:1", "resolve-host"):
            sockcli.allow()
            code, answer = self.check(sockcli, request)
            assert code == 3
            sockcli.allow(answer["suggestion"])
            assert self.check(sockcli, request)[0] == 0

    def test_denied_by_a_rule(self, sockcli: Sockcli) -> None:
        sockcli.allow("tcp-connect", deny=["udp-bind", "tcp-connect:10.0.0.0/8"])
        code, answer = self.check(sockcli, "tcp-connect:10.1.2.3:80")
        assert code == 3
        assert (answer["allowed"], answer["rule"], answer["source"]) == (False, "tcp-connect:10.0.0.0/8:*", "deny[1]")

    def test_operations_without_an_address(self, sockcli: Sockcli) -> None:
        sockcli.allow("resolve-host")
        assert self.check(sockcli, "resolve-host")[0] == 0
        assert self.check(sockcli, "network-state")[0] == 3
        assert sockcli.run("check", "resolve-host", "a", "1").code == 2

    def test_for_people(self, sockcli: Sockcli) -> None:
        sockcli.allow("tcp-connect:*:4000")
        allowed = sockcli.run("check", "tcp-connect", "localhost", "4000")
        assert allowed.code == 0
        assert b"tcp-connect:*:4000" in allowed.out
        assert b"permissions[0].socket[0]" in allowed.out
        denied = sockcli.run("check", "tcp-connect", "localhost", "4001")
        assert denied.code == 3
        assert "tcp-connect:localhost:4001" in denied.out.decode() + denied.err

    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["nonsense"],
            ["tcp-connect"],
            ["tcp-connect", "host"],
            ["tcp-connect", "127.1", "80"],
            ["tcp-connect:a:b:c"],
            ["tcp-connect:a:99999"],
            ["tcp-connect", "a", "1", "2"],
            ["tcp-connect:*:80"],
            ["tcp-connect:10.0.0.0/8:80"],
        ],
    )
    def test_no_request_at_all(self, sockcli: Sockcli, words: list[str]) -> None:
        assert sockcli.run("check", *words).code == 2

    def test_resolve_checks_the_addresses_as_well(self, sockcli: Sockcli) -> None:
        sockcli.allow("tcp-connect:localhost")
        assert sockcli.run("check", "--resolve", "tcp-connect:localhost:80").code == 0
        sockcli.allow("tcp-connect:localhost", deny=["tcp-connect:127.0.0.1", "tcp-connect:[::1]"])
        assert sockcli.run("check", "tcp-connect:localhost:80").code == 0
        assert sockcli.run("check", "--resolve", "tcp-connect:localhost:80").code == 3

    def test_the_rule_that_forbids_the_addresses_is_the_one_that_decided(self, sockcli: Sockcli) -> None:
        sockcli.allow("tcp-connect:localhost", deny=["udp-bind", "tcp-connect:127.0.0.1", "tcp-connect:[::1]"])
        code, answer = self.check(sockcli, "-4", "--resolve", "tcp-connect:localhost:80")
        assert code == 3
        assert (answer["allowed"], answer["rule"], answer["source"]) == (False, "tcp-connect:127.0.0.1:*", "deny[1]")
        assert "suggestion" not in answer

    def test_where_addresses_lack_a_rule_none_decided(self, sockcli: Sockcli) -> None:
        sockcli.allow("tcp-connect:*.localhost")
        code, answer = self.check(sockcli, "-4", "--resolve", "tcp-connect:localhost:80")
        assert code == 3
        assert (answer["allowed"], answer["rule"], answer["source"]) == (False, None, None)
        assert answer["suggestion"] == "tcp-connect:127.0.0.1:80"


def test_the_folders_manifest_that_hides_the_users_own_is_said(sockcli: Sockcli) -> None:
    """As in a cloned repository: its rules hold there, and not the user's own with their deny."""
    own = sockcli.home / ".config/sockcli/manifest.json"
    own.parent.mkdir(parents=True)
    own.write_text('{"deny": ["tcp-connect:*"]}')
    request = ("check", "tcp-connect", "127.0.0.1", 80)
    assert sockcli.run(*request, named=False).code == 3
    (sockcli.working_directory / "manifest.json").write_text('{"permissions": [{"socket": "tcp-connect"}]}')
    result = sockcli.run(*request, named=False)
    assert result.code == 0
    assert result.err == f"sockcli: the manifest is ./manifest.json here, and not your own {own}\n"
    assert sockcli.run("-q", *request, named=False).err == ""
    assert sockcli.run(*request).err == ""
