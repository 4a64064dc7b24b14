"""The published pairs of sounds that differ, APwD (Takeuchi et al. 2022, section 4.1), as `lib.data.pairs` gives ours.

Nothing of it comes with this project, and nothing of it may go on to others: see TERMS. Fetch nttcslab/apwd-dataset
from GitHub, and FSD50K and ESC-50; then let the data set's own script make the audio. What it leaves in your folder:

    datasets/apwd_rain_sc/dev/jams/apwd_rain_sc_dev_00000_s1.jams    what lies in the sound before (s2: after)
    datasets/apwd_rain_sc/dev/wav/apwd_rain_sc_dev_00000_s1.wav      the sound; the script makes it
    (also eval with three digits, and apwd_traffic_sc)

`build` gives the table that `lib.data.pairs.build` gives, so whoever reads the one reads the other:

    table = apwd_pairs.build("~/apwd-dataset", "rain", {"develop": 50_000, "evaluate": 1_000})
    known = difference_runs.encode(table, audio, text, SCENES["rain"].events)

No texts are among the released files that we know of. They are written here from the two annotations, in the paper's
manner and with our wordings (`lib.data.difference_texts`); which of two changes the paper's text names first is not
recorded. s1 is taken to be the sound before.
"""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import difference_texts
from lib.data.difference_texts import Operation
from lib.data.sources import SourceError

TERMS = (
    'APwD by NTT, under its "Software License Agreement for Evaluation" (the file LISENCE beside it): for testing, '
    "analysing and evaluating the paper's methods, internally; not to be passed on, shown to others or modified; to be "
    "deleted when the agreement ends."
)
PUBLISHED = {"develop": 50_000, "evaluate": 1_000}  # pairs of each scene
FOLDERS = {"develop": "dev", "evaluate": "eval"}
SCENES = ("rain", "traffic")
SIDES = {"before": "s1", "after": "s2"}
LABELS = {"dog": "dog_bark", "birds": "bird_chirp", "church_bells": "church_bell", "car_passing": "traffic"}  # ours


@dataclass(frozen=True)
class Files:
    """The annotations of a scene and split: pair -> side -> file."""

    annotations: Mapping[str, Mapping[str, Path]]

    @property
    def unmatched(self) -> list[str]:
        """Pairs of which one side is missing."""
        return [name for name, sides in self.annotations.items() if len(sides) < len(SIDES)]

    @property
    def silent(self) -> list[str]:
        """Pairs with both annotations, but without the audio of both."""
        whole = [name for name, sides in self.annotations.items() if len(sides) == len(SIDES)]
        return [name for name in whole if not all(map(Path.is_file, self.audio(name).values()))]

    def audio(self, name: str) -> dict[str, Path]:
        """Where the audio of both sides should lie."""
        return {side: file.parents[1] / "wav" / f"{file.stem}.wav" for side, file in self.annotations[name].items()}


def files(folder: str | Path, scene: str, split: str) -> Files:
    """What is there of a scene and split, in the order of the pairs.

    Raises:
        SourceError: no such scene or split, or no annotations of it.
    """
    if scene not in SCENES or split not in FOLDERS:
        raise SourceError(f"expected a scene among {', '.join(SCENES)} and a split among {', '.join(FOLDERS)}; got "
                          f"{scene!r}, {split!r}.")
    root = Path(folder).expanduser()
    root = root / "datasets" if (root / "datasets").is_dir() else root
    place = root / f"apwd_{scene}_sc" / FOLDERS[split] / "jams"
    found: dict[str, dict[str, Path]] = {}
    for file in sorted(place.glob("*.jams")):
        name, _, side = file.stem.rpartition("_")
        found.setdefault(name, {}).update({known: file for known, short in SIDES.items() if short == side})
    if not any(found.values()):
        raise SourceError(f"expected annotations (*_s1.jams, *_s2.jams) in {place}; got none. Fetch "
                          "github.com/nttcslab/apwd-dataset and give the folder that holds its `datasets`.")
    return Files({name: sides for name, sides in found.items() if sides})


def inventory(folder: str | Path, scene: str) -> pd.DataFrame:
    """One row a split: pairs published, found, without one of their sides, without audio, and ready to be used."""
    rows = []
    for split in FOLDERS:
        there = files(folder, scene, split)
        found, unmatched, silent = len(there.annotations), len(there.unmatched), len(there.silent)
        rows.append({"split": split, "published": PUBLISHED[split], "found": found, "one side only": unmatched,
                     "no audio": silent, "ready": found - unmatched - silent})
    return pd.DataFrame(rows).set_index("split")


def build(folder: str | Path, scene: str, sizes: Mapping[str, int] = PUBLISHED) -> pd.DataFrame:
    """The first so many pairs of each split, one row each; the columns are those of `lib.data.pairs.build`.

    `before` and `after` are audio files; `beds` the names of the background recordings, which both sides share. Labels
    have this project's names. Pairs in which none of the six operations is to be recognised are left out, with a
    warning. The licence's terms are printed first.

    Raises:
        SourceError: fewer pairs are ready than asked for (the message says what is missing); a broken annotation.
    """
    _tell_terms(folder)
    return pd.DataFrame([row for split, n in sizes.items() for row in _rows(folder, scene, split, n)])


def _tell_terms(folder: str | Path) -> None:
    print(TERMS)
    if not any((Path(folder).expanduser() / name).is_file() for name in ("LISENCE", "LICENSE")):
        print(f"That file is not in {folder}: read it at github.com/nttcslab/apwd-dataset before you go on.")


def _rows(folder: str | Path, scene: str, split: str, n: int) -> list[dict]:
    there = files(folder, scene, split)
    left_out = {*there.unmatched, *there.silent}
    ready = [name for name in there.annotations if name not in left_out]
    rows, odd = [], []
    for name in ready:
        if len(rows) == n:
            break
        row = _row(name, there, split)
        rows.append(row) if row["operations"] else odd.append(name)
    if odd:
        warnings.warn(f"{len(odd)} pairs that show none of the six operations, or not clearly, are left out: "
                      f"{', '.join(odd[:3])}{', ...' if len(odd) > 3 else ''}.", stacklevel=4)
    if len(rows) < n:
        raise SourceError(
            f"expected {n:,} pairs to {split} on; got {len(rows):,} of {PUBLISHED[split]:,} that were published: of "
            f"{len(there.annotations):,} here {len(there.unmatched):,} lack a side, {len(there.silent):,} have no "
            f"audio, {len(odd):,} no clear operation. Run the data set's synthesize_dataset.sh (it needs FSD50K and "
            "ESC-50), or ask for fewer.")
    return rows


@dataclass(frozen=True)
class _Side:
    """What one annotation says."""

    background: str
    beds: tuple[str, ...]
    events: tuple[tuple[str, float], ...]  # label, dB over the reference

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({label for label, _ in self.events} - {self.background}))


def _row(name: str, there: Files, split: str) -> dict:
    sides = {side: _read(file) for side, file in there.annotations[name].items()}
    done = tuple(_operations(sides["before"], sides["after"]))
    text = difference_texts.write(done, np.random.default_rng(list(name.encode())))
    return {"split": split, "text": text, "operations": done, "beds": sides["before"].beds,
            **{side: str(path) for side, path in there.audio(name).items()},
            **{f"{side}_labels": each.labels for side, each in sides.items()}}


def _read(file: Path) -> _Side:
    """One annotation: JAMS is JSON, and all we need is the label, file, role and level of each recording.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        (annotation,) = json.loads(file.read_text(encoding="utf-8"))["annotations"]
        values = [row["value"] for row in annotation["data"]]
        beds = [value for value in values if value["role"] == "background"]
        events = [(_ours(value["label"]), float(value["snr"])) for value in values if value["role"] == "foreground"]
        return _Side(_ours(beds[0]["label"]), tuple(sorted(Path(bed["source_file"]).stem for bed in beds)),
                     tuple(events))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise SourceError(f"{file} cannot be read as an annotation of scaper ({type(error).__name__}: {error}). Fetch "
                          "it again.") from None


def _ours(label: str) -> str:
    return LABELS.get(label, label)


def _operations(before: _Side, after: _Side) -> Iterator[Operation]:
    """What was done, read off what lies over the background on either side; nothing where that is not clear."""
    labels = list(dict.fromkeys(label for label, _ in (*before.events, *after.events)))
    found = [_operation(label, *([level for one, level in side.events if one == label] for side in (before, after)),
                        label == before.background) for label in labels]
    if None not in found and (before.beds, before.background) == (after.beds, after.background):
        yield from found


def _operation(label: str, before: Sequence[float], after: Sequence[float], bed: bool) -> Operation | None:
    """The change of one sound from its levels on both sides; None for what is not one of the six."""
    kind = "background" if bed else "event"
    if len(before) + len(after) == 1:
        done = ("increase", "decrease") if bed else ("add", "remove")
        return Operation(f"{done[0] if after else done[1]} {kind}", label)
    if bed or len(before) != 1 or len(after) != 1 or before == after:
        return None
    return Operation(f"{'increase' if after > before else 'decrease'} event", label)
