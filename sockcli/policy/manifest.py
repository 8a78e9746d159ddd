"""A manifest as a file or a text: its Policy, and where in its text each rule stands.

A manifest with anything wrong in what we read of it gives no policy at all, but a ManifestError that lists every fault.
What holds rules in it is rule_collector.py's to know, and which file it is locate.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from sockcli.errors import ManifestError, ManifestProblem
from sockcli.policy.ceiling import LoadedCeiling, load_ceiling
from sockcli.policy.locate import CEILING, Located, find_manifest, look_for_manifest, read_manifest
from sockcli.policy.policy import Ceiling, Policy
from sockcli.policy.rule_collector import collect
from sockcli.policy.strictjson import Position, positions

if TYPE_CHECKING:
    from pathlib import Path


class Manifest:
    """A manifest, read and valid: its policy, and where in its text each rule stands.

    The policy is under this machine's ceiling, where there is one. That is no boundary for the code of the process it
    is in, which can make a Policy without one.
    """

    def __init__(
        self, data: bytes, *, name: str = "manifest", path: str | None = None, hides: str | None = None
    ) -> None:
        """`name` is what messages call it; `path` is None for one that came as text; `hides` is as in Located.

        Raises ManifestError, also where the ceiling is invalid, not to be trusted, or allows no manifest but itself.
        """
        self._fill(Located(name, named=True, hides=hides), data, path, load_ceiling())

    def _fill(self, located: Located, data: bytes, path: str | None, ceiling: LoadedCeiling | None) -> None:
        if ceiling is not None and ceiling.policy.only:
            raise _refused(located.path)
        self.policy: Policy = parse_manifest(data, located.path, ceiling.policy if ceiling else None)
        self.path = path
        self.hides = located.hides
        self.data = data

    @classmethod
    def in_force(cls, explicit: str | None = None, environ: Mapping[str, str] | None = None) -> Manifest:
        """The manifest that a run obeys: the one named, the first in the usual places, or the ceiling if it is the only
        one. Raises ManifestError."""
        ceiling = load_ceiling()
        manifest = cls.__new__(cls)
        if ceiling is None or not ceiling.policy.only:
            located = find_manifest(explicit, environ)
            manifest._fill(located, read_manifest(located), located.path, ceiling)
            return manifest
        other = look_for_manifest(explicit, environ)
        if other is not None:
            raise _refused(other.path)
        manifest.policy, manifest.path, manifest.hides, manifest.data = ceiling.policy, CEILING, None, ceiling.data
        return manifest

    @classmethod
    def load(cls, path: str | Path) -> Manifest:
        """Read the file. Raises ManifestError."""
        return cls.read(Located(str(path), named=True))

    @classmethod
    def read(cls, located: Located) -> Manifest:
        """Read what `find_manifest` found, which is checked more strictly if nobody named it. Raises ManifestError."""
        return cls(read_manifest(located), name=located.path, path=located.path, hides=located.hides)

    @classmethod
    def parse(cls, text: str | bytes, *, name: str = "manifest") -> Manifest:
        """Read the text; `name` is what messages call it. Raises ManifestError."""
        return cls(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text, name=name)

    def position(self, place: str) -> Position:
        """Line and column, from 1, of what stands at a place: that of a rule is its PlacedRule's `source`.

        Raises KeyError where the manifest has no such place. The first call reads the text once more.
        """
        return self._positions[place]

    @cached_property
    def _positions(self) -> dict[str, Position]:
        return positions(self.data)


def parse_manifest(data: bytes, name: str, ceiling: Ceiling | None = None) -> Policy:
    """The policy that a manifest describes. `name` is what messages call it. Raises ManifestError."""
    return Policy(collect(data, name).rules, manifest=name, ceiling=ceiling)


def _refused(name: str) -> ManifestError:
    reason = f'is not read: {CEILING} says "only", so that it is the manifest and there is no other'
    return ManifestError(name or '""', [ManifestProblem("", None, reason)])
