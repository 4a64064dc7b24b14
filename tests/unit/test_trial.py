"""Trials of encoders: what they cost, and the test that a clip is the same alone and in a batch, with its teeth."""

import numpy as np
import pytest
import torch

from lib import audio, encoders
from lib.encoders import trial
from lib.encoders.interface import AudioEncoder, TextEncoder


class Level(AudioEncoder):
    """A frame for each tenth of a second: its level. `leak` lets the padding into it."""

    def __init__(self, leak=False):
        super().__init__("level", 1000, 1, None)
        self.leak = leak

    def forward(self, waveforms, lengths):
        mean = waveforms.mean(1) if self.leak else waveforms.sum(1) / lengths
        frames = (waveforms - mean[:, None] + 1).unfold(1, 100, 100).square().mean(2, keepdim=True)
        mask = audio.length_mask(lengths // 100, frames.shape[1])
        return frames.masked_fill(~mask[..., None], 0.0), mask


class Letters(TextEncoder):
    """A token for each letter; `leak` takes the batch's longest caption for everyone's length."""

    def __init__(self, leak=False):
        super().__init__("letters", 1, None)
        self.leak = leak

    def forward(self, captions):
        rows = [[float(ord(letter)) for letter in caption] for caption in captions]
        longest = max(map(len, rows))
        tokens = torch.tensor([row + [0.0] * (longest - len(row)) for row in rows])[..., None]
        lengths = torch.tensor([longest if self.leak else len(row) for row in rows])
        return tokens, audio.length_mask(lengths, longest)


CLIPS = [np.random.default_rng(0).random(n, dtype=np.float32) for n in (500, 1000, 2900)]


@pytest.mark.parametrize("make, items", [(Level, CLIPS), (Letters, ["a", "a dog"])])
def test_a_leak_is_seen_and_a_mask_passes(make, items):
    assert trial.alone_or_together(make(), items) < 1e-5
    assert trial.alone_or_together(make(leak=True), items) > 1e-2


@pytest.mark.parametrize("name", ["small_cnn", "cnn10"])
def test_what_comes_out(name):
    found = trial.trial(name, check_below=1e12)
    encoder = encoders.audio(name, pretrained=False, generator=torch.Generator().manual_seed(0))
    frames, mask = encoder(torch.zeros(1, 10 * encoder.sample_rate), torch.tensor([10 * encoder.sample_rate]))
    assert (found.frames, found.features) == (int(mask.sum()), frames.shape[2])
    assert found.difference < 1e-5 and found.seconds > 0 and found.operations > 1e8


def test_the_check_is_left_out_where_it_would_take_too_long():
    assert trial.trial("small_cnn", check_below=1e8).difference is None


def test_multiply_adds_are_those_of_a_count_by_hand():
    """PaSST-N: 498 tokens through twelve blocks, attention included, and 496 patches of 256 numbers."""
    block = 12 * 768**2  # weights: queries, keys, values, projection, and twice four times the width
    by_hand = 498 * 12 * block + 2 * 12 * 498**2 * 768 + 496 * 256 * 768
    found = trial.trial("passt_n").operations
    assert found == pytest.approx(by_hand, rel=0.02)


def test_captions_are_counted_and_checked():
    captions = ["a dog barks", "a bell rings twice, far away, while rain falls on a roof"]
    found = trial.trial("minilm", captions, check_below=1e12)
    assert found.frames == sum(len(encoders.text("minilm").tokenizer(caption)["input_ids"]) for caption in captions)
    assert found.features == 384 and found.difference < 1e-5


def test_memory_is_each_ones_own():
    """In processes of their own: MiniLM's 87 MiB of weights do not count for the small CNN that comes after it."""
    large, small = trial.trials(["minilm", "small_cnn"], ["a dog barks"])
    assert (large.name, small.name) == ("minilm", "small_cnn")
    assert 80 < large.peak_mib < 250 and 3 < small.peak_mib < 80
