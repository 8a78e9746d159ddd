"""Floods of the same few bytes: runs are taken as runs, and what comes again is looked up. Counted, not timed."""

from __future__ import annotations

import pytest

from sockcli.terminal import TerminalFilter
from sockcli.terminal.safe_rules import SafeRules
from sockcli.terminal.screen_rules import ScreenRules
from tests.terminal.corpus import DANGEROUS
from tests.terminal.tools import SAFE_MODES, SafeMode

SIZE = 64 * 1024
RUNS = ["\r", "\x1b", "\x1b]", "\x1bP", "\x1b]\x1bP", "\a", "\x0e", "\x85", "\u200d", "x"]


@pytest.mark.parametrize("rules", [SafeRules, ScreenRules])
@pytest.mark.parametrize("unit", ["\r", "\x1b", "\x1b]", "\x1bP", "\x1b]\x1bP", "\a", "\x0e", "\x85", "\u200d", "x"])
def test_a_run_is_one_token(rules: type[SafeRules] | type[ScreenRules], unit: str) -> None:
    assert len(rules.tokens.findall(unit * SIZE)) <= 3


@pytest.mark.parametrize("mode", SAFE_MODES)
@pytest.mark.parametrize("unit", [*DANGEROUS.values(), b"x\r", b"x\a", b"\x1b\x18", b"x\xc2\x9b", b"\r\r\n", b"\x1b["])
def test_what_comes_again_is_looked_up(mode: SafeMode, unit: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out: list[str] = []
    show_one = SafeRules.show_one

    def counting(self: SafeRules, token: str) -> object:
        worked_out.append(token)
        return show_one(self, token)

    monkeypatch.setattr(SafeRules, "show_one", counting)
    monkeypatch.setattr(ScreenRules, "show_one", counting)
    passage = TerminalFilter(mode, clock=lambda: 0.0)
    for _ in range(3):
        passage.feed(unit * (SIZE // len(unit)))
    passage.finish()
    # A token that is longer than those that are remembered is worked out each time; such are few in so many bytes.
    assert len([token for token in worked_out if len(token) <= 128]) < 40


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_what_is_remembered_is_bounded(mode: SafeMode) -> None:
    passage = TerminalFilter(mode)
    for number in range(20_000):
        passage.feed(f"\x1b[{number}n\x1b]{number}\a".encode() + b"\x1b]" + b"x" * 1_000 + b"%d\a" % number)
    rules = passage._parser.rules
    assert len(rules._texts) < 3_000
    assert len(rules._effects) < 3_000
    assert max(map(len, rules._effects)) < 200


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_everything_is_counted_also_in_runs(mode: SafeMode) -> None:
    passage = TerminalFilter(mode)
    passage.feed(b"\x1b]\x1bP\x1b]" * 100 + b"\a")
    (line, *_) = passage.notices()
    assert line.endswith("200 OSC, 100 DCS")
