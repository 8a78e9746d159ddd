"""Twisted's telnet, with a login as its documentation has them: no echo for the password, and lines end in CR LF."""

from __future__ import annotations

import sys
from typing import Any

from twisted.conch.telnet import ECHO, StatefulTelnetProtocol, TelnetTransport
from twisted.internet import protocol, reactor


class Login(StatefulTelnetProtocol):
    """The state is the name of the method, `telnet_STATE`, that gets the next line."""

    state = "User"
    transport: Any

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        self.transport.write(b"User: ")

    def enableLocal(self, option: bytes) -> bool:  # noqa: N802
        return option == ECHO

    def disableLocal(self, option: bytes) -> None:  # noqa: N802
        assert option == ECHO

    def telnet_User(self, line: bytes) -> str:  # noqa: N802
        self.user = line
        # Both are answered, sooner or later; whoever went away does not have to.
        self.transport.will(ECHO).addErrback(lambda _: None)
        self.transport.write(b"Password: ")
        return "Password"

    def telnet_Password(self, line: bytes) -> str:  # noqa: N802
        self.transport.wont(ECHO).addErrback(lambda _: None)
        self.transport.write(b"\n%s has a password of %d bytes\n> " % (self.user, len(line)))
        return "Command"

    def telnet_Command(self, line: bytes) -> str:  # noqa: N802
        self.transport.write(b"got <%s>\n> " % line)
        if line == b"bye":
            self.transport.loseConnection()
        return "Command"


class Factory(protocol.ServerFactory):
    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802, ARG002
        transport: Any = TelnetTransport  # it has no types
        return transport(Login)


loop: Any = reactor
loop.listenTCP(int(sys.argv[1]), Factory(), interface="127.0.0.1")
loop.run()
