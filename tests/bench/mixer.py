"""A 10-s scene at 44.1 kHz: our mixer beside scaper on the same recordings, or beside what scaper cannot do without.

Scaper measures the loudness of every recording in every scene; ours is measured once. It needs SoX, as a program or as
soxbindings. Where it cannot be imported, its time on a machine of this kind is stated, and the race is against its
loudness meter alone (pyloudnorm), which is no more than a part of its work.
"""

import tempfile
import time
import warnings
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import pyloudnorm
import soundfile

from lib.data import pairs
from lib.data.difference_scenes import SCENES
from lib.data.pairs import Pair, Part, Settings
from tests.bench.timing import race, report, wanted

SCENE, SPLIT, SAMPLE_RATE, SIDE = SCENES["rain"], "develop", 44100, "after"
SETTINGS = Settings(recordings=(6, 3), takes=(3, 2))
STATED = 0.040  # seconds a scene, measured for scaper on a machine of this kind


def main() -> None:
    made = [pairs.draw(SCENE, 0, SPLIT, index, SETTINGS) for index in range(40)]
    started = time.perf_counter()
    for pair in made:
        pairs.render(SCENE, pair, SPLIT, SAMPLE_RATE)
    print(f"  once: {time.perf_counter() - started:.1f} s for {len(recordings(made))} recordings and their loudness")
    ours, meter = cycle(made), cycle(made)
    calls = {"ours": lambda: pairs.render(SCENE, next(ours), SPLIT, SAMPLE_RATE),
             "pyloudnorm on each recording of a scene": lambda: loudnesses(next(meter))}
    with tempfile.TemporaryDirectory() as folder:
        rival = with_scaper(made, Path(folder))
        medians = race(calls | rival, seconds=10, at_least=len(made) // 2)
    medians["ours"] /= len(pairs.SIDES)  # one call makes both sides of a pair
    report("a scene", medians)
    if rival:
        (its,) = (medians[name] for name in rival)
        wanted(f"at least 20 times as fast as scaper: {its / medians['ours']:.0f} times", its >= 20 * medians["ours"])
    else:
        print("    scaper cannot be imported here (it needs SoX)")
        wanted(f"at least 20 times as fast as the {STATED * 1e3:.0f} ms that scaper took on a machine of this kind: "
               f"{STATED / medians['ours']:.0f} times", STATED >= 20 * medians["ours"])


def recordings(made: list[Pair]) -> set[tuple[str, int]]:
    return {(part.label, part.number) for pair in made for part in parts(pair)}


def parts(pair: Pair, side: str = SIDE) -> Iterator[Part]:
    yield from pair.beds[side]
    yield from pair.events[side]


def loudnesses(pair: Pair) -> list[float]:
    """LUFS of each recording of one side, as long as it sounds."""
    found = []
    for part in parts(pair):
        samples = pairs.recording(SCENE.name, part.label, SPLIT, part.number, SAMPLE_RATE)
        heard = samples[: round(part.duration_s * SAMPLE_RATE)]
        padded = np.resize(heard, max(len(heard), SAMPLE_RATE))  # the meter refuses what is shorter than a block
        found.append(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(padded))
    return found


def with_scaper(made: list[Pair], folder: Path) -> dict:
    """Scaper on the same recordings, levels and times, all in memory; nothing where it cannot be imported."""
    try:
        import scaper
    except Exception:  # its import of SoX fails in several ways
        return {}
    vars(np).setdefault("Inf", np.inf)  # scaper 1.6.5 was written for numpy 1
    for label, number in recordings(made):
        file = folder / label / f"{number}.wav"
        file.parent.mkdir(exist_ok=True)
        soundfile.write(file, pairs.recording(SCENE.name, label, SPLIT, number, SAMPLE_RATE), SAMPLE_RATE)
    again = cycle(made)

    def call():
        pair = next(again)
        scene = scaper.Scaper(SETTINGS.seconds, str(folder), str(folder), random_state=0)
        scene.sr, scene.ref_db = SAMPLE_RATE, pair.level_lufs
        for part in pair.beds[SIDE]:
            scene.add_background(**_place(part, folder))
        for part in pair.events[SIDE]:
            timed = {"event_time": part.onset_s, "event_duration": part.duration_s, "snr": part.level_db}
            scene.add_event(**_place(part, folder), **{name: ("const", value) for name, value in timed.items()},
                            pitch_shift=None, time_stretch=None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of recordings shorter than was asked
            return scene.generate(fix_clipping=False, disable_sox_warnings=True)

    return {f"scaper {scaper.__version__}": call}


def _place(part: Part, folder: Path) -> dict:
    file = folder / part.label / f"{part.number}.wav"
    return {"label": ("const", part.label), "source_file": ("const", str(file)), "source_time": ("const", part.start_s)}
