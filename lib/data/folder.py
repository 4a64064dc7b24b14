"""A folder of recordings as a clip table: wav, flac, ogg, mp3, in any nesting, with or without a CSV of captions."""

import os
import warnings
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from tqdm.auto import tqdm

from lib import audio
from lib.data import table

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
_TEXTS = ("title", "description", "licence", "split")


def load(path: str | Path) -> pd.DataFrame:
    """The recordings below a folder, sorted by name; all in the split "test" unless the CSV has a column `split`.

    Captions come from `captions.csv`, or from the one other CSV at the folder's top that has a column `file_name` and
    `caption` or `caption_1` ... `caption_k`; a file may have several rows. Keywords are separated by ";".
    A recording that cannot be read is left out and named in one warning.

    Raises:
        AudioError: there is no such folder, or no recording in it that can be read.
        TableError: the CSV names files that are not there, or lacks its columns.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise audio.AudioError(root, "there is no such folder", "folder:PATH with the path of a folder of recordings")
    files = find(root)
    if not files:
        raise audio.AudioError(root, f"no recordings in it or below it ({', '.join(SUFFIXES)})", "another folder")
    texts = _texts(root, files)
    durations = readable(files.values())
    rows = []
    for name, file in files.items():
        if file in durations:
            rows.append({"clip_id": name, "split": "test", "path": str(file), "title": file.stem, "licence": "unknown",
                         "duration_s": durations[file], **texts.get(name, {})})  # fmt: skip
    return table.build(rows, source="folder")


def find(root: Path) -> dict[str, Path]:
    """Every recording below a folder by its name relative to it, "/" between folders; hidden files are passed over."""
    found = {}
    for folder, folders, names in os.walk(root.resolve()):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):  # macOS leaves "._name.wav" beside a file
                file = Path(folder, name)
                found[file.relative_to(root.resolve()).as_posix()] = file
    return dict(sorted(found.items()))


def readable(files: Mapping | list[Path]) -> dict[Path, float]:
    """Seconds of each recording that decodes to its end; one warning names the others.

    Raises:
        AudioError: none of them can be read.
    """
    durations, broken = {}, []
    files = list(files)
    for file in tqdm(files, desc="checking recordings", unit="file", leave=False, disable=len(files) < 200):
        try:
            rate = soundfile.info(file).samplerate if file.is_file() and file.stat().st_size else 1
            durations[file] = len(audio.load(file, rate)) / rate
        except soundfile.LibsndfileError as error:
            broken.append(f"{file.name} (not audio: {error.error_string.strip()})")
        except (audio.AudioError, OSError) as error:
            broken.append(f"{file.name} ({getattr(error, 'why', error)})")
    if not durations:
        why = f"none of {len(files)} recordings can be read: {broken[0]}"
        raise audio.AudioError(files[0].parent, why, "other files")
    if broken:
        named = "; ".join(broken[:5]) + ("; ..." if len(broken) > 5 else "")
        warnings.warn(f"{len(broken):,} of {len(files):,} recordings left out: {named}.", stacklevel=3)
    return durations


def _texts(root: Path, files: dict[str, Path]) -> dict[str, dict]:
    """What the folder's CSV says of each recording, by its name in `files`."""
    csv = _find_csv(root)
    if csv is None:
        return {}
    frame = _read(csv)
    captions = _caption_columns(frame)
    if "file_name" not in frame or not captions:
        wanted = "file_name and caption (or caption_1, caption_2, ...)"
        raise table.TableError(f"{csv.name}: expected the columns {wanted}; got {', '.join(frame.columns)}.")
    names = _matched(csv, frame["file_name"], files)
    texts: dict[str, dict] = defaultdict(lambda: {"captions": []})
    for name, row in zip(names, frame.to_dict("records")):
        texts[name]["captions"] += [row[column] for column in captions if row[column].strip()]
        texts[name] |= {key: row[key] for key in _TEXTS if row.get(key, "").strip()}
        if row.get("keywords", "").strip():
            texts[name]["keywords"] = [word.strip() for word in row["keywords"].split(";") if word.strip()]
    return dict(texts)


def _find_csv(root: Path) -> Path | None:
    csvs = sorted(file for file in root.iterdir() if file.suffix.lower() == ".csv" and not file.name.startswith("."))
    named = [file for file in csvs if file.name.lower() == "captions.csv"]
    if named:
        return named[0]
    likely = [file for file in csvs if "file_name" in (frame := _read(file, nrows=0)) and _caption_columns(frame)]
    if len(likely) > 1:
        names = ", ".join(file.name for file in likely)
        raise table.TableError(f"{root}: expected one CSV of captions, got {names}. Name the right one captions.csv.")
    return likely[0] if likely else None


def _read(csv: Path, nrows: int | None = None) -> pd.DataFrame:
    """A CSV of text: UTF-8, or else ISO-8859-1, as some published files are."""
    settings = {"dtype": str, "keep_default_na": False, "nrows": nrows}
    try:
        return pd.read_csv(csv, encoding="utf-8-sig", **settings)
    except UnicodeDecodeError:
        return pd.read_csv(csv, encoding="iso-8859-1", **settings)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        if nrows == 0:
            return pd.DataFrame()  # some other CSV; it is not for us to judge
        raise table.TableError(f"{csv.name}: not a table with commas ({str(error).strip()}).") from None


def _caption_columns(frame: pd.DataFrame) -> list[str]:
    numbered = [name for name in frame.columns if name.startswith("caption_") and name[8:].isdigit()]
    return ["caption"] * ("caption" in frame) + sorted(numbered, key=lambda name: int(name[8:]))


def _matched(csv: Path, wanted: pd.Series, files: dict[str, Path]) -> np.ndarray:
    """The name in `files` of each file that the CSV names: by its path from the folder, else by its bare name."""
    bare = defaultdict(list)
    for name in files:
        bare[name.rpartition("/")[2]].append(name)
    names, absent = [], []
    for name in wanted:
        found = [name] if name in files else bare.get(name, [])
        if len(found) > 1:
            several = " or ".join(found[:3])
            raise table.TableError(f"{csv.name}: {name!r} may be {several}; write its path from the folder.")
        absent += [name] * (not found)
        names += found
    if absent:
        some = ", ".join(repr(name) for name in absent[:5]) + (", ..." if len(absent) > 5 else "")
        raise table.TableError(f"{csv.name} names {len(absent):,} of {len(wanted):,} files that are not there: {some}.")
    return np.array(names, dtype=object)
