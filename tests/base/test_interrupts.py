"""Signals, in real processes: the first ends the wait, a later one the process, and the shell sees what it was."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.interrupts import ONE_REQUEST, SIGNALS, Cancellation, SelfPipe, SignalInterrupt
from sockcli.base.poller import READABLE, wait
from sockcli.errors import Interrupted
from tests.net.support import open_descriptors
from tests.servers import program
from tests.waiting import PATIENCE

# What the command line does with them, and nothing else.
PROGRAM = """
import os, signal, sys
from sockcli.base import interrupts
from sockcli.base.deadline import NEVER
from sockcli.errors import Interrupted
from sockcli.base.interrupts import SignalInterrupt, die_of
from sockcli.base.poller import READABLE, wait

def say(text):
    os.write(1, text.encode() + b"\\n")

if "patient" in sys.argv:
    interrupts.ONE_REQUEST = 1e6
interrupt = SignalInterrupt()
say("ready")
try:
    if "raise" in sys.argv:
        signal.raise_signal(signal.SIGTERM)
    wait([(0, 1)], NEVER, interrupt)
    say("input")
except Interrupted as exc:
    say(f"flushing after {exc.signum}")
    if "hang" in sys.argv:
        while True:
            wait([(interrupt.fileno(), READABLE)], NEVER)  # not pause(): the signal may be there before
            os.read(interrupt.fileno(), 1)
            say("hangs")
    die_of(exc.signum)
    say("alive")
    sys.exit(128 + exc.signum)
"""

# As above, but the wait is for a lookup that no signal reaches.
LOOKUP = """
import sys, threading, os
from sockcli.base.deadline import NEVER
from sockcli.errors import Interrupted
from sockcli.net.system import Net
from sockcli.net.resolve import resolve
from sockcli.base.interrupts import SignalInterrupt, die_of
from tests.net.support import grant

class Hanging(Net):
    def getaddrinfo(self, name, family, kind):
        os.write(1, b"ready\\n")
        threading.Event().wait()

interrupt = SignalInterrupt()
try:
    resolve(grant("tcp-connect:printer.test:80"), net=Hanging(), deadline=NEVER, interrupt=interrupt)
except Interrupted as exc:
    die_of(exc.signum)
"""


@contextmanager
def running(*arguments: str, source: str = PROGRAM, wrapper: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """Started, and so far that its handlers are in place."""
    command = [*wrapper, sys.executable, "-c", source, *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert line(process) == "ready"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


@pytest.mark.parametrize("signum", SIGNALS)
def test_dies_of_the_signal_after_what_is_left_to_do(signum: int) -> None:
    with running() as process:
        process.send_signal(signum)
        assert line(process) == f"flushing after {signum:d}"
        assert process.wait(PATIENCE) == -signum


@pytest.mark.parametrize("second", SIGNALS)
def test_a_later_signal_kills_whatever_hangs(second: int) -> None:
    with running("hang") as process:
        process.send_signal(signal.SIGTERM)
        assert line(process) == f"flushing after {signal.SIGTERM:d}"
        wait([], Deadline(ONE_REQUEST))
        process.send_signal(second)
        assert process.wait(PATIENCE) == -second


def test_a_signal_that_is_sent_twice_is_one_request() -> None:
    """As a shell does whose terminal is closed, right after the terminal did."""
    with running("hang", "patient") as process:
        process.send_signal(signal.SIGHUP)
        assert line(process) == f"flushing after {signal.SIGHUP:d}"
        process.send_signal(signal.SIGHUP)
        assert line(process) == "hangs"


@pytest.mark.parametrize("signum", SIGNALS)
def test_inherited_ignore_stays(signum: int) -> None:
    """As under nohup, or in the background of a shell without job control."""
    wrapper = ["sh", "-c", f'trap "" {signum:d}; exec "$@"', "sh"]
    with running(wrapper=wrapper) as process:
        process.send_signal(signum)
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
        assert line(process) == "input"
        assert process.wait(PATIENCE) == 0


def test_lookup_that_hangs_is_no_obstacle() -> None:
    with running(source=LOOKUP) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == -signal.SIGINT


def test_shell_sees_128_and_the_signal() -> None:
    script = f"{sys.executable} -c '{PROGRAM}' raise; echo status $?"
    done = subprocess.run(["sh", "-c", script], stdin=subprocess.PIPE, capture_output=True, timeout=PATIENCE)
    assert done.stdout.splitlines()[-1] == b"status 143"


def test_first_process_of_a_container_is_not_killed_but_says_what_it_was() -> None:
    """Signals without a handler do nothing to process 1."""
    unshare = [program("unshare"), "--pid", "--fork", "--map-root-user"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("no process namespace here")
    done = subprocess.run(
        [*unshare, sys.executable, "-c", PROGRAM, "raise"],
        stdin=subprocess.PIPE,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.stdout.splitlines()[-1] == b"alive"
    assert done.returncode == 128 + signal.SIGTERM


class TestInThisProcess:
    def test_everything_is_put_back(self) -> None:
        before = [signal.getsignal(signum) for signum in SIGNALS], open_descriptors()
        with SignalInterrupt() as interrupt:
            assert signal.getsignal(signal.SIGTERM) is not before[0][1]
            interrupt.close()
        assert [signal.getsignal(signum) for signum in SIGNALS] == before[0]
        assert not open_descriptors() - before[1]
        previous = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(previous)
        assert previous == -1

    def test_says_it_as_often_as_it_is_asked(self) -> None:
        with SignalInterrupt() as interrupt:
            interrupt.check()
            signal.raise_signal(signal.SIGHUP)
            for _ in range(2):
                with pytest.raises(Interrupted) as caught:
                    interrupt.check()
                assert caught.value.signum == signal.SIGHUP

    def test_other_signals_do_not_end_a_wait(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Nor does a storm of them fill anything up."""
        previous = signal.signal(signal.SIGWINCH, lambda *_: None)
        try:
            with SignalInterrupt() as interrupt:
                for _ in range(70_000):  # a pipe holds 65,536
                    signal.raise_signal(signal.SIGWINCH)
                assert wait([(interrupt.fileno(), READABLE)], Deadline(0))
                assert wait([], Deadline(0.01), interrupt) == {}
                assert not wait([(interrupt.fileno(), READABLE)], Deadline(0))
        finally:
            signal.signal(signal.SIGWINCH, previous)
        assert capfd.readouterr() == ("", "")

    def test_its_descriptors_are_not_handed_on(self) -> None:
        with SignalInterrupt() as interrupt:
            listing = f"import os; print(os.path.exists('/proc/self/fd/{interrupt.fileno()}'))"
            done = subprocess.run([sys.executable, "-c", listing], capture_output=True, close_fds=False)
        assert done.stdout == b"False\n"


class TestAPipeOfItsOwn:
    def test_it_is_readable_from_a_wake_until_it_is_drained(self) -> None:
        pipe = SelfPipe()
        assert not wait([(pipe.fileno(), READABLE)], Deadline(0))
        pipe.drain()
        for _ in range(70_000):  # it holds 65,536: a wake never waits
            pipe.wake()
        assert wait([(pipe.fileno(), READABLE)], Deadline(0))
        pipe.drain()
        assert not wait([(pipe.fileno(), READABLE)], Deadline(0))
        pipe.close()

    def test_closed_it_wakes_nobody_and_leaves_nothing_open(self) -> None:
        before = open_descriptors()
        pipe = SelfPipe()
        pipe.close()
        pipe.close()
        pipe.wake()
        assert open_descriptors() == before

    def test_a_cancellation_ends_every_wait_on_another_thread(self) -> None:
        cancellation = Cancellation()
        threading.Timer(0.01, cancellation.cancel).start()
        for _ in range(2):
            with pytest.raises(Interrupted):
                wait([], NEVER, cancellation)
        assert cancellation.cancelled
        cancellation.close()
        cancellation.cancel()
