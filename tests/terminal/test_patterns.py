"""The patterns are ones that every Python 3.11 matches as they say."""

from __future__ import annotations

import re

import pytest

from sockcli.terminal.safe_rules import SafeRules
from sockcli.terminal.screen_rules import ScreenRules


@pytest.mark.parametrize("rules", [SafeRules, ScreenRules])
def test_no_group_is_possessive(rules: type[SafeRules] | type[ScreenRules]) -> None:
    """Debian 12's Python 3.11.2 matched half a sequence with one (CPython issue 106052), and newer ones cannot tell."""
    assert not re.search(r"\)[*+?}]\+|\(\?>", rules.tokens.pattern)
