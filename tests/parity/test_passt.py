"""PaSST gives what the official code gives for the same weights: front end, network, segments, and training's draws.

The expected numbers were printed by running github.com/kkoutini/PaSST (Apache-2.0) at commit
2a5c818afcc2a215b2a1aaf1ed8be71f89d43201 (`models/passt.py`, `models/preprocess.py`, in place of timm and sacred empty
stand-ins) on the weights and the sound that are made below; the same sums as on the features say that no other number
differs either. How segments are averaged follows Primus' code (github.com/OptimusPrimus/dcase2023_task6b at 29ae1c9).
"""

import hashlib
from dataclasses import replace
from functools import partial

import pytest
import torch

from lib.encoders import passt
from tests.parity import recipe
from tests.parity.recipe import check, fill

TINY = passt.Settings(segment_s=2.0, positions=20, dim=32, depth=2, heads=4, classes=5)
OUT = replace(TINY, patchout_time=5, patchout_mel=2)


sweep = partial(recipe.sweep, rate=32000)


def whole(waveforms):
    return waveforms, torch.full((len(waveforms),), waveforms.shape[1])


@torch.inference_mode()
def test_front_end():
    values, mask = passt.LogMel(passt.Settings())(*whole(sweep(10)))
    assert values.shape == (1, 1000, 128) and mask.all()
    check(values, [0.370582, 0.662394, 0.645893, 0.683604], [-0.240717, -0.243368, -0.243913], -1.1776328, 0.6747567)
    found = [values[0, t, f].item() for t, f in ((0, 127), (1, 5), (500, 20), (500, 64), (777, 100), (999, 60))]
    assert found == pytest.approx([-1.04359, 0.795785, -1.402527, 2.349896, -1.402571, 0.085668], abs=1e-4)


@torch.inference_mode()
def test_passt_n():
    model = fill(passt.PaSST(passt.SETTINGS["passt_n"]))
    frames, _ = model(*whole(sweep(10)))
    check(frames, [-1.937579, 0.49076, 0.808444, -0.486229], [0.631321, 0.536168, -2.003652], -0.0022425, 0.9650077)
    tags = model.tags(frames)
    assert tags.shape == (1, 1, 527)
    check(tags, [1.291245, -3.050639, -1.540038, 2.065823], [-4.275065, -0.028224, 1.53575], -0.0335435, 1.9511834)


@torch.inference_mode()
def test_passt_s_and_a_shorter_segment():
    """Five seconds: the official network takes the first half of its time positions."""
    model = fill(passt.PaSST(passt.SETTINGS["passt_s"]))
    frames, _ = model(*whole(sweep(10)))
    check(frames, [-0.554384, -0.335728, 0.625813, 0.608277], [1.782399, -0.276394, -1.08231], -0.0007899, 0.9638525)
    tags = model.tags(frames)
    check(tags, [-0.031774, -4.729121, -0.561084, -2.76], [-0.17695, 2.576089, 0.243796], 0.0012057, 2.0644336)
    frames = model.tokens(model.log_mel.of_segments(sweep(5)))[:, :2].mean(1)
    check(frames, [-0.227926, 0.288186, 0.583041, 0.767755], [1.969748, 0.012085, -1.302768], -0.0012594, 0.9600271)


@torch.inference_mode()
def test_the_mean_over_a_clips_frames_is_that_over_its_segments():
    """5.3 s in segments of 2 s: three of them, the last one filled up with zeros."""
    frames, mask = fill(passt.PaSST(TINY))(*whole(sweep(5.3)))
    assert mask.tolist() == [[True] * 3]
    mean = frames.mean(1)
    check(mean, [0.121978, -1.065888, 0.306956, 1.428047], [-0.196661, 0.844068, -1.037109], 0.0229777, 0.8929357)


@torch.inference_mode()
@pytest.mark.parametrize("settings, n_frames, first, last, mean, std", [
    (OUT, 200, [0.597189, -0.749141, 0.076012, 1.30478], [0.043121, 1.302009, -0.341473], 0.025285, 0.8755658),
    (OUT, 120, [0.129149, -0.746234, 0.543275, 1.29074], [-0.145419, 0.634731, -1.245771], 0.0236879, 0.9075301),
    (TINY, 120, [0.312512, -0.766954, 0.330794, 1.259542], [-0.074966, 1.06074, -0.787198], 0.0230976, 0.8645979),
])  # fmt: skip
def test_the_same_seed_leaves_the_same_patches_out(settings, n_frames, first, last, mean, std):
    """In training: a run of time positions if the segment is short, then columns, then rows, drawn in this order."""
    model = fill(passt.PaSST(settings))
    log_mel = passt.LogMel(passt.Settings()).of_segments(sweep(10))[:, 300 : 300 + n_frames]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        check(model.train().tokens(log_mel)[:, :2].mean(1), first, last, mean, std)


@torch.inference_mode()
def test_the_whole_of_training_with_stripes_and_wandering_edges():
    """As Primus' code trains: mel edges drawn, stripes, patchout; three clips, one batch."""
    extras = replace(OUT, mask_mel=48, mask_time=192, jitter_low=10, jitter_high=2000)
    model, clip = fill(passt.PaSST(extras)).train(), sweep(2)
    with torch.random.fork_rng():
        torch.manual_seed(11)
        frames, _ = model(*whole(torch.cat([clip, clip.flip(1), 0.1 * clip])))
    first, last = [0.103505, -1.478279, 0.721341, -0.064661], [-1.004321, -0.090168, -1.110756]
    check(frames, first, last, 0.019132, 0.7917799)


# Parameters, keys, and the first digits of the sha256 of "key shape" lines, of the official classes' state_dict.
OFFICIAL = {
    "passt_n": (86_122_270, 159, "38b7ac66273b4241"),
    "passt_s": (86_153_758, 159, "0c2659110f46d200"),
    "passt_l": (50_714_398, 99, "e022ac9c076bdcec"),
    "passt_s20": (86_231_326, 159, "8cfe28212d665008"),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_names_shapes_and_counts_are_those_of_the_official_file(name):
    with torch.device("meta"):
        model = passt.PaSST(passt.SETTINGS[name])
    state = sorted(model.state_dict().items())
    digest = hashlib.sha256("\n".join(f"{key} {tuple(value.shape)}" for key, value in state).encode()).hexdigest()
    assert (sum(p.numel() for p in model.parameters()), len(state), digest[:16]) == OFFICIAL[name]


def test_the_normalisations_are_those_of_the_official_code():
    """Too small a difference for the numbers above: timm's 1e-6 in the network, torch's 1e-5 in the head."""
    eps = {name: m.eps for name, m in passt.PaSST(TINY).named_modules() if isinstance(m, torch.nn.LayerNorm)}
    assert eps.pop("head.0") == 1e-5 and set(eps.values()) == {1e-6}


@torch.inference_mode()
def test_another_network_does_not_pass():
    """Teeth: a larger eps, or a little less pre-emphasis, and the numbers are others."""
    model = fill(passt.PaSST(TINY))
    log_mel = model.log_mel.of_segments(sweep(2))
    flat = passt.LogMel(replace(TINY, front_end=passt.FrontEnd(emphasis=0.96))).of_segments(sweep(2))
    values = model.tokens(log_mel).flatten()
    expected = (values[:4].tolist(), values[-3:].tolist(), values.mean().item(), values.std().item())
    check(model.tokens(log_mel), *expected)
    with pytest.raises(AssertionError):
        check(model.tokens(flat), *expected)
    for block in model.blocks:
        block.norm1.eps = 1e-3
    with pytest.raises(AssertionError):
        check(model.tokens(log_mel), *expected)
