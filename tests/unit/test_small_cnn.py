"""The small CNN: its shape, its masking, its weights, its speed, and what pretraining taught it."""

import json

import numpy as np
import pytest
import torch

from data_scripts import pretraining_pool as pools
from data_scripts import probe_small_cnn as probe
from lib import audio, encoders, stats
from lib.encoders import small_cnn
from tests.promises import alone_equals_together

STEPS = [16, 1, 7, 3, 1, 13]  # of `clips`


@pytest.fixture(scope="module")
def cnn():
    return encoders.audio("small_cnn")


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.1, n).astype(np.float32) for n in (80000, 1, 33000, 12345, 320, 64321)]


def test_five_seconds_give_sixteen_frames(cnn):
    assert cnn(torch.zeros(1, 80000), torch.tensor([80000]))[0].shape == (1, 16, 256)
    assert cnn.feature_dim == 256 and cnn.sample_rate == 16000
    assert sum(p.numel() for p in cnn.parameters()) < 1_200_000


@pytest.mark.parametrize("pretrained", [True, False])
def test_a_clip_alone_equals_the_clip_padded_in_a_batch(cnn, clips, pretrained):
    alone_equals_together(cnn if pretrained else probe.random_encoder(0), clips, STEPS)


def test_without_masking_the_padding_would_leak(cnn, clips, monkeypatch):
    monkeypatch.setattr(small_cnn, "zero_padding", lambda x, lengths: x)
    with pytest.raises(AssertionError, match="not close"):
        alone_equals_together(cnn, clips, STEPS)


@torch.inference_mode()
def test_silence_and_full_scale_give_finite_frames(cnn):
    square = np.sign(np.random.default_rng(0).normal(size=16000)).astype(np.float32)
    assert cnn(*audio.pad([np.zeros_like(square), np.ones_like(square), square]))[0].isfinite().all()


def test_frozen_unless_asked(cnn):
    assert not cnn.training and not any(p.requires_grad for p in cnn.parameters())
    trainable = encoders.audio("small_cnn", trainable=True)
    trainable(torch.randn(2, 16000), torch.tensor([16000, 8000]))[0].square().mean().backward()
    assert trainable.training and trainable.stem.convolution.weight.grad.abs().sum() > 0


def test_random_weights_come_from_the_generator():
    one, same, other = (probe.random_encoder(seed) for seed in (0, 0, 1))
    assert one.key == same.key != other.key
    with pytest.raises(ValueError, match="random weights need generator="):
        encoders.audio("small_cnn", pretrained=False)


def test_key_follows_the_front_end(cnn):
    from dataclasses import replace

    settings = replace(cnn.settings, front_end=replace(cnn.settings.front_end, f_min=60.0))
    other = small_cnn.SmallCNN(settings)
    other.load_state_dict(cnn.state_dict())
    assert other.key != cnn.key


def copy_weights(folder):
    for path in (small_cnn.WEIGHTS, small_cnn.WEIGHTS.with_suffix(".json")):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder / small_cnn.WEIGHTS.name


def test_the_committed_weights_are_small_and_say_where_they_come_from():
    card = json.loads(small_cnn.WEIGHTS.with_suffix(".json").read_text())
    assert small_cnn.WEIGHTS.stat().st_size <= 4_000_000
    assert card["script"] == "data_scripts/pretrain_small_cnn.py" and "Piczak" in card["credits"]


@pytest.mark.parametrize("fault", ["missing", "no_card", "altered", "other_shape"])
def test_wrong_weights_are_refused_in_one_sentence(tmp_path, monkeypatch, fault):
    path = copy_weights(tmp_path)
    wanted = small_cnn.SmallCNN().state_dict()
    small_cnn.read_weights(path, wanted)  # the copy is good before it is spoilt
    if fault == "missing":
        path.unlink()
    elif fault == "no_card":
        path.with_suffix(".json").unlink()
    elif fault == "altered":
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    else:
        wanted = small_cnn.SmallCNN(small_cnn.Settings(channels=(8, 8, 8, 8, 8))).state_dict()
    words = {"missing": "missing", "no_card": "missing", "altered": "was altered", "other_shape": "another shape"}
    with pytest.raises(RuntimeError, match=f"{words[fault]}.*pretrain_small_cnn.py"):
        small_cnn.read_weights(path, wanted)


def test_training_never_sees_folds_4_and_5(shared_data):
    table = pools.esc_table(shared_data / "esc10")
    assert set(table["fold"]) == {1, 2, 3} and len(table) == 240
    assert {name[0] for name in table["filename"]} == {"1", "2", "3"}


def test_a_fold_4_clip_relabelled_as_training_is_caught(tmp_path):
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text("filename,fold,target,category\n4-1234-A-0.ogg,1,0,dog\n")
    with pytest.raises(AssertionError, match=r"got clips of folds \{4\}"):
        pools.esc_table(tmp_path)


def test_the_pool_never_draws_an_unseen_kind():
    from lib.data import events

    unseen = {name for name, kind in events.KINDS.items() if not kind.seen}
    assert len(unseen) >= 8
    assert not unseen & {tag.split("/")[0] for tag in pools.TAGS}


def test_what_it_learnt_transfers(shared_data, cnn):
    """A linear probe on ESC-10's fold 4 gains at least 5 points on random weights, on average over five of them."""
    clips = probe.recordings(shared_data / "esc10", cnn.sample_rate)
    ours, random = probe.compare(cnn, clips)
    for pooling in ("mean", "mean+max"):
        difference = ours[pooling] - random[pooling].mean(0)
        assert difference.mean() >= 0.05
        assert stats.bootstrap(difference, clips.source[clips.fold == 4], rng=np.random.default_rng(0)).low > 0
    same, other = probe.compare(probe.random_encoder(99), clips, seeds=1)  # teeth: an untrained network gains nothing
    assert abs(same["mean"].mean() - other["mean"].mean()) < 0.1
