"""BEATs against the official code: equal weights and sounds by formula, front end and network apart.

Expected numbers: `tests.parity.recipe.summary` of what these gave on the recipe's weights and sounds (PyTorch 2.11)
with three layers of 96 features, all else as published: microsoft/unilm at 768a3c8, folder beats, `BEATs.preprocess`,
`extract_features` and the transformer alone with its padding mask; for VAST's, `model/audio_encoders/beats/beats.py` of
DelusionalLogic/VAST at 410ca47, on the spectrogram that its `data/audio_mapper.py` makes.
The published size (12 layers, 90,311,792 weights without the classifier) was compared once by hand, for clips of 0.175,
0.5, 10 and 29.7 s: no patch was off by more than 5e-6.
"""

import warnings

import pytest
import torch

from lib.encoders import beats, checkpoints
from tests.parity import recipe

SIZE = {"patch_dim": 64, "feature_dim": 96, "hidden_dim": 192, "layers": 3, "heads": 4}
FBANK = [-0.0216373, 0.360865, 2.39169, -0.33762, -0.212532, 0.557335, 0.266452, -0.113804, 0.137684, 0.258319]
TEN_SECONDS = [0.017487, 1.00108, 4.03982, 0.452636, -1.2055, -0.362768, 0.03622, -0.976668, -0.204297]
HALF_A_SECOND = [0.0196155, 0.995373, 4.61908, 0.151468, 0.213574, -0.483478, -0.786893, -0.676936, 0.638919]
NETWORK = [0.0199152, 0.992887, 3.53941, -0.468417, -0.329614, 0.171262, -0.1675, -0.884407, 0.2546]
MASKED = [0.0191324, 0.992085, 3.41029, -0.303331, -0.168239, -0.375804, 0.0263543, -0.684359, -1.345]
LOGITS = [-1.347007, 0.558971, 0.508383, 0.308140, 0.353353]
VAST_FBANK = [0.0632524, 0.301208, 1.08282, -0.230865, -0.0550113, 0.560065, 0.324049, -0.0659428, 0.613254, 0.323409]
VAST = [0.00752036, 1.01566, 3.82872, -0.615127, 0.456988, -1.66617, -0.205418, -0.686611, -1.23311]
VAST_POOLED = [0.00752036, 0.87653, 2.14176, 0.0847295, 0.598126, -0.0149533, 0.370148, -1.19408, -0.562246]
SHARED = "encoder.layers.{}.self_attn.relative_attention_bias.weight"


def official_shapes(model: beats.BEATs, classes: int = 0) -> dict[str, torch.Size]:
    """By their official names, as `BEATs.state_dict` has them: the relative positions once for each layer."""
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    bias = shapes.pop("encoder.relative_attention_bias.weight")
    if classes:
        width = torch.Size([classes, model.feature_dim])
        shapes |= {"predictor.weight": width, "predictor.bias": width[:1]}
    return shapes | {SHARED.format(layer): bias for layer in range(model.settings.layers)}


def official_state(model: beats.BEATs, classes: int = 0) -> dict[str, torch.Tensor]:
    """The recipe's weights, of which the layers share the relative positions."""
    first, *rest = [SHARED.format(layer) for layer in range(model.settings.layers)]
    state = recipe.weights({k: v for k, v in official_shapes(model, classes).items() if k not in rest})
    return state | dict.fromkeys(rest, state[first])


@pytest.fixture(scope="module")
def model():
    model = beats.BEATs("beats", beats.Settings(**SIZE))
    beats.load(model, {"cfg": {"encoder_layers": 3, "max_distance": 800}, "model": official_state(model)})
    return model.frozen()


@pytest.fixture(scope="module")
def ten_seconds():
    return torch.from_numpy(recipe.waveform(160_000, 16_000))[None], torch.tensor([160_000])


def test_the_front_end(model, ten_seconds):
    mels = model.fbank(ten_seconds[0])
    assert mels.shape == (1, 998, 128)
    recipe.assert_same(mels, FBANK)


@torch.inference_mode()
def test_a_clip_alone(model, ten_seconds):
    waveform, lengths = ten_seconds
    recipe.assert_same(model.patches(waveform, lengths)[0], TEN_SECONDS)
    recipe.assert_same(model.patches(waveform[:, :8000], torch.tensor([8000]))[0], HALF_A_SECOND)


@torch.inference_mode()
def test_the_network_without_and_with_padding(model):
    mels = recipe.decibels(192, 128) / 20 + 2
    mels = torch.stack([mels, mels.flip(0)])
    recipe.assert_same(model.from_fbank(mels, torch.tensor([192, 192]))[0], NETWORK)
    patches, mask = model.from_fbank(mels, torch.tensor([192, 7 * 16 + 5]))
    recipe.assert_same(patches[1][mask[1]], MASKED)


@torch.inference_mode()
def test_the_mean_over_frames_is_what_the_official_classifier_pools(model, ten_seconds):
    state = official_state(model, classes=5)
    frames, _ = model(*ten_seconds)
    logits = frames.mean(1) @ state["predictor.weight"].T + state["predictor.bias"]
    torch.testing.assert_close(logits[0], torch.tensor(LOGITS), rtol=0, atol=1e-4)


@torch.inference_mode()
def test_vast_in_pieces_of_1024_frames():
    model = beats.BEATs("vast", beats.Settings(**SIZE, n_mels=64, window=64))
    beats.load(model, {f"audio_encoder.{name}": value for name, value in official_state(model).items()})
    n = 400 + 2047 * 160  # two full pieces
    waveform = torch.from_numpy(recipe.waveform(n, 16_000))[None]
    recipe.assert_same(model.fbank(waveform), VAST_FBANK)
    recipe.assert_same(model.patches(waveform, torch.tensor([n]))[0], VAST)
    recipe.assert_same(model(waveform, torch.tensor([n]))[0].mean(1), VAST_POOLED)


# Keys of the published files, and the first digits of the sha256 of the official class's "key shape" lines.
@pytest.mark.parametrize("classes, n_keys, digest", [(0, 250, "411a6acd55744a3b"), (527, 252, "3dfbc16f45e832b6")])
def test_a_file_in_the_official_layout_fills_the_network(classes, n_keys, digest):
    with torch.device("meta"):
        network = beats.BEATs()
    assert sum(weight.numel() for weight in network.parameters()) == 90_311_792
    shapes = official_shapes(network, classes)
    assert recipe.layout(shapes) == (n_keys, digest)
    given = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nothing is copied on the meta device: names and shapes are what counts
        beats.load(network, {"cfg": {"encoder_layers": 12, "max_distance": 800}, "model": given})
        with pytest.raises(checkpoints.CheckpointError, match="lacks encoder.layer_norm.weight"):
            beats.load(network, {"model": {k: v for k, v in given.items() if k != "encoder.layer_norm.weight"}})


@torch.inference_mode()
@pytest.mark.parametrize("fault", ["gate", "alpha", "bucket_of"])
def test_these_numbers_notice_a_fault(model, ten_seconds, monkeypatch, fault):
    if fault == "gate":
        monkeypatch.setattr(beats.Attention, "gate", lambda self, q: torch.ones_like(q[..., :1]))
    elif fault == "alpha":
        for layer in model.encoder.layers:
            monkeypatch.setattr(layer, "alpha", 1.0)
    else:
        rounded = beats.bucket_of
        monkeypatch.setattr(beats, "bucket_of", lambda distance, settings: rounded(-distance, settings))
    with pytest.raises(AssertionError):
        recipe.assert_same(model.patches(*ten_seconds)[0], TEN_SECONDS)
