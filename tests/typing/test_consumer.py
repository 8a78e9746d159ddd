"""The public names as a consumer's `mypy --strict` sees them: those that are there, typed, and no others."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import sockcli

PROGRAM = Path(__file__).with_name("program.py")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def mypy(text: str, cache: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("mypy")
    package = Path(sockcli.__file__).parent.parent
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", str(cache), "-c", text],
        capture_output=True,
        text=True,
        timeout=55,
        cwd=package,
    )


def test_a_program_that_uses_the_library_is_typed(cache: Path) -> None:
    checked = mypy(PROGRAM.read_text(), cache)
    assert (checked.returncode, checked.stdout) == (0, "Success: no issues found in 1 source file\n"), checked.stderr


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("from sockcli import Nope", 'Module "sockcli" has no attribute "Nope"'),
        ("import sockcli\nsockcli.nope()", 'Module has no attribute "nope"'),
        ("from sockcli import Host\nHost.parse(5)", "incompatible type"),
        ("from sockcli import Manifest\nManifest.load('x').policy.observe(object())", "incompatible type"),
    ],
)
def test_a_program_that_is_wrong_is_told_so(text: str, error: str, cache: Path) -> None:
    checked = mypy(text, cache)
    assert checked.returncode == 1, checked.stderr
    assert error in checked.stdout


def test_what_type_checkers_see_is_what_there_is() -> None:
    tree = ast.parse(inspect.getsource(sockcli))
    seen = {
        (node.module, alias.name)
        for guarded in tree.body
        if isinstance(guarded, ast.If) and isinstance(guarded.test, ast.Name)
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {(home, name) for home, names in sockcli._HOMES.items() for name in names}
    assert seen == homes
    assert sorted(name for _, name in seen) == [name for name in sockcli.__all__ if name != "__version__"]
    assert dir(sockcli) == sorted(sockcli.__all__)
    for name in sockcli.__all__:
        assert getattr(sockcli, name)


def test_what_is_not_there_is_not_there() -> None:
    with pytest.raises(AttributeError, match="nope"):
        getattr(sockcli, "nope")  # noqa: B009
