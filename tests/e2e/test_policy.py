"""What the manifest does not allow does not happen: seen from outside, at the peer."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.e2e.peers import Listen, Peer, nobody
from tests.e2e.runner import EVERYTHING, Sockcli


def nobody_came(peer: Peer) -> bool:
    """Neither a connection nor a datagram."""
    peer.socket.settimeout(0)
    try:
        peer.accept() if peer.is_stream else peer.receive()
    except BlockingIOError:
        return True
    return False


@pytest.mark.parametrize(
    ("rules", "deny", "target"),
    [
        ([], [], "127.0.0.1"),
        (["udp-send-to", "tcp-listen", "udp-bind"], [], "127.0.0.1"),
        (["tcp-connect:localhost"], [], "127.0.0.1"),
        (["tcp-connect:127.0.0.1"], [], "localhost"),
        (["tcp-connect:127.0.0.1:1"], [], "127.0.0.1"),
        (["tcp-connect:127.0.0.2"], [], "127.0.0.1"),
        (["tcp-connect:*.0.0.1"], [], "127.0.0.1"),
        (["tcp-connect:[::1]"], [], "127.0.0.1"),
        (["tcp-connect"], ["tcp-connect:127.0.0.0/8"], "127.0.0.1"),
        (["tcp-connect"], ["tcp-connect:127.0.0.1"], "127.0.0.1"),
        (["tcp-connect"], ["tcp-connect:127.0.0.1"], "::ffff:127.0.0.1"),
        (["tcp-connect"], ["tcp-connect:localhost"], "localhost"),
        (["tcp-connect"], ["tcp-connect:127.0.0.1", "tcp-connect:[::1]"], "localhost"),
    ],
)
def test_what_is_not_allowed_is_denied_and_not_connected(
    sockcli: Sockcli, tcp_peer: Listen, rules: list[str], deny: list[str], target: str
) -> None:
    peer = tcp_peer()
    sockcli.allow(*rules, deny=deny)
    result = sockcli.run("tcp", target, peer.port)
    assert (result.code, result.out) == (3, b"")
    assert result.err.startswith("sockcli: error: ")
    assert str(sockcli.manifest) in result.err
    assert nobody_came(peer)


def test_a_denial_names_operation_endpoint_manifest_and_the_rule_that_would_do(
    sockcli: Sockcli, tcp_peer: Listen
) -> None:
    peer = tcp_peer()
    sockcli.allow("tcp-connect:127.0.0.1:1")
    result = sockcli.run("tcp", "127.0.0.1", peer.port)
    assert "tcp-connect" in result.err
    assert f"127.0.0.1:{peer.port}" in result.err
    assert str(sockcli.manifest) in result.err
    hint = next(line for line in result.err.splitlines() if line.startswith("hint: "))
    rule = f"tcp-connect:127.0.0.1:{peer.port}"
    assert rule in hint
    # And it does.
    sockcli.allow(rule)
    assert sockcli.run("tcp", "-z", "127.0.0.1", peer.port).code == 0


@pytest.mark.parametrize(
    ("rules", "target"),
    [
        (["tcp-connect"], "127.0.0.1"),
        (["tcp-connect:127.0.0.1:{}"], "127.0.0.1"),
        (["tcp-connect:127.0.0.1:*"], "127.0.0.1"),
        (["tcp-connect:*:{}"], "127.0.0.1"),
        (["tcp-connect::{}"], "127.0.0.1"),
        (["tcp-connect:127.0.0.0/8"], "127.0.0.1"),
        (["tcp-connect:localhost:{}"], "localhost"),
        (["tcp-connect:[::ffff:127.0.0.1]:{}"], "127.0.0.1"),
    ],
)
def test_what_is_allowed_is_connected(sockcli: Sockcli, tcp_peer: Listen, rules: list[str], target: str) -> None:
    peer = tcp_peer()
    sockcli.allow(*(rule.format(peer.port) for rule in rules))
    assert sockcli.run("tcp", "-z", target, peer.port).code == 0


def test_one_denied_address_of_two_leaves_the_other(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer("::1")
    sockcli.allow("tcp-connect:localhost", deny=["tcp-connect:127.0.0.1"])
    assert sockcli.run("tcp", "-z", "localhost", peer.port).code == 0
    sockcli.allow("tcp-connect:localhost", deny=["tcp-connect:[::1]"])
    assert sockcli.run("tcp", "-z", "localhost", peer.port).code == 6


def test_udp_is_denied_before_anything_is_sent(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    sockcli.allow("tcp-connect", "udp-bind")
    result = sockcli.run("udp", "127.0.0.1", peer.port, "secret")
    assert result.code == 3
    assert nobody_came(peer)


def test_sending_needs_no_rule_to_bind_but_a_local_port_does(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer, port = udp_peer(), nobody()
    sockcli.allow("udp-send-to")
    assert sockcli.run("udp", "127.0.0.1", peer.port, "x").code == 0
    assert peer.receive() == b"x"
    result = sockcli.run("udp", "-s", f"127.0.0.1:{port}", "127.0.0.1", peer.port, "y")
    assert result.code == 3
    assert "udp-bind" in result.err
    assert nobody_came(peer)
    sockcli.allow("udp-send-to", f"udp-bind:127.0.0.1:{port}")
    assert sockcli.run("udp", "-s", f"127.0.0.1:{port}", "127.0.0.1", peer.port, "z").code == 0
    peer.socket.settimeout(5)
    assert peer.receive() == b"z"


@pytest.mark.parametrize(("command", "operation"), [("tcp", "tcp-listen"), ("udp", "udp-bind")])
def test_listening_needs_its_rule(sockcli: Sockcli, command: str, operation: str) -> None:
    port = nobody()
    sockcli.allow(*(rule for rule in EVERYTHING if rule != operation))
    result = sockcli.run(command, "-l", port)
    assert result.code == 3
    assert operation in result.err
    sockcli.allow(f"{operation}:127.0.0.1:{port}")
    assert sockcli.run(command, "-l", "--deadline", "0.1", port).code == 7
    assert sockcli.run(command, "-l", "0.0.0.0", port).code == 3
    assert sockcli.run(command, "-l", "127.0.0.2", port).code == 3


@pytest.mark.parametrize(("command", "operation"), [("tcp", "tcp-listen"), ("udp", "udp-bind")])
def test_port_0_needs_a_rule_for_any_port(sockcli: Sockcli, command: str, operation: str) -> None:
    sockcli.allow(f"{operation}:127.0.0.1:4000")
    assert sockcli.run(command, "-l", "0").code == 3
    sockcli.allow(f"{operation}:127.0.0.1:*")
    assert sockcli.run(command, "-l", "--deadline", "0.1", "0").code == 7


@pytest.mark.parametrize(
    ("host", "spelling"),
    [
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("127.0.0.01", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("010.0.0.1", ""),
    ],
)
def test_another_spelling_of_an_address_is_a_usage_error(
    sockcli: Sockcli, tcp_peer: Listen, host: str, spelling: str
) -> None:
    peer = tcp_peer()
    result = sockcli.run("tcp", host, peer.port)
    assert result.code == 2
    assert spelling in result.err
    assert nobody_came(peer)


@pytest.mark.parametrize(
    "host",
    [
        "*",
        "",
        " localhost",
        "localhost ",
        "local\thost",
        "a/b",
        "a\\b",
        "a@b",
        "a#b",
        "a?b",
        "a%b",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "ⓛocalhost",
        "bücher.example",
        "<broadcast>",
        "a..b",
        ".",
        "[localhost]",
        "[::1",
        "::1]",
        "1.2.3.4.5",
        "256.0.0.1",
        "a" * 64 + ".test",
        "\x7f",
        "\x1b[2J",
        "localhost\n",
    ],
)
@pytest.mark.parametrize("command", ["tcp", "udp"])
def test_no_host_at_all(sockcli: Sockcli, tcp_peer: Listen, command: str, host: str) -> None:
    peer = tcp_peer()
    result = sockcli.run(command, host, peer.port)
    assert (result.code, result.out) == (2, b"")
    assert nobody_came(peer)
    # What was typed is shown so that it cannot drive a terminal.
    assert all(character.isprintable() for character in result.err.replace("\n", ""))


@pytest.mark.parametrize(
    "port",
    ["65536", "65616", "-1", "+80", " 80", "80 ", "8_0", "８０", "0x50", "80.0", "", "nosuchservice", "0", "0000080"],
)
def test_no_port_at_all(sockcli: Sockcli, port: str) -> None:
    assert sockcli.run("tcp", "--", "127.0.0.1", port).code == 2


def test_a_port_may_be_a_services_name(sockcli: Sockcli) -> None:
    sockcli.allow()
    assert "127.0.0.1:80" in sockcli.run("tcp", "127.0.0.1", "http").err
    assert "127.0.0.1:53" in sockcli.run("udp", "127.0.0.1", "domain", "x").err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "255.255.255.255"])
def test_addresses_that_are_nobodys(sockcli: Sockcli, tcp_peer: Listen, host: str) -> None:
    """The unspecified address would reach this machine itself."""
    peer = tcp_peer()
    result = sockcli.run("tcp", host, peer.port)
    assert result.code in (2, 3, 6)
    assert nobody_came(peer)


class TestManifestFile:
    """Where it is found, and when it is not to be trusted. `tcp-connect` in it tells which one was used."""

    def write(self, path: Path, *rules: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"permissions": [{"socket": list(rules)}]}))
        path.chmod(0o600)
        return path

    def used(self, sockcli: Sockcli, **environment: str) -> str:
        result = sockcli.run("manifest", "show", "--json", named=False, env=environment)
        assert result.code == 0, result.err
        (rule,) = json.loads(result.out)["rules"]
        return str(rule["rule"])

    def test_the_first_that_exists_is_used(self, sockcli: Sockcli, tmp_path: Path) -> None:
        self.write(sockcli.home / ".config/sockcli/manifest.json", "tcp-connect:default:1")
        assert self.used(sockcli) == "tcp-connect:default:1"
        xdg = self.write(tmp_path / "xdg/sockcli/manifest.json", "tcp-connect:xdg:1").parent.parent
        assert self.used(sockcli, XDG_CONFIG_HOME=str(xdg)) == "tcp-connect:xdg:1"
        self.write(sockcli.working_directory / "manifest.json", "tcp-connect:here:1")
        assert self.used(sockcli, XDG_CONFIG_HOME=str(xdg)) == "tcp-connect:here:1"
        named = self.write(tmp_path / "named.json", "tcp-connect:environment:1")
        assert self.used(sockcli, SOCKCLI_MANIFEST=str(named)) == "tcp-connect:environment:1"
        option = self.write(tmp_path / "option.json", "tcp-connect:option:1")
        result = sockcli.run(
            "--manifest",
            str(option),
            "check",
            "tcp-connect:option:1",
            named=False,
            env={"SOCKCLI_MANIFEST": str(named)},
        )
        assert result.code == 0

    def test_they_are_never_merged(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        self.write(sockcli.home / ".config/sockcli/manifest.json", "tcp-connect")
        self.write(sockcli.working_directory / "manifest.json", "udp-send-to")
        assert sockcli.run("tcp", "127.0.0.1", peer.port, named=False).code == 3
        assert nobody_came(peer)

    def test_without_one_nothing_is_allowed(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        for before in ([], ["env", "-u", "HOME"]):
            result = sockcli.run("tcp", "127.0.0.1", peer.port, named=False, before=before)
            assert result.code == 4
            assert "sockcli: error: " in result.err
        assert nobody_came(peer)

    def test_a_working_directory_that_is_gone_is_no_fault(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
        peer = tcp_peer()
        before = ["sh", "-c", script, "sh"]
        assert sockcli.run("tcp", "-z", "127.0.0.1", peer.port, before=before).code == 0
        peer.accept()
        result = sockcli.run("tcp", "-z", "127.0.0.1", peer.port, before=before, named=False)
        assert result.code == 4
        assert "Traceback" not in result.err
        assert nobody_came(peer)

    def test_one_that_is_named_must_exist(self, sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path) -> None:
        peer = tcp_peer()
        missing = str(tmp_path / "missing.json")
        self.write(sockcli.working_directory / "manifest.json", "tcp-connect")
        for options, environment in ((["--manifest", missing], {}), ([], {"SOCKCLI_MANIFEST": missing})):
            result = sockcli.run(*options, "tcp", "127.0.0.1", peer.port, named=False, env=environment)
            assert result.code == 4
            assert "missing.json" in result.err
        assert nobody_came(peer)

    @pytest.mark.parametrize("named", [True, False])
    def test_one_that_cannot_be_read(self, sockcli: Sockcli, named: bool) -> None:
        """Named or found: the command line is right, it is the manifest that is not."""
        path = self.write(sockcli.working_directory / "manifest.json", "tcp-connect")
        path.chmod(0)
        # Root reads it all the same, but for root without that power.
        powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []
        option = ["--manifest", str(path)] if named else []
        result = sockcli.run(*option, "check", "tcp-connect:a:1", named=False, before=powerless)
        assert result.code == 4
        assert "manifest.json: cannot be read: permission denied" in result.err

    @pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
    def test_one_found_that_others_may_write_is_refused(self, sockcli: Sockcli, tcp_peer: Listen, mode: int) -> None:
        peer = tcp_peer()
        path = self.write(sockcli.working_directory / "manifest.json", "tcp-connect")
        group = 1 if os.getgid() != 1 else 2
        if mode & stat.S_IWGRP:
            if os.geteuid() != 0:
                mode = 0o602  # only root can give it to a group that is not the user's own
            else:
                os.chown(path, -1, group)
        path.chmod(mode)
        result = sockcli.run("tcp", "-z", "127.0.0.1", peer.port, named=False)
        assert result.code == 4
        assert "manifest.json" in result.err
        assert nobody_came(peer)
        # Named, it is the user's own decision.
        assert sockcli.run("--manifest", str(path), "tcp", "-z", "127.0.0.1", peer.port, named=False).code == 0

    def test_the_users_own_group_may_write_it(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        path = self.write(sockcli.working_directory / "manifest.json", "tcp-connect")
        path.chmod(0o660)
        assert sockcli.run("tcp", "-z", "127.0.0.1", tcp_peer().port, named=False).code == 0

    @pytest.mark.parametrize("kind", ["fifo", "directory", "device", "large", "latin1", "bom16"])
    def test_what_is_no_manifest(self, sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path, kind: str) -> None:
        peer = tcp_peer()
        path = tmp_path / "odd.json"
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "directory":
            path.mkdir()
        elif kind == "device":
            path = Path("/dev/zero")
        elif kind == "large":
            path.write_bytes(b'{"permissions": [{"socket": ["tcp-connect"]}]}' + b" " * (16 << 20))
        elif kind == "latin1":
            path.write_bytes('{"name": "Käse", "permissions": [{"socket": ["tcp-connect"]}]}'.encode("latin-1"))
        else:
            path.write_bytes('{"permissions": [{"socket": ["tcp-connect"]}]}'.encode("utf-16"))
        result = sockcli.run("--manifest", str(path), "tcp", "127.0.0.1", peer.port, named=False)
        assert result.code == 4
        assert str(path) in result.err
        assert "Traceback" not in result.err
        assert nobody_came(peer)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[]",
            "null",
            '"x"',
            "[" * 100_000,
            '{"a": 1, "a": 2}',
            '{"permissions": [{"socket": ["tcp-connect"]}], "x": NaN}',
            '{"permissions": [{"socket": [1]}]}',
            '{"sockets": {"tcp": {"connect": [1]}}}',
            '{"deny": "x"}',
            '{"permissions": [{"socket": ["tcp-connect"]}]} trailing',
        ],
    )
    def test_a_malformed_manifest_allows_nothing(self, sockcli: Sockcli, tcp_peer: Listen, text: str) -> None:
        peer = tcp_peer()
        sockcli.manifest.write_text(text)
        result = sockcli.run("tcp", "127.0.0.1", peer.port)
        assert result.code == 4
        assert str(sockcli.manifest) in result.err
        assert "Traceback" not in result.err
        assert nobody_came(peer)
