"""What a program that uses sockcli looks like to its own type checker. Checked by test_consumer.py, never run."""

from __future__ import annotations

from collections.abc import Sequence

from sockcli import (
    Address,
    Connection,
    Deadline,
    Decision,
    Denied,
    DialOptions,
    Dropped,
    Engine,
    Grant,
    Host,
    ListenOptions,
    LocalAddress,
    Manifest,
    Operation,
    Request,
    SockcliError,
    TcpListener,
    Transport,
    UdpReceiver,
    UsageError,
    __version__,
)


class Journal:
    """Observes decisions."""

    def decided(self, request: Request, decision: Decision) -> None:
        print(request.operation, decision.allowed, decision.placed)

    def admitted(self, grant: Grant, admitted: Sequence[Address], dropped: Sequence[Dropped]) -> None:
        print(grant.rule, [str(address) for address in admitted], [each.reason for each in dropped])


def engine(path: str) -> Engine:
    manifest = Manifest.load(path)
    manifest.policy.observe(Journal())
    for placed in manifest.policy.rules:
        line, column = manifest.position(placed.source)
        print(f"{path}:{line + 0}:{column + 0}: {placed.rule}")
    return Engine(manifest.policy)


def ask(engine: Engine, question: bytes) -> bytes:
    connection: Connection
    with engine.connect("db.example.com", 5432, timeout=2.5) as connection:
        connection.send_all(question)
        connection.send_eof()
        peer: Address = connection.peer
        grant: Grant = connection.grant
        print(peer.host, peer.port + 1, grant.request.operation is Operation.TCP_CONNECT, __version__.upper())
        return b"".join(connection)


def opened(engine: Engine) -> tuple[Transport, TcpListener, UdpReceiver]:
    request = Request(Operation.TCP_CONNECT, Host.parse("192.0.2.1"), 80)
    options = DialOptions(source=LocalAddress(Host.parse("192.0.2.2")), retry=2, deadline=Deadline(5))
    listening = ListenOptions(family=4)
    return (
        engine.open(request, options),
        engine.listen(Request(Operation.TCP_LISTEN, Host.parse("127.0.0.1"), 8080), listening),
        engine.bind(Request(Operation.UDP_BIND, Host.parse("127.0.0.1"), 8080), listening),
    )


def why(error: SockcliError) -> str:
    if isinstance(error, Denied):
        return error.suggestion or error.reason
    return f"{error.kind} {int(error.exit_code)} {error.message}" if isinstance(error, UsageError) else str(error)
