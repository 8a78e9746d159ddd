"""Our own process, confined: what a run does not need it gives up before it reaches the network.

The manifest says where we connect; a fault of ours could do otherwise. After the policy is loaded and the records are
open, the kernel holds the process to it: no new privileges, no program started, no file written but those that are
open, and TCP only to the ports that the manifest names. Where the kernel cannot, nothing changes.

The kernel's rules are coarser than ours: they know ports, not hosts, and nothing of UDP. Our own policy decides as
before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sockcli.base.endpoint import Operation
from sockcli.policy import Policy

# A resolver asks again by TCP where an answer does not fit into a datagram (RFC 7766).
_DNS: Final = 53
# A port that the system chooses.
_ANY_FREE: Final = 0
# Named so often in one sentence; more are counted.
_SHOWN: Final = 8


class Confinement(NamedTuple):
    """What holds from here on. An empty one: nothing, `because` of this."""

    holds: Sequence[str] = ()
    because: str = ""

    def __str__(self) -> str:
        return f"confined: {'; '.join(self.holds)}" if self.holds else f"not confined: {self.because}"


def confine(policy: Policy, *, own_ports: Iterable[int] = (), writable: Iterable[str] = ()) -> Confinement:
    """Give up what a run under `policy` does not need, for good. Raises nothing.

    `own_ports`: local TCP ports that the user asked for. `writable`: files that may still be opened for writing.
    To be called before other threads are started, as each of them has to be confined by itself.
    """
    try:
        from sockcli.sandbox import landlock
    except ImportError as exc:  # a Python without ctypes
        return Confinement(because=str(exc))
    connect = _ports(policy, Operation.TCP_CONNECT, (_DNS,))
    bind = _ports(policy, Operation.TCP_LISTEN, (_ANY_FREE, *own_ports))
    try:
        landlock.set_no_new_privileges()
    except OSError as exc:
        return Confinement(because=str(exc))
    holds = ["no new privileges"]
    version = landlock.abi()
    if version < landlock.FILES_ABI:
        return Confinement(holds)
    try:
        landlock.restrict(version, writable=(os.devnull, *writable), connect_ports=connect, bind_ports=bind)
    except OSError:
        # A filter of system calls around us may refuse Landlock's.
        return Confinement(holds)
    holds.append("no program started, no file opened for writing")
    if version >= landlock.TCP_ABI:
        holds += [_sentence("connect", connect), _sentence("bind", bind)]
    return Confinement(holds)


def _ports(policy: Policy, operation: Operation, more: Iterable[int]) -> frozenset[int] | None:
    """The ports of the rules that allow this; None where one of them allows any."""
    ports = policy.rules.allowed_ports(operation)
    return None if None in ports else frozenset(port for port in (*ports, *more) if port is not None)


def _sentence(verb: str, ports: frozenset[int] | None) -> str:
    if ports is None:
        return f"TCP {verb} to any port"
    shown = ", ".join(map(str, sorted(ports)[:_SHOWN]))
    more = f" and {len(ports) - _SHOWN} more" if len(ports) > _SHOWN else ""
    return f"TCP {verb} only to ports {shown}{more}" if ports else f"no TCP {verb}"
