"""Landlock (Linux 5.13 and later): a process gives up rights, for itself and for whatever it starts, for good.

The system calls and structures of linux/landlock.h, as landlock(7) describes them. The numbers are the same on every
architecture. What a kernel does not know is left out; `abi` says what it knows.

| ABI | Linux | brings |
| --- | --- | --- |
| 1 | 5.13 | files |
| 2, 3 | 5.19, 6.2 | moving files between folders, truncating |
| 4 | 6.7 | TCP: bind and connect, by port |
| 6 | 6.12 | abstract Unix sockets and signals (not used here) |
"""

from __future__ import annotations

import os
import sys

# The C half of ctypes alone: ctypes itself takes 3 ms to load, a tenth of a whole run of ours, and this 0.6.
from _ctypes import FUNCFLAG_CDECL, FUNCFLAG_USE_ERRNO, CFuncPtr, _SimpleCData, dlopen, dlsym, get_errno
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_PR_SET_NO_NEW_PRIVS: Final = 38

_VERSION: Final = 1  # landlock_create_ruleset's flag: tell the ABI
_PATH_BENEATH: Final = 1
_NET_PORT: Final = 2

EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
# Removing and making: directories, files, devices, sockets, FIFOs, links.
_CHANGE_DIRECTORIES: Final = 0b1_1111_1111 << 4
_REFER: Final = 1 << 13  # ABI 2
_TRUNCATE: Final = 1 << 14  # ABI 3

_BIND_TCP: Final = 1 << 0  # ABI 4
_CONNECT_TCP: Final = 1 << 1

FILES_ABI: Final = 1
TCP_ABI: Final = 4


if TYPE_CHECKING:
    _SimpleInt = _SimpleCData[int]
else:
    _SimpleInt = _SimpleCData


class _Long(_SimpleInt):
    _type_ = "l"


class _Function(CFuncPtr):
    """A function of the C library that takes and gives longs or pointers."""

    _flags_ = FUNCFLAG_CDECL | FUNCFLAG_USE_ERRNO
    _restype_ = _Long


def _c_function(name: str) -> _Function:
    return _Function(dlsym(dlopen(None, os.RTLD_LAZY), name))  # type: ignore[arg-type]  # None: what is loaded already


def _long(value: int) -> _Long:
    return _Long(value)


def _call(number: int, *arguments: _Long | bytes | None) -> int:
    """A system call. Raises OSError."""
    result = int(_c_function("syscall")(_long(number), *arguments))
    if result < 0:
        code = get_errno()
        raise OSError(code, os.strerror(code))
    return result


def abi() -> int:
    """The version of the kernel's Landlock; 0 where there is none, or it is turned off."""
    if sys.platform != "linux":
        return 0
    try:
        return _call(_CREATE_RULESET, None, _long(0), _long(_VERSION))
    except OSError:
        return 0


def set_no_new_privileges() -> None:
    """Whatever is executed from here on gets no more rights than we have, set-uid or not (prctl(2)). Raises OSError."""
    if _c_function("prctl")(
        _long(_PR_SET_NO_NEW_PRIVS), _long(1), _long(0), _long(0), _long(0)
    ):  # an int: -1 is no negative long
        code = get_errno()
        raise OSError(code, os.strerror(code))


def restrict(
    version: int,
    *,
    writable: Iterable[str] = (),
    connect_ports: Iterable[int] | None = None,
    bind_ports: Iterable[int] | None = None,
) -> None:
    """From here on this thread, and those that it starts, execute nothing, and write to no file but the `writable` ones
    and those that are open. TCP connects to `connect_ports` and binds to `bind_ports` only; None is any port.

    `version` is what `abi` gave; where it is less than TCP_ABI, ports are not restricted. After
    `set_no_new_privileges`. Raises OSError.
    """
    files = EXECUTE | WRITE_FILE | _CHANGE_DIRECTORIES
    files |= _REFER if version >= 2 else 0
    files |= _TRUNCATE if version >= 3 else 0
    ports: dict[int, int] = {}
    handled = 0
    for right, allowed in ((_BIND_TCP, bind_ports), (_CONNECT_TCP, connect_ports)):
        if allowed is not None and version >= TCP_ABI:
            handled |= right
            for port in allowed:
                ports[port] = ports.get(port, 0) | right
    # struct landlock_ruleset_attr: handled_access_fs, and from ABI 4 on handled_access_net.
    attributes = _numbers(files, handled) if version >= TCP_ABI else _numbers(files)
    ruleset = _call(_CREATE_RULESET, attributes, _long(len(attributes)), _long(0))
    try:
        for path in writable:
            _allow_writing(ruleset, path, files)
        for port, rights in ports.items():
            _call(_ADD_RULE, _long(ruleset), _long(_NET_PORT), _numbers(rights, port), _long(0))
        _call(_RESTRICT_SELF, _long(ruleset), _long(0))
    finally:
        os.close(ruleset)


def _allow_writing(ruleset: int, path: str, handled: int) -> None:
    """struct landlock_path_beneath_attr: allowed_access (64 bits), parent_fd (32 bits), packed."""
    rights = (WRITE_FILE | _TRUNCATE) & handled
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _numbers(rights) + fd.to_bytes(4, sys.byteorder, signed=True)
        _call(_ADD_RULE, _long(ruleset), _long(_PATH_BENEATH), rule, _long(0))
    finally:
        os.close(fd)


def _numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, sys.byteorder) for value in values)
