"""`sockcli udp` in a pipe: datagrams sent and the replies to them, or with `--listen` what anyone sends."""

from __future__ import annotations

from sockcli.base.formatting import counted
from sockcli.cli.pipe_output import PipeOutput, prepare
from sockcli.cli.request import UdpReceive, UdpRun, UdpSend
from sockcli.cli.settings import RunSettings
from sockcli.datagram.exchange import DatagramExchange
from sockcli.net.udp import UdpTransport
from sockcli.stdio.source import Source


def run_udp(settings: RunSettings, output: PipeOutput, run: UdpRun) -> None:
    """Raises SockcliError."""
    if isinstance(run, UdpSend):
        send(settings, output, run)
    else:
        receive(settings, output, run)


def send(settings: RunSettings, output: PipeOutput, run: UdpSend) -> None:
    """Send the run's datagrams, or what stdin has, and print the replies."""
    engine, grant = prepare(settings, output, run.request, run.deadline)
    transport = engine.open(grant, run.dial)
    assert isinstance(transport, UdpTransport)
    settings.detail(f"sending from {transport.local} to {transport.peer}, allowed by {grant.rule} ({grant.source})")
    exchange = DatagramExchange(
        transport,
        output.sink,
        run.sending,
        messages=run.datagrams or (),
        source=Source() if run.datagrams is None else None,
        taps=output.taps,
        show=output.show_datagram,
        interrupt=output.interrupt,
    )
    try:
        output.drive(exchange, grant, transport.peer)
    finally:
        transport.close()
        # The kernel drops most of what others send, and does not say how much.
        foreign = f", {transport.foreign} from others dropped" if transport.foreign else ""
        sent = counted(exchange.datagrams_sent, "datagram")
        settings.detail(f"{sent} sent, {exchange.datagrams_received} received{foreign}")


def receive(settings: RunSettings, output: PipeOutput, run: UdpReceive) -> None:
    """Print what comes to the run's port."""
    from sockcli.datagram.receiver import DatagramReceiver  # not loaded by a run that sends

    engine, grant = prepare(settings, output, run.request, run.deadline)
    transport = engine.bind(grant, run.listen)
    settings.listening(transport.local, chosen=grant.request.port == 0)
    receiver = DatagramReceiver(
        transport,
        output.sink,
        run.receiving,
        taps=output.taps,
        show=output.show_datagram,
        interrupt=output.interrupt,
    )
    try:
        output.drive(receiver, grant, transport.local)
    finally:
        transport.close()
        settings.detail(f"{counted(receiver.datagrams_received, 'datagram')} received")
