"""A run writes no file but what its user meant: not its policy, nothing behind a link, nothing of another user's."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sockcli.errors import LocalFailure, UsageError
from sockcli.stdio.files import FileRules, ProtectedFile
from sockcli.stdio.recording import open_log, open_records
from tests.net.support import open_descriptors


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with a manifest in it. Whatever happens, its text stays and no descriptor is left."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    before = open_descriptors()
    yield tmp_path
    assert (tmp_path / "manifest.json").read_text() == "{}"
    assert open_descriptors() == before


def rules(*paths: str) -> FileRules:
    return FileRules([ProtectedFile(path, "a manifest") for path in paths])


def hard_link(folder: Path) -> str:
    (folder / "other").hardlink_to(folder / "manifest.json")
    return "other"


def link(folder: Path) -> str:
    (folder / "other").symlink_to(folder / "manifest.json")
    return "other"


def folder_link(folder: Path) -> str:
    (folder / "other").symlink_to(folder)
    return "other/manifest.json"


SPELLINGS: list[Callable[[Path], str]] = [
    lambda _: "manifest.json",
    lambda _: "./././manifest.json",
    lambda folder: f"{folder}/manifest.json",
    lambda folder: f"../{folder.name}/manifest.json",
    lambda _: "/proc/self/cwd/manifest.json",
    hard_link,
    link,
    folder_link,
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_manifest_is_no_record_however_it_is_spelled(folder: Path, spelling: Callable[[Path], str]) -> None:
    path = spelling(folder)
    for dump, log in ((path, None), (None, path)):
        with pytest.raises(UsageError, match="is a manifest, which no run may write"):
            open_records(dump, log, rules=rules("manifest.json"))
    with pytest.raises(UsageError, match="is a manifest, which no run may write"):
        open_log(path, rules("manifest.json"))


def test_a_manifest_is_no_record_by_its_descriptor(folder: Path) -> None:
    with (folder / "manifest.json").open() as file:
        for path in (
            f"/proc/self/fd/{file.fileno()}",
            f"/dev/fd/{file.fileno()}",
            f"/proc/{os.getpid()}/fd/{file.fileno()}",
        ):
            with pytest.raises(UsageError, match="is a manifest"):
                open_log(path, rules("manifest.json"))


def test_where_a_manifest_would_be_looked_for_none_is_made(folder: Path) -> None:
    (folder / "sockcli").mkdir()
    for path in ("sockcli/manifest.json", f"{folder}/sockcli/../sockcli/manifest.json"):
        with pytest.raises(UsageError, match="is a manifest"):
            open_log(path, rules(f"{folder}/sockcli/manifest.json", "no/folder/manifest.json"))
    assert list((folder / "sockcli").iterdir()) == []


def test_where_a_link_to_a_missing_manifest_leads_none_is_made(folder: Path) -> None:
    (folder / "usual").symlink_to("target")
    with pytest.raises(UsageError, match="is a manifest"):
        open_log("target", rules("usual"))
    assert not (folder / "target").exists()


def test_a_link_is_not_followed(folder: Path) -> None:
    (folder / "precious").write_text("kept")
    (folder / "link").symlink_to("precious")
    (folder / "dangling").symlink_to("absent")
    for path in ("link", "dangling"):
        with pytest.raises(LocalFailure, match="it is a link to a file"):
            open_records(None, path)
        with pytest.raises(LocalFailure, match="it is a link to a file"):
            open_log(path)
    assert (folder / "precious").read_text() == "kept"
    assert not (folder / "absent").exists()


def test_a_file_that_others_could_read_becomes_private(folder: Path) -> None:
    for name in ("dump", "log"):
        (folder / name).touch(0o644)
    (dump,) = open_records("dump", None)
    log, _ = open_log("log")
    for tap in (dump, log):
        tap.close()
    assert [stat.S_IMODE((folder / name).stat().st_mode) for name in ("dump", "log")] == [0o600, 0o600]


def test_a_refused_file_keeps_its_mode(folder: Path) -> None:
    (folder / "dump").touch(0o644)
    with pytest.raises(LocalFailure):
        open_records("dump", "no/folder")
    assert stat.S_IMODE((folder / "dump").stat().st_mode) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: Path(path).touch()])
def test_another_users_file_is_refused(folder: Path, make: Callable[[str], None]) -> None:
    make("theirs")
    os.chown("theirs", 12_345, -1)
    reader = os.open("theirs", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(LocalFailure, match=r"belongs to another user \(uid 12345\)"):
        open_log("theirs")
    os.close(reader)
    assert (folder / "theirs").stat().st_uid == 12_345


@pytest.mark.usefixtures("folder")
def test_a_pipe_by_its_descriptor_is_as_the_shell_gives_it() -> None:
    read, write = os.pipe()
    log, _ = open_log(f"/dev/fd/{write}")
    log.sent(b"heard")
    log.close()
    assert os.read(read, 100) == b"heard"
    os.close(read)
    os.close(write)


def test_a_regular_file_by_its_descriptor_is_a_link(folder: Path) -> None:
    with (folder / "file").open("w") as file, pytest.raises(LocalFailure, match="it is a link to a file"):
        open_log(f"/dev/fd/{file.fileno()}")


def test_no_file_may_be_named(folder: Path) -> None:
    none = FileRules(none_named=True)
    for option, dump, log in (("--hex-dump", "x", None), ("--log", None, "/dev/null")):
        with pytest.raises(UsageError, match=f"{option}: --no-files is given"):
            open_records(dump, log, rules=none)
    with pytest.raises(UsageError, match="log: --no-files is given"):
        open_log("x", none)
    assert [each.name for each in folder.iterdir()] == ["manifest.json"]
    for tap in open_records("-", "-", rules=none):
        tap.close()
