"""CAV-MAE's audio branch: masking, lengths, segments, files. Equal numbers with the official code: tests/parity."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from lib import audio, encoders, train
from lib.encoders import cav_mae, checkpoints
from tests.promises import alone_equals_together, clips_at_16_khz, what_follows_is_not_heard

SMALL = cav_mae.Settings(dim=32, heads=4, own_blocks=2)


def small(seed=0, **settings) -> cav_mae.CAVMAE:
    with train.lend_chance(torch.Generator().manual_seed(seed)):
        return cav_mae.CAVMAE(replace(SMALL, **settings))


@pytest.fixture(scope="module")
def model():
    model = small().frozen()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3 if weight.dim() > 1 else 1)
    return model


@pytest.fixture(scope="module")
def clips():
    return clips_at_16_khz()


def test_a_frame_every_160_ms_alone_and_in_a_batch(model, clips):
    alone_equals_together(model, clips, [186, 1, 3, 63, 12, 65])
    assert model.sample_rate == 16_000 and model.feature_dim == 32


def test_what_follows_a_clip_in_its_row_does_not_count(model, clips):
    what_follows_is_not_heard(model, clips)


@torch.inference_mode()
def test_without_the_masks_the_padding_would_leak(model, clips, monkeypatch):
    """Teeth: with the batch's zeros taken for sound, a short clip's frames are others."""
    together, mask = model(*audio.pad(clips))
    waveforms, lengths = audio.pad(clips)
    leaking, _ = model(waveforms, torch.full_like(lengths, waveforms.shape[1]))
    assert (leaking[2] - together[2])[mask[2]].abs().max() > 1e-2


@torch.inference_mode()
def test_filling_is_louder_than_silence(model):
    mels, n_frames = model.fbank(torch.zeros(1, 16_000), torch.tensor([16_000]))
    scaled = (mels - SMALL.mean) / SMALL.deviation
    assert n_frames.tolist() == [98] and mels.shape == (1, 98, 128)
    torch.testing.assert_close(scaled, torch.full_like(scaled, -2.421767), atol=1e-5, rtol=0)
    assert -SMALL.mean / SMALL.deviation == pytest.approx(1.132913, abs=1e-6)


def test_sound_has_its_own_normalisation_in_the_shared_block():
    """Of the three pairs in the file, `norm1_a` and `norm2_a`; elsewhere the first."""
    ours, theirs = small(1), {f"module.{key}": value.clone() for key, value in small(2).state_dict().items()}
    for n in (1, 2):
        for part in ("weight", "bias"):
            kept = theirs[f"module.blocks_u.0.norm{n}.{part}"]
            theirs[f"module.blocks_u.0.norm{n}_a.{part}"] = kept + n
            theirs[f"module.blocks_u.0.norm{n}_v.{part}"] = kept + 7
            theirs[f"module.blocks_a.1.norm{n}_a.{part}"] = kept + 8
    cav_mae.load(ours, theirs)
    assert (ours.blocks_u[0].norm1.weight == 2).all() and (ours.blocks_u[0].norm2.bias == 2).all()
    assert (ours.blocks_a[1].norm1.weight == 1).all()
    assert torch.equal(ours.blocks_a[0].mlp.fc1.weight, small(2).blocks_a[0].mlp.fc1.weight)


def test_gradients_reach_every_weight(clips):
    trained = small().train()
    trained(*audio.pad(clips[2:4]))[0].square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in trained.parameters())


def test_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CHECKPOINTS", str(tmp_path))
    with pytest.raises(checkpoints.CheckpointMissing, match="fetch_checkpoints.py cav_mae"):
        encoders.audio("cav_mae")
    with pytest.raises(ValueError, match="random weights need generator="):
        encoders.audio("cav_mae", pretrained=False)
    monkeypatch.setattr(cav_mae, "CAVMAE", partial(cav_mae.CAVMAE, SMALL))
    one, same, other = (
        encoders.audio("cav_mae", pretrained=False, generator=torch.Generator().manual_seed(seed)) for seed in (4, 4, 5)
    )
    assert one.key == same.key != other.key and not one.training
