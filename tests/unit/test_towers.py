"""Towers: what is saved comes back, what was changed is refused, and frozen encoders stay frozen."""

import json

import pytest
import torch
from torch import nn

from lib import towers
from lib.adapters import MLPAdapter


class Toy(nn.Module):
    """An encoder of one linear layer: waveforms cut into frames of four samples."""

    def __init__(self, seed=0):
        super().__init__()
        self.name, self.key = "toy", f"key {seed}"
        self.layer = nn.Linear(4, 6, bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(torch.randn(6, 4, generator=torch.Generator().manual_seed(seed)))

    def forward(self, waveforms, lengths):
        frames = self.layer(waveforms.unflatten(1, (-1, 4)))
        return frames, torch.arange(frames.shape[1]) < (lengths // 4)[:, None]


def frames_model():
    return towers.DualEncoder(
        towers.Tower(None, MLPAdapter(6, 3, hidden=5)), towers.Tower(None, MLPAdapter(7, 3, hidden=5)), {"audio": "toy"}
    )


def inputs(seed=0):
    g = torch.Generator().manual_seed(seed)
    return (torch.randn(2, 4, 6, generator=g), torch.ones(2, 4, dtype=torch.bool)), (
        torch.randn(2, 3, 7, generator=g),
        torch.ones(2, 3, dtype=torch.bool),
    )


def waves():
    return torch.randn(2, 16, generator=torch.Generator().manual_seed(1)), torch.tensor([16, 8])


def test_similarity_has_a_row_per_query():
    model = frames_model()
    audio, text = torch.eye(3)[:2], torch.eye(3)
    similarity = model.similarity(audio, text)
    assert similarity.tolist() == [[1, 0], [0, 1], [0, 0]]


def test_round_trip(tmp_path):
    model = frames_model()
    again = towers.load(model.save(tmp_path / "model"))
    for a, b in zip(model(*inputs()), again(*inputs()), strict=True):
        assert torch.equal(a, b)
    assert again.notes == {"audio": "toy"} and not again.training


def test_saving_twice_gives_the_same_bytes(tmp_path):
    model = frames_model()
    a, b = model.save(tmp_path / "a"), model.save(tmp_path / "b")
    for name in (towers.WEIGHTS, towers.SETTINGS):
        assert (a / name).read_bytes() == (b / name).read_bytes()


def test_a_frozen_encoder_is_saved_by_name_and_checked_by_key(tmp_path):
    model = towers.DualEncoder(towers.Tower(Toy().requires_grad_(False), MLPAdapter(6, 3)), frames_model().text)
    saved = model.save(tmp_path)
    again = towers.load(saved, audio_encoder=lambda name: {"toy": Toy()}[name])
    assert torch.equal(model.audio(*waves()), again.audio(*waves()))
    assert not again.audio.trains_encoder
    with pytest.raises(ValueError, match="audio encoder 'toy' is not the one this model was trained with"):
        towers.load(saved, audio_encoder=lambda name: Toy(seed=5))


def test_a_fine_tuned_encoder_is_saved_whole(tmp_path):
    model = towers.DualEncoder(towers.Tower(Toy(seed=3), MLPAdapter(6, 3)), frames_model().text)
    again = towers.load(model.save(tmp_path), audio_encoder=lambda name: Toy(seed=0))
    assert torch.equal(model.audio(*waves()), again.audio(*waves()))
    assert again.audio.trains_encoder


def test_gradients_reach_the_adapters_and_not_a_frozen_encoder():
    model = towers.DualEncoder(towers.Tower(Toy().requires_grad_(False), MLPAdapter(6, 3)), frames_model().text)
    audio, text = model(waves(), inputs()[1])
    (audio * text).sum().backward()
    assert all(p.grad is None for p in model.audio.encoder.parameters())
    for adapter in (model.audio.adapter, model.text.adapter):
        assert all(p.grad is not None for p in adapter.parameters())


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


def test_changed_weights_are_refused(tmp_path):
    frames_model().save(tmp_path)
    flip_a_byte(tmp_path / towers.WEIGHTS)
    with pytest.raises(ValueError, match=r"is not the file that was saved: sha256 .* expected, got"):
        towers.load(tmp_path)


def test_weights_cut_short_are_refused(tmp_path):
    frames_model().save(tmp_path)
    weights = tmp_path / towers.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(ValueError, match="cut short or changed"):
        towers.load(tmp_path)


@pytest.mark.parametrize("name", [towers.WEIGHTS, towers.SETTINGS])
def test_a_missing_file_is_named(tmp_path, name):
    frames_model().save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=f"{name} is missing"):
        towers.load(tmp_path)


def change(tmp_path, edit):
    frames_model().save(tmp_path)
    settings = json.loads((tmp_path / towers.SETTINGS).read_text())
    edit(settings)
    (tmp_path / towers.SETTINGS).write_text(json.dumps(settings))


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda s: s["audio"].update(adapter="__import__"), "expected an adapter among MLPAdapter"),
        (lambda s: s["audio"]["adapter_settings"].update(dim=9), "describe different models"),
        (lambda s: s["text"].pop("adapter"), "expected adapter in the text tower's settings"),
        (lambda s: s.pop("audio"), "no dual encoder of format"),
        (lambda s: s.update(format=99), "no dual encoder of format 1"),
    ],
)
def test_changed_settings_are_refused(tmp_path, edit, message):
    change(tmp_path, edit)
    with pytest.raises(ValueError, match=message):
        towers.load(tmp_path)


def test_settings_that_are_not_json_are_refused(tmp_path):
    frames_model().save(tmp_path)
    (tmp_path / towers.SETTINGS).write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        towers.load(tmp_path)


def test_a_pickle_in_place_of_the_weights_runs_nothing(tmp_path):
    """Even with a matching digest: only safetensors are read."""
    import hashlib
    import pickle

    payload = pickle.dumps({"a": 1})
    change(tmp_path, lambda s: s.update(weights_sha256=hashlib.sha256(payload).hexdigest()))
    (tmp_path / towers.WEIGHTS).write_bytes(payload)
    with pytest.raises(ValueError, match="not a safetensors file"):
        towers.load(tmp_path)
