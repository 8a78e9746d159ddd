"""What is wrong in a manifest: the first faults, and how many more there are."""

from __future__ import annotations

from typing import Final

from sockcli.errors import ManifestProblem

# Who mends a hundred knows how to go on, and 4 MiB of wrong rules are not 200 MiB on stderr.
MOST: Final = 100


class Faults:
    """Faults in the order in which they are found. Those past the first `MOST` are only counted."""

    def __init__(self) -> None:
        self.listed: list[ManifestProblem] = []
        self.more = 0

    def add(self, place: str, text: str | None, reason: str) -> None:
        if self.only_counts:
            self.more += 1
        else:
            self.listed.append(ManifestProblem(place, text, reason))

    @property
    def only_counts(self) -> bool:
        """Whether what is added now is not listed, so that nobody needs to work out its words."""
        return len(self.listed) >= MOST

    def __bool__(self) -> bool:
        return bool(self.listed)
