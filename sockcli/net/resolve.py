"""Names to addresses, in time. Takes a Grant, so that nothing is asked that was not allowed.

A name with a dot is looked up as it stands: in the hosts file, then as the absolute name, with a dot at its end. The C
library would try it with each domain of resolv.conf's search list too, and with `ndots:5` even before the name itself:
db.example.com would become db.example.com.evil.test, which no rule speaks of. A single label is looked up as the system
does it.

getaddrinfo blocks for as long as it likes and no signal interrupts it, so it runs in a daemon thread, and this one
waits for it as it waits for everything else. The result of a thread that comes too late is dropped.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from typing import Final

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.endpoint import LOOPBACK, Address, Endpoint, Operation
from sockcli.base.formatting import uncapitalized
from sockcli.base.poller import NO_INTERRUPT, READABLE, Interrupt
from sockcli.errors import LocalFailure, SockcliError, TimedOut, Unresolved, UsageError
from sockcli.net.os_errors import lacks_descriptors, reason, translate
from sockcli.net.sockaddr import af, from_sockaddr
from sockcli.net.system import SYSTEM_NET, Net, SockAddr
from sockcli.policy import Grant, check_grant

# The C library obeys these: a name that the policy has seen would be looked up as another one.
_REDIRECTS: Final = ("LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES")

_KINDS: Final = {
    Operation.TCP_CONNECT: socket.SOCK_STREAM,
    Operation.TCP_LISTEN: socket.SOCK_STREAM,
    Operation.UDP_SEND_TO: socket.SOCK_DGRAM,
    Operation.UDP_BIND: socket.SOCK_DGRAM,
}

Answers = list[tuple[int, SockAddr]]


def resolve(
    grant: Grant,
    *,
    family: int = 0,
    net: Net = SYSTEM_NET,
    deadline: Deadline = NEVER,
    interrupt: Interrupt = NO_INTERRUPT,
) -> list[Address]:
    """The addresses of the granted host, best first, of `family` (4, 6, or 0 for both).

    Raises Unresolved where there is none, TimedOut, Interrupted.
    """
    check_grant(grant)
    operation, host, port = grant.request
    if host is None or port is None:
        raise UsageError(f"{operation} takes no address, so there is nothing to look up")
    if host.is_address:
        addresses = [Address(host, port)]
    elif host.is_localhost:
        # TCP races the two; a datagram or a listener cannot, and 127.0.0.1 is what nearly everybody else uses.
        order = LOOPBACK if operation is Operation.TCP_CONNECT else LOOPBACK[::-1]
        addresses = [Address(each, port) for each in order]
    else:
        answers = _look_up(Endpoint(host, port), family, _KINDS[operation], net, deadline, interrupt)
        # A dict keeps the order and drops what comes twice.
        addresses = list(dict.fromkeys(from_sockaddr(af_, sockaddr, port) for af_, sockaddr in answers))
    fitting = [address for address in addresses if family in (0, address.family)]
    if not fitting:
        # To listen, no host need be given.
        listens = operation in (Operation.TCP_LISTEN, Operation.UDP_BIND)
        hint = "name the address to listen on, as ::1" if listens and family == 6 else None
        raise Unresolved(f"{host} has no IPv{family} address", hint=hint)
    return fitting


def _look_up(endpoint: Endpoint, family: int, kind: int, net: Net, deadline: Deadline, interrupt: Interrupt) -> Answers:
    for variable in _REDIRECTS:
        os.environ.pop(variable, None)
    name = endpoint.host.text
    try:
        lookup = _Lookup(net, name, af(family), kind)
    except OSError as exc:
        raise translate(exc, f"cannot look {name} up") from exc
    except RuntimeError as exc:  # no more threads
        raise LocalFailure(f"cannot look {name} up: {exc}") from exc
    try:
        ready = net.wait([(lookup.fileno(), READABLE)], deadline, interrupt)
        if not ready:
            raise TimedOut(f"{name}: the name lookup took longer than {deadline.seconds:g} s")
        return lookup.answers()
    except OSError as exc:
        raise _explain(name, exc) from exc
    finally:
        lookup.abandon()


def _ask(net: Net, name: str, family: int, kind: int) -> Answers:
    """The addresses of exactly this name, if it has a dot; else of what the system makes of it. Blocks."""
    if "." not in name:
        return net.getaddrinfo(name, family, kind)
    # Not left to the C library: it compares the hosts file's names with the name and its last dot.
    return _listed(net.hosts_file(), name, family) or net.getaddrinfo(f"{name}.", family, kind)


def _listed(hosts_file: bytes, name: str, family: int) -> Answers:
    """What the hosts file says of the name, in its order; see hosts(5). Lines that say nothing we read are skipped."""
    wanted = name.encode("ascii")
    answers: Answers = []
    for line in hosts_file.lower().split(b"\n"):
        if wanted not in line:
            continue
        address, *names = line.partition(b"#")[0].split() or [b""]
        if wanted in (each.removesuffix(b".") for each in names):
            listed = socket.AF_INET6 if b":" in address else socket.AF_INET
            with contextlib.suppress(OSError, UnicodeDecodeError):
                text = socket.inet_ntop(listed, socket.inet_pton(listed, address.decode("ascii")))
                if family in (socket.AF_UNSPEC, listed):
                    answers.append((listed, (text, 0)))
    return answers


class _Lookup:
    """One lookup in a thread of its own, and the pipe by which it says that it is over.

    Both ends of the pipe belong to the waiting side. The thread writes only under the lock and only while nobody
    has closed them: afterwards the same number may be somebody else's file.
    """

    def __init__(self, net: Net, name: str, family: int, kind: int) -> None:
        self._lock = threading.Lock()
        # Stays if the thread ends by an error that is no OSError.
        self._outcome: Answers | OSError = socket.gaierror(socket.EAI_FAIL, "the lookup failed")
        self._pipe: tuple[int, int] | None = os.pipe()
        thread = threading.Thread(target=self._run, args=(net, name, family, kind), name=f"lookup {name}", daemon=True)
        try:
            thread.start()
        except BaseException:
            self.abandon()
            raise

    def fileno(self) -> int:
        assert self._pipe is not None
        return self._pipe[0]

    def answers(self) -> Answers:
        """What the lookup gave. Raises what it raised: an OSError, most often socket.gaierror."""
        with self._lock:
            if isinstance(self._outcome, OSError):
                raise self._outcome
            return self._outcome

    def abandon(self) -> None:
        """Stop waiting: close the pipe. Calling it again is harmless."""
        with self._lock:
            pipe, self._pipe = self._pipe, None
        for fd in pipe or ():
            os.close(fd)

    def _run(self, net: Net, name: str, family: int, kind: int) -> None:
        outcome: Answers | OSError | None = None
        try:
            outcome = _ask(net, name, family, kind)
        except OSError as exc:
            outcome = exc
        finally:
            with self._lock:
                if self._pipe is not None:
                    self._outcome = outcome if outcome is not None else self._outcome
                    os.write(self._pipe[1], b"\0")


# glibc's EAI_ADDRFAMILY and EAI_NODATA, which only some builds of Python name.
_NO_ADDRESS: Final = frozenset({-5, -9})
_WHY: Final = {
    socket.EAI_NONAME: "no such host name",
    **dict.fromkeys(_NO_ADDRESS, "the name has no address"),
    socket.EAI_AGAIN: "temporary failure: no name server answered",
    socket.EAI_FAIL: "the name server could not answer",
}


def _explain(name: str, exc: OSError) -> SockcliError:
    if not isinstance(exc, socket.gaierror):
        # EAI_SYSTEM: Python gives the errno behind it.
        if lacks_descriptors(exc):
            return translate(exc, f"cannot look {name} up")
        return Unresolved(f"{name}: the name lookup failed: {reason(exc)}")
    if exc.errno == socket.EAI_MEMORY:
        return LocalFailure(f"cannot look {name} up: {uncapitalized(os.strerror(errno.ENOMEM))}")
    temporary = exc.errno == socket.EAI_AGAIN
    hint = "try again later, or see /etc/resolv.conf" if temporary else None
    return Unresolved(f"{name}: {_WHY.get(exc.errno or 0) or exc.strerror}", hint=hint, temporary=temporary)
