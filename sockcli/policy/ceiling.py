"""The ceiling: what root allows on this machine at most, whatever manifest is in force.

A request is allowed only if the manifest and the ceiling allow it, and each address too. It is always read where it
exists. No option and no variable turns it off or leads elsewhere, so a test that wants one mounts its own directory.
"""

from __future__ import annotations

from typing import NamedTuple

from sockcli.policy.locate import CEILING, read_ceiling
from sockcli.policy.policy import Ceiling
from sockcli.policy.rule_collector import collect


class LoadedCeiling(NamedTuple):
    """The ceiling and its text."""

    policy: Ceiling
    data: bytes


def load_ceiling() -> LoadedCeiling | None:
    """The ceiling; None where there is none. Raises ManifestError where it is invalid or not to be trusted."""
    data = read_ceiling()
    if data is None:
        return None
    collected = collect(data, CEILING, ceiling=True)
    return LoadedCeiling(Ceiling(collected.rules, manifest=CEILING, only=collected.only, audit=collected.audit), data)
