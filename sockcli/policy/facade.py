"""What a program that uses sockcli as a library reads its manifest with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockcli.policy.locate import Located, load_manifest
from sockcli.policy.manifest import parse_manifest
from sockcli.policy.policy import Policy

if TYPE_CHECKING:
    from pathlib import Path


class Manifest:
    """A manifest, read and valid. `path` is None for one that came as text."""

    def __init__(self, policy: Policy, path: str | None = None) -> None:
        self.policy = policy
        self.path = path

    @classmethod
    def load(cls, path: str | Path) -> Manifest:
        """Read the file. Raises ManifestError."""
        name = str(path)
        return cls(load_manifest(Located(name, named=True)), name)

    @classmethod
    def parse(cls, text: str | bytes, *, name: str = "manifest") -> Manifest:
        """Read the text; `name` is what messages call it. Raises ManifestError."""
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        return cls(parse_manifest(data, name))
