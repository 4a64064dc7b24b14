"""What notebook 04 writes out is what `lib` computes."""


import numpy as np
import pytest
import torch

from lib import audio, encoders, pooling
from lib.encoders import cards, trial
from tests.exercises import harness
from tests.notebooks import own_cells
from tests.unit.test_trial import Level

LAYERS = {  # kernel and stride along time
    "small_cnn": [(3, 2), (3, 1), (2, 2), (3, 1), (2, 2), (3, 1), (1, 1), (3, 1), (2, 2)],
    "cnn10": [(3, 1), (3, 1), (2, 2)] * 4,
}


@pytest.fixture(scope="module")
def difference():
    given = {"torch": torch, "audio": audio, "pooling": pooling}
    return own_cells.written("04_encoders", ["difference"], **given)["difference"]


@pytest.mark.parametrize("leak", [False, True])
def test_difference(difference, leak):
    clips = [np.random.default_rng(0).random(n, dtype=np.float32) for n in (500, 1000, 2900)]
    encoder = Level(leak)
    assert difference(encoder, clips) == pytest.approx(trial.alone_or_together(encoder, clips), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("name", LAYERS)
def test_exercise_1_says_what_the_networks_do(name):
    """The frames that change with one spectrogram step lie within reach, and as far apart as the card says."""
    solution = next(each for each in harness.exercises("04_encoders") if each.number == 1).solution
    exec(solution, namespace := {})
    between, seen = namespace["between_and_seen"](LAYERS[name])
    card, steps = cards.CARDS[name], 640
    assert card.frames_per_second == pytest.approx(1000 / card.hop_ms / between)
    encoder = encoders.audio(name, pretrained=False, generator=torch.Generator().manual_seed(0)).double()
    x, mask = torch.randn(1, steps, 64, dtype=torch.float64), torch.ones(1, steps, dtype=torch.bool)
    frames, _ = encoder.from_log_mel(x, mask)
    for at in range(300, 300 + between):
        other = x.clone()
        other[:, at] += 50
        changed = (encoder.from_log_mel(other, mask)[0] - frames).abs().amax(2)[0].nonzero().squeeze(1)
        assert seen // between <= len(changed) <= -(-seen // between)
