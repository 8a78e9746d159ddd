"""The REPL: several sessions at once, one in front, and commands between them."""

from __future__ import annotations

import signal
import socket

import pytest

from sockcli.sessions.inbox import BACKGROUND_LIMIT
from sockcli.telnet.constants import ECHO, IAC, WILL
from tests.console.conftest import Peer, Start, receive
from tests.console.terminal import CTRL_C, CTRL_D, CTRL_Y, ESCAPE, UP, Terminal
from tests.console.test_character_mode import AGREED, CHARACTER
from tests.waiting import PATIENCE


def repl(start: Start, *arguments: str, columns: int = 80) -> Terminal:
    terminal = start("repl", *arguments, columns=columns)
    terminal.prompts("sockcli> ")
    return terminal


def connect(terminal: Terminal, peer: Peer) -> socket.socket:
    """A session more, in front; from the command prompt."""
    terminal.enter(f"tcp 127.0.0.1 {peer.port}")
    connection = peer.accept()
    number = len(peer.accepted)
    connection.sendall(f"welcome to {number}\r\n".encode())
    terminal.shows(f"welcome to {number}")
    terminal.shows(f" {number}: tcp")  # the toolbar
    terminal.prompts("")
    return connection


def ask(terminal: Terminal) -> None:
    """For the command prompt, from within a session."""
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")


def command(terminal: Terminal, text: str) -> None:
    ask(terminal)
    terminal.enter(text)


def test_a_session_and_back_to_the_command_prompt(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    connection = connect(terminal, peer)
    terminal.enter("hello")
    receive(connection, b"hello\n")
    connection.sendall(b"bye\r\n")
    connection.close()
    terminal.shows(f"bye\nsockcli: session 1: connection closed by 127.0.0.1:{peer.port}\nsockcli>")
    terminal.prompts("sockcli> ")


def test_it_can_begin_in_a_session(start: Start, peer: Peer) -> None:
    terminal = start("repl", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"name: ")
    terminal.prompts("name: ")
    connection.close()
    terminal.prompts("sockcli> ")
    terminal.type(CTRL_D)
    assert terminal.finish() == 0


def test_beginning_in_a_session_that_fails_leaves_the_prompt(start: Start, peer: Peer) -> None:
    port = peer.port
    peer.close()
    terminal = start("repl", "127.0.0.1", port)
    terminal.shows(f"sockcli: error: tcp-connect 127.0.0.1:{port}: connection refused")
    terminal.prompts("sockcli> ")


def test_what_is_denied_is_told_and_it_lives_on(start: Start) -> None:
    terminal = repl(start)
    terminal.enter("tcp 192.0.2.1 23")
    terminal.shows("sockcli: error: tcp-connect to 192.0.2.1:23 denied")
    terminal.shows('add this rule to the manifest: "tcp-connect:192.0.2.1:23"')
    terminal.prompts("sockcli> ")


def test_two_sessions_each_with_its_own_prompt_and_draft(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    first = connect(terminal, peer)
    first.sendall(b"first: ")
    terminal.prompts("first: ")
    terminal.type("for one")
    terminal.prompts("first: for one")
    command(terminal, f"tcp 127.0.0.1 {peer.port}")
    second = peer.accept()
    second.sendall(b"second: ")
    terminal.prompts("second: ")
    terminal.type("for two")
    command(terminal, "use 1")
    terminal.prompts("first: for one")
    terminal.enter("")
    receive(first, b"for one\n")
    command(terminal, "use 2")
    terminal.prompts("second: for two")
    terminal.enter("")
    receive(second, b"for two\n")


def test_what_comes_in_the_background_is_counted_and_kept(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    first = connect(terminal, peer)
    ask(terminal)
    connect(terminal, peer)
    first.sendall(b"news 1\r\nnews 2\r\n")
    terminal.shows("1: 16 bytes unread")
    assert "news" not in terminal.text
    command(terminal, "use 1")
    terminal.shows("news 1\nnews 2")
    assert "unread" not in terminal.text


def test_of_a_flood_in_the_background_the_oldest_is_dropped_and_that_is_told(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    first = connect(terminal, peer)
    ask(terminal)
    connect(terminal, peer)
    line = b"%09d\n"
    count = 32 * BACKGROUND_LIMIT // 10
    # All of it, far more than kernels hold: the background never stops reading.
    first.sendall(b"".join(line % number for number in range(count)))
    terminal.shows("unread")
    command(terminal, "status 1")
    terminal.shows("that nobody looked at in time")
    terminal.prompts("")
    before = terminal.total
    command(terminal, "use 1")
    terminal.until(lambda: b"bytes were dropped here" in terminal.written, "the gap")
    assert b"000000000\r\n" not in terminal.written
    terminal.shows(f"{count - 1:09}")
    assert terminal.total - before < BACKGROUND_LIMIT // 2  # some screens of it
    assert terminal.memory() < 100 << 20


def test_a_session_that_ends_in_the_background(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    first = connect(terminal, peer)
    ask(terminal)
    second = connect(terminal, peer)
    first.sendall(b"last words\r\n")
    first.close()
    terminal.shows(f"sockcli: session 1: connection closed by 127.0.0.1:{peer.port}")
    command(terminal, "use 1")
    terminal.shows("last words")
    terminal.prompts("sockcli> ")
    terminal.enter("use 2")
    terminal.prompts("")
    terminal.enter("still there")
    receive(second, b"still there\n")


def test_a_session_goes_on_while_another_is_opened(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    first = connect(terminal, peer)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        host, port = silent.getsockname()
        with socket.create_connection((host, port)):  # its queue is full: nobody is answered any more
            command(terminal, f"tcp --connect-timeout 30 {host} {port}")
            terminal.prompts(f"connecting to {host}:{port} (Ctrl-C cancels) ")
            first.sendall(b"meanwhile\r\n")
            terminal.shows("meanwhile")
            terminal.enter("early")
            terminal.type(CTRL_C)
            terminal.shows("cancelled; what was entered meanwhile is dropped")
            terminal.prompts("")
            terminal.enter("hello")
            receive(first, b"hello\n")


def test_lines_entered_while_a_command_runs_are_for_what_comes_after_it(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    terminal.enter(f"tcp 127.0.0.1 {peer.port}")
    terminal.enter("hello")
    terminal.type("and more")
    connection = peer.accept()
    receive(connection, b"hello\n")
    terminal.prompts("and more")


def test_what_is_typed_while_the_first_session_is_opened_is_for_it(start: Start) -> None:
    with socket.socket() as listener:
        listener.settimeout(PATIENCE)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host, port = listener.getsockname()
        with socket.create_connection((host, port)):  # its queue is full: nobody is answered for now
            terminal = start("repl", host, str(port))
            terminal.shows("no session")
            terminal.type("hel")
            terminal.prompts(f"connecting to {host}:{port} (Ctrl-C cancels) hel")
            in_the_queue, _ = listener.accept()
            connection, _ = listener.accept()
            with in_the_queue, connection:
                terminal.shows("connected with")
                terminal.prompts("hel")
                terminal.enter("lo")
                receive(connection, b"hello\n")


def test_the_escape_key_counts_while_a_command_runs(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    connection = connect(terminal, peer)
    command(terminal, "wait 0.2")
    terminal.type(f"for the peer\r{ESCAPE}set view hex\r{ESCAPE}status\rand this\r{ESCAPE}ha")
    terminal.shows("allowed by")
    receive(connection, b"for the peer\nand this\n")
    terminal.prompts("sockcli> ha")
    assert "for the peer\nsockcli> set view hex\nsockcli> status" in terminal.text


def test_a_pasted_block_is_not_run(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    terminal.paste(f"tcp 127.0.0.1 {peer.port}\nquit\n")
    terminal.shows("quit")
    terminal.enter("")
    terminal.shows("a pasted block is not run")
    terminal.enter("help")
    terminal.shows("sendfile")


def test_commands_and_lines_have_histories_of_their_own(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    connection = connect(terminal, peer)
    terminal.enter("a line")
    receive(connection, b"a line\n")
    ask(terminal)
    terminal.type(UP)
    terminal.prompts(f"sockcli> tcp 127.0.0.1 {peer.port}")
    terminal.type(CTRL_C + ESCAPE)
    terminal.prompts("")
    terminal.type(UP)
    terminal.prompts("a line")


def test_ctrl_c_in_a_session_of_the_repl_ends_nothing(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    connection = connect(terminal, peer)
    terminal.type(CTRL_C)
    terminal.process.send_signal(signal.SIGINT)
    terminal.enter("hello")
    receive(connection, b"hello\n")


def test_datagrams(start: Start, udp_peer: socket.socket) -> None:
    terminal = repl(start)
    terminal.enter(f"udp 127.0.0.1 {udp_peer.getsockname()[1]}")
    terminal.shows("sockcli: session 1: udp")
    terminal.prompts("")
    terminal.enter("ping")
    data, address = udp_peer.recvfrom(100)
    assert data == b"ping\n"
    for reply in (b"one", b"two\n", b""):
        udp_peer.sendto(reply, address)
    terminal.shows("ping\none\ntwo\n(a datagram of no bytes)")


def test_a_listener_makes_sessions(start: Start) -> None:
    terminal = repl(start)
    terminal.enter("listen 0")
    terminal.shows("127.0.0.1:")
    terminal.enter("sessions")
    terminal.shows("unread")
    terminal.enter("status 1")
    terminal.shows("accepted")
    port = int(terminal.text.rpartition("listening on")[2].split()[0].rpartition(":")[2])
    terminal.prompts("sockcli> ")
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        terminal.shows("sockcli: session 2: 127.0.0.1:")
        terminal.shows("connected with session 1")
        connection.sendall(b"hello\r\n")
        terminal.shows("hello")
        terminal.enter("and to you")
        receive(connection, b"and to you\n")


def accepting(start: Start) -> tuple[Terminal, int]:
    """The command prompt, with a listener as session 1, and its port."""
    terminal = repl(start)
    terminal.enter("listen 0")
    terminal.shows("session 1: tcp-listen")
    terminal.prompts("sockcli> ")
    return terminal, int(terminal.text.rpartition("listening on 127.0.0.1:")[2].split()[0])


def test_a_peer_that_connects_does_not_take_what_is_being_typed(start: Start) -> None:
    terminal, port = accepting(start)
    terminal.type("stat")
    terminal.prompts("sockcli> stat")
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        terminal.shows("connected with session 1; `use 2` shows it")
        terminal.prompts("sockcli> stat")
        terminal.enter("us 1")
        terminal.shows("accepted      1")
        terminal.prompts("sockcli> ")
        terminal.enter("use 2")
        terminal.shows(" 2: tcp")
        terminal.enter("hello")
        receive(connection, b"hello\n")


def test_a_peer_that_connects_leaves_the_session_in_front_alone(start: Start, peer: Peer) -> None:
    terminal, port = accepting(start)
    first = connect(terminal, peer)
    with socket.create_connection(("127.0.0.1", port), 10):
        terminal.shows("connected with session 1; `use 3` shows it")
        terminal.enter("for the first")
        receive(first, b"for the first\n")


def test_a_peer_takes_the_place_of_its_listener_in_front(start: Start) -> None:
    terminal, port = accepting(start)
    terminal.enter("use 1")
    terminal.shows(" 1: tcp-listen")
    terminal.prompts("")
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        terminal.shows(" 2: tcp")
        terminal.enter("hello")
        receive(connection, b"hello\n")


def test_so_many_peers_at_once_and_the_rest_waits(start: Start) -> None:
    terminal = repl(start, columns=120)
    terminal.enter("listen --max-clients 2 0")
    terminal.shows("session 1: tcp-listen")
    port = int(terminal.text.rpartition("listening on 127.0.0.1:")[2].split()[0])
    terminal.type("x")  # so that none of them gets the screen
    peers = []
    for number in (2, 3):
        peers.append(socket.create_connection(("127.0.0.1", port), 10))
        terminal.shows(f"sockcli: session {number}: ")
    peers += [socket.create_connection(("127.0.0.1", port), 10) for _ in range(3)]
    terminal.shows("session 1: 2 sessions of its peers, which is the limit; the next wait until one ends")
    terminal.type(CTRL_C)
    terminal.enter("status 1")
    terminal.shows("at once       2 of at most 2")
    assert "session 4" not in terminal.text
    peers[0].sendall(b"unread")  # and so it counts until somebody reads it
    peers[0].close()
    terminal.shows("session 2: connection closed")
    terminal.enter("close 2")
    terminal.shows("sockcli: session 4: ")
    peers[1].close()
    terminal.shows("sockcli: session 5: ")
    assert terminal.text.count("which is the limit") == 1
    for each in peers:
        each.close()


def test_all_that_nobody_looks_at_has_one_limit(start: Start) -> None:
    terminal = repl(start, columns=160)
    terminal.enter("listen 0")
    terminal.shows("session 1: tcp-listen")
    port = int(terminal.text.rpartition("listening on 127.0.0.1:")[2].split()[0])
    terminal.enter("status 1")
    terminal.shows("0 of at most 64")
    terminal.type("x")
    peers = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(64)]
    for each in peers:
        each.settimeout(PATIENCE)
        each.sendall(bytes(1 << 20))
        terminal.settle()
    terminal.shows("more than 32 MiB that nobody has looked at; from now on the oldest of the largest is dropped")
    assert terminal.text.count("32 MiB") == 1
    assert terminal.memory() < 160 << 20
    for each in peers:
        each.close()


def test_a_peer_that_was_waited_for_comes_to_the_front(start: Start) -> None:
    terminal, port = accepting(start)
    terminal.enter("wait 30")
    terminal.type("for whoever comes")
    terminal.prompts("for whoever comes")
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        terminal.shows(" 2: tcp")
        connection.sendall(b"hello\r\n")
        terminal.shows("hello")
        terminal.type(CTRL_C + CTRL_C)
        terminal.shows("cancelled")
        terminal.enter("and to you")
        receive(connection, b"and to you\n")


def test_a_line_whose_session_ends_is_no_command(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    connection = connect(terminal, peer)
    terminal.type("qu")
    terminal.prompts("qu")
    connection.close()
    terminal.prompts("(session 1 is over; Enter goes on) qu")
    terminal.enter("it")
    terminal.shows("error: session 1 is over; this was not sent (Ctrl-Y brings it back)")
    terminal.prompts("sockcli> ")
    terminal.type(CTRL_Y)
    terminal.prompts("sockcli> quit")
    terminal.type(CTRL_C)
    connect(terminal, peer)
    terminal.type("x")
    terminal.prompts("x")  # by then the history is there
    terminal.type(CTRL_C)
    terminal.prompts("")
    terminal.type(UP)
    terminal.prompts("quit")


@pytest.mark.parametrize("key", [CTRL_C, ESCAPE])
def test_such_a_line_can_be_given_up(start: Start, peer: Peer, key: str) -> None:
    terminal = repl(start)
    connection = connect(terminal, peer)
    terminal.type("qu")
    terminal.prompts("qu")
    connection.close()
    terminal.prompts("(session 1 is over; Enter goes on) qu")
    terminal.type(key)
    terminal.prompts("sockcli> ")
    terminal.enter("history")
    terminal.shows("1  tcp")


def test_a_command_that_is_half_typed_when_its_session_ends_stays_one(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    connection = connect(terminal, peer)
    terminal.type("for one")
    ask(terminal)
    terminal.type("sess")
    terminal.prompts("sockcli> sess")
    connection.close()
    terminal.shows("connection closed by")
    terminal.enter("ions")
    terminal.shows("no sessions")
    terminal.prompts("sockcli> ")
    terminal.type(CTRL_Y)
    terminal.prompts("sockcli> for one")


def test_a_password_whose_session_ends_is_kept_nowhere(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    connection = connect(terminal, peer)
    connection.sendall(bytes([IAC, WILL, ECHO]) + b"password: ")
    terminal.prompts("password: ")
    terminal.type("sec")
    connection.sendall(b"\r\ntoo late\r\n")
    connection.close()
    terminal.prompts("(session 1 is over; Enter goes on)")
    terminal.enter("ret")
    terminal.shows("error: session 1 is over; this was not sent")
    terminal.prompts("sockcli> ")
    terminal.type(CTRL_Y + "x")
    terminal.prompts("sockcli> x")
    assert b"sec" not in terminal.written.replace(b"sockcli", b"")


def test_keys_for_a_session_that_ends_are_no_command(start: Start, peer: Peer) -> None:
    """In character mode: the rest of the line, which nobody can say is no password."""
    terminal = repl(start)
    connection = connect(terminal, peer)
    connection.sendall(CHARACTER)
    receive(connection, AGREED)
    terminal.type("exit\rqu")
    receive(connection, b"exit\r\0qu")
    connection.close()
    terminal.prompts("(session 1 is over; Enter goes on)")
    terminal.enter("it")
    terminal.prompts("sockcli> ")
    assert b"it" not in terminal.written.partition(b"goes on")[2]
    terminal.enter("sessions")
    terminal.shows("no sessions")


def test_nothing_was_not_sent_where_nothing_was_typed(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    connection = connect(terminal, peer)
    connection.sendall(CHARACTER)
    receive(connection, AGREED)
    terminal.type("q")
    receive(connection, b"q")
    connection.close()
    terminal.prompts("(session 1 is over; Enter goes on)")
    terminal.enter("")
    terminal.prompts("sockcli> ")
    assert "not sent" not in terminal.text


def test_after_a_whole_line_the_command_prompt_is_there_at_once(start: Start, peer: Peer) -> None:
    terminal = repl(start)
    connection = connect(terminal, peer)
    connection.sendall(CHARACTER)
    receive(connection, AGREED)
    terminal.enter("exit")
    receive(connection, b"exit\r\0")
    connection.close()
    terminal.prompts("sockcli> ")


@pytest.mark.parametrize("rows", [4, 6, 9, 24])
def test_there_is_room_for_what_completes_a_command(start: Start, rows: int) -> None:
    terminal = start("repl", rows=rows)
    terminal.prompts("sockcli>")
    terminal.type("se\t\t")
    terminal.shows("sessions")
    terminal.shows("sockcli> se")


def test_ctrl_c_ends_one_session_that_is_the_program_and_none_of_several(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    first = peer.accept()
    first.sendall(b"welcome\r\n")
    terminal.shows("welcome")
    ask(terminal)
    connect(terminal, peer)
    terminal.type(CTRL_C)
    terminal.shows("Ctrl-C ends none of several sessions; close ends one, quit all of them")
    command(terminal, "close")
    terminal.shows("session 2 closed")
    command(terminal, "use 1")
    terminal.prompts("")
    terminal.enter("still there")
    receive(first, b"still there\n")
    terminal.type(CTRL_C)
    assert terminal.finish() == -signal.SIGINT


def test_of_a_program_with_two_sessions_the_end_of_one_is_told_when_it_comes(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    peer.accept().sendall(b"welcome\r\n")
    terminal.shows("welcome")
    ask(terminal)
    connect(terminal, peer).close()
    terminal.shows(f"sockcli: session 2: connection closed by 127.0.0.1:{peer.port}\nsockcli>")
