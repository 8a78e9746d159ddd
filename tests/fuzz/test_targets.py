"""Each fuzz target for a second at most, with the same inputs every time. `python -m tests.fuzz` goes on from there."""

from __future__ import annotations

import time

import pytest

from tests.fuzz.__main__ import TARGETS, Task, run, tasks

INPUTS = 100_000  # of all targets
SECONDS = 0.8


@pytest.mark.parametrize("name", TARGETS)
def test_it_finds_nothing(name: str) -> None:
    task = Task(name, seed=1, inputs=INPUTS * TARGETS[name].share // 100, until=time.monotonic() + SECONDS)
    result = run(task)
    assert result.failed is None, f"{result.fault}: {result.failed.hex()[:2_000]}"
    assert result.tried


def test_the_shares_are_a_whole() -> None:
    assert sum(target.share for target in TARGETS.values()) == 100
    planned = tasks(list(TARGETS.values()), 1_000_000, 1.0, seed=3)
    assert sum(task.inputs for task in planned) == 1_000_000
    assert len({(task.target, task.seed) for task in planned}) == len(planned)


def test_a_finding_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(data: bytes) -> None:
        assert b"::" not in data

    monkeypatch.setitem(TARGETS, "rule", TARGETS["rule"]._replace(check=check))
    result = run(Task("rule", seed=1, inputs=10_000, until=time.monotonic() + 60))
    assert result.failed is not None
    assert b"::" in result.failed
    assert "AssertionError" in result.fault
