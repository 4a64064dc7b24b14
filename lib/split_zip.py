"""Zip archives in parts (NAME.z01, NAME.z02, ..., NAME.zip), which Python's zipfile refuses, as one file it reads.

Each entry of an archive's directory says in which part its member begins, and where there. Here the parts are read as
one file, and the directory at the end is rewritten as that of an archive in one piece, in memory. Checks and extraction
are zipfile's own. Layout: PKWARE's APPNOTE 6.3.10, sections 4.3.12 to 4.3.16 and 4.5.3.
"""

import bisect
import io
import struct
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

BUFFER = 2**20
_END = struct.Struct("<4s4H2LH")  # signature, this part, part of the directory, entries there, entries, size, offset, n
_LOCATOR = struct.Struct("<4sLQL")  # signature, part of the 64-bit end, its offset there, parts
_END_64 = struct.Struct("<4sQ2H2L4Q")  # signature, size, made by, needed, this part, directory's, entries x 2, size, at
_ENTRY = struct.Struct("<4s6H3L5H2L")  # ... 9 size, 10 name, 11 extra, 12 comment, 13 part, 14, 15, 16 offset
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF  # "see the 64-bit field"


class SplitZipError(ValueError):
    """A part is missing, or the directory is none."""


class _Joined(io.RawIOBase):
    """Files, and a last piece in memory, read as one."""

    def __init__(self, files: list[Path], end: int, tail: bytes):
        self.files = [open(file, "rb") for file in files]
        self.starts = [0, *accumulate(file.stat().st_size for file in files)][:-1]
        self.end, self.tail, self.at = end, tail, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.end + len(self.tail)}[whence]
        self.at = max(0, base + offset)
        return self.at

    def readinto(self, buffer) -> int:
        if self.at >= self.end:
            piece = self.tail[self.at - self.end :][: len(buffer)]
        else:
            part = bisect.bisect_right(self.starts, self.at) - 1
            ends = [*self.starts[1:], self.end][part]
            self.files[part].seek(self.at - self.starts[part])
            piece = self.files[part].read(min(len(buffer), min(ends, self.end) - self.at))
        buffer[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)

    def close(self) -> None:
        for file in self.files:
            file.close()
        super().close()


def parts(archive: Path) -> list[Path] | None:
    """The files of an archive in parts, the given NAME.zip last; None where it is in one piece.

    Raises:
        SplitZipError: some of the parts that it says it has are not beside it.
    """
    with open(archive, "rb") as file:
        last = _END.unpack_from(*_tail(file))[1]
    if last == 0:
        return None
    files = [*(archive.with_suffix(f".z{n:02}") for n in range(1, last + 1)), archive]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        named = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise SplitZipError(f"{archive.name} is the last of {last + 1} parts; missing beside it: {named}")
    return files


def joined(files: list[Path]) -> io.BufferedReader:
    """The parts as one file, which `zipfile.ZipFile` reads as an archive in one piece.

    Raises:
        SplitZipError: the directory is not where the end says, or names a part that is not there.
    """
    starts = [0, *accumulate(file.stat().st_size for file in files)]
    with io.BufferedReader(_Joined(files, starts[-1], b"")) as whole:
        entries, size, begin = _directory(whole, starts)
        whole.seek(begin)
        tail = _rewritten(whole.read(size), entries, starts, begin)
    return io.BufferedReader(_Joined(files, begin, tail), BUFFER)


def _tail(file: BinaryIO) -> tuple[bytes, int]:
    """The last bytes, comment and all, and where among them the end of the directory begins."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END.size - _LOCATOR.size - _FULL_16))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + _END.size:
        raise SplitZipError("no end of a zip's directory")
    return tail, at


def _directory(whole: BinaryIO, starts: list[int]) -> tuple[int, int, int]:
    """The directory's entries, its size, and where it begins in the whole."""
    tail, at = _tail(whole)
    _, _, part, _, entries, size, offset, _ = _END.unpack_from(tail, at)
    place = at - _LOCATOR.size
    if place >= 0 and tail[place : place + 4] == b"PK\x06\x07":
        _, part, offset, _ = _LOCATOR.unpack_from(tail, place)
        whole.seek(_place(starts, part, offset))
        end = whole.read(_END_64.size)
        if end[:4] != b"PK\x06\x06" or len(end) < _END_64.size:
            raise SplitZipError("its 64-bit end is not where it should be")
        _, _, _, _, _, part, _, entries, size, offset = _END_64.unpack(end)
    return entries, size, _place(starts, part, offset)


def _place(starts: list[int], part: int, offset: int) -> int:
    if part >= len(starts) - 1:
        raise SplitZipError(f"something should be in part {part + 1} of {len(starts) - 1}")
    return starts[part] + offset


def _rewritten(directory: bytes, entries: int, starts: list[int], begin: int) -> bytes:
    """The directory with each member's place in the whole, and an end that knows of one part alone."""
    out, at = [], 0
    for _ in range(entries):
        if directory[at : at + 4] != b"PK\x01\x02" or len(directory) < at + _ENTRY.size:
            raise SplitZipError("its directory is damaged")
        fields = list(_ENTRY.unpack_from(directory, at))
        name, extra, comment = _pieces(directory, at + _ENTRY.size, fields[10:13])
        at += _ENTRY.size + sum(fields[10:13])
        packed, size, part, offset, extra = _places(fields, extra)
        extra = struct.pack("<HH3Q", 1, 24, size, packed, _place(starts, part, offset)) + extra
        fields[8:10], fields[11], fields[13], fields[16] = (_FULL_32, _FULL_32), len(extra), 0, _FULL_32
        out.append(_ENTRY.pack(*fields) + name + extra + comment)
    made = b"".join(out)
    end_64 = _END_64.pack(b"PK\x06\x06", _END_64.size - 12, 45, 45, 0, 0, entries, entries, len(made), begin)
    locator = _LOCATOR.pack(b"PK\x06\x07", 0, begin + len(made), 1)
    return made + end_64 + locator + _END.pack(b"PK\x05\x06", 0, 0, _FULL_16, _FULL_16, _FULL_32, _FULL_32, 0)


def _pieces(data: bytes, at: int, lengths: list[int]) -> list[bytes]:
    ends = list(accumulate(lengths, initial=at))
    return [data[a:b] for a, b in zip(ends, ends[1:])]


def _places(fields: list, extra: bytes) -> tuple[int, int, int, int, bytes]:
    """Packed size, size, part and offset of a member, from its 64-bit field where they are there; the other extras."""
    values = {"size": fields[9], "packed": fields[8], "offset": fields[16], "part": fields[13]}
    others, at = [], 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        field, at = extra[at + 4 : at + 4 + length], at + 4 + length
        if kind != 1:
            others.append(struct.pack("<HH", kind, length) + field)
            continue
        for name, form in (("size", "<Q"), ("packed", "<Q"), ("offset", "<Q"), ("part", "<L")):  # those that are full
            if values[name] == (_FULL_16 if name == "part" else _FULL_32) and len(field) >= struct.calcsize(form):
                values[name], field = struct.unpack_from(form, field)[0], field[struct.calcsize(form) :]
    return values["packed"], values["size"], values["part"], values["offset"], b"".join(others)
