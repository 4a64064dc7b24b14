"""An epoch of adapters on frozen frames of Clotho's size (weck_atae: CNN14's frames, DistilRoBERTa's tokens); on a GPU.

3,839 clips with five captions each, every pair once in batches of 32, then a validation on 1,045 clips; all frames and
tokens are kept, as this system wants them, and lie in the main memory. What they hold is noise.
"""

import statistics
from dataclasses import dataclass

import torch

from lib import audio, parallel, retrieval
from lib.encoders.cards import CARDS
from lib.examples import Examples
from lib.recipe import Recipe
from lib.systems import SYSTEMS
from tests.bench import on_gpu

NAME = "frozen_epoch"


@dataclass(frozen=True)
class Size:
    """What is trained: Clotho's numbers, or a miniature for a test."""

    stage: Recipe = SYSTEMS["weck_atae"].stages[0]
    clips: tuple[int, int] = (3839, 1045)  # of train and validation
    captions: int = 5
    frames: int = round(30 * CARDS["cnn14"].frames_per_second)  # of the longest clip; the shortest has half of them
    tokens: int = 32
    widths: tuple[int, int] = (CARDS["cnn14"].features, CARDS["distilroberta"].features)
    epochs: int = 4


def main() -> None:
    if not torch.cuda.is_available():
        print(on_gpu.NONE.format(NAME))
        return
    found = measured(Size())
    told = f"{found['epoch, seconds']:.1f} s an epoch with its validation, {found['steps per second']:.0f} steps/s"
    print(f"  {told}, {found['peak GiB']:.1f} GiB of the GPU's memory")
    print(f"    written to {on_gpu.keep(NAME, found, on_gpu.card())}")


def measured(size: Size) -> dict:
    """The median epoch after the first, its steps, and peak memory."""
    splits = {name: _made(size, clips) for name, clips in zip(("train", "validation"), size.clips, strict=True)}
    on_gpu.reset_memory()
    asked = on_gpu.trained(
        on_gpu.corpus(splits, pool=None),
        size.stage,
        lambda g: splits["train"].batches(g, size.stage.batch_size, size.stage.captions_per_clip),
        epochs=size.epochs,
        validate=lambda model: retrieval.scores(model, splits["validation"])["AP@10"].mean(),
    )
    steps = (len(asked) - 1) // size.epochs
    begun = asked[steps::steps]  # of each epoch after the first; the last is the end
    return {"epoch, seconds": statistics.median(b - a for a, b in zip(begun, begun[1:])),
            "steps per second": 1 / on_gpu.median_step(asked, steps), "steps": steps, "clips": sum(size.clips),
            "peak GiB": on_gpu.peak_gib(), "device": str(parallel.device())}  # fmt: skip


def _made(size: Size, clips: int) -> Examples:
    g, n = torch.Generator().manual_seed(clips), clips * size.captions
    heard, told = (torch.randn(rows, steps, width, generator=g) for rows, steps, width in
                   ((clips, size.frames, size.widths[0]), (n, size.tokens, size.widths[1])))  # fmt: skip
    lengths = torch.randint(size.frames // 2, size.frames + 1, (clips,), generator=g)
    words = torch.randint(size.tokens // 4, size.tokens + 1, (n,), generator=g)
    masks = audio.length_mask(lengths, size.frames), audio.length_mask(words, size.tokens)
    return Examples(heard, masks[0], told, masks[1], torch.arange(clips).repeat_interleave(size.captions))
