"""A training step of primus_2023 as its paper trains it, beside the same step in fp32 without patchout; on a GPU.

PaSST-N and RoBERTa-large with random weights, 64 clips of 15 to 30 s and their captions, forward, backward and Adam's
step. What does not fit into the GPU's memory learns in pieces (`lib.encoders.pieces`), and the result says so.
"""

from dataclasses import dataclass, replace

import torch

from lib import encoders
from lib.encoders import passt
from lib.encoders.interface import Encoder
from lib.encoders.pieces import in_pieces
from lib.examples import Batch, Examples
from lib.recipe import Recipe
from lib.systems import SYSTEMS
from tests.bench import on_gpu
from tests.bench.timing import wanted

NAME = "primus_step"
STEPS, WARM = 10, 3
CAPTION = "a dog barks in the distance while rain falls on a roof and people talk"  # Clotho's have eleven words


@dataclass(frozen=True)
class Size:
    """What is trained: the paper's, or a miniature for a test."""

    stage: Recipe = SYSTEMS["primus_2023"].stages[0]
    audio: passt.Settings = passt.SETTINGS["passt_n"]
    text: str = "roberta_large"
    seconds: tuple[float, float] = (15.0, 30.0)
    steps: int = STEPS


def main() -> None:
    if not torch.cuda.is_available():
        print(on_gpu.NONE.format(NAME))
        return
    found = measured(Size())
    for name, side in found.items():
        print(f"  {name:<24} {side['steps per second']:.2f} steps/s, {side['peak GiB']:.1f} GiB, in {side['pieces']}")
    ratio = found["bf16, patchout"]["steps per second"] / found["fp32, whole"]["steps per second"]
    wanted(f"faster than fp32 without patchout: {ratio:.1f} times", ratio > 1)
    print(f"    written to {on_gpu.keep(NAME, found, on_gpu.card())}")


def measured(size: Size) -> dict[str, dict]:
    """Steps a second and peak memory of both sides, in one run."""
    whole = replace(size.audio, patchout_time=0, patchout_mel=0)
    plain = replace(size.stage, training=replace(size.stage.training, precision="fp32"))
    return {
        "bf16, patchout": _side(size, size.stage),
        "fp32, whole": _side(replace(size, audio=whole), plain),
    }


def _side(size: Size, stage: Recipe) -> dict:
    """In one piece, or in as few as fit."""
    pieces = 1
    while True:
        try:
            on_gpu.reset_memory()
            seconds = _step(size, stage, -(-stage.batch_size // pieces))
            told = "one piece" if pieces == 1 else f"{pieces} pieces"
            return {"steps per second": 1 / seconds, "peak GiB": on_gpu.peak_gib(), "pieces": told,
                    "precision": stage.training.precision, "batch": stage.batch_size,
                    "patches": (size.audio.rows - size.audio.patchout_mel)
                    * (size.audio.columns - size.audio.patchout_time)}  # fmt: skip
        except torch.cuda.OutOfMemoryError:
            if pieces >= stage.batch_size:
                raise
        pieces *= 2


def _step(size: Size, stage: Recipe, piece: int) -> float:
    both = _encoders(size, stage.batch_size, piece)
    widths, one = [torch.zeros(1, 1, encoder.feature_dim) for encoder in both], torch.ones(1, 1).bool()
    shapes = Examples(widths[0], one, widths[1], one, torch.zeros(1).long())
    known = _batch(size, both[0].sample_rate, stage.batch_size)
    asked = on_gpu.trained(on_gpu.corpus({"train": shapes}, both), stage, lambda g: [known] * (size.steps + WARM))
    return on_gpu.median_step(asked, WARM)


def _encoders(size: Size, batch: int, piece: int) -> tuple[Encoder, Encoder]:
    """With random weights: what they compute is nothing, what they cost is the same."""
    torch.manual_seed(0)
    both = passt.PaSST(size.audio, "passt_n"), encoders.text(
        size.text, pretrained=False, generator=torch.Generator().manual_seed(0), trainable=True
    )
    return tuple(in_pieces(each, piece) for each in both) if piece < batch else both


def _batch(size: Size, sample_rate: int, clips: int) -> Batch:
    """Noise of random lengths, as Clotho's clips have them, and captions of twelve words or so."""
    g = torch.Generator().manual_seed(0)
    low, high = (round(seconds * sample_rate) for seconds in size.seconds)
    lengths = torch.randint(low, high + 1, (clips,), generator=g)
    waveforms = 0.1 * torch.randn(clips, int(lengths.max()), generator=g)
    words, rows = CAPTION.split(), torch.arange(clips)
    captions = [" ".join(words[: 8 + i % 7]) for i in range(clips)]
    return Batch((waveforms, lengths), (captions,), rows, rows)
