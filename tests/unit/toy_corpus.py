"""Sounds and words so plain that the right answer is known, and small encoders with weights that can be fine-tuned.

A clip is four frames of sixteen tones, some of them on; its captions are letters, one for each tone that is on.
"""

import numpy as np
import torch
from torch import nn

from lib import audio, retrieval, train
from lib.data import table
from lib.encoders.interface import AudioEncoder, TextEncoder

FRAME, RATE = 200, 800
SETTINGS = train.Settings(learning_rate=3e-3, max_epochs=2)
RECIPE = retrieval.Recipe(batch_size=16, dim=8, hidden=16, training=SETTINGS)


class Ear(AudioEncoder):
    """How loud each tone is; then a linear layer and a batch norm, as in a small CNN."""

    def __init__(self):
        super().__init__("ear", RATE, 16, None)
        self.layer, self.norm = nn.Linear(16, 16), nn.BatchNorm1d(16)
        g = torch.Generator().manual_seed(5)
        with torch.no_grad():
            self.layer.weight.copy_(torch.eye(16) + 0.1 * torch.randn(16, 16, generator=g))
            self.layer.bias.zero_()
            self.norm.running_mean.copy_(torch.rand(16, generator=g))

    def forward(self, waveforms, lengths):
        loud = waveforms.unflatten(1, (-1, FRAME))[:, :, :16].abs()
        frames = self.norm(self.layer(loud).transpose(1, 2)).transpose(1, 2)
        mask = audio.length_mask(lengths // FRAME, frames.shape[1])
        return frames.masked_fill(~mask[..., None], 0.0), mask


class Reader(TextEncoder):
    """One token a letter, looked up; and a part that has no part in it, like a pooler."""

    def __init__(self):
        super().__init__("reader", 16, None)
        self.letters, self.pooler = nn.Embedding(26, 16), nn.Linear(16, 16)
        with torch.no_grad():
            self.letters.weight.copy_(torch.randn(26, 16, generator=torch.Generator().manual_seed(6)))
            nn.init.eye_(self.pooler.weight)
            nn.init.zeros_(self.pooler.bias)

    def forward(self, captions):
        rows = [torch.tensor([ord(letter) - ord("a") for letter in caption]) for caption in captions]
        mask = audio.length_mask(torch.tensor([len(row) for row in rows]), max(map(len, rows)))
        values = self.letters(nn.utils.rnn.pad_sequence(rows, batch_first=True))
        return values.masked_fill(~mask[..., None], 0.0), mask


def meaning(path):
    """Which tones are on."""
    return np.random.default_rng([ord(c) for c in path]).integers(0, 2, 16)


def render(path, sample_rate):
    """Two to four frames, with some noise."""
    wave = np.random.default_rng(len(path)).normal(0, 0.01, (2 + len(path) % 3, FRAME))
    wave[:, :16] += meaning(path)
    return wave.ravel().astype(np.float32)


audio.register("toy-corpus", render)


def clips(n=(48, 12, 20), seed=0):
    """A clip table with two captions each, the letters in any order."""
    rng, rows = np.random.default_rng(seed), []
    for split, count in zip(("train", "validation", "test"), n):
        for i in range(count):
            path = f"toy-corpus://{split}/{seed}/{i}"
            letters = [chr(ord("a") + k) for k in np.flatnonzero(meaning(path))] or ["z"]
            texts = ["".join(rng.permutation(letters)) for _ in range(2)]
            rows.append(dict(clip_id=f"{split}{i}", split=split, path=path, captions=texts, duration_s=1.0))
    return table.build(rows, source="toy")


def corpus(n=(48, 12, 20), seed=0, **named):
    """The table, encoded; for adapters that pool first."""
    return retrieval.encode(clips(n, seed), audio=Ear().frozen(), text=Reader().frozen(), **named)
