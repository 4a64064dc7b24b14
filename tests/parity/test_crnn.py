"""The CRNN against the official baseline's numbers: front end, network, and both in a row.

Made by running xieh97/dcase2022-audio-retrieval at commit f6fad505857cfe8a6c25e15e799645b5375296e6
(`models/audio_encoders.py`, `scripts/audio_features.py`) on the weights, spectrograms and sounds that the functions
below make from formulas, with torch 2.11 and librosa 0.11.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.encoders import crnn

# The second clip's embedding (the mean of its frames): three numbers, its norm; then three numbers of its last frame.
OFFICIAL = {  # by number of frames
    4: [0.0368226, 0.2760462, -0.4625999, 3.9600484, 0.0986106, 0.4102304, -0.0728239],
    7: [0.1294515, 0.2924666, -0.4567959, 4.1201882, 0.0975773, 0.4445206, -0.0475001],
    251: [0.6673217, 0.9550117, -0.5408295, 11.3103313, 0.2448720, 0.1123546, -0.0252093],
    1501: [0.8146070, 0.9741682, -0.5467559, 11.7893143, 0.2739680, 0.0052071, -0.0328687],
}
OFFICIAL_PADDED = [0.7307427, 0.9641749, -0.2279823, 11.9439383, 0.2045728, -0.4149362, -0.0136769]
OFFICIAL_SOUND = [0.2675862, 0.8869936, -0.2728557, 11.0669632, 0.0138648, -0.1190950, -0.0068271]
OFFICIAL_LOG_MEL = {  # (frame, band)
    (0, 0): -0.3750026, (0, 63): -5.1876273, (1, 5): -4.4935234, (40, 0): -4.3746253,
    (40, 12): -3.4524014, (40, 33): -4.0467918, (40, 63): -4.2564002, (84, 20): -2.1178399,
}  # fmt: skip


def weights(shapes):
    """Values for a state, key by key in the order of the alphabet; no file needed to have the same in two networks."""
    state = {}
    for seed, (key, shape) in enumerate(sorted(shapes.items())):
        generator = torch.Generator().manual_seed(seed)
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(1)
        elif key.endswith("running_var") or (key.startswith("cnn") and key.endswith("weight") and len(shape) == 1):
            state[key] = 0.5 + torch.rand(shape, generator=generator)
        else:
            fan_in = torch.Size(shape[1:]).numel() if len(shape) > 1 else 10
            gain = 0.1 if key.startswith("gru.weight_ih") else 1.0  # gates that are neither shut nor wide open
            state[key] = gain * torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
    if "cnn.features.0.running_mean" in state:
        state["cnn.features.0.running_mean"] -= 6.0
        state["cnn.features.0.running_var"] += 8.0  # what log-mels are like
    return state


def spectrograms(n_frames):
    clip, time, mel = torch.meshgrid(torch.arange(2), torch.arange(n_frames), torch.arange(64), indexing="ij")
    return -6 + 3 * torch.sin(0.7 * clip + 0.13 * time + 0.31 * mel) + 2 * torch.sin(0.011 * time * mel)


def sound(seconds=1.7, rate=44100):
    """A chirp and a tone over noise: something in every band."""
    time = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    tones = 0.2 * torch.sin(2000 * time**2) + 0.1 * torch.sin(2 * np.pi * 440 * time)
    noise = 0.02 * torch.randn(len(time), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return (tones + noise).float()


def network(**settings):
    model = crnn.CRNN("crnn", replace(crnn.SETTINGS["crnn"], **settings)).eval()
    model.load_state_dict(weights({key: tuple(value.shape) for key, value in model.state_dict().items()}))
    return model


@pytest.fixture(scope="module")
def model():
    return network()


def agrees(values, expected):
    torch.testing.assert_close(values, torch.tensor(expected), rtol=1e-4, atol=3e-5)


def summary(embedding, frames):
    """Seven numbers of one clip, as listed above."""
    return torch.cat([embedding[:3], embedding.norm()[None], frames[-1, 149:152]])


@torch.inference_mode()
@pytest.mark.parametrize("n_frames", OFFICIAL)
def test_network(model, n_frames):
    frames, mask = model.from_log_mel(spectrograms(n_frames), torch.ones(2, n_frames, dtype=torch.bool))
    assert frames.shape == (2, n_frames, 300) and mask.all()
    agrees(summary(frames[1].mean(0), frames[1]), OFFICIAL[n_frames])


def padded(n_frames=251, own=101):
    mask = torch.ones(2, n_frames, dtype=torch.bool)
    mask[1, own:] = False
    return spectrograms(n_frames), mask


@torch.inference_mode()
def test_padding_as_the_official_code_treats_it(model):
    """Zeros as log-mels, and a mean over all frames; ours gives the clip's own embedding."""
    frames, mask = network(masked=False).from_log_mel(*padded())
    assert mask.all()
    agrees(summary(frames[1].mean(0), frames[1]), OFFICIAL_PADDED)
    ours, mask = model.from_log_mel(*padded())
    alone, _ = model.from_log_mel(padded()[0][1:, :101], torch.ones(1, 101, dtype=torch.bool))
    torch.testing.assert_close(ours[1, mask[1]], alone[0], rtol=0, atol=1e-5 * float(alone.abs().max()))
    assert (frames[1].mean(0) - alone[0].mean(0)).norm() > 0.1 * alone[0].mean(0).norm()


@torch.inference_mode()
def test_front_end(model):
    log_mel, mask = model.log_mel(sound()[None], torch.tensor([len(sound())]))
    assert log_mel.shape == (1, 86, 64) and mask.all()
    for (frame, band), expected in OFFICIAL_LOG_MEL.items():
        assert float(log_mel[0, frame, band]) == pytest.approx(expected, abs=1e-4)


@torch.inference_mode()
def test_front_end_is_librosas(model):
    librosa, samples = pytest.importorskip("librosa"), sound().numpy()
    settings = {"n_fft": 2048, "win_length": 1764, "hop_length": 882, "n_mels": 64, "fmin": 12.0, "fmax": 8000}
    expected = np.log(librosa.feature.melspectrogram(y=samples, sr=44100, **settings) + np.spacing(1)).T
    log_mel, _ = model.log_mel(sound()[None], torch.tensor([len(samples)]))
    np.testing.assert_allclose(log_mel[0].numpy(), expected, atol=1e-4)
    old = np.log(librosa.feature.melspectrogram(y=samples, sr=44100, pad_mode="reflect", **settings)).T
    far = np.abs(log_mel[0].numpy() - old).max(1) > 1e-3  # librosa before 0.10: the frames at the edges differ
    assert far[[0, 1, -1]].any() and not far[2:-2].any()


@torch.inference_mode()
def test_from_sound_to_embedding(model):
    frames, _ = model(sound()[None], torch.tensor([len(sound())]))
    agrees(summary(frames[0].mean(0), frames[0]), OFFICIAL_SOUND)


def test_size_and_names(model):
    assert sum(p.numel() for p in model.parameters()) == 732_354
    assert sum(p.numel() for p in model.cnn.parameters()) == 480_354
    numbers = sorted({int(key.split(".")[2]) for key in model.state_dict() if key.startswith("cnn.features.")})
    assert numbers == [0, 1, 4, 5, 7, 8, 11, 12, 14, 15]
    assert model.gru.weight_ih_l0_reverse.shape == (450, 128) and model.gru.weight_hh_l0.shape == (450, 150)
