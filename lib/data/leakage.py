"""No sound by which a system is judged may be among those it learns from.

Clotho, FSD50K and most of WavCaps are cut from one archive, Freesound; AudioCaps, the rest of WavCaps and Auto-ACD from
another, YouTube. Ids tell. They are compared as text: a reader that makes numbers of them meets "Not found" among them,
and then matches nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from lib.data import audiocaps, clotho
from lib.data.layout import rows_of
from lib.data.release import File, Found, Release, places

FOLDER = "held_out"  # of the lists of ids, below a data set that must not hold them
LISTS = {  # archive -> data set, and its files that name clips of validation and evaluation
    "freesound": ((clotho.RELEASE, ("clotho_metadata_evaluation.csv", "clotho_metadata_validation.csv")),
                  (clotho.HIDDEN, ("retrieval_audio_metadata.csv",))),
    "youtube": ((audiocaps.RELEASE, ("v1/test.csv", "v1/val.csv")),),
}  # fmt: skip
_YOUTUBE = re.compile(r"Y?([\w-]{11})(?:_\d+)*(?:\.[a-z0-9]{2,4})?", re.ASCII)  # "Y" before it: PANNs' file names
_FREESOUND = re.compile(r"0*(\d{1,9})(?:\.0|\.wav|\.flac|\.mp3|\.ogg)?", re.ASCII)
_KEY = re.compile("(freesound|youtube|name):.+")


class LeakageError(ValueError):
    """Evaluation clips among the training clips, or a comparison that could not have found any."""


def key(id: str) -> str:
    """The archive and the id there, in one form: "freesound:117790", "youtube:r1nicOVtvkQ"; "" for "Not found".

    Raises:
        LeakageError: not text; a number has lost what it was.
    """
    if not isinstance(id, str):
        raise LeakageError(f"expected ids as text; got {id!r} ({type(id).__name__}). Read the file with dtype=str.")
    if _KEY.fullmatch(id := id.strip()):
        return id
    for archive, form in (("youtube", _YOUTUBE), ("freesound", _FREESOUND)):
        if match := form.fullmatch(id):
            return f"{archive}:{match[1]}"
    return ""


def keys(ids: Iterable[str]) -> frozenset[str]:
    """The ids that are ids.

    Raises:
        LeakageError: not one is, so that nothing could ever match.
    """
    ids = list(ids)
    known = frozenset(map(key, ids)) - {""}
    if not known:
        raise LeakageError(f"expected ids of Freesound or YouTube; got {', '.join(map(repr, ids[:3])) or 'none'}.")
    return known


def ids_of(table: pd.DataFrame) -> list[str]:
    """Of each clip its archive's id; of one without ("Not found"), its title, which may give it away too.

    Raises:
        LeakageError: the table has no column `recording`, or not one id in it.
    """
    if "recording" not in table or not any(map(key, table["recording"])):
        what = f"clips of {', '.join(sorted(set(table['source'])))}" if len(table) else "no clips"
        raise LeakageError(f"expected clips with ids of recordings (a column `recording`); got {what} without.")
    return [key(id) or _name(title) for id, title in zip(table["recording"], table["title"])]


def exclude(table: pd.DataFrame, ids: Iterable[str]) -> tuple[pd.DataFrame, list[str]]:
    """The table without the clips of these recordings, and the ids of the clips that were left out.

    Raises:
        LeakageError: no ids, or clips without them: nothing could have matched.
    """
    leaks = _leaks(table, keys(ids))
    return table[~leaks].reset_index(drop=True), table["clip_id"][leaks].tolist()


def check_disjoint(table: pd.DataFrame, ids: Iterable[str]) -> None:
    """Pass if no clip of the table is one of these recordings (`ids_of` an evaluation set, or a published list).

    Raises:
        LeakageError: some are; or no ids, or clips without them, so that nothing could have matched.
    """
    leaks = table["clip_id"][_leaks(table, keys(ids))].tolist()
    if leaks:
        named = ", ".join(leaks[:5]) + (", ..." if len(leaks) > 5 else "")
        raise LeakageError(f"{len(leaks):,} of {len(table):,} training clips are evaluation clips too: {named}.")


def files(*archives: str) -> tuple[File, ...]:
    """The lists of ids, as further files of a data set that must not hold them."""
    made = []
    for release, names in (one for archive in archives for one in LISTS[archive]):
        known = {file.name: file for file in release.files}
        made += [replace(known[name], name=f"{FOLDER}/{release.name}/{name}") for name in names]
    return tuple(made)


def held_out(root: Path, *archives: str) -> tuple[set[str], list[str]]:
    """The recordings by which Clotho and AudioCaps judge, and the lists of them that are neither below this folder nor
    where those data sets lie."""
    held, lacking = set(), []
    for release, names in (one for archive in archives for one in LISTS[archive]):
        for name in names:
            found = next(filter(None, (_listed(place, name) for place in _places(root, release))), None)
            held |= found or set()
            lacking += [f"{release.name}/{name}"] * (not found)
    return held, lacking


def cleaned(found: Found, root: Path, *archives: str) -> Found:
    """What was found, without the evaluation clips of Clotho (freesound) and AudioCaps (youtube); its notes say so."""
    held, lacking = held_out(root, *archives)
    table, notes = found.table, []
    if lacking and found.listed:
        notes.append(f"possible leakage, since a list of evaluation clips is not here: {', '.join(lacking)}")
    if held and any(map(key, table.get("recording", []))):  # sounds of other archives have no ids
        table, out = exclude(table, held)
        named = ", ".join(out[:3]) + (", ..." if len(out) > 3 else "")
        notes += [f"{len(out):,} left out that Clotho or AudioCaps judge by: {named}"] * bool(out)
    return replace(found, table=table, notes=[*found.notes, *notes])


def _leaks(table: pd.DataFrame, held: frozenset[str]) -> pd.Series:
    leaks = pd.Series(ids_of(table), index=table.index).isin(held)
    if any(id.startswith("name:") for id in held):
        leaks |= table["title"].map(_name).isin(held)
    return leaks


def _name(title: str) -> str:
    """A title as a key, however a data set writes it: entities, suffix, spaces; "" for none."""
    title = title if re.search(r"\.\w{3,4}$", title.strip()) else f"{title}.wav"
    stem = clotho.plain(title).rpartition(".")[0].lower()
    return f"name:{stem}" if stem else ""


def _places(root: Path, release: Release) -> list[Path]:
    return [root / FOLDER / release.name, *places(release)]


def _listed(root: Path, name: str) -> set[str]:
    """The keys in a list of clips: Clotho's metadata, or AudioCaps' table."""
    if name.startswith("v1/"):
        return {key(row["youtube_id"]) for row in rows_of(root / name, *audiocaps.COLUMNS)}
    return {key(row["sound_id"]) or _name(row["file_name"]) for row in clotho.metadata(root, name).values()}
