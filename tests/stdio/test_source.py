"""stdin, whatever it is: nothing lost, and nothing changed for those who share it."""

from __future__ import annotations

import fcntl
import os
import pty
from pathlib import Path

import pytest

from sockcli.errors import LocalFailure
from sockcli.net.transport import NotReady
from sockcli.stdio.source import Source
from tests.stdio.conftest import Descriptors


def flags(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_GETFL)


@pytest.mark.parametrize("kind", ["pipe", "socket_pair"])
def test_a_source_gives_what_is_there_and_then_its_end(descriptors: Descriptors, kind: str) -> None:
    read, write = getattr(descriptors, kind)()
    source = Source(read)
    assert not source.readable()
    os.write(write, b"hello")
    assert source.readable()
    assert source.remaining() == 5
    assert source.read(3) == b"hel"
    assert source.read() == b"lo"
    os.close(write)
    assert source.readable()
    assert source.read() is NotReady.EOF
    assert (source.ended, source.readable(), source.remaining()) == (True, False, 0)
    assert source.read() is NotReady.EOF


def test_a_terminal_gives_lines_and_ctrl_d_is_its_end(descriptors: Descriptors) -> None:
    master, slave = (descriptors.keep(fd) for fd in pty.openpty())
    source = Source(slave)
    os.write(master, b"typed\n\x04")
    assert source.read() == b"typed\n"
    assert source.read() is NotReady.EOF
    os.write(master, b"more\n")
    assert source.read() is NotReady.EOF, "the end stays the end"


def test_a_file_is_read_from_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"skipped, wanted")
    with path.open("rb", buffering=0) as file:
        file.seek(9)
        source = Source(file.fileno())
        assert source.regular
        assert source.remaining() == 6
        assert source.readable()
        assert source.read() == b"wanted"
        assert source.read() is NotReady.EOF


def test_dev_null_is_empty() -> None:
    with open(os.devnull, "rb") as file:
        source = Source(file.fileno())
        assert source.readable()
        assert source.remaining() == 0
        assert source.read() is NotReady.EOF


def test_a_device_that_does_not_say_how_much_it_has() -> None:
    with open("/dev/zero", "rb") as file:
        source = Source(file.fileno())
        assert source.read(4) == b"\0\0\0\0"
        assert source.remaining() == 0


def test_a_directory_is_an_error(tmp_path: Path, descriptors: Descriptors) -> None:
    source = Source(descriptors.keep(os.open(tmp_path, os.O_RDONLY)))
    assert source.readable()
    with pytest.raises(LocalFailure, match=r"^cannot read stdin: is a directory$"):
        source.read()


def test_would_block_is_not_the_end(descriptors: Descriptors) -> None:
    read, write = descriptors.pipe()
    os.set_blocking(read, False)  # as a parent may have done
    source = Source(read)
    assert source.read() is NotReady.WOULD_BLOCK
    assert not source.ended
    os.write(write, b"late")
    assert source.read() == b"late"


def test_a_source_leaves_its_descriptor_as_it_is(descriptors: Descriptors) -> None:
    read, _ = descriptors.pipe()
    before = flags(read)
    Source(read).readable()
    assert flags(read) == before
