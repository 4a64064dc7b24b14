"""Archives that are whole, cut short, damaged, or mean no good."""

import errno
import hashlib
import io
import shutil
import sys
import tarfile
import zipfile

import pytest

from lib.unpack import UnpackError, unpack


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def tarred(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as file:
        for name, content in members.items():
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = 0 if isinstance(content, tarfile.TarInfo) else len(content)
            file.addfile(member, None if isinstance(content, tarfile.TarInfo) else io.BytesIO(content))
    return path


def sevened(path, members, **options):
    import py7zr

    with py7zr.SevenZipFile(path, "w", **options) as file:
        for name, content in members.items():
            file.writestr(content, name)
    return path


def link(name, target, kind):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


GOOD = {"a.txt": b"one", "deep/er/b.txt": b"two" * 1000, "ä: ö.wav": b"three"}


@pytest.mark.parametrize(
    "make",
    [zipped, tarred, *(lambda p, m, mode=mode: tarred(p, m, mode) for mode in ("w", "w:bz2", "w:xz")), sevened],
    ids=["zip", "gz", "tar", "bz2", "xz", "7z"],
)
def test_archives_are_unpacked_once(make, tmp_path):
    files = unpack(make(tmp_path / "archive", GOOD), tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in files] == sorted(GOOD)
    assert {path.read_bytes() for path in files} == set(GOOD.values())
    files[0].write_bytes(b"mine")
    assert unpack(tmp_path / "archive", tmp_path / "out") == files and files[0].read_bytes() == b"mine"


def evil_7z(path, monkeypatch):
    """py7zr itself writes no such name."""
    import py7zr.py7zr

    monkeypatch.setattr(py7zr.py7zr, "check_archive_path", lambda name: True)
    return sevened(path, {"../evil": b"x"})


def evil_7z_link(path, monkeypatch):
    import py7zr

    (path.parent / "link").symlink_to("/etc/passwd")
    with py7zr.SevenZipFile(path, "w") as file:
        file.write(path.parent / "link", "link")
    (path.parent / "link").unlink()
    return path


def evil_zip_link(path):
    member = zipfile.ZipInfo("link")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(member, "/etc/passwd")
    return path


EVIL = {
    "zip, up": (lambda p: zipped(p, {"ok": b"", "../evil": b"x"}), "'../evil' would leave"),
    "zip, up inside": (lambda p: zipped(p, {"a/../../evil": b"x"}), "would leave"),
    "zip, backslashes": (lambda p: zipped(p, {"..\\evil": b"x"}), "would leave"),
    "zip, absolute": (lambda p: zipped(p, {"/tmp/evil": b"x"}), "would leave"),
    "zip, drive": (lambda p: zipped(p, {"C:evil": b"x"}), "would leave"),
    "zip, link": (evil_zip_link, "'link' is a link or a device"),
    "tar, up": (lambda p: tarred(p, {"../evil": b"x"}), "would leave"),
    "tar, absolute": (lambda p: tarred(p, {"/tmp/evil": b"x"}), "would leave"),
    "tar, symlink": (lambda p: tarred(p, {"l": link("l", "/etc", tarfile.SYMTYPE)}), "is a link or a device"),
    "tar, hard link": (lambda p: tarred(p, {"l": link("l", "a", tarfile.LNKTYPE)}), "is a link or a device"),
    "tar, device": (lambda p: tarred(p, {"l": link("l", "", tarfile.CHRTYPE)}), "is a link or a device"),
    "cut zip": (lambda p: cut(zipped(p, GOOD)), "cut short or damaged|something else"),
    "cut tar.gz": (lambda p: cut(tarred(p, {"noise": random_bytes(50_000)})), "cut short or damaged"),
    "cut 7z": (lambda p: cut(sevened(p, {"noise": random_bytes(50_000)})), "cut short or damaged"),
    "damaged zip": (lambda p: damage(zipped(p, {"noise": random_bytes(50_000)})), "cut short or damaged"),
    "damaged tar.gz": (lambda p: damage(tarred(p, {"noise": random_bytes(50_000)})), "cut short or damaged .BadGzip"),
    "damaged 7z": (lambda p: damage(sevened(p, {"noise": random_bytes(50_000)})), "cut short or damaged .CrcError"),
    "a zip that says nonsense": (lambda p: unknown_method(zipped(p, GOOD)), "cut short or damaged .NotImplemented"),
    "a 7z with a password": (lambda p: sevened(p, GOOD, password="x"), "PasswordRequired"),
    "no archive": (lambda p: p.write_bytes(b"<html>") and p, "expected a zip, tar or 7z archive; got something else"),
    "nothing": (lambda p: p, "there is no such file"),
}


def random_bytes(n):
    return b"".join(hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(n // 32))


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    return path


def unknown_method(path):
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02")  # the directory's first entry; its method stands 10 bytes on
    path.write_bytes(content[: at + 10] + b"\x63" + content[at + 11 :])
    return path


@pytest.mark.parametrize("make, message", [(evil_7z, "'../evil' would leave"), (evil_7z_link, "'link' is a link")])
def test_a_7z_that_would_leave_its_folder_is_refused(tmp_path, monkeypatch, make, message):
    archive = make(tmp_path / "archive", monkeypatch)
    with pytest.raises(UnpackError, match=message):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


@pytest.mark.parametrize("case", EVIL)
def test_bad_archives_are_refused_and_leave_nothing(tmp_path, case):
    make, message = EVIL[case]
    archive = make(tmp_path / "archive")
    with pytest.raises(UnpackError, match=message):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == (["archive"] if archive.exists() else [])


def test_an_archive_larger_than_the_disk_is_refused(tmp_path, monkeypatch):
    archive = zipped(tmp_path / "archive", {"big": b"0" * 10_000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9000, 1, 8999))
    with pytest.raises(UnpackError, match="the disk has .* GiB free"):
        unpack(archive, tmp_path / "out")


def test_a_full_disk_is_no_damaged_archive(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    archive = zipped(tmp_path / "archive", GOOD)
    monkeypatch.setattr(zipfile.ZipFile, "extractall", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_a_7z_archive_without_its_library_is_explained(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "py7zr", None)
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(50))
    with pytest.raises(
        UnpackError, match="needs py7zr. Try: python -m pip install py7zr, or unpack it by hand into .*out"
    ):
        unpack(tmp_path / "a.7z", tmp_path / "out")
