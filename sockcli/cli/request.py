"""click's values become typed runs: here, once, and nowhere below.

The words of a command line, or of a line of the REPL, are read by the click options of `cli/options/`. click makes a
dictionary of them, a TcpValues or a UdpValues. Each function here turns one into a typed value, which says all that
is to be done:

    function             gives                     run by
    tcp_run              TcpRun                    cli/tcp_pipe: stdin and stdout on a connection
    udp_run              UdpSend or UdpReceive     cli/udp_pipe: stdin and stdout on a UDP socket
    tcp_target           TcpTarget                 a session at a terminal, in the REPL or in a script
    udp_target           UdpTarget                 the same for UDP
    tcp_listener_target  ListenTarget              `listen` in the REPL or in a script
    udp_listener_target  ListenTarget              `listen udp` there
    output_options       OutputOptions             cli/pipe_output, which also writes the errors of tcp_run and udp_run

What happens to a run, in this order:

1. `check_options` of `cli/options/` refuses options that do not go together, and a function here makes the typed
   value. Whatever can be found wrong without the manifest is found by now: UsageError, exit 2. No file was made or
   opened, nothing was looked up, and nothing was sent.
2. The manifest is read (exit 4), and the policy turns the run's Request into a Grant, once (exit 3).
3. With the Grant in hand the record files are made (`-x`, `--log`), and then the engine opens the connection, for
   which it takes the same Grant.

A `--deadline` counts from step 1, so that it limits all of the run.

Start-up: a run in a pipe may not load `sockcli.sessions`, one of UDP not the relay, and one without telnet nothing of
telnet. So each function imports what it makes in its own body.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from sockcli.base.connect_options import DialOptions, ListenOptions, OnAttempt
from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Operation
from sockcli.base.escaping import quoted
from sockcli.cli.params import Protocol, connect_target, expect_no_more, listen_target, take_target
from sockcli.errors import UsageError
from sockcli.policy import Request

if TYPE_CHECKING:
    from sockcli.cli.options.shared import SharedValues
    from sockcli.cli.options.tcp import ListenValues, TcpValues
    from sockcli.cli.options.telnet import TelnetValues
    from sockcli.cli.options.udp import UdpValues
    from sockcli.datagram.exchange import SendOptions
    from sockcli.datagram.receiver import ReceiveOptions
    from sockcli.sessions.settings import SessionSettings
    from sockcli.sessions.targets import ListenTarget, TcpTarget, TelnetUse, UdpTarget
    from sockcli.telnet import TelnetOptions
    from sockcli.terminal import FilterMode
    from sockcli.transfer.relay import RelayOptions


class OutputOptions(NamedTuple):
    """What a run in a pipe writes: to stdout, and to the files that record it (`-` is stderr, None none)."""

    as_json: bool
    terminal: FilterMode | None  # what a peer may do to a terminal on stdout; None: nothing was said
    hex_dump: str | None
    log: str | None


class TcpRun(NamedTuple):
    """`sockcli tcp` in a pipe."""

    request: Request
    opening: DialOptions | ListenOptions  # how to connect, or with --listen how to listen
    deadline: Deadline  # of the whole run
    keep_open: bool  # accept one peer after the other
    probe: bool  # connect, say so, and leave
    relay: RelayOptions
    telnet: TelnetOptions | None  # None: no telnet is spoken
    progress: bool | None  # show it, never, or where it is of use


class UdpSend(NamedTuple):
    """`sockcli udp` in a pipe."""

    request: Request
    dial: DialOptions
    deadline: Deadline
    datagrams: Sequence[bytes] | None  # None: stdin is read, and cut by the framing of `sending`
    sending: SendOptions


class UdpReceive(NamedTuple):
    """`sockcli udp --listen`."""

    request: Request
    listen: ListenOptions
    deadline: Deadline
    receiving: ReceiveOptions


UdpRun = UdpSend | UdpReceive


# Runs in a pipe


def output_options(values: SharedValues) -> OutputOptions:
    """Raises nothing, so that any error that follows can be written in the way that it asks for (`--json`)."""
    return OutputOptions(values["as_json"], values["terminal"], values["hex_dump"], values["log"])


def tcp_run(values: TcpValues, note: OnAttempt) -> TcpRun:
    """`note` is told of each address that is tried. Raises UsageError."""
    from sockcli.transfer.relay import RelayOptions

    _check_pipe(values)
    if values["progress"] and "-" in (values["hex_dump"], values["log"]):
        raise UsageError("--progress and a record would both write to stderr", hint="record to a file")
    deadline = Deadline(values["deadline"])
    return TcpRun(
        _tcp_listen_request(values) if values["listen"] else _tcp_connect_request(values),
        _listen_options(values, deadline) if values["listen"] else _tcp_dial_options(values, deadline, note),
        deadline,
        keep_open=values["keep_open"],
        probe=values["probe"],
        relay=RelayOptions(
            crlf=values["crlf"],
            line_delay=values["line_delay"],
            send_only=values["send_only"],
            recv_only=values["recv_only"],
            shutdown=not values["no_shutdown"],
            linger=values["linger"],
            idle_timeout=values["idle_timeout"],
            deadline=deadline,
        ),
        telnet=_piped_telnet(values),
        progress=values["progress"],
    )


def udp_run(values: UdpValues, note: OnAttempt) -> UdpRun:
    """`note` is told of the address that is used. Raises UsageError."""
    _check_pipe(values)
    deadline = Deadline(values["deadline"])
    if values["listen"]:
        from sockcli.datagram.receiver import ReceiveOptions

        receiving = ReceiveOptions(values["count"], deadline)
        return UdpReceive(_udp_bind_request(values), _listen_options(values, deadline), deadline, receiving)
    from sockcli.datagram.exchange import SendOptions
    from sockcli.datagram.framing import Framing, MessageEncoding, read_messages

    target, messages = connect_target(values["words"], "udp")
    encoding = (
        MessageEncoding.HEX if values["hex"] else MessageEncoding.ESCAPES if values["escapes"] else MessageEncoding.RAW
    )
    chomp = values["chomp"]
    framing = Framing.parse(values["framing"], chomp=chomp, notation=encoding)
    datagrams: Sequence[bytes] | None = None
    if values["empty"]:
        if messages:
            raise UsageError("--empty is the datagram that is sent: no message goes with it")
        datagrams = [b""]
    elif messages:
        datagrams = read_messages(map(os.fsencode, messages), chomp=chomp, notation=encoding)
    return UdpSend(
        Request(Operation.UDP_SEND_TO, *target),
        _dial_options(values, deadline, note),
        deadline,
        datagrams,
        SendOptions(framing, values["wait"], values["replies"], values["retries"], deadline),
    )


def _check_pipe(values: SharedValues) -> None:
    """Raises UsageError for what a run in a pipe has no use for, and for records that would be mixed.

    --terminal is not refused: a script may always give it, whether or not its output goes to a terminal.
    """
    if values["escape"] is not None:
        raise UsageError("--escape is for a session at a terminal, and this is none")
    if values["hex_dump"] == values["log"] == "-":
        raise UsageError("--hex-dump and --log would both write to stderr", hint="record one of them to a file")


def _piped_telnet(values: TelnetValues) -> TelnetOptions | None:
    if not values["telnet"]:
        return None
    from sockcli.stdio.descriptors import STDERR
    from sockcli.stdio.line_discipline import window_size

    return _telnet_options(values, size=window_size(STDERR))


# Sessions


TELNET_USE: Final[dict[bool | None, TelnetUse]] = {None: "auto", True: "on", False: "off"}


def tcp_target(values: TcpValues) -> TcpTarget:
    """A session on a connection. Raises UsageError."""
    return _tcp_session(_tcp_connect_request(values), values)


def udp_target(values: UdpValues) -> UdpTarget:
    """A session of datagrams. Raises UsageError."""
    from sockcli.sessions.settings import SessionSettings
    from sockcli.sessions.targets import SessionLimits, UdpTarget

    target, messages = connect_target(values["words"], "udp")
    if messages:
        raise UsageError(f"unexpected argument {quoted(messages[0])}", hint="open the session, then type or `send` it")
    deadline = Deadline(values["deadline"])
    return UdpTarget(
        Request(Operation.UDP_SEND_TO, *target),
        _dial_options(values, deadline),
        settings=SessionSettings(terminal=values["terminal"]),
        limits=SessionLimits(deadline),
        chomp=values["chomp"],
        hex_dump=values["hex_dump"],
        log=values["log"],
    )


def tcp_listener_target(values: ListenValues) -> ListenTarget:
    """A listener, each of whose peers becomes a session with these options. Raises UsageError."""
    from sockcli.sessions.targets import ListenTarget

    request = _tcp_listen_request(values)
    peer = _tcp_session(request, values)
    listen = _listen_options(values, Deadline(values["deadline"]))
    return ListenTarget(request, listen, _settings(values), peer, values["max_clients"])


def udp_listener_target(values: UdpValues) -> ListenTarget:
    """A session of the datagrams that anyone sends to a port. Raises UsageError."""
    from sockcli.sessions.settings import SessionSettings
    from sockcli.sessions.targets import ListenTarget

    return ListenTarget(
        _udp_bind_request(values),
        _listen_options(values, Deadline(values["deadline"])),
        SessionSettings(terminal=values["terminal"]),
        hex_dump=values["hex_dump"],
        log=values["log"],
    )


def _tcp_session(request: Request, values: TcpValues) -> TcpTarget:
    from sockcli.sessions.targets import SessionLimits, TcpTarget

    deadline = Deadline(values["deadline"])
    return TcpTarget(
        request,
        _tcp_dial_options(values, deadline),
        telnet=TELNET_USE[values["telnet"]],
        telnet_options=_telnet_options(values, size=None),
        settings=_settings(values),
        limits=SessionLimits(deadline, values["idle_timeout"], values["linger"]),
        shutdown=not values["no_shutdown"],
        hex_dump=values["hex_dump"],
        log=values["log"],
    )


def _settings(values: TcpValues) -> SessionSettings:
    """How a TCP session shows and sends. Raises UsageError."""
    from sockcli.sessions.settings import SessionSettings

    return SessionSettings(
        eol="crlf" if values["crlf"] else values["eol"], encoding=values["encoding"], terminal=values["terminal"]
    )


# What they have in common


def parse_request(words: Sequence[str]) -> Request:
    """`OP HOST PORT`, `OP HOST:PORT`, `OP:HOST:PORT` or `OP`, as `check` takes it. Raises UsageError."""
    if not words:
        raise UsageError("an operation is missing", hint=f"one of {', '.join(Operation)}")
    name, colon, rest = words[0].partition(":")
    try:
        operation = Operation(name)
    except ValueError:
        raise UsageError(f"{quoted(name)} is no operation", hint=f"one of {', '.join(Operation)}") from None
    others = [rest, *words[1:]] if colon else list(words[1:])
    if not operation.takes_address:
        expect_no_more(others)
        return Request(operation)
    protocol: Protocol = "tcp" if operation.startswith("tcp") else "udp"
    if colon and len(others) > 1:
        expect_no_more(others[1:])
    target, more = take_target(others, protocol)
    expect_no_more(more)
    return Request(operation, target.host, target.port)


def family_of(ipv4: bool, ipv6: bool) -> int:
    """4, 6, or 0 for both. Raises UsageError where both -4 and -6 were given."""
    if ipv4 and ipv6:
        raise UsageError("-4 and -6 exclude each other", hint="leave both out to use either family")
    return 4 if ipv4 else 6 if ipv6 else 0


def _tcp_connect_request(values: SharedValues) -> Request:
    target, more = connect_target(values["words"], "tcp")
    expect_no_more(more)
    return Request(Operation.TCP_CONNECT, *target)


def _tcp_listen_request(values: SharedValues) -> Request:
    return Request(Operation.TCP_LISTEN, *listen_target(values["words"], "tcp"))


def _udp_bind_request(values: SharedValues) -> Request:
    return Request(Operation.UDP_BIND, *listen_target(values["words"], "udp"))


def _dial_options(values: SharedValues, deadline: Deadline, note: OnAttempt | None = None) -> DialOptions:
    family = family_of(values["ipv4"], values["ipv6"])
    return DialOptions(family, values["source"], deadline=deadline, on_attempt=note)


def _tcp_dial_options(values: TcpValues, deadline: Deadline, note: OnAttempt | None = None) -> DialOptions:
    return _dial_options(values, deadline, note)._replace(
        connect_timeout=values["connect_timeout"], retry=values["retry"], retry_delay=values["retry_delay"]
    )


def _listen_options(values: SharedValues, deadline: Deadline) -> ListenOptions:
    return ListenOptions(family_of(values["ipv4"], values["ipv6"]), deadline=deadline)


def _telnet_options(values: TelnetValues, *, size: tuple[int, int] | None) -> TelnetOptions:
    """The codec's options, checked. Raises UsageError."""
    from sockcli.base.encodings import canonical_encoding
    from sockcli.telnet.options import TelnetOptions, checked

    options = TelnetOptions(
        terminal_type=os.environ.get("TERM") or "UNKNOWN",
        size=size,
        env=_environment(values["env"]),
        binary=values["binary"],
        com=values["com_settings"] if values["com_settings"] is not None else "" if values["com"] else None,
        mud=values["mud"],
        compress=values["compress"],
        charset=values["encoding"] if values["encoding"] is not None else "UTF-8",
        eol=values["eol"],
    )
    checked(options)  # the codec checks them as well, but it is made only once there is a connection
    if values["encoding"] is not None:
        canonical_encoding(values["encoding"])  # only to check it: the peer is told the name that was given
    return options


def _environment(listed: Sequence[str]) -> dict[str, str]:
    """The variables of `--env`. One without a value has that of our own environment. Raises UsageError."""
    variables = {}
    for item in listed:
        name, equals, value = item.partition("=")
        if not name:
            raise UsageError(f"--env {quoted(item)}: a name is missing", hint="write NAME or NAME=VALUE")
        if not equals:
            if name not in os.environ:
                raise UsageError(f"--env {name}: it is not set here", hint=f"give its value: --env {name}=VALUE")
            value = os.environ[name]
        variables[name] = value
    return variables
