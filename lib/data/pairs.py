"""Pairs of sounds that differ, and the words for the difference (Takeuchi et al. 2022, section 4.1).

Before and after share their background recordings, each side with crops of its own; one or two operations make them
differ, and an imperative says how to get from one to the other. A side is a pure function of (VERSION, settings, scene,
seed, split, index, side): nothing is written but what a cache keeps of it. Taught in notebook 15.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torchaudio.functional import loudness as lufs

from lib import audio, mix
from lib.data import difference_texts, table
from lib.data.difference_texts import Operation
from lib.data.world import pick

SCHEME, VERSION = "difference", "1"
SPLITS, SIDES = ("develop", "evaluate"), ("before", "after")


@dataclass(frozen=True)
class Settings:
    """How pairs are made. Levels and times are uniform draws, as the published data set has them.

    What the paper leaves open was read off its released annotations (the data set's own, version of 2022).
    """

    seconds: float = 10.0
    beds: int = 2  # background recordings under each clip
    recordings: tuple[int, int] | None = None  # background recordings to draw from: develop, evaluate; None: all
    takes: tuple[int, int] = (32, 8)  # recordings of each event; ESC-50 has 8 in each of five folds
    level_lufs: tuple[float, float] = (-36.0, -29.0)  # of each background recording; the same on both sides
    added_db: tuple[float, float] = (6.0, 12.0)  # (a), (b): one more background recording, over those there
    event_db: tuple[float, float] = (6.0, 12.0)  # (c) to (f): an event, over the background where it sounds
    soft_db: tuple[float, float] = (-3.0, 3.0)  # (e), (f): the softer of the two
    onset_s: tuple[float, float] = (0.0, 8.0)
    duration_s: tuple[float, float] = (3.0, 5.0)  # shorter where the recording or the clip ends
    two: float = 0.5  # the chance of a second operation
    operations: str = "abcdef"  # which there are; "ab" are those of the background


@dataclass(frozen=True)
class Scene:
    """Where pairs are set: a background and four events (Takeuchi et al. 2022, Table 1), and where sounds come from."""

    name: str
    background: str
    events: tuple[str, ...]
    sound: Callable[[str, str, int, int], Float[np.ndarray, "samples"]]  # (label, split, number, sample_rate)
    counts: Callable[[str, str, Settings], int]  # recordings of (label, split)


@dataclass(frozen=True)
class Part:
    """One recording in a clip."""

    label: str
    number: int  # which recording of that label and split
    level_db: float  # over the background; of a background recording 0
    start_s: float = 0.0  # where in the recording
    onset_s: float = 0.0  # where in the clip
    duration_s: float = 10.0


@dataclass(frozen=True)
class Pair:
    """Before, after, and what makes the difference."""

    operations: tuple[Operation, ...]
    text: str
    level_lufs: float
    beds: Mapping[str, tuple[Part, ...]]  # side -> background recordings
    events: Mapping[str, tuple[Part, ...]]  # side -> all that lies over them

    def labels(self, side: str) -> tuple[str, ...]:
        """The kinds of event in that clip, sorted."""
        background = self.beds[side][0].label
        return tuple(sorted({part.label for part in self.events[side]} - {background}))


def draw(scene: Scene, seed: int, split: str, index: int, settings: Settings = Settings()) -> Pair:
    """Pair `index` of a split.

    Raises:
        ValueError: no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"expected a split among {', '.join(SPLITS)}; got {split!r}.")
    purpose = zlib.crc32(f"{VERSION}/{scene.name}".encode())
    rng = np.random.default_rng([purpose, seed, SPLITS.index(split), index])
    numbers = rng.permutation(scene.counts(scene.background, split, settings))
    beds = {side: tuple(_bed(scene, int(n), settings, rng) for n in numbers[: settings.beds]) for side in SIDES}
    ways = {target: _ways(scene, target, settings) for target in (scene.background, *scene.events)}
    targets = [str(target) for target in rng.permutation(list(ways)) if ways[target]]
    events: dict[str, tuple[Part, ...]] = {"before": (), "after": ()}
    operations = []
    for target in targets[: 1 + int(rng.random() < settings.two)]:
        operations.append(Operation(pick(rng, ways[target]), target))
        if target == scene.background:
            softer, louder = None, _more(scene, int(numbers[settings.beds]), settings, rng)
        else:
            softer, louder = _takes(scene, operations[-1], split, settings, rng)
        for side, part in zip(SIDES[:: operations[-1].way], (softer, louder), strict=True):
            events[side] += (part,) if part else ()
    level = float(rng.uniform(*settings.level_lufs))
    return Pair(tuple(operations), difference_texts.write(operations, rng), level, beds, events)


def _ways(scene: Scene, target: str, settings: Settings) -> list[str]:
    """What may be done to that sound."""
    return [name for name, (letter, _) in difference_texts.OPERATIONS.items()
            if letter in settings.operations and ("background" in name) == (target == scene.background)]


def _bed(scene: Scene, number: int, settings: Settings, rng: np.random.Generator) -> Part:
    return Part(scene.background, number, 0.0, float(rng.uniform(0, settings.seconds)), 0.0, settings.seconds)


def _more(scene: Scene, number: int, settings: Settings, rng: np.random.Generator) -> Part:
    """(a): one more background recording over the whole clip."""
    level, start = float(rng.uniform(*settings.added_db)), float(rng.uniform(0, settings.seconds))
    return Part(scene.background, number, level, start, 0.0, settings.seconds)


def _takes(scene: Scene, operation: Operation, split: str, settings: Settings, rng: np.random.Generator):
    """(c): nothing, and an event. (e): an event, and another recording of the same kind that is louder."""
    numbers = rng.permutation(scene.counts(operation.label, split, settings))[:2]
    softer, louder = (
        Part(operation.label, int(number), float(rng.uniform(*level)), 0.0, float(rng.uniform(*settings.onset_s)),
             float(rng.uniform(*settings.duration_s)))
        for number, level in zip(numbers, (settings.soft_db, settings.event_db), strict=True)
    )
    return (None if operation.letter in "cd" else softer), louder


def render(scene: Scene, pair: Pair, split: str, sample_rate: int) -> dict[str, Float[np.ndarray, "samples"]]:
    """Both sides: their parts, added; float32. Where one is louder than full scale, both are scaled down alike."""
    clips = [mix.add(*parts(scene, pair, split, side, sample_rate), sample_rate) for side in SIDES]
    return dict(zip(SIDES, mix.fitted(clips), strict=True))


def parts(scene: Scene, pair: Pair, split: str, side: str, sample_rate: int):
    """The background of one side, and what lies over it as `mix.add` takes it: (samples, onset in s, SNR in dB)."""
    n = round(pair.beds[side][0].duration_s * sample_rate)
    bed = np.zeros(n, dtype=np.float32)
    for part in pair.beds[side]:
        measured = loudness(scene.name, part.label, split, part.number, sample_rate)
        bed += _crop(scene, part, split, n, sample_rate) * np.float32(10 ** ((pair.level_lufs - measured) / 20))
    placed = []
    for part in pair.events[side]:
        first = round(part.onset_s * sample_rate)
        length = min(round(part.duration_s * sample_rate), n - first)
        whole = part.label == scene.background
        samples = _crop(scene, part, split, n, sample_rate) if whole else _sound(scene, part, split, sample_rate)
        placed.append((samples[:length], first / sample_rate, part.level_db))
    return bed, placed


def _crop(scene: Scene, part: Part, split: str, n: int, sample_rate: int) -> Float[np.ndarray, "samples"]:
    """So much of a background recording; a short one is laid end to end until it lasts."""
    whole, start = _sound(scene, part, split, sample_rate), round(part.start_s * sample_rate)
    return (whole if len(whole) >= start + n else np.resize(whole, start + n))[start : start + n]


def _sound(scene: Scene, part: Part, split: str, sample_rate: int) -> Float[np.ndarray, "samples"]:
    return recording(scene.name, part.label, split, part.number, sample_rate)


@lru_cache(maxsize=512)
def recording(scene: str, label: str, split: str, number: int, sample_rate: int) -> Float[np.ndarray, "samples"]:
    """One of a scene's recordings at a peak of 0.95, kept by the process."""
    samples = np.asarray(SCENES[scene].sound(label, split, number, sample_rate), dtype=np.float32)
    return samples * np.float32(mix.PEAK / max(np.abs(samples).max(), 1e-9))


@lru_cache(maxsize=512)
def loudness(scene: str, label: str, split: str, number: int, sample_rate: int) -> float:
    """Of a recording, in LUFS (ITU-R BS.1770-4), measured once."""
    # The filters clip at 1. Softer is nearer to the meter's gate of -70 LUFS, which no background comes close to.
    softer = 0.1 * torch.from_numpy(recording(scene, label, split, number, sample_rate))
    return float(lufs(softer[None], sample_rate)) + 20.0


def build(scene: str, sizes: Mapping[str, int], seed: int, settings: Settings = Settings()) -> pd.DataFrame:
    """The first so many pairs of each split, one row each.

    Columns: split, before, after (locators), text, operations (of `Operation`), before_labels, after_labels, beds (the
    background recordings, shared by both sides: what makes siblings of two pairs).
    """
    rows = []
    for split, n in sizes.items():
        for index in range(n):
            pair = draw(SCENES[scene], seed, split, index, settings)
            row = {side: locator(scene, seed, split, index, side, settings) for side in SIDES}
            row |= {f"{side}_labels": pair.labels(side) for side in SIDES}
            beds = tuple(sorted(part.number for part in pair.beds["before"]))
            rows.append({"split": split, "text": pair.text, "operations": pair.operations, "beds": beds, **row})
    return pd.DataFrame(rows)


def clip_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """All clips of some pairs: a before, its after, and so on; the text of its pair is an after's caption."""
    rows = [
        {"clip_id": row[side].removeprefix(f"{SCHEME}://"), "split": row["split"], "path": row[side],
         "captions": [row["text"]] if side == "after" else []}
        for row in pairs.to_dict("records") for side in SIDES
    ]
    return table.build(rows, source=SCHEME)


def locator(scene: str, seed: int, split: str, index: int, side: str, settings: Settings = Settings()) -> str:
    """Where `lib.audio.load` finds a side: difference://VERSION/scene/seed/split/index/side/changed settings."""
    changed = {each.name: getattr(settings, each.name) for each in fields(settings)
               if getattr(settings, each.name) != each.default}
    return f"{SCHEME}://{VERSION}/{scene}/{seed}/{split}/{index}/{side}/{json.dumps(changed, separators=(',', ':'))}"


def from_locator(path: str) -> tuple[Scene, Pair, str, str]:
    """Scene, pair, split and side of a locator.

    Raises:
        ValueError: another version, or not a locator of ours; a scene that nobody registered here.
    """
    pieces = path.removeprefix(f"{SCHEME}://").split("/", 6)
    if len(pieces) != 7 or pieces[0] != VERSION or pieces[5] not in SIDES:
        raise ValueError(f"expected {SCHEME}://{VERSION}/scene/seed/split/index/side/settings; got {path!r}.")
    _, name, seed, split, index, side, changed = pieces
    if name not in SCENES:
        raise ValueError(f"expected a scene among {', '.join(SCENES)}; got {name!r}. Those of files are registered by "
                         "lib.data.difference_scenes.")
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in json.loads(changed).items()}
    return SCENES[name], draw(SCENES[name], int(seed), split, int(index), Settings(**given)), split, side


def _load(path: str, sample_rate: int) -> Float[np.ndarray, "samples"]:
    side = from_locator(path)[3]
    return _both(path.replace(f"/{side}/", f"/{SIDES[0]}/", 1), sample_rate)[side]


@lru_cache(maxsize=4)
def _both(before: str, sample_rate: int) -> dict[str, Float[np.ndarray, "samples"]]:
    """Kept for a moment: whoever wants one side mostly wants the other next."""
    scene, pair, split, _ = from_locator(before)
    return render(scene, pair, split, sample_rate)


SCENES: dict[str, Scene] = {}  # `lib.data.difference_scenes` fills it
audio.register(SCHEME, _load)
