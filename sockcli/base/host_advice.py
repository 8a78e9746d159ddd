"""What to tell somebody whose host was refused: what is wrong with it, and how to write it.

`endpoint.py` decides what a host is; this file only finds the words, and is loaded only when one was refused.
"""

from __future__ import annotations

from typing import Final

from sockcli.base.escaping import quoted

_FORBIDDEN: Final = frozenset("*/\\@#?%")  # each of them means something in a rule, a URL or a zone


def fault_of_name(text: str, *, max_name: int, max_label: int) -> str:
    """Why `text` is no host name; of several reasons the one that helps most. The limits are in characters."""
    labels = text.removesuffix(".").split(".")
    stray = next((char for char in text if char in _FORBIDDEN), None)
    if text in ("", "."):
        return "it is empty"
    if not text.isascii():
        return "only ASCII is allowed: write an internationalised name in its xn-- form"
    if any(char <= " " or char == "\x7f" for char in text):
        return "blanks and control characters are not allowed"
    if ":" in text or "[" in text or "]" in text:
        return "not an IPv6 address" if ":" in text else "brackets are for IPv6 addresses only"
    if stray:
        return f"{quoted(stray)} is not allowed in a host"
    if "" in labels:
        return "it has an empty label"
    if any(len(label) > max_label for label in labels):
        return f"a label has at most {max_label} characters"
    if len(text) > max_name:
        return f"a name has at most {max_name} characters"
    return "a name is made of letters, digits, hyphens, underscores and dots"


def fault_of_quad(name: str) -> str:
    """Why `name`, which ends in a number, is no IPv4 address, with the plain spelling of what the C library reads.

    `name` is in lower case. A leading 0 is octal to some readers and decimal to others: then both spellings.
    """
    readings = {_inet_aton(name, octal=True): "octal", _inet_aton(name, octal=False): "decimal"}
    readings.pop(None, None)
    plain = "an IPv4 address is four plain decimal numbers from 0 to 255"
    if not readings:
        return plain
    if len(readings) == 1:
        return f"{plain}: write {next(iter(readings))}"
    spellings = " or ".join(f"{address} (its leading 0 read as {base})" for address, base in readings.items())
    return f"{plain}: write {spellings}"


def _inet_aton(name: str, *, octal: bool) -> str | None:
    """What inet_aton(3) makes of one to four numbers, of which the last fills the octets that are left."""
    numbers: list[int] = []
    for part in name.split("."):
        base = 16 if part.startswith("0x") else 8 if octal and part.startswith("0") else 10
        try:
            numbers.append(int(part, base))
        except ValueError:
            return None
    *front, last = numbers
    if len(front) > 3 or any(number > 255 for number in front) or last >= 1 << 8 * (4 - len(front)):
        return None
    return ".".join(map(str, [*front, *last.to_bytes(4 - len(front))]))
