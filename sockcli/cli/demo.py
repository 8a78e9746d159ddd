"""`sockcli demo`: a tour on loopback servers of its own, or the servers alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sockcli.base.escaping import printable
from sockcli.cli.common import HELP_OPTIONS, ClickCommand, loudness_options, manifest_option
from sockcli.cli.settings import RunSettings, pass_settings
from sockcli.stdio.descriptors import STDIN, is_interactive

if TYPE_CHECKING:
    from sockcli.base.poller import Interrupt
    from sockcli.demo.servers import Servers
    from sockcli.demo.tour import DemoStep

INTRODUCTION = """\
sockcli goes only where a manifest says it may. This tour shows what that
means, on servers of its own: they are on 127.0.0.1, need no network, and end
with it. Each command is what one would type.
"""
FAREWELL = "That was the tour. `sockcli demo --serve` keeps these servers up for you."
OFFER = "Press Enter for the REPL on these servers, or q to leave: "

MAX_ANSWER = 1_024


@click.command("demo", cls=ClickCommand, context_settings=HELP_OPTIONS)
@click.option("--serve", is_flag=True, help="Keep the servers up, and say how to reach them, until Ctrl-C.")
@manifest_option(hidden=True)
@loudness_options
@pass_settings
def command(settings: RunSettings, /, serve: bool) -> None:
    """Try everything with no network: servers on 127.0.0.1, a manifest for them, and a tour."""
    from sockcli.base.interrupts import SignalInterrupt

    # The interrupt is outermost: a signal ends any wait, and then the servers and their folder are removed.
    with SignalInterrupt() as interrupt, demonstration(settings) as (servers, manifest):
        if serve:
            keep_serving(servers, manifest, interrupt)
            return
        show_tour(servers, manifest, interrupt)
        if is_interactive() and wants_repl(interrupt):
            start_repl(servers, manifest, settings)


@contextmanager
def demonstration(settings: RunSettings) -> Iterator[tuple[Servers, Path]]:
    """Run the servers; gives them and the path of their manifest."""
    from tempfile import TemporaryDirectory

    from sockcli.demo.servers import Servers

    with TemporaryDirectory(prefix="sockcli-demo-") as folder:
        servers = Servers()
        try:
            manifest = Path(folder, "manifest.json")
            manifest.write_text(servers.manifest())
            settings.detail(f"manifest {manifest}")
            for what, address in servers.addresses().items():
                settings.detail(f"{what} on {address}")
            yield servers, manifest
        finally:
            servers.close()


def show_tour(servers: Servers, manifest: Path, interrupt: Interrupt) -> None:
    """Show each step: what it is about, the command, what it prints, how it ends."""
    from sockcli.demo.script import run
    from sockcli.demo.tour import tour
    from sockcli.errors import ExitCode

    names = {code.value: code.name.lower() for code in ExitCode}
    before = preparation(manifest)
    say(INTRODUCTION)
    show_commands(before)
    for step in tour(servers):
        say()
        show_step(step)
        done = run("\n".join([*before, step.command]), interrupt)
        for line in done.output.splitlines():
            say(printable(line))
        if done.code:
            say(f"(exit code {done.code}: {names.get(done.code, 'unknown')})", dim=True)
    say(f"\n{FAREWELL}")


def keep_serving(servers: Servers, manifest: Path, interrupt: Interrupt) -> None:
    """Say how to reach the servers, and wait for a signal. Raises Interrupted."""
    from sockcli.base.deadline import NEVER
    from sockcli.base.poller import wait
    from sockcli.demo.tour import DemoStep, services

    say("Serving until Ctrl-C. In another terminal:\n")
    show_commands(preparation(manifest))
    for step in [*services(servers), DemoStep("All of them at once, interactively.", "sockcli repl")]:
        say()
        show_step(step)
    wait([], NEVER, interrupt)


def wants_repl(interrupt: Interrupt) -> bool:
    """Ask whether the REPL is wanted. Raises Interrupted."""
    import termios

    from sockcli.base.deadline import NEVER
    from sockcli.base.poller import READABLE, wait

    say()
    say(OFFER, end="")
    # Drop what was typed while the tour ran: it was not an answer to this.
    termios.tcflush(STDIN, termios.TCIFLUSH)
    wait([(STDIN, READABLE)], NEVER, interrupt)
    return os.read(STDIN, MAX_ANSWER) == b"\n"


def start_repl(servers: Servers, manifest: Path, settings: RunSettings) -> None:
    """The REPL, with the demo's manifest in force."""
    from sockcli.cli.terminal import run_repl
    from sockcli.demo.tour import services

    say("\nTry these; help lists all commands, and Ctrl-D leaves.\n")
    for step in services(servers):
        say(f"# {step.shows}", dim=True)
        say(step.command.removeprefix("sockcli "), bold=True)
    say()
    settings.manifest = os.fspath(manifest)
    run_repl(settings, None, None)


def preparation(manifest: Path) -> list[str]:
    """Commands for a shell, without which the others would not work in it."""
    from shlex import quote
    from shutil import which

    naming = f"export SOCKCLI_MANIFEST={quote(os.fspath(manifest))}"
    found, installed = which("sockcli"), Path(sys.executable).with_name("sockcli")
    if not installed.exists():
        return [naming, f'sockcli() {{ {quote(sys.executable)} -m sockcli "$@"; }}']
    if found is None or not installed.samefile(found):
        return [naming, f'export PATH={quote(os.fspath(installed.parent))}:"$PATH"']
    return [naming]


def show_step(step: DemoStep) -> None:
    say(f"# {step.shows}", dim=True)
    show_commands([step.command])


def show_commands(commands: Iterable[str]) -> None:
    for each in commands:
        say(f"$ {each}", bold=True)


def say(text: str = "", *, end: str = "\n", bold: bool | None = None, dim: bool | None = None) -> None:
    """Print on stdout at once, also if it is a pipe."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    click.echo(click.style(text, bold=bold, dim=dim) + end, nl=False, color=False if plain else None)
