"""The small CNN's training pool: log-mel spectrograms with tags, made once and kept in build/.

Procedural clips come from `pretraining_sounds.draw`. Real ones are ESC-10's folds 1-3 (K. J. Piczak, "ESC: Dataset for
Environmental Sound Classification", 2015, CC BY 3.0, and the authors of its clips), each at several speeds. Folds 4
and 5 are never read, so that fold 4 can say what the network learnt.
"""

import hashlib
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8

from data_scripts.pretraining_sounds import CLASSES, draw
from lib import audio

ROOT = Path(__file__).parents[1]
SOURCES = [  # a change in any of them asks for a new pool
    *("data_scripts/pretraining_pool.py", "data_scripts/pretraining_sounds.py", "lib/mix.py", "lib/data/events.py"),
    *(f"lib/data/{name}.py" for name in ("backgrounds", "objects", "synthesis", "voices")),
]
FRONT_END = audio.FRONT_ENDS["small_cnn"]
ESC_FOLDS = (1, 2, 3)
ESC_KINDS = {  # the tag that a category shares with the formulas, so that both teach one thing
    "dog": "dog_bark", "rooster": "rooster_crow", "crying_baby": "baby_cry", "sneezing": "sneeze",
    "clock_tick": "clock_tick", "helicopter": "helicopter", "chainsaw": "chainsaw",
    "crackling_fire": "fire", "rain": "rain", "sea_waves": "sea_waves",
}  # fmt: skip
TAGS = [*CLASSES, *(f"esc/{category}" for category in ESC_KINDS)]
ABSENT, PRESENT, UNKNOWN = 0, 1, 2


@dataclass(frozen=True)
class PoolSettings:
    """How much to make; a pool is kept under a name that these settings and the sources decide."""

    procedural: int = 20000  # clips
    variants: int = 12  # speeds at which each real clip is heard
    seconds: float = 5.0
    seed: int = 0


@dataclass(frozen=True)
class Pool:
    """Decibels in half precision, and per tag whether it is absent, present or unknown; real clips come last."""

    decibels: Float[np.ndarray, "clip time mel"]
    tags: UInt8[np.ndarray, "clip tag"]
    n_procedural: int


def build(settings: PoolSettings, esc10: Path | None, folder: Path, processes: int) -> Pool:
    """The pool of these settings, from `folder` where it is kept, else made now and kept there."""
    made_from = hashlib.sha256(b"".join((ROOT / source).read_bytes() for source in SOURCES)).hexdigest()
    name = hashlib.sha256(f"{asdict(settings)} {FRONT_END} {esc10 is not None} {made_from}".encode()).hexdigest()[:12]
    path = folder / f"pool_{name}.npz"
    if not path.is_file():
        decibels, tags = procedural(settings, processes)
        if esc10 is not None:
            real, real_tags = real_clips(settings, esc10)
            decibels, tags = np.concatenate([decibels, real]), np.concatenate([tags, real_tags])
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, decibels=decibels, tags=tags)
        part.replace(path)
    with np.load(path) as stored:
        return Pool(stored["decibels"], stored["tags"], settings.procedural)


def procedural(settings: PoolSettings, processes: int) -> tuple[np.ndarray, np.ndarray]:
    """Clips drawn from the formulas; clip i depends on the seed and i alone, not on the number of processes."""
    indices = np.array_split(np.arange(settings.procedural), max(1, settings.procedural // 200))
    with get_context("spawn").Pool(processes) as workers:
        parts = []
        for part in workers.imap(_draw_chunk, [(settings, chunk) for chunk in indices]):
            parts.append(part)
            print(f"\rpool: {len(parts) / len(indices):.0%} of {settings.procedural:,} clips", end="", flush=True)
    print()
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _draw_chunk(job: tuple[PoolSettings, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    settings, indices = job
    torch.set_num_threads(1)
    waveforms, tags = [], np.full((len(indices), len(TAGS)), ABSENT, dtype=np.uint8)
    tags[:, len(CLASSES) :] = UNKNOWN
    for row, index in enumerate(indices):
        rng = np.random.default_rng([settings.seed, int(index)])
        samples, present = draw(rng, FRONT_END.sample_rate, settings.seconds)
        waveforms.append(samples)
        tags[row, [TAGS.index(tag) for tag in present]] = PRESENT
    return spectrograms(waveforms), tags


def spectrograms(waveforms: list[np.ndarray]) -> np.ndarray:
    """Log-mel spectrograms in half precision (clip, time, mel)."""
    log_mel = audio.LogMel(FRONT_END)
    with torch.inference_mode():
        batches = [log_mel(*audio.pad(waveforms[k : k + 50]))[0].half() for k in range(0, len(waveforms), 50)]
    return torch.cat(batches).numpy()


def esc_table(esc10: Path) -> pd.DataFrame:
    """The rows of `meta/esc50.csv` that training may see: ESC-10's categories, folds 1-3."""
    table = pd.read_csv(esc10 / "meta" / "esc50.csv")
    table = table[table["category"].isin(list(ESC_KINDS)) & table["fold"].isin(ESC_FOLDS)].sort_values("filename")
    folds_by_name = {int(filename.split("-")[0]) for filename in table["filename"]}
    assert folds_by_name <= set(ESC_FOLDS), f"expected only folds {ESC_FOLDS}, got clips of folds {folds_by_name}"
    return table


def esc_authors(esc10: Path) -> list[str]:
    """Who uploaded the recordings used, for the credits, where `meta/freesound_titles.csv` tells."""
    path = esc10 / "meta" / "freesound_titles.csv"
    if not path.is_file():
        return []
    titles = pd.read_csv(path).set_index("filename")
    return sorted(set(titles.reindex(esc_table(esc10)["filename"])["uploader"].dropna()), key=str.casefold)


def real_clips(settings: PoolSettings, esc10: Path) -> tuple[np.ndarray, np.ndarray]:
    """Each training recording at several speeds (0.8 to 1.25, which moves its pitch as well), and its tags."""
    rng, waveforms, tags = np.random.default_rng([settings.seed, 10]), [], []
    n = int(settings.seconds * FRONT_END.sample_rate)
    for row in esc_table(esc10).itertuples():
        for variant in range(settings.variants):
            speed = 1.0 if variant == 0 else float(np.exp(rng.uniform(np.log(0.8), np.log(1.25))))
            rate = round(FRONT_END.sample_rate / speed / 200) * 200  # a round number keeps the filter short
            samples = audio.load(esc10 / "audio" / row.filename, rate)
            start = int(rng.integers(max(1, len(samples) - n + 1)))
            samples = np.resize(samples[start : start + n], n)  # repeated from its start where it is too short
            waveforms.append(samples * np.float32(10 ** rng.uniform(-1, 0) / max(float(np.abs(samples).max()), 1e-4)))
            tags.append(_esc_tags(row.category))
    return spectrograms(waveforms), np.stack(tags)


def _esc_tags(category: str) -> np.ndarray:
    """Its category and kind present, other kinds absent; nobody wrote down the pitch, rate, count or distance."""
    tags = np.full(len(TAGS), ABSENT, dtype=np.uint8)
    attributes = ("pitch_", "rate_", "count_", "near", "far")
    tags[[k for k, tag in enumerate(CLASSES) if "/" in tag or tag.startswith(attributes)]] = UNKNOWN
    tags[TAGS.index(ESC_KINDS[category])] = tags[TAGS.index(f"esc/{category}")] = PRESENT
    return tags
