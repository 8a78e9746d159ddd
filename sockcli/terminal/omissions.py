"""What was left out of a session, counted, and the sentences that say so once it is over."""

from __future__ import annotations


class Omissions:
    """How often each kind of thing was left out."""

    __slots__ = ("attributes", "sequences", "strings")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.strings: dict[str, int] = {}
        self.sequences = 0
        self.attributes = 0

    def string(self, kind: str) -> None:
        self.strings[kind] = self.strings.get(kind, 0) + 1

    def lines(self) -> list[str]:
        """A sentence for each kind that was met."""
        lines = []
        if self.strings:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self.strings.items())
            lines.append(f"left out control strings (titles, clipboard, images) that the peer sent: {kinds}")
        if self.sequences:
            lines.append(f"left out terminal sequences (reports, mouse, unknown) that the peer sent: {self.sequences}")
        if self.attributes:
            lines.append(f"left out attributes (hidden text, fonts, unknown) that the peer sent: {self.attributes}")
        return lines
