"""What notebooks share, encoded before the workers start: a header `hearsay: {corpora: [clean, noisy]}` asks for it."""

import contextlib
import functools
import io
import multiprocessing
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed

import pandas as pd
from tqdm import tqdm

from lib import data, profiles, retrieval

# What a worker encodes at a time, of each seed's corpus: splits, or the noisy partner at one noise level.
PARTS = {"clean": (("train",), ("validation", "test", "shifted")), "noisy": (0.0, 1.0, 2.0)}
WORKERS = 2


def prepare(profile: profiles.Profile, name: str, seed: int, kinds: Iterable[str]) -> int:
    """Fill the cache with the frames and tokens of this profile's corpora; gives the number of items encoded anew.

    Only for sources that are drawn with the seed: recordings on disk are encoded by the notebook that asks for them.
    """
    if ":" in name:
        return 0
    parts = [part for kind in PARTS if kind in set(kinds) for part in PARTS[kind]]
    jobs = [(profile.name, name, seed + offset, part) for offset in profile.seeds for part in parts]
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool, tqdm(total=len(jobs), desc="prepare") as bar:
        new = 0
        for done in as_completed([pool.submit(encode, *job) for job in jobs]):
            new += done.result()
            bar.update()
    return new


def encode(profile_name: str, name: str, seed: int, part: tuple[str, ...] | float) -> int:
    """Encode these splits of one corpus through the cache; how many clips and captions were not there yet."""
    if isinstance(part, float):
        clips = data.load_noisy(name, profile=profiles.get(profile_name), seed=seed, noise=part)
    else:
        clips = _corpus(profile_name, name, seed)
        clips = clips[clips["split"].isin(part)]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return retrieval.encode(clips).encoded


@functools.lru_cache(maxsize=1)
def _corpus(profile_name: str, name: str, seed: int) -> pd.DataFrame:
    return data.load(name, profile=profiles.get(profile_name), seed=seed, needs=("captions",))


def timed(profile: str, name: str, seed: int, kinds: Iterable[str]) -> float:
    """Seconds that the preparation took; printed."""
    start = time.monotonic()
    new = prepare(profiles.get(profile), name, seed, kinds)
    seconds = time.monotonic() - start
    print(f"prepared in {seconds:.1f} s: {new:,} clips and captions encoded, the rest was in the cache", flush=True)
    return seconds
