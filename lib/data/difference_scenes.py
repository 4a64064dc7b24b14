"""The scenes of the pairs, and where their sounds come from: made by formula, or recordings in ESC-50's layout.

Rain and Traffic are those of Takeuchi et al. 2022, Table 1. ESC-10 (a part of ESC-50) lacks most of their events, and
its rain lasts five seconds (it is laid end to end), so on it we set a third scene with a name of its own.
"""

from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lib import audio, store
from lib.data import events, sources
from lib.data.events import Event
from lib.data.pairs import SCENES, SPLITS, Scene, Settings

LENGTH_S = 20.0  # of a background recording made by formula: two crops of ten seconds need not be the same
HELD_OUT = "fold4"  # of ESC-10, whose fold 5 we do not have; the published data set holds out fold 5


def formula(label: str, split: str, number: int, sample_rate: int) -> Float[np.ndarray, "samples"]:
    """Recording `number` of a background or an event: an individual of its own, never one of the other split."""
    rng = np.random.default_rng([number, SPLITS.index(split), *label.encode()])
    if label in events.BACKGROUNDS:
        return events.BACKGROUNDS[label](rng, sample_rate, round(LENGTH_S * sample_rate))
    kind = events.KINDS[label]
    rate, count = ("slow", "steady", "fast")[rng.integers(3)] if kind.rates else "steady", 1
    if kind.countable:
        count = int(rng.integers(1, 5))
        rate = rate if count > 1 else "steady"
    pitch = ("low", "middle", "high")[rng.integers(3)] if kind.pitches else "middle"
    seconds = events.natural_duration(label, rate, count)
    return events.render_event(Event(label, pitch, rate, count, duration_s=seconds, seed=int(rng.integers(2**31))),
                               sample_rate)


def by_formula(name: str, background: str, kinds: tuple[str, ...], recordings: tuple[int, int]) -> Scene:
    """A scene of procedural sounds.

    Args:
        recordings: of the background, to develop and to evaluate on.
    """

    def counts(label: str, split: str, settings: Settings) -> int:
        known = (settings.recordings or recordings) if label == background else settings.takes
        return known[SPLITS.index(split)]

    return Scene(name, background, kinds, formula, counts)


def esc50(path: str | Path, name: str, background: str, kinds: tuple[str, ...], held_out: str = HELD_OUT) -> Scene:
    """A scene of ESC-50's recordings (or ESC-10's), registered under its name and a digest of its files.

    Args:
        held_out: the fold to evaluate on; the others develop.

    Raises:
        SourceError: there is no ESC-50 in that folder, or a class has too few recordings.
    """
    found = _files(path, held_out)
    needed = {(background, split): Settings().beds + 1 for split in SPLITS} | {
        (kind, split): 2 for kind in kinds for split in SPLITS}
    for (label, split), n in needed.items():
        if len(found[label, split]) < n:
            raise sources.SourceError(f"expected at least {n} recordings of {label} to {split} on in {path}; got "
                                      f"{len(found[label, split])}.")
    known = store.digest(*(f"{file.name} {file.stat().st_size}" for files in found.values() for file in files))
    scene = Scene(f"{name}-{known[:8]}", background, kinds, partial(_read, found), partial(_count, found))
    SCENES[scene.name] = scene
    return scene


def _files(path: str | Path, held_out: str) -> dict[tuple[str, str], list[Path]]:
    """(class, split) -> its files, by name."""
    clips = sources.esc50(str(path), None, 0)
    found = defaultdict(list)
    for row in clips.sort_values("clip_id").to_dict("records"):
        split = SPLITS[row["split"] == held_out]
        found[row["keywords"][0].replace(" ", "_"), split].append(Path(row["path"]))
    return found


def _read(found: dict, label: str, split: str, number: int, sample_rate: int) -> Float[np.ndarray, "samples"]:
    samples = audio.load(found[label, split][number], sample_rate)
    return samples if label == "rain" else trimmed(samples, sample_rate)


def _count(found: dict, label: str, split: str, settings: Settings) -> int:
    return len(found[label, split])


def trimmed(samples: Float[np.ndarray, "samples"], sample_rate: int) -> Float[np.ndarray, "sound"]:
    """Without what is quiet at either end: from the first to the last moment above a tenth of the highest envelope.

    The envelope is the mean size over a window of 512 samples at 44.1 kHz, as in the published data set's preparation.
    """
    width = max(1, round(512 * sample_rate / 44100))
    window = np.hanning(width + 2)[1:-1]
    envelope = np.convolve(np.abs(samples), window / window.sum(), mode="same")
    loud = np.flatnonzero(envelope > 0.1 * envelope.max())
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples


for _one in (  # as many background recordings as the published data set has
    by_formula("rain", "rain", ("dog_bark", "bird_chirp", "thunder", "footsteps"), (124, 29)),
    by_formula("traffic", "traffic", ("dog_bark", "bird_chirp", "car_horn", "church_bell"), (80, 47)),
):
    SCENES[_one.name] = _one
