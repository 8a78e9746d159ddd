"""Running `sockcli udp` in a pipe: what is sent, and what is received."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from sockcli.base.connect_options import DialOptions, ListenOptions
from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Operation
from sockcli.base.formatting import counted
from sockcli.cli.options import family_of
from sockcli.cli.params import connect_target, listen_target
from sockcli.cli.running import Output, prepare
from sockcli.cli.settings import RunSettings
from sockcli.datagram.exchange import DatagramExchange, SendOptions
from sockcli.datagram.framing import Framing, MessageEncoding, read_messages
from sockcli.errors import UsageError
from sockcli.net.transport import Transport
from sockcli.net.udp import UdpReceiver, UdpTransport
from sockcli.policy import Request
from sockcli.stdio.source import Source


def run(settings: RunSettings, output: Output, words: Sequence[str], values: Mapping[str, Any]) -> None:
    """Do what the command line says; `values` are the options of `sockcli udp`. Raises SockcliError."""
    family = family_of(values["ipv4"], values["ipv6"])
    deadline = Deadline(values["deadline"])
    if values["listen"]:
        request = Request(Operation.UDP_BIND, *listen_target(words, "udp"))
        engine = prepare(settings, output, request, deadline)
        receiver = engine.bind(request, ListenOptions(family, deadline=deadline))
        receive(settings, output, receiver, values["count"], deadline)
        return
    target, messages = connect_target(words, "udp")
    plan = SendPlan.parse(values, messages)
    request = Request(Operation.UDP_SEND_TO, *target)
    engine = prepare(settings, output, request, deadline)
    options = DialOptions(family, values["source"], deadline=deadline, on_attempt=settings.detail)
    plan.run(settings, output, engine.open(request, options), deadline)


class SendPlan(NamedTuple):
    """What to send: datagrams, or where there are none what stdin has, cut by `framing`."""

    framing: Framing
    datagrams: Sequence[bytes] | None
    wait: float | None
    replies: int | None
    retries: int

    @classmethod
    def parse(cls, values: Mapping[str, Any], messages: Sequence[str]) -> Self:
        """Raises UsageError."""
        notation = (
            MessageEncoding.HEX
            if values["hex"]
            else MessageEncoding.ESCAPES
            if values["escapes"]
            else MessageEncoding.RAW
        )
        chomp = values["chomp"]
        framing = Framing.parse(values["framing"], chomp=chomp, notation=notation)
        datagrams: list[bytes] | None = None
        if values["empty"]:
            if messages:
                raise UsageError("--empty is the datagram that is sent: no message goes with it")
            datagrams = [b""]
        elif messages:
            datagrams = read_messages(map(os.fsencode, messages), chomp=chomp, notation=notation)
        return cls(framing, datagrams, values["wait"], values["replies"], values["retries"])

    def run(self, settings: RunSettings, output: Output, transport: Transport, deadline: Deadline) -> None:
        """Send on `transport`, which is closed whatever happens, and print the replies."""
        assert isinstance(transport, UdpTransport)
        grant = transport.grant
        settings.detail(f"sending from {transport.local} to {transport.peer}, allowed by {grant.rule} ({grant.source})")
        sender = DatagramExchange(
            transport,
            output.sink,
            SendOptions(self.framing, self.wait, self.replies, self.retries, deadline),
            messages=self.datagrams or (),
            source=Source() if self.datagrams is None else None,
            taps=output.taps,
            show=output.events.datagram if output.events else None,
            interrupt=output.interrupt,
        )
        try:
            output.session(sender, grant, transport.peer)
        finally:
            transport.close()
            # Most of what others send is dropped by the kernel, which does not say how much.
            foreign = f", {transport.foreign} from others dropped" if transport.foreign else ""
            sent = counted(sender.datagrams_sent, "datagram")
            settings.detail(f"{sent} sent, {sender.datagrams_received} received{foreign}")


def receive(
    settings: RunSettings, output: Output, receiver: UdpReceiver, count: int | None, deadline: Deadline
) -> None:
    """Print what comes to `receiver`, which is closed whatever happens."""
    from sockcli.datagram.receiver import DatagramReceiver, ReceiveOptions  # sending does without

    settings.listening(receiver.local, chosen=receiver.grant.request.port == 0)
    session = DatagramReceiver(
        receiver,
        output.sink,
        ReceiveOptions(count, deadline),
        taps=output.taps,
        show=output.events.datagram if output.events else None,
        interrupt=output.interrupt,
    )
    try:
        output.session(session, receiver.grant, receiver.local)
    finally:
        receiver.close()
        settings.detail(f"{counted(session.datagrams_received, 'datagram')} received")
