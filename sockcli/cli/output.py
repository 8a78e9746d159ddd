"""What commands that answer a question print on stdout: lines for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping

import click

from sockcli.text import printable


def emit(text: str) -> None:
    """Lines for people, safe for a terminal whatever the manifest or the user put into them."""
    click.echo("\n".join(printable(line) for line in text.split("\n")))


def emit_json(value: Mapping[str, object]) -> None:
    """One object on one line; ASCII, so that nothing in it can drive a terminal."""
    import json

    click.echo(json.dumps(value))
