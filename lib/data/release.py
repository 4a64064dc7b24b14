"""A released data set: its files and licence, what is here of it, and its clip table.

Each data set says what it is in a module of its own (`lib.data.clotho`, ...); a script in `data_scripts/` of the same
name runs `main`. Nothing is ever removed: archives stay until you delete them.
"""

import argparse
import importlib
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lib.data import shared
from lib.fetch import FetchError, fetch
from lib.unpack import UnpackError, unpack

KINDS = ("texts", "audio")


@dataclass(frozen=True)
class File:
    """One file of a release."""

    name: str  # below the data set's folder
    hash: str  # as `lib.fetch.fetch` takes it
    urls: tuple[str, ...]
    kind: str = "texts"
    folder: str | None = None  # of an archive: where its members go, below the data set's folder
    gib: float = 0.0  # size, where it matters


@dataclass(frozen=True)
class Found:
    """What is here of a data set."""

    table: pd.DataFrame  # of the clips whose recordings are here
    listed: dict[str, int]  # clips of each split that its texts name
    missing: dict[str, list[str]]  # of those, the ones without a recording here
    notes: list[str] = field(default_factory=list)  # what was left out, and why


@dataclass(frozen=True)
class Release:
    """A data set as its authors publish it."""

    name: str  # of its folder, and in DATA
    title: str
    licence: str
    page: str
    files: tuple[File, ...]
    clips: Mapping[str, int]  # of each split, when it is whole
    read: Callable[[Path], Found]
    by_hand: str = ""  # what no address gives, and how to come by it


class ReleaseError(ValueError):
    """A folder that does not hold the data set, or that holds something else under its names."""


def named(name: str) -> Release:
    """The release that `lib.data.NAME` describes."""
    return importlib.import_module(f"lib.data.{name}").RELEASE


def place(release: Release, folder: str = "") -> Path:
    """The folder given, or where this data set lies on this machine, or would be fetched to."""
    if folder:
        return Path(folder).expanduser()
    return shared.find(release.name) or shared.downloads() / release.name


def load(release: Release, folder: str = "") -> Found:
    """What is here of a data set; one warning tells what is missing.

    Raises:
        ReleaseError: not one recording of it; the message says what to do.
    """
    root = place(release, folder)
    if not root.is_dir():
        raise ReleaseError(f"{release.title} is not here: no folder {root}. {_how(release)}")
    found = release.read(root)
    if found.table.empty:
        lacking = f"its texts name {sum(found.listed.values()):,} clips" if found.listed else "none of its texts"
        raise ReleaseError(f"{root}: no recording of {release.title} ({lacking}). {_how(release)}")
    if not complete(release, found):
        warnings.warn(f"{release.title} is not whole here:\n{report(release, found)}", stacklevel=2)
    return found


def acquire(release: Release, root: Path, kinds: Sequence[str] = KINDS) -> list[str]:
    """Fetch and unpack what is missing; one sentence for each file that could not be had. What is there is kept."""
    failed = []
    for file in release.files:
        if file.kind not in kinds or (file.folder and _filled(root / file.folder)):
            continue
        try:
            _check_room(file, root)
            path = fetch(list(file.urls), (root / file.name).parent, hash=file.hash, name=Path(file.name).name)
            if file.folder:
                unpack(path, root / file.folder)
        except (FetchError, UnpackError) as error:
            failed.append(str(error))
    return failed


def report(release: Release, found: Found) -> str:
    """Per split: clips of which the recording is here, of those listed, of those that the release has."""
    here = found.table["split"].value_counts()
    lines = []
    for split, whole in release.clips.items():
        listed, missing = found.listed.get(split, 0), found.missing.get(split, [])
        line = f"{split:12} {here.get(split, 0):,} recordings here, {listed:,} clips listed, {whole:,} in the release"
        if missing:
            line += f"; missing: {', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''}"
        lines.append(line)
    return "\n".join([*lines, *found.notes])


def complete(release: Release, found: Found) -> bool:
    """Does each split list as many clips as the release has, with no recording missing?"""
    return dict(release.clips) == {s: n for s, n in found.listed.items() if n} and not any(found.missing.values())


def main(release: Release, argv: Sequence[str] | None = None) -> int:
    """The command of a data set: its licence, then fetch, then what is here. 0 if that is all of it, else 1."""
    parser = argparse.ArgumentParser(description=f"Fetch {release.title}, check it, say what is missing.")
    parser.add_argument("folder", nargs="?", default="", help=f"{place(release)} if not given")
    parser.add_argument("--only", choices=KINDS, help="fetch the texts alone, or the recordings alone")
    parser.add_argument("--check", action="store_true", help="fetch nothing, say what is here")
    chosen = parser.parse_args(argv)
    root = place(release, chosen.folder)
    print(f"{release.title}\nlicence: {release.licence}\nsee {release.page}\nfolder: {root}")
    failed = [] if chosen.check else acquire(release, root, (chosen.only,) if chosen.only else KINDS)
    print(*failed, *[release.by_hand] * bool(release.by_hand), sep="\n")
    try:
        found = release.read(root)
    except ReleaseError as error:
        print(error)
        return 1
    print(report(release, found))
    return 0 if complete(release, found) and not failed else 1


def _how(release: Release) -> str:
    return f"Try: python data_scripts/{release.name}.py"


def _filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _check_room(file: File, root: Path) -> None:
    """Archive and members together, before the first byte is fetched."""
    there = next(folder for folder in (root, *root.parents) if folder.is_dir())
    need, free = file.gib * (2 if file.folder else 1), shutil.disk_usage(there).free / 2**30
    if need > free:
        raise FetchError(f"{file.name}: about {need:.0f} GiB with what is in it, the disk has {free:.0f} GiB free.")
