"""BEATs: masking, lengths, pieces, files. Equal numbers with the official code: tests/parity/test_beats.py."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib import audio, encoders
from lib.encoders import beats, checkpoints
from tests.promises import alone_equals_together, clips_at_16_khz, what_follows_is_not_heard

SMALL = beats.Settings(patch_dim=32, feature_dim=64, hidden_dim=128, layers=2, heads=4)
SETTINGS = {"beats": SMALL, "vast": replace(SMALL, n_mels=64, window=64)}
SHARED = "encoder.layers.{}.self_attn.relative_attention_bias.weight"


def small(name="beats", seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = beats.BEATs(name, SETTINGS[name])
    torch.nn.init.normal_(model.encoder.relative_attention_bias.weight, generator=torch.Generator().manual_seed(seed))
    return model


@pytest.fixture(scope="module", params=["beats", "vast"])
def model(request):
    return small(request.param).frozen()


@pytest.fixture(scope="module")
def clips():
    return clips_at_16_khz()


def test_a_frame_every_160_ms_alone_and_in_a_batch(model, clips):
    alone_equals_together(model, clips, [185, 1, 3, 62, 11, 64])
    assert model.sample_rate == 16_000 and model.feature_dim == 64


@torch.inference_mode()
def test_without_the_mask_the_padding_would_leak(model, clips, monkeypatch):
    together, mask = model(*audio.pad(clips))
    monkeypatch.setattr(beats, "length_mask", lambda lengths, size: torch.ones(len(lengths), size, dtype=torch.bool))
    leaking, _ = model(*audio.pad(clips))
    assert (leaking[2] - together[2])[mask[2]].abs().max() > 1e-2


def test_what_lies_behind_a_clips_end_is_not_heard(model, clips):
    what_follows_is_not_heard(model, clips[1:4])


@torch.inference_mode()
def test_silence_and_full_scale(model):
    square = np.sign(np.random.default_rng(0).normal(size=16_000)).astype(np.float32)
    waveforms, lengths = audio.pad([np.zeros_like(square), np.ones_like(square), square])
    assert model.fbank(waveforms)[0].unique().numpy() == pytest.approx([-2.3917], abs=1e-4)
    assert model(waveforms, lengths)[0].isfinite().all()


@torch.inference_mode()
def test_the_mean_over_frames_is_the_mean_over_patches(model, clips):
    waveforms, lengths = audio.pad([clips[3]])
    patches, _ = model.patches(waveforms, lengths)
    assert patches.shape == (1, 62, 4 if model.name == "vast" else 8, 64)
    torch.testing.assert_close(model(waveforms, lengths)[0].mean(1), patches.flatten(1, 2).mean(1))


@torch.inference_mode()
def test_only_vast_hears_in_pieces():
    rng = np.random.default_rng(0)
    clip = rng.normal(0, 0.1, 320_000).astype(np.float32)
    other = np.concatenate([clip[:170_000], rng.normal(0, 0.1, 150_000).astype(np.float32)])
    for name, heard in (("vast", False), ("beats", True)):
        frames, _ = small(name).frozen()(*audio.pad([clip, other]))
        assert bool((frames[0, :64] - frames[1, :64]).abs().max() > 1e-3) == heard


def test_the_published_size():
    """90,717,055 weights in the official network with its classifier of 527 classes."""
    with torch.device("meta"):
        model = beats.BEATs("beats", beats.SETTINGS["beats"])
    assert sum(p.numel() for p in model.parameters()) == 90_717_055 - (768 + 1) * 527
    assert beats.SETTINGS["vast"] == replace(beats.SETTINGS["beats"], n_mels=64, window=64)


def test_near_patches_have_buckets_of_their_own():
    distance = torch.tensor([0, 1, 79, 80, 799, 800, 5000, -1, -79, -5000])
    assert beats.bucket_of(distance, SMALL).tolist() == [0, 161, 239, 240, 319, 319, 319, 1, 79, 159]


def test_the_gate_lies_between_one_and_two():
    attention = small().encoder.layers[0].self_attn
    gate = attention.gate(10 * torch.randn(2, 4, 9, 16, generator=torch.Generator().manual_seed(0)))
    assert gate.shape == (2, 4, 9, 1) and gate.min() >= 1 and gate.max() <= 2 and gate.std() > 0.1


def test_frozen_unless_asked(monkeypatch):
    monkeypatch.setattr(beats, "SETTINGS", SETTINGS)
    generator = torch.Generator().manual_seed(0)
    frozen = encoders.audio("beats", pretrained=False, generator=generator)
    assert not frozen.training and not any(p.requires_grad for p in frozen.parameters())
    model = encoders.audio("vast", pretrained=False, generator=generator, trainable=True)
    model(torch.randn(2, 16_000, generator=generator), torch.tensor([16_000, 8000]))[0].square().mean().backward()
    learning = {name for name, p in model.named_parameters() if p.grad.abs().sum() > 1e-9}
    assert all(name in learning for name, _ in model.named_parameters() if "k_proj.bias" not in name)


def test_random_weights_come_from_the_generator(monkeypatch):
    monkeypatch.setattr(beats, "SETTINGS", SETTINGS)
    one, same, other = (
        beats.build(pretrained=False, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert one.key == same.key != other.key
    with pytest.raises(ValueError, match="random weights need generator="):
        beats.build("beats", pretrained=False)


def test_key_follows_the_front_end():
    one, other = small(), beats.BEATs("beats", replace(SMALL, mean=15.0))
    other.load_state_dict(one.state_dict())
    assert one.key != other.key


@pytest.mark.parametrize("name", ["beats", "beats_tagging", "vast"])
def test_missing_weights_are_named(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CHECKPOINTS", str(tmp_path))
    with pytest.raises(checkpoints.CheckpointMissing, match=f"{name}'s official weights are not here"):
        encoders.audio(name)


def official(model, seed=1):
    """A state as official files have it, with other weights than the model's."""
    state = small(model.name, seed).state_dict()
    bias = state.pop("encoder.relative_attention_bias.weight")
    return state | {SHARED.format(layer): bias for layer in range(2)}


def same_as_seed_1(model):
    return model.key == small(model.name, 1).key


def test_a_fine_tuned_file_with_its_classifier(tmp_path):
    state = official(small()) | {"predictor.weight": torch.ones(527, 64), "predictor.bias": torch.ones(527)}
    cfg = {"encoder_layers": 2, "max_distance": 800, "finetuned_model": True}
    torch.save({"cfg": cfg, "model": state, "label_dict": {0: "/m/09x0r"}}, tmp_path / "beats.pt")
    model = small()
    assert not same_as_seed_1(model)
    beats.load(model, checkpoints.read(tmp_path / "beats.pt"))
    assert same_as_seed_1(model)


def test_a_file_that_a_newer_pytorch_wrote():
    names = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
    state = official(small())
    for old, new in names.items():
        state[f"encoder.pos_conv.0.{new}"] = state.pop(f"encoder.pos_conv.0.{old}")
    model = small()
    beats.load(model, {"model": state})
    assert same_as_seed_1(model)


@pytest.mark.parametrize("wrapper", ["", "module."])
def test_the_audio_part_of_vasts_file(wrapper):
    state = {f"{wrapper}audio_encoder.{key}": value for key, value in official(small("vast")).items()}
    state |= {f"{wrapper}{other}": torch.ones(1) for other in ("contra_head_a.linear.weight", "audio_type_embeddings")}
    model = small("vast")
    beats.load(model, state)
    assert same_as_seed_1(model)
    beats.load(model, {"model": {key: value.half() for key, value in state.items()}})
    assert all(value.dtype == torch.float32 for value in model.state_dict().values())


@pytest.mark.parametrize(
    "name, fault, words",
    [
        ("vast", lambda state: {"cfg": {}, "model": state}, "expected VAST's weights .*this file has "),
        ("beats", lambda state: {f"audio_encoder.{k}": v for k, v in state.items()}, "these are vast's"),
        ("beats", lambda state: {"cfg": {"max_distance": 1280}, "model": state}, "max_distance 1280, not 800"),
        ("beats", lambda state: {"model": {k: v for k, v in state.items() if "grep_a" not in k}}, "lacks .*grep_a"),
        ("beats", lambda state: {"model": state | {"cls_token": torch.ones(1)}}, "unknown cls_token"),
    ],
)
def test_another_networks_file_is_refused(name, fault, words):
    model = small(name)
    with pytest.raises(checkpoints.CheckpointError, match=words):
        beats.load(model, fault(official(model)))
