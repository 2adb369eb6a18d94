from __future__ import annotations

import os
import stat

import pytest

from cdtnet.errors import WriteError
from cdtnet.system.atomic import is_same_file, leftovers_of, new_file, remove_leftovers, write_file


def test_a_file_is_replaced_and_keeps_its_permissions(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_new_file_has_what_the_umask_grants(tmp_path):
    write_file(tmp_path / "new", b"")
    (tmp_path / "reference").touch()
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "reference").stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_write_cut_short_leaves_the_old_file(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (100_000, hard)
    )  # the system refuses the bytes beyond, as a full disk
    try:
        with pytest.raises(WriteError, match=r"a\.bin cannot be written \(File too large\); check"):
            write_file(path, bytes(1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_failed_exchange_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(WriteError, match=r"cannot be written \(Permission denied\)"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere"
)
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(WriteError, match="Permission denied"):
        write_file(tmp_path / "a.bin", b"new")
    tmp_path.chmod(0o700)


def test_places_that_are_none(tmp_path):
    with pytest.raises(WriteError, match="folder does not exist; create"):
        write_file(tmp_path / "none" / "a.bin", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(WriteError, match="it is not a file"):
        write_file(tmp_path / "folder", b"")


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(tmp_path):
    target = tmp_path / "a.png"
    left = tmp_path / ".a.png.0123abcd.tmp"
    others = [tmp_path / ".ab.png.0123abcd.tmp", tmp_path / ".a.png.backup.tmp", tmp_path / "a.png.tmp"]
    for path in (left, *others):
        path.write_bytes(b"half")
    with new_file(target) as stream:
        stream.write(b"new")
        remove_leftovers(leftovers_of(target))
        assert not left.exists()
    assert target.read_bytes() == b"new"
    assert sorted(tmp_path.iterdir()) == sorted([target, *others])


def test_one_file_by_several_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b").write_bytes(b"")
    (tmp_path / "hard").hardlink_to("a")
    (tmp_path / "soft").symlink_to("a")
    (tmp_path / "dangling").symlink_to("absent")
    for name in ("a", "./a", tmp_path / "a", "hard", "soft"):
        assert is_same_file("a", name)
    assert is_same_file("dangling", "absent")
    assert not is_same_file("a", "b")
    assert not is_same_file("a", "absent")
