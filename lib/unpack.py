"""Archives, opened safely: no member leaves the folder, no links, and the folder is there whole or not at all."""

import errno
import re
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lib import split_zip


class UnpackError(ValueError):
    """An archive that cannot be opened, or that tries to do what it should not."""


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    plain: bool  # a file or a folder, not a link or a device


def unpack(archive: str | Path, folder: str | Path) -> list[Path]:
    """Unpack a zip, tar (plain, gz, bz2, xz) or 7z archive into a new folder; its files, sorted.

    A zip may be in parts: give NAME.zip, with NAME.z01, NAME.z02 ... beside it.

    A folder that is there already, with something in it, was unpacked before (it appears only when all is done) and is
    left as it is. 7z needs py7zr.

    Raises:
        UnpackError: not an archive, damaged, in parts of which one is missing, too large for the disk, or with a member
            that is a link or would leave the folder. Nothing is left behind.
    """
    archive, folder = Path(archive), Path(folder)
    if not (folder.is_dir() and any(folder.iterdir())):
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            _extract(archive, part)
            if folder.is_dir():
                folder.rmdir()
            part.rename(folder)
        except Exception as error:  # the libraries raise many kinds, of which some are OSErrors
            if isinstance(error, UnpackError) or _of_the_disk(error):
                raise
            why = f"{type(error).__name__}: {str(error)[:100]}"
            raise UnpackError(f"{archive.name}: cut short or damaged ({why}). Delete it and fetch it again.") from None
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _extract(archive: Path, folder: Path) -> None:
    if not archive.is_file():
        raise UnpackError(f"{archive}: there is no such file. Fetch it first.")
    if _is_zip(archive):
        with _zip(archive) as file:
            _check(archive, folder, _zip_members(file))
            file.extractall(folder)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as file:
            members = file.getmembers()
            _check(archive, folder, (_Member(m.name, m.size, m.isreg() or m.isdir()) for m in members))
            file.extractall(folder, members, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
            while file.fileobj.read(2**20):  # to the very end, where gzip's checksum stands
                pass
    elif _starts_with(archive, b"7z\xbc\xaf\x27\x1c"):
        _extract_7z(archive, folder)
    else:
        raise UnpackError(f"{archive.name}: expected a zip, tar or 7z archive; got something else. Fetch it again.")


def _is_zip(archive: Path) -> bool:
    try:
        return zipfile.is_zipfile(archive)
    except zipfile.BadZipFile:  # in parts, with 64-bit fields
        return True


@contextmanager
def _zip(archive: Path) -> Iterator[zipfile.ZipFile]:
    """A zip, in one piece or in parts."""
    try:
        files = split_zip.parts(archive)
    except split_zip.SplitZipError as error:
        raise UnpackError(f"{error}. Fetch all of them.") from None
    with split_zip.joined(files) if files else open(archive, "rb") as data, zipfile.ZipFile(data) as file:
        yield file


def _of_the_disk(error: Exception) -> bool:
    """It is full, or may not be written; an archive that says nonsense has no errno, or that of a seek before 0."""
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def _starts_with(archive: Path, magic: bytes) -> bool:
    with open(archive, "rb") as file:
        return file.read(len(magic)) == magic


def _extract_7z(archive: Path, folder: Path) -> None:
    try:
        import py7zr
    except ImportError:
        hint = f"Try: python -m pip install py7zr, or unpack it by hand into {folder.with_suffix('')}"
        raise UnpackError(f"{archive.name} is a 7z archive, which needs py7zr. {hint}.") from None
    with py7zr.SevenZipFile(archive) as file:
        _check(archive, folder, (_Member(m.filename, m.uncompressed, not m.is_symlink) for m in file.list()))
        file.extractall(folder)


def _zip_members(file: zipfile.ZipFile) -> Iterator[_Member]:
    for member in file.infolist():
        kind = stat.S_IFMT(member.external_attr >> 16)
        yield _Member(member.filename, member.file_size, kind in (0, stat.S_IFREG, stat.S_IFDIR))


def _check(archive: Path, folder: Path, members: Iterator[_Member]) -> None:
    """All members, before the first is written."""
    total = 0
    for member in members:
        name = PurePosixPath(member.name.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or re.match("[A-Za-z]:", member.name):
            raise UnpackError(f"{archive.name}: {member.name!r} would leave the folder; nothing was unpacked.")
        if not member.plain:
            raise UnpackError(f"{archive.name}: {member.name!r} is a link or a device; nothing was unpacked.")
        total += member.size
    free = shutil.disk_usage(folder).free
    if total > free:
        need = f"{total / 2**30:.1f} GiB unpacked, the disk has {free / 2**30:.1f} GiB free"
        raise UnpackError(f"{archive.name}: {need}. Free some space, or choose another disk.")
