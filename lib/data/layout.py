"""What lies in the folder of a released data set: its texts, its recordings by name, and its clips, counted."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import soundfile

from lib.data import folder, table
from lib.data.release import Found, ReleaseError


class Tally:
    """The clips that a release's texts name, as they are read: those with a recording here, and the others' names."""

    def __init__(self):
        self.rows, self.listed, self.missing = [], {}, {}

    def add(self, split: str, file: Path | None, row: Mapping) -> None:
        """A clip, counted under this name; a row without `duration_s` gets it from the recording."""
        self.listed[split] = self.listed.get(split, 0) + 1
        missing = self.missing.setdefault(split, [])
        if file is None:
            missing.append(row["clip_id"])
            return
        there = file.is_file() and file.stat().st_size > 0
        duration = (row["duration_s"] if "duration_s" in row else seconds(file)) if there else 0.0
        if duration > 0:
            self.rows.append({"path": str(file), **row, "duration_s": duration})
        else:
            missing.append(f"{row['clip_id']} (empty or no audio)")

    def found(self, source: str, notes: Sequence[str] = ()) -> Found:
        """All of it."""
        return Found(table.build(self.rows, source=source), self.listed, self.missing, list(notes))


def seconds(file: Path) -> float:
    """Length of a recording, as its header says; 0 where it cannot be read."""
    try:
        return soundfile.info(file).duration
    except soundfile.LibsndfileError:
        return 0.0


def recordings(root: Path) -> dict[str, Path]:
    """The recordings below a folder by their names without suffix."""
    return {file.stem: file for file in walked(root).values()}


def walked(root: Path) -> dict[str, Path]:
    """The recordings below a folder by their paths from there; none where there is no folder."""
    return folder.find(root) if root.is_dir() else {}


def within(files: Mapping[str, Path], name: str) -> dict[str, Path]:
    """Of the recordings that were `walked`, those in a folder whose name begins so, at any depth; by name alone."""
    return {file.stem: file for path, file in files.items() if f"/{name}" in f"/{path.rpartition('/')[0]}"}


def texts(root: Path, name: str) -> Path | None:
    """The file of that name, wherever it was unpacked below the folder: the one nearest to its top."""
    if (root / name).is_file():
        return root / name
    return min((file for file in root.rglob(name) if file.is_file()), key=lambda f: (len(f.parts), f), default=None)


def rows_of(csv: Path | None, *columns: str, **settings) -> list[dict[str, str]]:
    """The rows of a table of texts, nothing in it taken for a number; none where there is no such file.

    Raises:
        ReleaseError: it is no table with these columns.
    """
    if csv is None or not csv.is_file():
        return []
    try:
        frame = pd.read_csv(csv, dtype=str, keep_default_na=False, **{"encoding": "utf-8-sig", **settings})
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{csv} is damaged ({str(error).strip()}). Fetch it again.") from None
    if not set(columns) <= set(frame.columns):
        got = ", ".join(map(str, frame.columns))[:100]
        raise ReleaseError(f"{csv}: expected the columns {', '.join(columns)}; got {got}. Fetch it again.")
    return frame.to_dict("records")
