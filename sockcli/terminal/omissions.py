"""What was left out of a session, counted, and the sentences that say so once it is over."""

from __future__ import annotations

from typing import Final

# The kinds of things that are left out, each with the sentence that its count is put behind. Every other kind is one of
# control strings.
SEQUENCES: Final = "sequences"
ATTRIBUTES: Final = "attributes"
MARKS: Final = "marks"
_SENTENCES: Final = {
    SEQUENCES: "left out terminal sequences (reports, mouse, unknown) that the peer sent",
    ATTRIBUTES: "left out attributes (hidden text, fonts, unknown) that the peer sent",
    MARKS: "left out marks beyond the eighth on one character that the peer sent",
}


class Omissions:
    """How often each kind of thing was left out."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def clear(self) -> None:
        self._counts.clear()

    def count(self, kind: str, times: int = 1) -> None:
        """Something of this kind was left out so many times."""
        self._counts[kind] = self._counts.get(kind, 0) + times

    def lines(self) -> list[str]:
        """A sentence for each kind that was met."""
        counts = self._counts
        lines = []
        if strings := ", ".join(f"{count} {kind}" for kind, count in counts.items() if kind not in _SENTENCES):
            lines.append(f"left out control strings (titles, clipboard, images) that the peer sent: {strings}")
        return lines + [f"{sentence}: {counts[kind]}" for kind, sentence in _SENTENCES.items() if kind in counts]
