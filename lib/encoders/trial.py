"""What an encoder costs on this machine: built, run on ten seconds of sound (or some captions), and gone again.

Each in a process of its own, on one thread: what one leaves behind in memory would be taken for the next one's.
Taught in notebook 04.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lib import audio, encoders
from lib.encoders.interface import AudioEncoder, Encoder
from lib.pooling import masked_mean


def _fused(query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any) -> int:
    """Flops of the CPU's fused attention by its shapes (batch, head, token, feature); the counter knows the GPU's."""
    batch, heads, tokens, features = query
    return 2 * batch * heads * tokens * key[2] * (features + value[3])


COUNTED = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _fused}
LENGTHS = (0.5, 10.0, 29.7)  # seconds
OFFICIAL = ("small_cnn", "minilm")  # whose weights are here; the others are tried with random ones


@dataclass(frozen=True)
class Trial:
    """What came out, and what it took."""

    name: str
    frames: int  # of ten seconds, or of all captions
    features: int
    operations: float  # multiply-adds of convolutions and matrix products; recurrent layers are not counted
    seconds: float  # of the second run; the first one sets libraries up, and is counted
    build_seconds: float
    peak_mib: float  # resident memory at most, beyond that of the process before the encoder was there
    difference: float | None  # `alone_or_together`; None where it was not asked for


def trials(names: Sequence[str], captions: Sequence[str] = (), *, check_below: float = 0.0) -> Iterator[Trial]:
    """One encoder after the other, in the order of the names: audio encoders hear ten seconds, others read captions.

    Args:
        check_below: encoders of fewer multiply-adds than this are also tried alone and in a batch.
    """
    fork = sys.platform == "linux"  # so that libraries are imported once; elsewhere no safe way to begin a process
    fresh = {} if fork else {"max_tasks_per_child": 1}
    with ProcessPoolExecutor(1, get_context("spawn"), _wake, **fresh) as nursery:
        for name in names:
            yield nursery.submit(_apart if fork else trial, name, tuple(captions), check_below).result()


def _wake() -> None:
    """Have the libraries load what they load at first use: it belongs to no encoder."""
    torch.set_num_threads(1)
    with FlopCounterMode(display=False):
        nn.Conv2d(1, 1, 3)(torch.ones(1, 1, 64, 64)) @ torch.ones(62, 62)
    encoders.text("minilm")


def _apart(*args: Any) -> Trial:
    """In a fork of this process."""
    with ProcessPoolExecutor(1, get_context("fork")) as child:
        return child.submit(trial, *args).result()


def trial(name: str, captions: Sequence[str] = (), check_below: float = 0.0) -> Trial:
    """Of one encoder, here and now; the peak is honest in a fresh process alone."""
    heard = name in encoders.AUDIO or name.startswith("hf:")
    before, start = peak_mib(), time.perf_counter()
    draw, known = torch.Generator().manual_seed(0), name in OFFICIAL
    encoder = (encoders.audio if heard else encoders.text)(name, pretrained=known, generator=draw)
    built = time.perf_counter() - start
    items = [noise(10.0, encoder)] if heard else list(captions)
    with torch.inference_mode():
        with FlopCounterMode(display=False, custom_mapping=COUNTED) as counter:
            _, mask = encode(encoder, items)
        start = time.perf_counter()
        encode(encoder, items)
        seconds, peak = time.perf_counter() - start, peak_mib() - before
    operations = counter.get_total_flops() / 2
    several = [noise(seconds, encoder) for seconds in LENGTHS] if heard else list(captions)
    difference = alone_or_together(encoder, several) if operations < check_below else None
    return Trial(name, int(mask.sum()), encoder.feature_dim, operations, seconds, built, peak, difference)


def noise(seconds: float, encoder: AudioEncoder) -> Float[np.ndarray, "samples"]:
    """So much of it, at the encoder's sampling rate."""
    draw = np.random.default_rng(round(1000 * seconds))
    return np.float32(0.1) * draw.standard_normal(round(seconds * encoder.sample_rate), dtype=np.float32)


def encode(encoder: Encoder, items: Sequence) -> tuple[Tensor, Tensor]:
    """Frames and mask of waveforms, or token vectors and mask of captions."""
    return encoder(*audio.pad(items)) if isinstance(encoder, AudioEncoder) else encoder(list(items))


def alone_or_together(encoder: Encoder, items: Sequence) -> float:
    """The largest difference between an item's embedding alone and in a batch of all, by the embedding's length."""
    with torch.inference_mode():
        together = masked_mean(*encode(encoder, items))
        alone = torch.cat([masked_mean(*encode(encoder, [item])) for item in items])
    return ((together - alone).norm(dim=1) / alone.norm(dim=1)).max().item()


def peak_mib() -> float:
    """The most memory that this process ever had resident."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
