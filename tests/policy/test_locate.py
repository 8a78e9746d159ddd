"""Which file is the manifest, and when it is trusted."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from sockcli.errors import ExitCode, ManifestError
from sockcli.policy import Policy, locate
from sockcli.policy.locate import Located, find_manifest
from sockcli.policy.manifest import Manifest

TEXT = '{"permissions": [{"socket": ["tcp-connect:localhost:4000"]}]}'
OTHER_USER, OTHER_GROUP = 54321, 54322


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with `here` as the current one, `config` and `home`, all empty."""
    for name in ("here", "config/sockcli", "home/.config/sockcli"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def write(path: Path, text: str = TEXT, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch, *, uid: int = -1, gid: int = -1) -> None:
    """Let the file be another user's or group's: truly as root, else as far as fstat() tells."""
    if os.geteuid() == 0:
        mode = path.stat().st_mode
        os.chown(path, uid, gid)
        path.chmod(mode)
        return
    fstat = os.fstat

    def tell(descriptor: int) -> os.stat_result:
        mode, inode, device, links, real_uid, real_gid, *rest = fstat(descriptor)
        owner = (real_uid if uid < 0 else uid, real_gid if gid < 0 else gid)
        return os.stat_result((mode, inode, device, links, *owner, *rest))

    monkeypatch.setattr(os, "fstat", tell)


def load_manifest(located: Located) -> Policy:
    return Manifest.read(located).policy


def refused(located: Located) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        load_manifest(located)
    assert caught.value.exit_code is ExitCode.MANIFEST
    return caught.value


def test_the_order_of_the_places(places: Path) -> None:
    environ = {
        "SOCKCLI_MANIFEST": str(places / "named.json"),
        "XDG_CONFIG_HOME": str(places / "config"),
        "HOME": str(places / "home"),
    }
    for path in ("here/manifest.json", "config/sockcli/manifest.json", "home/.config/sockcli/manifest.json"):
        write(places / path)
    found = find_manifest("explicit.json", environ)
    assert found[:2] == ("explicit.json", True)
    assert find_manifest(None, environ)[:2] == (str(places / "named.json"), True)
    environ["SOCKCLI_MANIFEST"] = ""
    assert find_manifest(None, environ)[:2] == ("manifest.json", False)
    (places / "here/manifest.json").unlink()
    assert find_manifest(None, environ)[:2] == (str(places / "config/sockcli/manifest.json"), False)
    (places / "config/sockcli/manifest.json").unlink()
    with pytest.raises(ManifestError):
        find_manifest(None, environ)
    del environ["XDG_CONFIG_HOME"]
    assert find_manifest(None, environ)[:2] == (str(places / "home/.config/sockcli/manifest.json"), False)


def test_the_environment_is_the_process_own_if_none_is_given(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKCLI_MANIFEST", str(places / "named.json"))
    assert find_manifest()[:2] == (str(places / "named.json"), True)


@pytest.mark.parametrize("config", ["", "config", "./config", "../config"])
def test_a_relative_config_directory_is_ignored(places: Path, config: str) -> None:
    write(places / "config/sockcli/manifest.json")
    home = write(places / "home/.config/sockcli/manifest.json")
    environ = {"XDG_CONFIG_HOME": config, "HOME": str(places / "home")}
    assert find_manifest(None, environ)[:2] == (str(home), False)


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "home"}])
def test_without_a_home_there_is_no_place_in_it(places: Path, environ: dict[str, str]) -> None:
    (places / "here/.config/sockcli").mkdir(parents=True)
    write(places / "here/.config/sockcli/manifest.json")
    with pytest.raises(ManifestError):
        find_manifest(None, environ)


def test_none_at_all_says_where_it_looked_and_what_one_looks_like(places: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        find_manifest(None, {"XDG_CONFIG_HOME": str(places / "config")})
    assert str(caught.value) == "manifest.json: there is no manifest, so nothing is allowed"
    hint = caught.value.hint
    assert hint is not None
    for part in ("--manifest", "$SOCKCLI_MANIFEST", "manifest.json", str(places / "config/sockcli"), TEXT):
        assert part in hint


def test_one_that_is_named_and_missing_is_an_error_and_no_other_is_used(places: Path) -> None:
    write(places / "here/manifest.json")
    for located in (find_manifest("missing.json", {}), find_manifest(None, {"SOCKCLI_MANIFEST": "missing.json"})):
        assert str(refused(located)) == "missing.json: cannot be read: no such file or directory"


def test_a_link_that_leads_nowhere_is_an_error_and_the_next_place_is_not_used(places: Path) -> None:
    write(places / "home/.config/sockcli/manifest.json")
    (places / "here/manifest.json").symlink_to("missing.json")
    assert "no such file" in str(refused(find_manifest(None, {"HOME": str(places / "home")})))


def test_a_link_is_followed_to_a_file_that_can_be_trusted(places: Path) -> None:
    write(places / "real.json")
    (places / "here/manifest.json").symlink_to("../real.json")
    assert load_manifest(find_manifest(None, {})).manifest == "manifest.json"


def test_a_file_in_the_way_of_the_config_directory_is_no_manifest(places: Path) -> None:
    write(places / "not-a-directory")
    with pytest.raises(ManifestError, match="there is no manifest"):
        find_manifest(None, {"XDG_CONFIG_HOME": str(places / "not-a-directory")})


def test_one_that_may_not_be_read_is_an_error_and_the_next_place_is_not_used(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(places / "home/.config/sockcli/manifest.json")
    write(places / "here/manifest.json", mode=0)
    located = find_manifest(None, {"HOME": str(places / "home")})

    def refuse(path: str, flags: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path, flags)

    monkeypatch.setattr(os, "open", refuse)  # root may read everything
    assert str(refused(located)) == "manifest.json: cannot be read: permission denied"


def test_one_that_cannot_even_be_looked_at_is_not_taken_for_missing(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "lstat", refuse)
    assert find_manifest(None, {"HOME": str(places / "home")})[:2] == ("manifest.json", False)


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_directory(path: Path) -> None:
    path.mkdir()


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_fifo, make_directory, link_to_device])
def test_only_a_regular_file_is_read_and_nothing_is_waited_for(places: Path, make: Callable[[Path], None]) -> None:
    make(places / "thing")
    assert str(refused(Located(str(places / "thing"), named=True))).endswith("thing: is not a regular file")


@pytest.mark.usefixtures("places")
def test_a_socket_cannot_be_read() -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")  # relative: the whole path may be too long for a sockaddr
        assert "cannot be read" in str(refused(Located("socket", named=True)))


def test_a_name_that_no_file_has() -> None:
    assert "cannot be read" in str(refused(Located("a\0b", named=True)))


def test_16_mib_are_read_and_a_byte_more_is_not(places: Path) -> None:
    path = write(places / "big.json", "{" + " " * (locate.MAX_BYTES - 2) + "}")
    assert load_manifest(Located(str(path), named=True)).rules == ()
    with path.open("a") as file:
        file.write(" ")
    assert str(refused(Located(str(path), named=True))).endswith("is larger than 16 MiB")


def test_a_file_that_grows_while_it_is_read_is_not_read_for_ever(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(places / "growing.json", " ")
    monkeypatch.setattr(locate, "MAX_BYTES", 1024)
    reads = 0

    def grow(_: int, size: int) -> bytes:
        nonlocal reads
        reads += 1
        return b" " * min(size, 100)

    monkeypatch.setattr(os, "read", grow)
    assert "is larger than" in str(refused(Located(str(path), named=True)))
    assert reads == 11


def test_no_descriptor_is_left_open(places: Path) -> None:
    path = write(places / "here/manifest.json")
    before = sorted(os.listdir("/proc/self/fd"))
    load_manifest(Located(str(path), named=False))
    path.chmod(0o666)
    refused(Located(str(path), named=False))
    (places / "fifo").unlink(missing_ok=True)
    os.mkfifo(places / "fifo")
    refused(Located(str(places / "fifo"), named=True))
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o644, 0o755])
def test_a_file_writable_by_nobody_else_is_trusted(places: Path, mode: int) -> None:
    path = write(places / "here/manifest.json", mode=mode)
    assert len(load_manifest(Located(str(path), named=False)).rules) == 1


@pytest.mark.parametrize("mode", [0o602, 0o646, 0o666, 0o777])
def test_a_file_writable_by_everybody_is_trusted_only_if_named(places: Path, mode: int) -> None:
    path = write(places / "here/manifest.json", mode=mode)
    error = refused(Located(str(path), named=False))
    assert "can be written by everybody" in str(error)
    assert error.hint == f"chmod o-w {path}"
    assert load_manifest(Located(str(path), named=True)).rules


@pytest.fixture
def own_group(places: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """What /etc/passwd has as the user's own group, whoever runs the tests."""
    passwd = places / "own-passwd"
    passwd.write_text(f"me:x:{os.geteuid()}:{os.getegid()}:me:/:/bin/sh\n")
    monkeypatch.setattr(locate, "_PASSWD", str(passwd))
    return os.getegid()


def test_the_users_own_primary_group_is_nobody_else(places: Path, own_group: int) -> None:
    path = write(places / "here/manifest.json", mode=0o664)
    os.chown(path, -1, own_group)
    path.chmod(0o664)
    assert load_manifest(Located(str(path), named=False)).rules


def test_the_primary_group_is_the_one_in_etc_passwd(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other source is asked, as getpwuid() would: it might be a server."""
    path = write(places / "here/manifest.json", mode=0o664)
    give_away(path, monkeypatch, gid=OTHER_GROUP)
    passwd = places / "passwd"
    monkeypatch.setattr(locate, "_PASSWD", str(passwd))
    monkeypatch.setattr(os, "getgid", lambda: OTHER_GROUP)  # as after newgrp
    user = os.geteuid()
    for text in (
        None,
        "",
        f"me:x:{user}:1:me:/:/bin/sh\nalias:x:{user}:{OTHER_GROUP}:me:/:/bin/sh\n",
        f"other:x:{user}1:{OTHER_GROUP}:me:/:/bin/sh\n",
        f"short:x:{user}:{OTHER_GROUP}\n+::::::\n\n",
    ):
        if text is not None:
            passwd.write_text(text)
        refused(Located(str(path), named=False))
    passwd.write_text(f"other:x:7:7:::\nme:x:{user}:{OTHER_GROUP}:Jos\xe9:/:/bin/sh\n", encoding="latin-1")
    assert load_manifest(Located(str(path), named=False)).rules


def test_another_group_that_can_write_it(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(places / "here/manifest.json", mode=0o664)
    give_away(path, monkeypatch, gid=OTHER_GROUP)
    error = refused(Located(str(path), named=False))
    assert f"can be written by others than uid {os.geteuid()} (by gid {OTHER_GROUP}, or" in str(error)
    assert error.hint == f"chmod g-w {path}"
    assert load_manifest(Located(str(path), named=True)).rules
    path.chmod(0o644)
    assert load_manifest(Located(str(path), named=False)).rules


def test_another_users_file_is_trusted_only_if_named(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(places / "here/manifest.json", mode=0o644)
    give_away(path, monkeypatch, uid=OTHER_USER)
    error = refused(Located(str(path), named=False))
    assert f"belongs to another user (uid {OTHER_USER})" in str(error)
    assert error.hint is not None
    assert "--manifest" in error.hint
    assert load_manifest(Located(str(path), named=True)).rules


def test_roots_file_is_trusted_by_every_user(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(places / "here/manifest.json", mode=0o664)
    give_away(path, monkeypatch, uid=0, gid=0)
    monkeypatch.setattr(os, "geteuid", lambda: OTHER_USER)
    monkeypatch.setattr(os, "getgid", lambda: OTHER_GROUP)
    refused(Located(str(path), named=False))  # root's group can write it, and that is not this user's
    path.chmod(0o644)
    assert load_manifest(Located(str(path), named=False)).rules


def test_an_access_list_may_let_others_write(places: Path, own_group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(places / "here/manifest.json", mode=0o664)
    os.chown(path, -1, own_group)
    # acl(5) in the kernel's form: u::rw-, u:54321:rw-, g::r--, m::rw-, o::r--
    entries = [(0x01, 6, -1), (0x02, 6, OTHER_USER), (0x04, 4, -1), (0x10, 6, -1), (0x20, 4, -1)]
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", packed)
    except OSError:  # the file system has none
        monkeypatch.setattr(os, "getxattr", lambda *_: packed)
    assert "can be written by others" in str(refused(Located(str(path), named=False)))


def test_it_is_opened_once_and_checked_on_the_open_descriptor(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link swapped between the check and the reading must not matter: nothing is asked by name after open()."""
    path = write(places / "here/manifest.json")
    opened: list[object] = []
    real_open, real_stat = os.open, os.stat

    def spy(name: str, flags: int) -> int:
        opened.append(name)
        descriptor = real_open(name, flags)
        path.unlink()
        write(path, '{"deny": "swapped"}', mode=0o666)
        return descriptor

    monkeypatch.setattr(os, "open", spy)
    assert len(load_manifest(Located("manifest.json", named=False)).rules) == 1
    assert opened == ["manifest.json"]
    assert real_stat(path).st_size == len('{"deny": "swapped"}')


def test_problems_name_the_file_as_it_was_found(places: Path) -> None:
    write(places / "here/manifest.json", '{"deny": ["tcp-connect:host:99999"]}')
    assert str(refused(find_manifest(None, {}))) == (
        'manifest.json: deny[0]: "tcp-connect:host:99999": port must be 1 to 65535 or *'
    )


@pytest.mark.parametrize("mode", [0o702, 0o777, 0o770, 0o720])
def test_a_directory_that_others_can_write_is_not_trusted(
    places: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    """Whoever may write it may put another file in the place of the manifest."""
    passwd = write(places / "passwd", f"me:x:{os.geteuid()}:{OTHER_GROUP}::/:\n")
    monkeypatch.setattr(locate, "_PASSWD", str(passwd))
    write(places / "here/manifest.json")
    (places / "here").chmod(mode)
    error = refused(find_manifest(None, {}))
    assert "its directory can be written by others" in str(error)
    assert error.hint is not None
    assert "--manifest" in error.hint
    assert load_manifest(Located("manifest.json", named=True)).rules
    (places / "here").chmod(mode | 0o1000)  # sticky: only the owner of a file replaces it
    assert load_manifest(find_manifest(None, {})).rules


def test_the_primary_group_may_write_the_directory(places: Path, own_group: int) -> None:
    write(places / "here/manifest.json")
    os.chown(places / "here", -1, own_group)
    (places / "here").chmod(0o775 - 0o5)
    assert load_manifest(find_manifest(None, {})).rules


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
class TestOthersFolders:
    def test_another_users_directory(self, places: Path) -> None:
        write(places / "here/manifest.json")
        os.chown(places / "here", OTHER_USER, -1)
        assert "its directory belongs to another user" in str(refused(find_manifest(None, {})))

    def test_a_link_that_another_user_made(self, places: Path) -> None:
        """In a group's folder, or in /tmp: it makes any file of the user's the policy."""
        write(places / "mine.json")
        link = places / "here/manifest.json"
        link.symlink_to("../mine.json")
        (places / "here").chmod(0o1777)
        assert load_manifest(find_manifest(None, {})).rules
        os.chown(link, OTHER_USER, -1, follow_symlinks=False)
        assert "is a link that another user made" in str(refused(find_manifest(None, {})))
        assert load_manifest(Located(str(link), named=True)).rules


def test_a_hard_link_in_a_directory_of_everybodys(places: Path) -> None:
    write(places / "mine.json")
    os.link(places / "mine.json", places / "here/manifest.json")
    assert load_manifest(find_manifest(None, {})).rules
    (places / "here").chmod(0o1777)
    assert "has another name" in str(refused(find_manifest(None, {})))


def test_a_file_swapped_for_a_link_before_it_is_opened(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(places / "here/manifest.json")
    write(places / "mine.json")
    real_open = os.open

    def swap(name: str, flags: int) -> int:
        path.unlink()
        path.symlink_to("../mine.json")
        return real_open(name, flags)

    monkeypatch.setattr(os, "open", swap)
    assert "was replaced while it was opened" in str(refused(Located("manifest.json", named=False)))


def test_which_of_the_users_own_it_hides(places: Path) -> None:
    own = write(places / "config/sockcli/manifest.json")
    environ = {"XDG_CONFIG_HOME": str(places / "config")}
    assert find_manifest(None, environ) == Located(str(own), False, None)
    here = write(places / "here/manifest.json")
    assert find_manifest(None, environ) == Located("manifest.json", False, str(own))
    assert find_manifest("other.json", environ) == Located("other.json", True, None)
    here.unlink()
    here.symlink_to(own)
    assert find_manifest(None, environ).hides is None
