"""docs/manifest.md says what is true: its examples are read, its rules are rules, its error is the one given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sockcli.base.endpoint import Operation
from sockcli.errors import ManifestError
from sockcli.policy import Rule
from sockcli.policy.manifest import parse_manifest

PAGE = (Path(__file__).parents[2] / "docs/manifest.md").read_text()
OPERATIONS = "|".join(operation.value for operation in Operation)


@pytest.mark.parametrize("example", re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
def test_the_examples_are_valid(example: str) -> None:
    assert parse_manifest(example.encode(), "docs/manifest.md").rules


@pytest.mark.parametrize("rule", re.findall(rf"`((?:{OPERATIONS})(?::[^`]*)?)`", PAGE))
def test_the_rules_are_rules(rule: str) -> None:
    assert Rule.parse(rule)


def test_every_operation_is_explained() -> None:
    for operation in Operation:
        assert f"`{operation}`" in PAGE


def test_the_error_shown_is_the_error_given() -> None:
    (shown,) = re.findall(r"^manifest\.json: .*$", PAGE, re.MULTILINE)
    (text,) = re.findall(r'"(tcp-connect:host:.*?)"', shown)
    with pytest.raises(ManifestError) as caught:
        parse_manifest(
            f'{{"permissions": [{{"socket": ["tcp-listen", "udp-bind", "{text}"]}}]}}'.encode(), "manifest.json"
        )
    assert str(caught.value) == shown
