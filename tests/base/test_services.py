"""Ports by name, from the file alone."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sockcli.base.services import service_port
from sockcli.errors import UsageError


def test_services() -> None:
    assert service_port("http", "tcp") == 80
    assert service_port("www", "tcp") == 80  # another name of the same
    assert service_port("domain", "udp") == 53
    assert service_port("syslog", "udp") == service_port("shell", "tcp") == 514


def test_services_are_what_getservbyname_finds_in_the_file() -> None:
    lines = [line.partition("#")[0].split() for line in Path("/etc/services").read_text().splitlines()]
    for official, entry, *aliases in filter(None, lines):
        kind = entry.partition("/")[2]
        if kind in ("tcp", "udp"):
            for name in (official, *aliases):
                assert service_port(name, kind) == socket.getservbyname(name, kind)


def test_where_there_is_no_file_there_are_no_services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sockcli.base.services._SERVICES", str(tmp_path / "services"))
    with pytest.raises(UsageError, match="unknown tcp service"):
        service_port("http", "tcp")


@pytest.mark.parametrize("name", ["nosuch", "", "http\0", "80", "ｈttp", "\x1b[2J"])
def test_unknown_service(name: str) -> None:
    with pytest.raises(UsageError, match="unknown tcp service") as caught:
        service_port(name, "tcp")
    assert "\x1b" not in str(caught.value)
