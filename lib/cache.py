"""What need not be computed twice: frames of clips, tokens of texts (and, by `lib.runs`, trained runs). It says so.

Frozen encoders run once. Two processes that want the same chunks share the work; one that is killed loses the chunk it
was at and no more. Values pass through half precision even when fresh, so that a second run equals the first.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from filelock import Timeout
from jaxtyping import Bool, Float
from torch import Tensor
from tqdm.auto import tqdm

from lib import audio, store
from lib.encoders.interface import AudioEncoder, Encoder, TextEncoder
from lib.fingerprint import code
from lib.runs import Run, trained

__all__ = ["Frames", "Run", "clip_keys", "frames", "tokens", "trained"]

CHUNK = 256  # items in a file: what a kill can cost
BATCH = {"frames": 32, "tokens": 64}  # items in a batch at most
BATCH_S = 480.0  # seconds of sound in a batch at most, padding included: 30 MiB at 16 kHz


@dataclass(frozen=True)
class Frames:
    """Encoded clips or texts, in the order asked for: values (zero in the padding) and the mask of what is real."""

    values: Float[Tensor, "clip time feature"]
    mask: Bool[Tensor, "clip time"]
    encoded: int = 0  # how many of them were not in the cache yet

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Any) -> "Frames":
        return Frames(self.values[rows], self.mask[rows])


def frames(
    encoder: AudioEncoder, table: pd.DataFrame, *, seconds: float | None = None, progress: bool = True
) -> Frames:
    """Frames of every clip of a table, as float32, computed once per encoder, crop and content.

    A file is known by its path, size and time of change; a locator by itself and the code that renders it.

    Args:
        seconds: longer clips are cropped to their middle; None takes them whole.
    """
    paths = table["path"].tolist()
    if hasattr(encoder, "lookup"):  # frames that were computed elsewhere are there already
        print(f"frames: 0 encoded, {len(paths):,} looked up")
        return Frames(*encoder.lookup(paths))
    durations = table["duration_s"].fillna(30.0).clip(upper=seconds).tolist()
    key = store.digest(encoder.key, str(seconds), code("lib.audio", type(encoder)))

    def encode(batch: list[int]) -> tuple[Tensor, Tensor]:
        samples = [_middle(audio.load(paths[i], encoder.sample_rate), seconds, encoder.sample_rate) for i in batch]
        waveforms, lengths = audio.pad(samples)
        device = next((value.device for value in encoder.parameters()), "cpu")
        return encoder(waveforms.to(device), lengths.to(device))

    return _cached("frames", encoder, key, clip_keys(paths), durations, encode, progress)


def tokens(encoder: TextEncoder, texts: Sequence[str], *, progress: bool = True) -> Frames:
    """Token vectors of every text, as float32, computed once per encoder and text, texts of like length together."""
    texts = list(texts)
    key = store.digest(encoder.key, code(type(encoder)))
    keys, sizes = [store.digest(text) for text in texts], [len(text) / 1000 for text in texts]

    def encode(batch: list[int]) -> tuple[Tensor, Tensor]:
        return encoder([texts[i] for i in batch])

    return _cached("tokens", encoder, key, keys, sizes, encode, progress)


def clip_keys(paths: Sequence[str]) -> list[str]:
    """What each clip is known by.

    Raises:
        AudioError: there is no such file, or nobody renders the locator.
    """
    by_scheme = {path.partition("://")[0]: path for path in paths if "://" in path}
    rendering = {scheme: code(audio.renderer(path).__module__) for scheme, path in by_scheme.items()}
    return [_clip_key(path, rendering) for path in paths]


def _clip_key(path: str, rendering: dict[str, str]) -> str:
    if "://" in path:
        return store.digest(path, rendering[path.partition("://")[0]])
    try:
        stat = Path(path).stat()
    except OSError:
        raise audio.AudioError(path, "there is no such file", "loading the table again") from None
    return store.digest(str(Path(path).resolve()), str(stat.st_size), str(stat.st_mtime_ns))


Encode = Callable[[list[int]], tuple[Tensor, Tensor]]


def _cached(
    kind: str, encoder: Encoder, key: str, keys: list[str], sizes: list[float], encode: Encode, progress: bool
) -> Frames:
    """Encode what is missing, chunk by chunk; then read everything back, in order."""
    chunks, new = store.Store(kind, key), set()
    for _ in range(3):  # again if another process trims what we are about to read
        new |= _encode_missing(chunks, kind, encoder, keys, sizes, encode, progress)
        with contextlib.suppress(FileNotFoundError, KeyError):
            result = replace(_gather(chunks, keys, encoder.feature_dim), encoded=sum(key in new for key in keys))
            print(f"{kind}: {result.encoded:,} encoded, {len(keys) - result.encoded:,} from cache")
            store.trim()
            return result
    raise OSError(f"the cache in {store.root()} loses chunks as fast as they are made. Set HEARSAY_CACHE_GIB higher.")


def _encode_missing(chunks: store.Store, kind, encoder, keys, sizes, encode, progress) -> set[str]:
    """Write a chunk for every CHUNK missing items, those that another process is at last; the keys encoded here."""
    known, first = chunks.index(), {}
    for i, key in enumerate(keys):
        first.setdefault(key, i)
    missing = [i for key, i in first.items() if key not in known]
    if kind == "tokens":
        missing.sort(key=lambda i: (sizes[i], i))
    todo, busy, done = deque(missing[i : i + CHUNK] for i in range(0, len(missing), CHUNK)), 0, set()
    with tqdm(total=len(missing), desc=kind, unit="item", leave=False, disable=not (progress and missing)) as bar:
        while todo:
            chunk = todo.popleft()
            names = [keys[i] for i in chunk]
            try:
                with chunks.claim(names, wait=busy > len(todo)) as path:
                    if path is not None:
                        chunks.write(path, names, _items(encoder, chunk, sizes, BATCH[kind], encode, bar))
                        done.update(names)
                    else:
                        bar.update(len(chunk))
            except Timeout:
                todo.append(chunk)
                busy += 1
            else:
                busy = 0
    return done


@torch.inference_mode()
def _items(encoder: Encoder, chunk: list[int], sizes: list[float], most: int, encode: Encode, bar) -> list[Tensor]:
    """Each item of a chunk as (time, feature), without its padding, encoded in batches of like size."""
    training, out = encoder.training, {}
    encoder.eval()
    try:
        for batch in _batches(chunk, sizes, most):
            values, mask = encode(batch)
            out |= {i: value[keep].cpu() for i, value, keep in zip(batch, values, mask)}
            bar.update(len(batch))
    finally:
        encoder.train(training)
    return [out[i] for i in chunk]


def _batches(chunk: list[int], sizes: list[float], most: int) -> Iterator[list[int]]:
    batch: list[int] = []
    for i in sorted(chunk, key=lambda i: (sizes[i], i)):
        if batch and (len(batch) == most or (len(batch) + 1) * sizes[i] > BATCH_S):
            yield batch
            batch = []
        batch.append(i)
    yield batch


def _gather(chunks: store.Store, keys: list[str], feature_dim: int) -> Frames:
    """All items in order, padded with zeros to the longest, in float32."""
    index = chunks.index()
    wanted: dict[Path, list[tuple[int, int, int]]] = {}
    for position, key in enumerate(keys):
        path, start, end = index[key]
        wanted.setdefault(path, []).append((position, start, end))
    lengths = torch.tensor([index[key][2] - index[key][1] for key in keys], dtype=torch.int64)
    values = torch.zeros(len(keys), int(lengths.max()) if keys else 0, feature_dim)
    for path, spans in wanted.items():
        stored = chunks.read(path)
        for position, start, end in spans:
            values[position, : end - start] = stored[start:end]
    return Frames(values, audio.length_mask(lengths, values.shape[1]))


def _middle(samples: Float[np.ndarray, "samples"], seconds: float | None, sample_rate: int) -> np.ndarray:
    """The middle of a recording: the same at each call, unlike a random crop."""
    size = len(samples) if seconds is None else max(1, round(seconds * sample_rate))
    start = max(0, len(samples) - size) // 2
    return samples[start : start + size]
