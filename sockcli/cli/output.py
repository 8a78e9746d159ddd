"""What commands that answer a question print on stdout: lines for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from sockcli.text import printable


def emit(text: str) -> None:
    """Lines for people, safe for a terminal whatever the manifest or the user put into them."""
    click.echo("\n".join(printable(line) for line in text.split("\n")))


def emit_json(value: Mapping[str, object]) -> None:
    """One object on one line; ASCII, so that nothing in it can drive a terminal."""
    import json

    click.echo(json.dumps(value))


def table(rows: Sequence[Sequence[str]]) -> str:
    """The rows with their columns lined up."""
    safe = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in safe
    )
