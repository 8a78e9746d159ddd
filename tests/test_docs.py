"""What the documents point at is there, and the table of layers is the one that the imports are held to."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.test_architecture import LAYERS

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
# Shown on PyPI or in an advisory, where a relative link leads nowhere.
SHOWN_ELSEWHERE: Final = ("README.md", "SECURITY.md")
HOME: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Homepage"]


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_of_ours_leads_to_one(page: Path) -> None:
    for link in links(page):
        own = re.fullmatch(rf"{re.escape(HOME)}/(?:blob|tree)/main/(.*)", link)
        if own is not None:
            assert (ROOT / own[1]).exists(), link
        elif "://" not in link:
            assert page.name not in SHOWN_ELSEWHERE, f"{link} must be absolute"
            assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_is_named_is_there(page: Path) -> None:
    for path in re.findall(r"`((?:tests|sockcli|docs|benchmarks|\.ci)/[\w./-]*)`", page.read_text()):
        assert (ROOT / path).exists(), path


def test_the_layers_are_those_that_are_tested() -> None:
    """Each package once, from the bottom up, and those of one row under one number."""
    page = (ROOT / "docs/architecture.md").read_text()
    table = page.partition("<!-- layers -->")[2].partition("<!-- /layers -->")[0]
    rows: dict[int, set[str]] = {}
    for number, packages in re.findall(r"^\| (\d+) \| (.*?) \|", table, re.MULTILINE):
        rows.setdefault(int(number), set()).update(re.findall(r"`(\w+)`", packages))
    assert list(rows) == list(range(1, len(LAYERS) + 1))
    assert list(rows.values()) == [set(layer) for layer in LAYERS]
