"""A data set of Clotho's size in Clotho's layout, for a rehearsal: its tables and names, and sounds made by formula.

Captions are Clotho's own where these are at hand, else those that the grammar writes. No sound is stored: the recording
in the folder is silence of the right length in a few hundred bytes, and its clip is heard by a locator, as 44.1 kHz
that are written to a file, read as any recording is, and gone.
"""

import csv
import functools
import io
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from jaxtyping import Float
from tqdm.auto import tqdm

from lib import audio, store
from lib.data import clotho, long_scenes, shared, soundscapes
from lib.data.layout import rows_of

SCHEME = "mock-clotho"
RATE = 44100  # hertz of Clotho's recordings
HELD = 4  # times that each sample stands in the file
SEED = 0
CAPTIONS = ("file_name", *(f"caption_{n}" for n in range(1, 6)))
CLOTHOS, GRAMMAR = "Clotho's own captions", "captions by grammar"
METADATA = ("file_name", "keywords", "sound_id", "license")


def write(root: Path, share: float = 1.0, *, progress: bool = True) -> dict[str, str]:
    """The folder that DATA = "clotho:ROOT" reads, with this share of each split; whose captions each split has.

    What is there already is kept.
    """
    whose = {}
    for number, (official, split) in enumerate(clotho.SPLITS.items(), start=1):
        n = math.ceil(share * clotho.RELEASE.clips[split])
        real = rows_of(shared.find(f"clotho/clotho_captions_{official}.csv"), *CAPTIONS)[:n]
        whose[split] = CLOTHOS if len(real) == n else GRAMMAR
        rows = real if whose[split] == CLOTHOS else _made(split, n)
        told = [{"file_name": row["file_name"], "keywords": "made by formula", "license": "MIT",
                 "sound_id": f"{number}{i:05d}"} for i, row in enumerate(rows)]  # fmt: skip
        _table(root / f"clotho_captions_{official}.csv", CAPTIONS, rows, "utf-8")
        _table(root / f"clotho_metadata_{official}.csv", METADATA, told, "iso-8859-1")
        folder = root / f"audio_{official}" / official
        for i, row in enumerate(tqdm(rows, desc=f"layout of {split}", leave=False, disable=not progress)):
            file = folder / clotho.plain(row["file_name"])
            if not file.is_file():
                store.write_whole(file, _silence(long_scenes.world(SEED, split, i).seconds))
    return whose


def heard(clips: pd.DataFrame, root: Path) -> pd.DataFrame:
    """The clips that were read from such a folder, each with the locator of its sound in place of the silence."""
    places = {}
    for official, split in clotho.SPLITS.items():
        rows = rows_of(root / f"clotho_captions_{official}.csv", "file_name")
        places |= {(split, row["file_name"].strip()): i for i, row in enumerate(rows)}
    made = [long_scenes.locator(SEED, split, places[split, id]) for split, id in zip(clips["split"], clips["clip_id"])]
    return clips.assign(path=[path.replace(long_scenes.SCHEME, SCHEME, 1) for path in made])


def render(locator: str, sample_rate: int) -> Float[np.ndarray, "samples"]:
    """The events of a long soundscape, coarsely, and no background or room: those would take most of the time."""
    scene, world = long_scenes.from_locator(locator.replace(SCHEME, long_scenes.SCHEME, 1))
    samples = soundscapes.render(replace(scene, background=None, room=0.0), RATE // HELD, world)
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        soundfile.write(file, (32767 * samples).astype(np.int16).repeat(HELD), RATE, format="WAV", subtype="PCM_16")
        file.flush()
        return audio.load(file.name, sample_rate)


def _made(split: str, n: int) -> list[dict[str, str]]:
    """Rows of captions that say what is to be heard."""
    table = long_scenes.build({split: n}, SEED)
    return [dict(zip(CAPTIONS, (f"{split} {i}.wav", *texts), strict=True)) for i, texts in enumerate(table["captions"])]


def _table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]], encoding: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    store.write_whole(path, text.getvalue().encode(encoding, errors="replace"))


@functools.cache
def _silence(seconds: float) -> bytes:
    """As flac, by whatever name: its header says how long it is, and readers look at the content."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(round(seconds * RATE), dtype=np.int16), RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


audio.register(SCHEME, render)
