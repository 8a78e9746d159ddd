"""The tour's steps, in the order in which they explain each other, and how to reach the servers without it.

Each is a line for a shell, as one could type it: what is shown is what is run.
"""

from __future__ import annotations

from typing import NamedTuple

from sockcli.demo.servers import Servers


class DemoStep(NamedTuple):
    """What a command shows, and the command."""

    shows: str
    command: str


def tour(servers: Servers) -> list[DemoStep]:
    host, lines, echo, telnet = servers.lines.host, servers.lines.port, servers.echo.port, servers.telnet.port
    udp = f"{servers.datagrams.host} {servers.datagrams.port}"
    return [
        DemoStep(
            "The manifest. What it does not name is not allowed.",
            'cat "$SOCKCLI_MANIFEST"',
        ),
        DemoStep(
            "May I connect there, and by which rule? Nothing is sent to find out.",
            f"sockcli check tcp-connect {host} {lines}",
        ),
        DemoStep(
            "TCP: what is piped in is sent; what the server answers is printed.",
            rf"printf 'hello you\nsum 19 23\nquit\n' | sockcli tcp {host} {lines}",
        ),
        DemoStep(
            "No rule covers this port, so nothing is sent. The hint is the missing rule.",
            f"sockcli tcp {host} 22",
        ),
        DemoStep(
            "A wildcard rule covers this name, but may lead to public addresses only.",
            "sockcli tcp -4 localhost 443",
        ),
        DemoStep(
            "UDP: one datagram out, one reply back (-n 1).",
            f"sockcli udp -n 1 {udp} hello",
        ),
        DemoStep(
            "This server loses two datagrams on request; --retries gets through.",
            f"sockcli udp -n 1 --retries 3 -w 1 {udp} 'lose 2 of these'",
        ),
        DemoStep(
            "Without --retries no reply comes, and the exit code says so.",
            f"sockcli udp -n 1 -w 0.3 {udp} 'lose 2 of those'",
        ),
        DemoStep(
            "It answers late on request, too; -w is how many seconds to wait.",
            f"sockcli udp -n 1 -w 5 {udp} 'delay 0.3 seconds'",
        ),
        DemoStep(
            "For programs: what happens as JSON, one object a line.",
            f"sockcli udp --json -n 1 {udp} hello",
        ),
        DemoStep(
            "To look closer: a hex dump of both directions, on stderr (-) or in a file.",
            rf"printf 'caf\303\251\001\n' | sockcli tcp -x - {host} {echo} > /dev/null",
        ),
        DemoStep(
            "Telnet, also in a pipe: nothing of what is negotiated is in the output.",
            rf"printf 'ann\nsecret\n' | sockcli tcp --telnet {host} {telnet}",
        ),
    ]


def services(servers: Servers) -> list[DemoStep]:
    return [
        DemoStep(
            "A line service: hello, upper, sum, quit.",
            f"sockcli tcp {servers.lines.host} {servers.lines.port}",
        ),
        DemoStep(
            "A telnet service: a login, then a full-screen page.",
            f"sockcli tcp {servers.telnet.host} {servers.telnet.port}",
        ),
        DemoStep(
            "An echo on TCP.",
            f"sockcli tcp {servers.echo.host} {servers.echo.port}",
        ),
        DemoStep(
            "An echo on UDP; try `lose 2 x`, answered the third time, and `delay 1 x`.",
            f"sockcli udp {servers.datagrams.host} {servers.datagrams.port}",
        ),
    ]
