"""VGGish against the official port, on weights and sounds by formula; masking, loading, refusing.

Expected values: harritaylor/torchvggish, commit f3f9096, on `recipe.weights` and `recipe.waveform`, without PCA and
quantisation; "google" leaves out the final ReLU, as tensorflow/models has it (`activation_fn=None`, the port's issue
24). Summaries as `recipe.summary` makes them.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torchaudio.functional import melscale_fbanks

from lib import audio
from lib.encoders import checkpoints, vggish
from tests.parity import recipe
from tests.parity.recipe import assert_same
from tests.promises import alone_equals_together, what_follows_is_not_heard

OFFICIAL = {
    1: {
        "examples": [-0.9706047, 1.304049, 4.120847, 2.142387, -1.438298, -3.948092, -2.562894, -2.797868, -2.658494],
        "map": [2.052267, 2.483691, 18.04329, 4.623247, 4.748301, 5.630548, 5.234852, 5.405783, 2.499115],
        "port": [2.165016, 2.740303, 8.996346, 2.328319, 5.848089, 4.862226, 0, 0, 8.996346, 5.875401],
        "google": [0.5376832, 4.591971, 10.77151, 2.328319, 5.848089, 4.862226, -1.728246, -1.891842, 8.996346],
    },
    10: {
        "examples": [-1.175108, 1.280434, 4.447375, 2.142387, -2.419841, -1.96674, -2.497296, -2.778144, -2.205773],
        "map": [2.157909, 2.542621, 19.16338, 4.623247, 6.528723, 4.469713, 3.354875, 3.626997, 3.612159],
        "port": [2.273989, 2.86367, 11.9706, 2.328319, 5.598999, 5.280267, 0, 0, 8.454917, 6.484168],
        "google": [0.5863134, 4.784897, 11.9706, 2.328319, 5.598999, 5.280267, -5.057124, -0.3904172, 8.454917],
    },
}
ALONE = {  # the network on (recipe.decibels(192) + 40) / 8, two examples
    "map": [3.086593, 3.670799, 26.65135, 8.298625, 8.078737, 8.732034, 5.866568, 9.123321, 7.914103],
    "port": [3.169938, 4.122514, 19.03706, 0, 5.774426, 4.198476, 8.25338, 4.657421, 0, 0.7551389],
    "google": [0.5626381, 6.973569, 19.03706, -0.1415903, 5.774426, 4.198476, 8.25338, 4.657421, -3.032133],
}
KINDS = {  # what the official numbers call it -> our name and settings
    "map": ("vggish_map", vggish.SETTINGS["vggish_map"]),
    "google": ("vggish", vggish.SETTINGS["vggish"]),
    "port": ("vggish", replace(vggish.SETTINGS["vggish"], final_relu=True)),
}


@pytest.fixture(scope="module")
def weights():
    """An official file's content: 18 tensors."""
    shapes = {f"features.{i}": shape for i, shape in zip((0, 3, 6, 8, 11, 13), convolutions())}
    shapes |= {"embeddings.0": (4096, 12288), "embeddings.2": (4096, 4096), "embeddings.4": (128, 4096)}
    names = {f"{name}.weight": shape for name, shape in shapes.items()}
    return recipe.weights(names | {f"{name}.bias": shape[:1] for name, shape in shapes.items()})


def convolutions():
    widths = (1, 64, 128, 256, 256, 512, 512)
    return [(n_out, n_in, 3, 3) for n_in, n_out in zip(widths, widths[1:])]


@pytest.fixture(scope="module")
def nets(weights):
    """Loaded as an official file is; the port's dense layers (270 MB) are those of Google's network."""
    found = {kind: empty(*KINDS[kind]) for kind in KINDS}
    vggish.load(found["map"].to_empty(device="cpu"), weights)
    vggish.load(found["google"].to_empty(device="cpu"), weights)
    found["port"].load_state_dict(found["google"].state_dict(), assign=True)
    for net in found.values():
        net.log_mel = vggish.LogMel(net.settings)
    return {kind: net.frozen() for kind, net in found.items()}


def empty(name: str, settings: vggish.Settings) -> vggish.VGGish:
    """Names and shapes alone."""
    with torch.device("meta"):
        return vggish.VGGish(name, settings)


def sounds(*seconds: float) -> list[np.ndarray]:
    return [recipe.waveform(round(s * 16000), 16000) for s in seconds]


@torch.inference_mode()
@pytest.mark.parametrize("seconds", OFFICIAL)
def test_the_front_end_is_the_official_one(nets, seconds):
    examples, mask = nets["map"].examples(*audio.pad(sounds(seconds)))
    assert mask.all() and examples.shape == (1, seconds, 96, 64)
    assert_same(examples, OFFICIAL[seconds]["examples"])


def test_the_front_end_knows_no_bf16(nets):
    inputs = audio.pad(sounds(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_same(nets["map"].examples(*inputs)[0], OFFICIAL[1]["examples"])


def test_silence_is_the_logarithm_of_the_offset(nets):
    examples, _ = nets["map"].examples(torch.zeros(1, 16000), torch.tensor([16000]))
    torch.testing.assert_close(examples, torch.full_like(examples, -4.6051702), rtol=0, atol=1e-6)


def test_bands_straight_in_hertz_would_not_be_the_official_ones(monkeypatch):
    waveforms, settings = audio.pad(sounds(1))[0], vggish.SETTINGS["vggish"]
    assert_same(vggish.LogMel(settings)(waveforms)[:, :96], OFFICIAL[1]["examples"])
    hertz = melscale_fbanks(257, settings.f_min, settings.f_max, 64, 16000, norm=None, mel_scale="htk")
    monkeypatch.setattr(vggish, "mel_filters", lambda settings: hertz)
    with pytest.raises(AssertionError):
        assert_same(vggish.LogMel(settings)(waveforms)[:, :96], OFFICIAL[1]["examples"])


@torch.inference_mode()
@pytest.mark.parametrize("seconds", OFFICIAL)
@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_the_official_ones(nets, kind, seconds):
    frames, mask = nets[kind](*audio.pad(sounds(seconds)))
    steps, width = (6, 2048) if kind == "map" else (1, 128)
    assert frames.shape == (1, seconds * steps, width) and mask.all() and nets[kind].feature_dim == width
    assert_same(frames, OFFICIAL[seconds][kind])


@torch.inference_mode()
@pytest.mark.parametrize("kind", KINDS)
def test_the_network_alone_is_the_official_one(nets, kind):
    assert_same(nets[kind].from_examples(((recipe.decibels(192) + 40) / 8).view(2, 96, 64)), ALONE[kind])


def test_counts_of_parameters(nets):
    assert sum(p.numel() for p in nets["google"].parameters()) == 72_141_184
    assert sum(p.numel() for p in nets["map"].parameters()) == 4_499_712


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["map", "google"])
def test_a_clip_alone_equals_the_clip_padded_in_a_batch(nets, kind):
    """0.5 s and one sample are filled up to one example; a second of silence; 29.7 s are 30 examples and a rest."""
    clips = [*sounds(0.5, 10.0, 29.7), np.ones(1, np.float32), np.zeros(16000, np.float32)]
    steps = 6 if kind == "map" else 1
    alone_equals_together(nets[kind], clips, [n * steps for n in (1, 10, 30, 1, 1)])


@torch.inference_mode()
def test_what_follows_a_clip_is_never_heard(nets, monkeypatch):
    what_follows_is_not_heard(nets["map"], sounds(0.5, 2.5))
    monkeypatch.setattr(vggish.spectra, "at_least", lambda x, lengths, n: (x, lengths.clamp(min=n)))
    with pytest.raises(AssertionError):
        what_follows_is_not_heard(nets["map"], sounds(0.5, 2.5))  # teeth: without the zeros it is heard


def test_an_official_file_is_found_and_loaded(nets, weights, tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr(checkpoints, "read", lambda path: weights)  # 290 MB need not be written for this
    (tmp_path / "vggish-10086976.pth").touch()
    assert vggish.build("vggish_map").frozen().key == nets["map"].key


@pytest.mark.parametrize("name", ["vggish", "vggish_map"])
def test_what_does_not_fit_is_refused(weights, name):
    net = empty(name, vggish.SETTINGS[name])
    without = {key: value for key, value in weights.items() if key != "features.3.bias"}
    with pytest.raises(checkpoints.CheckpointError, match="those of vggish: it lacks features.3.bias"):
        vggish.load(net, without)
    with pytest.raises(checkpoints.CheckpointError, match="those of vggish: it has unknown pca_means"):
        vggish.load(net, weights | {"pca_means": torch.zeros(128, 1)})
    cnn10 = {"logmel_extractor.melW": (513, 64), "fc1.weight": (512, 512), "conv_block1.conv2.weight": (64, 64, 3, 3)}
    with pytest.raises(checkpoints.CheckpointError, match="of vggish at 16,000 Hz; these are cnn10's, for 32,000 Hz"):
        vggish.load(net, {key: torch.zeros(shape) for key, shape in cnn10.items()})


def test_random_weights_and_gradients():
    net = vggish.build("vggish_map", pretrained=False, generator=torch.Generator().manual_seed(0))
    frames, _ = net(*audio.pad(sounds(1, 2)))
    assert 0.01 < float(frames.detach().std()) < 100  # random weights hand over something
    frames.square().mean().backward()
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())
    with pytest.raises(ValueError, match="random weights need generator="):
        vggish.build("vggish", pretrained=False)
    with pytest.raises(ValueError, match="embedding or map; got 'pca'"):
        vggish.VGGish(settings=replace(vggish.SETTINGS["vggish"], output="pca"))
