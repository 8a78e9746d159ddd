"""The tour's steps, in the order in which they explain each other, and how to reach the servers without it.

Each is a line for a shell, as one could type it: what is shown is what is run.
"""

from __future__ import annotations

from typing import NamedTuple

from sockcli.demo.servers import Servers


class Step(NamedTuple):
    """What a command shows, and the command."""

    shows: str
    command: str


def tour(servers: Servers) -> list[Step]:
    host, lines, echo, telnet = servers.lines.host, servers.lines.port, servers.echo.port, servers.telnet.port
    udp = f"{servers.datagrams.host} {servers.datagrams.port}"
    return [
        Step(
            "The manifest. Nothing is allowed but what it names.",
            'cat "$SOCKCLI_MANIFEST"',
        ),
        Step(
            "Would it allow this, and by which rule? Nothing is sent to find out.",
            f"sockcli check tcp-connect {host} {lines}",
        ),
        Step(
            "TCP: what is piped in is sent, and what the server answers is printed.",
            rf"printf 'hello you\nsum 19 23\nquit\n' | sockcli tcp {host} {lines}",
        ),
        Step(
            "No rule covers this port. It is denied before anything is sent; the hint is the rule that is missing.",
            f"sockcli tcp {host} 22",
        ),
        Step(
            "The wildcard covers this name, but may lead to public addresses only, and the name leads to this machine.",
            "sockcli tcp -4 localhost 443",
        ),
        Step(
            "UDP: a datagram is sent, and one reply awaited (-n 1).",
            f"sockcli udp -n 1 {udp} hello",
        ),
        Step(
            "This server loses a datagram when asked to. It is asked again, and answers the third time.",
            f"sockcli udp -n 1 --retries 3 -w 1 {udp} 'lose 2 of these'",
        ),
        Step(
            "Asked only once, it says nothing. That is an error with an exit code of its own.",
            f"sockcli udp -n 1 -w 0.3 {udp} 'lose 2 of those'",
        ),
        Step(
            "It also answers late when asked to. -w says how many seconds to wait.",
            f"sockcli udp -n 1 -w 5 {udp} 'delay 0.3 seconds'",
        ),
        Step(
            "For programs: what happens as JSON, one object a line.",
            f"sockcli udp --json -n 1 {udp} hello",
        ),
        Step(
            "For the curious: what went over the wire, both ways. `-x -` shows it, `-x FILE` keeps it.",
            rf"printf 'caf\303\251\001\n' | sockcli tcp -x - {host} {echo} > /dev/null",
        ),
        Step(
            "Telnet, also in a pipe: server and client negotiate a login, and none of that is in the output.",
            rf"printf 'ann\nsecret\n' | sockcli tcp --telnet {host} {telnet}",
        ),
    ]


def services(servers: Servers) -> list[Step]:
    return [
        Step(
            "A line service: hello, upper, sum, quit.",
            f"sockcli tcp {servers.lines.host} {servers.lines.port}",
        ),
        Step(
            "A telnet service: a login, and a full-screen page.",
            f"sockcli tcp {servers.telnet.host} {servers.telnet.port}",
        ),
        Step(
            "An echo on TCP.",
            f"sockcli tcp {servers.echo.host} {servers.echo.port}",
        ),
        Step(
            "An echo on UDP. `lose N …` is answered the time after the Nth, `delay S …` after S seconds.",
            f"sockcli udp {servers.datagrams.host} {servers.datagrams.port}",
        ),
    ]
