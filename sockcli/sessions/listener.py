"""A session that is a listening TCP socket: its peers become sessions of their own."""

from __future__ import annotations

from typing import ClassVar, Final

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.formatting import counted
from sockcli.net.listen import TcpListener
from sockcli.net.os_errors import NoDescriptors
from sockcli.net.transport import NotReady
from sockcli.sessions.session import Session, SessionOwner
from sockcli.sessions.settings import SessionSettings
from sockcli.sessions.targets import MAX_CLIENTS, TcpTarget

# Seconds without accepting after we ran out of descriptors. The listener stays readable then, so waiting for it would
# spin. A peer hardly notices a second, and costs us nothing meanwhile.
PAUSE: Final = 1.0


class ListenerSession(Session):
    """Made by the manager. The listener belongs to the session from then on."""

    kind: ClassVar[str] = "tcp-listen"
    doing: ClassVar[str] = "listening on"

    def __init__(
        self,
        tcp_listener: TcpListener,
        target: TcpTarget,
        settings: SessionSettings,
        owner: SessionOwner,
        max_clients: int = MAX_CLIENTS,
    ) -> None:
        """`target`: with what options the sessions of its peers are made, at most `max_clients` at once."""
        super().__init__(tcp_listener.grant, settings, owner)
        self.target = target
        self._tcp = tcp_listener
        self._pause = NEVER
        self._accepted = 0
        self._most = max_clients
        self._told_full = False
        self.peers: set[Session] = set()  # that it accepted, until they are over and all of them was read

    def fileno(self) -> int:
        return self._tcp.fileno()

    def interest(self) -> tuple[bool, bool]:
        return not self.over and self._pause is NEVER and not self._full, False

    @property
    def _full(self) -> bool:
        """The next peer waits in the kernel's queue."""
        return len(self.peers) >= self._most

    def ready(self) -> None:
        try:
            accepted = self._tcp.accept()
        except NoDescriptors as exc:
            self._pause = Deadline(PAUSE)
            self._owner.session_notice(self, str(exc))
            return
        if not isinstance(accepted, NotReady):
            self._accepted += 1
            self._owner.session_accepted(self, accepted)
        if self._full and not self._told_full:
            self._told_full = True
            self._owner.session_notice(
                self, f"{counted(self._most, 'session')} of its peers, which is the limit; the next wait until one ends"
            )

    def due(self) -> Deadline:
        return self._pause

    def check_limits(self) -> None:
        if self._pause.expired:
            self._pause = NEVER
            self._owner.session_changed(self)

    def close(self) -> None:
        self.over = True
        self._tcp.close()

    def addresses(self) -> list[tuple[str, str]]:
        return [("listening on", str(self._tcp.local))]

    def details(self) -> list[tuple[str, str]]:
        return [("accepted", str(self._accepted)), ("at once", f"{len(self.peers)} of at most {self._most}")]
