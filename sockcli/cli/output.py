"""What commands that answer a question print on stdout: lines for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping

import click

from sockcli.base.escaping import as_unicode, printable


def emit(text: str) -> None:
    """Lines for people, safe for a terminal whatever the manifest or the user put into them."""
    click.echo("\n".join(printable(line) for line in text.split("\n")))


def emit_json(value: Mapping[str, object]) -> None:
    """One object on one line; ASCII, so that nothing in it can drive a terminal."""
    import json

    click.echo(json.dumps(_in_unicode(value)))


def _in_unicode(value: object) -> object:
    """`value` with every text in it as Unicode: a file's name is bytes, and json.dumps() lets half a pair pass."""
    if isinstance(value, str):
        return as_unicode(value)
    if isinstance(value, Mapping):
        return {key: _in_unicode(each) for key, each in value.items()}
    return [_in_unicode(each) for each in value] if isinstance(value, list) else value
