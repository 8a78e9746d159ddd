"""`sockcli demo`: a tour on loopback servers of its own, each step a command that one could type."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from sockcli.cli.common import HELP_OPTIONS, common_options
from sockcli.clock import NEVER
from sockcli.demo import Servers
from sockcli.errors import LocalFailure
from sockcli.signals import SignalInterrupt
from sockcli.wait import wait

# A step takes well under a second; a machine that is slow beyond this is told so, not waited for.
STEP_LIMIT = 30


class Step(NamedTuple):
    """One command of the tour: what it shows, its words, and what is typed into it."""

    shows: str
    words: Sequence[str]
    typed: str = ""


@click.command("demo", context_settings=HELP_OPTIONS)
@click.option("--serve", is_flag=True, help="Keep the servers up, and say how to reach them, until Ctrl-C.")
@common_options
def command(serve: bool) -> None:
    """Try everything with no network: servers on 127.0.0.1, a manifest for them, and a tour."""
    with tempfile.TemporaryDirectory(prefix="sockcli-demo-") as folder:
        manifest = Path(folder, "manifest.json")
        servers = Servers()
        try:
            manifest.write_text(servers.manifest())
            if serve:
                keep_serving(servers, manifest)
            else:
                tour(servers, manifest)
        finally:
            servers.close()


def steps(servers: Servers) -> list[Step]:
    """The tour."""
    host = "127.0.0.1"
    lines, datagrams = str(servers.lines.port), str(servers.datagrams.port)
    return [
        Step("What the manifest allows, rule by rule.", ["manifest", "show"]),
        Step("TCP: standard input goes to the service, its answers come out.", ["tcp", host, lines],
             typed="hello you\nsum 19 23\nquit\n"),
        Step("UDP: one datagram, one reply.", ["udp", "-n", "1", host, datagrams, "hello"]),
        Step("This server loses the first two; two further tries get through.",
             ["udp", "-n", "1", "--retries", "3", "-w", "2", host, datagrams, "lose 2 of these"]),
        Step("Without further tries there is no reply, and the exit code says so.",
             ["udp", "-w", "0.3", host, datagrams, "lose 9 of those"]),
        Step("Nothing allows this one: nothing is sent, and the hint is the rule that is missing.",
             ["tcp", host, "22"]),
        Step("A wildcard rule covers this name, but it leads to a loopback address, where a wildcard may not.",
             ["tcp", "localhost", datagrams]),
        Step("Ask first, connect later.", ["check", f"udp-send-to:{host}:{datagrams}"]),
    ]  # fmt: skip


def tour(servers: Servers, manifest: Path) -> None:
    """Run each step as its own process, and show what it printed. Raises LocalFailure where one does not end."""
    click.echo("The demo's servers are on 127.0.0.1 only, and this manifest allows nothing else:\n")
    prompt(["export", f"SOCKCLI_MANIFEST={manifest}"])
    environ = {**os.environ, "SOCKCLI_MANIFEST": str(manifest)}
    for step in steps(servers):
        click.echo()
        click.secho(f"# {step.shows}", dim=True)
        prompt(["sockcli", *step.words], step.typed)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "sockcli", *step.words],
                input=step.typed.encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,  # in the order in which a terminal shows them
                env=environ,
                timeout=STEP_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired as exc:
            raise LocalFailure(f"sockcli {shlex.join(step.words)} did not end within {STEP_LIMIT} s") from exc
        shown = done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")
        click.echo(shown, nl=bool(shown) and not shown.endswith("\n"))
        if done.returncode:
            click.secho(f"(exit {done.returncode})", dim=True)
    click.echo("\nThat is all. `sockcli demo --serve` keeps these servers up for you to play with.")


def prompt(words: Sequence[str], typed: str = "") -> None:
    """A command as one could type it."""
    feed = f"printf {shlex.quote(typed.encode('unicode_escape').decode())} | " if typed else ""
    click.secho(f"$ {feed}{shlex.join(words)}", bold=True)


def keep_serving(servers: Servers, manifest: Path) -> None:
    """Say how to reach the servers, and wait for Ctrl-C. Raises Interrupted."""
    interrupt = SignalInterrupt()
    click.echo("Serving until Ctrl-C. In another terminal:\n")
    prompt(["export", f"SOCKCLI_MANIFEST={manifest}"])
    for shows, words in (
        ("a line service", ["tcp", "127.0.0.1", str(servers.lines.port)]),
        ("an echo on TCP", ["tcp", "127.0.0.1", str(servers.echo.port)]),
        ("an echo on UDP; `lose N …` and `delay S …` do that", ["udp", "127.0.0.1", str(servers.datagrams.port)]),
    ):
        click.secho(f"# {shows}", dim=True)
        prompt(["sockcli", *words])
    sys.stdout.flush()
    wait([], NEVER, interrupt)
