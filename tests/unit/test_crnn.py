"""The CRNN: its masking and what breaks without it, short and silent clips, gradients, settings, files."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lib import audio
from lib.encoders import checkpoints, crnn


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
def settled(model, steps=20):
    """In evaluation mode, the running statistics those of noise and silence: without them the GRU's gates are shut."""
    loudness = torch.tensor([0.1, 0.01, 1e-4, 0.0])[:, None]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(steps):
            model.train()(loudness * torch.randn(4, 16000), torch.full((4,), 16000))
    return model.eval()


def variant(**settings):
    """The network for soundscapes, narrow and thus quick."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        narrow = {"channels": (8, 16, 16, 16, 16), "feature_dim": 32} | settings
        return settled(crnn.CRNN("crnn_16k", replace(crnn.SETTINGS["crnn_16k"], **narrow)))


@pytest.fixture(scope="module")
def narrow():
    return variant()


@pytest.fixture(scope="module")
def full():
    return settled(crnn.build("crnn", pretrained=False, generator=generator()), steps=10)


def noises(*lengths):
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.1, n).astype(np.float32) for n in lengths]


def together_and_alone(model, clips):
    """For each clip its frames in the batch of all and its frames alone."""
    frames, mask = model(*audio.pad(clips))
    assert (frames[~mask] == 0).all()
    for row, clip in enumerate(clips):
        alone, alone_mask = model(*audio.pad([clip]))
        assert alone_mask.all()
        yield frames[row, mask[row]], alone[0]


@torch.inference_mode()
def test_a_frame_every_20_ms(narrow, full):
    frames, mask = narrow(torch.zeros(1, 80000), torch.tensor([80000]))
    assert frames.shape == (1, 251, 32) and mask.all() and narrow.sample_rate == 16000
    frames, mask = full(torch.zeros(1, 44100), torch.tensor([44100]))
    assert frames.shape == (1, 51, 300) and full.feature_dim == 300 and full.sample_rate == 44100


@torch.inference_mode()
def test_a_clip_alone_equals_the_clip_padded_in_a_batch(full):
    clips = [*noises(10 * 44100, 1, 22050, 44100 * 2 + 17), np.zeros(30000, np.float32)]
    for padded, alone in together_and_alone(full, clips):
        torch.testing.assert_close(padded, alone, rtol=0, atol=1e-5 * float(alone.abs().max()))


@torch.inference_mode()
def test_a_long_clip_alone_equals_it_padded(narrow):
    for padded, alone in together_and_alone(narrow, noises(29 * 16000 + 11200, 8000, 160000)):
        torch.testing.assert_close(padded, alone, rtol=0, atol=1e-5 * float(alone.abs().max()))


@torch.inference_mode()
def test_what_differs_is_rounding():
    """With twice the digits the difference is gone, even where silence is far from all that fresh weights expect."""
    model = crnn.build("crnn", pretrained=False, generator=generator()).double().eval()
    clips = [clip.astype(np.float64) for clip in [*noises(44100, 22050), np.zeros(30000)]]
    batch, lengths = torch.zeros(3, 44100, dtype=torch.float64), torch.tensor([44100, 22050, 30000])
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = torch.from_numpy(clip)
    frames, mask = model(batch, lengths)
    for row, clip in enumerate(clips):
        alone, _ = model(torch.from_numpy(clip)[None], lengths[row : row + 1])
        torch.testing.assert_close(frames[row, mask[row]], alone[0], rtol=0, atol=1e-12)


def no_masks(layer, x, lengths):
    return layer(x)


def whole_gru(gru, x, lengths):
    return gru(x)[0]


def stretched_whole(x, fewer, mask):
    return F.interpolate(x.transpose(1, 2), mask.shape[1], mode="linear").transpose(1, 2)


@torch.inference_mode()
@pytest.mark.parametrize("guard", [("normalise", no_masks), ("recur", whole_gru), ("stretch", stretched_whole)])
def test_without_each_guard_the_padding_would_leak(narrow, monkeypatch, guard):
    monkeypatch.setattr(crnn, *guard)
    _, (padded, alone) = together_and_alone(narrow, noises(80000, 30000))
    assert (padded - alone).abs().max() > 1e-3


@torch.inference_mode()
@pytest.mark.parametrize("n", [1, 319, 320, 959, 960])
def test_a_short_clip_is_one_with_silence_after_it(narrow, n):
    clip = noises(n)[0]
    frames, mask = narrow(*audio.pad([clip]))
    longer, _ = narrow(*audio.pad([np.pad(clip, (0, 960 - n))]))
    assert frames.shape == (1, 4, 32) and mask.all()
    torch.testing.assert_close(frames, longer)


def test_the_front_end_knows_no_bf16(narrow):
    inputs = audio.pad(noises(16000, 5000))
    exact, _ = narrow.log_mel(*inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(narrow.log_mel(*inputs)[0], exact)


def test_too_few_stored_frames_are_refused(narrow):
    with pytest.raises(ValueError, match="expected at least 4 frames of each clip, got 3"):
        narrow.from_log_mel(torch.zeros(1, 3, 64), torch.ones(1, 3, dtype=torch.bool))


@pytest.mark.parametrize("training", [True, False])
def test_silence_has_finite_gradients(training):
    """In training, batch normalisation makes a silent batch all zeros, where a fourth root is steepest."""
    model = variant().train(training)
    model(torch.zeros(2, 16000), torch.tensor([16000, 9000]))[0].square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_a_plain_fourth_root_would_have_none(monkeypatch):
    """Teeth for the test above."""
    monkeypatch.setattr(torch.nn.LPPool2d, "forward", lambda pool, x: F.avg_pool2d(x**4, pool.kernel_size) ** 0.25)
    model = variant().train()
    model(torch.zeros(2, 16000), torch.tensor([16000, 9000]))[0].square().sum().backward()
    assert not model.cnn.features[1].weight.grad.isfinite().all()


def test_stored_log_mels_train_as_waveforms_do():
    waveforms, lengths = audio.pad(noises(16000, 12000))
    grads = []
    for stored in (False, True):
        model = variant(dropout=0.0).train()
        inputs = [t.clone() for t in model.log_mel(waveforms, lengths)] if stored else (waveforms, lengths)
        (model.from_log_mel if stored else model)(*inputs)[0].square().sum().backward()
        grads.append([p.grad for p in model.parameters()])
    for one, other in zip(*grads, strict=True):
        assert one.abs().sum() > 0
        torch.testing.assert_close(one, other)


def test_training_statistics_are_of_real_frames_alone():
    """A batch normalisation that saw the padding, too, would learn how much padding there was."""
    clips, running = noises(16000, 16000), []
    for extra in (0, 16000):
        model = variant().train()
        waveforms = F.pad(audio.pad(clips)[0], (0, extra))
        model(waveforms, torch.tensor([16000, 16000]))
        running.append(torch.cat([m.running_mean for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]))
    torch.testing.assert_close(*running)


def test_dropout_draws_from_torchs_generator():
    model, runs = variant().train(), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        runs.append(model(torch.ones(1, 16000), torch.tensor([16000]))[0])
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


@torch.inference_mode()
def test_the_sign_of_the_slope_counts_only_where_no_pooling_follows(narrow):
    """L4 pooling forgets signs: the paper's -0.1 and the code's 0.1 differ after two of five convolutions."""
    sound = audio.pad(noises(16000))
    plain, _ = narrow(*sound)
    for pooled, layers in {True: (2, 9, 16), False: (6, 13)}.items():
        flipped = variant()
        flipped.load_state_dict(narrow.state_dict())
        for layer in layers:
            flipped.cnn.features[layer].negative_slope = -0.1
        assert torch.equal(flipped(*sound)[0], plain) == pooled


def test_the_papers_slope_trains():
    model = variant(slope=-0.1).train()
    assert all(m.negative_slope == -0.1 for m in model.modules() if isinstance(m, torch.nn.LeakyReLU))
    model(*audio.pad(noises(16000)))[0].square().sum().backward()
    assert model.cnn.features[1].weight.grad.abs().sum() > 0


@torch.inference_mode()
def test_without_masks_neighbours_change_a_clip():
    frames, mask = variant(masked=False)(*audio.pad(noises(48000, 16000)))
    alone, _ = variant(masked=False)(*audio.pad(noises(48000, 16000)[1:]))
    assert mask.all() and (frames[1].mean(0) - alone[0].mean(0)).norm() > 0.01 * alone[0].mean(0).norm()


@torch.inference_mode()
@pytest.mark.parametrize("short, long", [(1, 4), (1, 7), (62, 251), (187, 750)])
def test_stretch_is_linear_interpolation(short, long):
    x = torch.randn(2, short, 5, generator=generator())
    expected = F.interpolate(x.transpose(1, 2), long, mode="linear", align_corners=False).transpose(1, 2)
    stretched = crnn.stretch(x, torch.tensor([short, short]), torch.ones(2, long, dtype=torch.bool))
    torch.testing.assert_close(stretched, expected, rtol=0, atol=1e-4)  # theirs rounds positions, too


def test_random_weights_come_from_the_generator():
    one, same, other = (crnn.build("crnn", pretrained=False, generator=generator(seed)) for seed in (0, 0, 1))
    assert one.key == same.key != other.key
    with pytest.raises(ValueError, match="random weights need generator="):
        crnn.build("crnn", pretrained=False)
    with pytest.raises(checkpoints.CheckpointMissing, match="crnn.pth"):
        crnn.build("crnn")
    with pytest.raises(checkpoints.CheckpointMissing, match="nobody published weights; train it"):
        crnn.build("crnn_16k")


def test_key_follows_every_setting():
    changes = ({}, {"slope": -0.1}, {"masked": False}, {"dropout": 0.0})
    keys = {variant(**change).key for change in changes}
    other_edge = replace(crnn.SETTINGS["crnn_16k"].front_end, f_min=50.0)
    assert len(keys | {variant(front_end=other_edge).key}) == 5


def test_a_file_of_the_whole_official_system_loads(full, tmp_path, monkeypatch):
    """The official code saves a pair: the system's weights, word vectors among them, and the optimiser's state."""
    state = {f"audio_enc.{key}": value for key, value in full.state_dict().items()}
    state["text_enc.word_enc.embedding.weight"] = torch.zeros(7, 300)
    monkeypatch.setattr(checkpoints, "folder", lambda: tmp_path)
    torch.save((state, {"state": {}, "param_groups": []}), tmp_path / "crnn.pth")
    assert crnn.build("crnn").key == full.key
    torch.save({key.removeprefix("audio_enc."): value for key, value in state.items()}, tmp_path / "crnn.pth")
    assert crnn.build("crnn").key == full.key
    del state["audio_enc.gru.bias_ih_l0"]
    torch.save(state, tmp_path / "crnn.pth")
    with pytest.raises(checkpoints.CheckpointError, match="it lacks gru.bias_ih_l0"):
        crnn.build("crnn")
