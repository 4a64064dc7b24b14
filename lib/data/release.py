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
from lib.fetch import UNPUBLISHED, FetchError, fetch
from lib.unpack import UnpackError, unpack

KINDS = ("texts", "audio")
HERE = "clips_here.csv"  # the list of clips that were here, to publish beside a result
MODULES = {"clotho_hidden": "clotho", "audiocaps_v2": "audiocaps"}  # where it is not the name's own


@dataclass(frozen=True)
class File:
    """One file of a release, or an archive in several."""

    name: str  # below the data set's folder
    hash: str = UNPUBLISHED  # as `lib.fetch.fetch` takes it
    urls: tuple[str, ...] = ()  # none: it comes by hand, and is unpacked if it is there
    kind: str = "texts"
    folder: str | None = None  # of an archive: where its members go, below the data set's folder
    gib: float = 0.0  # its size, where it matters
    unpacked_gib: float = 0.0
    parts: tuple["File", ...] = ()  # further files, without which the archive cannot be opened


@dataclass(frozen=True)
class Found:
    """What is here of a data set."""

    table: pd.DataFrame  # of the clips whose recordings are here
    listed: dict[str, int]  # clips of each split that its texts name
    missing: dict[str, list[str]]  # of those, the ones without a recording here that can be read
    notes: list[str] = field(default_factory=list)  # what was left out, and why


@dataclass(frozen=True)
class Release:
    """A data set as its authors publish it."""

    name: str  # of its folder, and in DATA
    title: str
    licence: str
    page: str
    files: tuple[File, ...]
    clips: Mapping[str, int]  # of each split, when it is whole, as far as that is published
    read: Callable[[Path], Found]
    by_hand: str = ""  # what no address gives, and how to come by it
    by: str = "split"  # the column by which clips are counted


class ReleaseError(ValueError):
    """A folder that does not hold the data set, or that holds something else under its names."""


def zenodo(page: str, name: str) -> tuple[str, str]:
    """The two addresses of a file of a Zenodo record: its page's, and its programming interface's."""
    api = page.replace("zenodo.org/", "zenodo.org/api/")
    return f"{page}/files/{name}?download=1", f"{api}/files/{name}/content"


def named(name: str) -> Release:
    """The release that goes by this name in DATA."""
    module = importlib.import_module(f"lib.data.{MODULES.get(name, name)}")
    return next(release for release in module.RELEASES if release.name == name)


def place(release: Release, folder: str = "") -> Path:
    """The folder given, or the one that the data set would be fetched to."""
    return Path(folder).expanduser() if folder else shared.downloads() / release.name


def places(release: Release, folder: str = "") -> list[Path]:
    """The folders that may hold the data set: the one given, or those of shared and of fetched data; none is made."""
    given = [] if folder else [shared.given() / release.name]
    return [root for root in (*given, place(release, folder)) if root.is_dir()]


def load(release: Release, folder: str = "") -> Found:
    """What is here of a data set; one line of warning tells what is missing, one what was left out.

    Without a folder it is looked for where shared data lie and where `main` fetches it to: where there is more of it.

    Raises:
        ReleaseError: not one recording of it; the message says what to do.
    """
    read = {root: release.read(root) for root in places(release, folder)}
    if not read:
        raise ReleaseError(f"{release.title} is not here: no folder {place(release, folder)}. {_how(release)}")
    root = max(read, key=lambda root: (len(read[root].table), sum(read[root].listed.values())))
    found = read[root]
    if found.table.empty:
        listed = sum(found.listed.values())
        lacking = f"its texts name {listed:,} clips" if listed else "none of its texts"
        raise ReleaseError(f"{root}: no recording of {release.title} ({lacking}). {_how(release)}")
    if not complete(release, found):
        warnings.warn(f"{release.title} is not whole in {root}: {_in_short(release, found)}", stacklevel=2)
    if found.notes:
        warnings.warn(f"{release.title}: {'; '.join(found.notes)}", stacklevel=2)
    return found


def acquire(release: Release, root: Path, kinds: Sequence[str] = KINDS) -> list[str]:
    """Fetch and unpack what is missing; one sentence for each file that could not be had. What is there is kept.

    Recordings that are all here, in whatever folders, are not fetched again.
    """
    failed = []
    for file in sorted(release.files, key=lambda file: KINDS.index(file.kind)):
        if file.kind not in kinds or (file.folder and _filled(root / file.folder)):
            continue
        if file.kind == "audio" and _whole(release, root):
            break
        try:
            _have(file, root)
        except (FetchError, UnpackError) as error:
            failed.append(str(error))
        except OSError as error:  # the disk is full, or may not be written
            failed.append(f"{file.name}: {error}")
    return failed


def report(release: Release, found: Found) -> str:
    """Per split: clips of which the recording is here, of those listed, of those that the release has."""
    here = _here(release, found)
    lines = []
    for split in dict.fromkeys([*release.clips, *found.listed]):
        listed, missing = found.listed.get(split, 0), found.missing.get(split, [])
        whole = f"{release.clips[split]:,} in the release" if split in release.clips else "how many in all: unpublished"
        line = f"{split}: {here.get(split, 0):,} recordings here, {listed:,} clips listed, {whole}"
        if missing:
            line += f"; {len(missing):,} missing: {', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}"
        lines.append(line)
    return "\n".join([*lines, *found.notes])


def complete(release: Release, found: Found) -> bool:
    """Does each split list as many clips as the release has, with no recording missing?"""
    return _listed(release, found) and not any(found.missing.values())


def main(release: Release, argv: Sequence[str] | None = None) -> int:
    """The command of a data set: its licence, then fetch, then what is here. 0 if all that was asked for is, else 1."""
    parser = argparse.ArgumentParser(description=f"Fetch {release.title}, check it, say what is missing.")
    parser.add_argument("folder", nargs="?", default="", help=f"{place(release)} if not given")
    parser.add_argument("--only", choices=KINDS, help="fetch the texts alone, or the recordings alone")
    parser.add_argument("--check", action="store_true", help="fetch nothing, say what is here")
    chosen = parser.parse_args(argv)
    root = place(release, chosen.folder)
    print(f"{release.title}\nlicence: {release.licence}\nsee {release.page}\nfolder: {root}", flush=True)
    failed = [] if chosen.check else acquire(release, root, (chosen.only,) if chosen.only else KINDS)
    try:
        found = release.read(root)
    except ReleaseError as error:
        print(*failed, error, sep="\n")
        return 1
    told = [*failed, *[release.by_hand] * bool(release.by_hand), report(release, found)]
    if not found.table.empty:
        told += [*([] if chosen.check else [_recorded(root, found)]), f'DATA = "{release.name}:{root}"']
    print(*told, sep="\n")
    had = _listed(release, found) if chosen.only == "texts" else complete(release, found)
    return 0 if had and not failed else 1


def _whole(release: Release, root: Path) -> bool:
    try:
        return complete(release, release.read(root))
    except ReleaseError:
        return False


def _have(file: File, root: Path) -> None:
    _check_room(file, root)
    for one in (*file.parts, file):
        if one.urls:
            fetch(list(one.urls), (root / one.name).parent, hash=one.hash, name=Path(one.name).name)
    if file.folder and (root / file.name).is_file():
        unpack(root / file.name, root / file.folder)


def _check_room(file: File, root: Path) -> None:
    """Archive and members together, before the first byte is fetched."""
    there = next(folder for folder in (root, *root.resolve().parents) if folder.is_dir())
    absent = sum(one.gib for one in (*file.parts, file) if not (root / one.name).is_file())
    need, free = absent + file.unpacked_gib, shutil.disk_usage(there).free / 2**30
    if need > free:
        raise FetchError(f"{file.name}: about {need:.1f} GiB with what is in it, the disk has {free:.1f} GiB free.")


def _recorded(root: Path, found: Found) -> str:
    """The clips that are here, written to a list: what others need who would repeat a result on as many."""
    columns = [name for name in ("clip_id", "split", "recording") if name in found.table]
    try:
        found.table[columns].to_csv(root / HERE, index=False)
    except OSError as error:
        return f"no list of the clips: {error}"
    return f"the clips that are here are listed in {root / HERE}"


def _listed(release: Release, found: Found) -> bool:
    return bool(found.listed) and all(found.listed.get(split) == n for split, n in release.clips.items())


def _in_short(release: Release, found: Found) -> str:
    here = _here(release, found)
    splits = dict.fromkeys([*release.clips, *found.listed])
    counts = (f"{here.get(s, 0):,} of {release.clips.get(s, found.listed.get(s, 0)):,} {s}" for s in splits)
    return f"{', '.join(counts)}. python data_scripts/{release.name}.py --check names the missing."


def _here(release: Release, found: Found) -> dict[str, int]:
    return found.table[release.by].value_counts().to_dict() if len(found.table) else {}


def _how(release: Release) -> str:
    return f"Try: python data_scripts/{release.name}.py"


def _filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
