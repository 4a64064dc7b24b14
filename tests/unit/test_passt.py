"""PaSST's interface: any length, any batch; patchout in training alone; settings that cannot be are refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib import audio, encoders, pooling, train
from lib.encoders import checkpoints, passt
from lib.encoders.transformer import joined, segments

FRONT_END = replace(passt.SMALL.front_end, hop=160)
TINY = replace(passt.SMALL, front_end=FRONT_END, dim=32, depth=2, heads=2, segment_s=2.0, classes=5)
RATE = TINY.front_end.sample_rate


def tiny(**settings) -> passt.PaSST:
    with train.lend_chance(torch.Generator().manual_seed(0)):
        return passt.PaSST(replace(TINY, **settings))


@pytest.fixture(scope="module")
def model():
    model = tiny().frozen()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(5 if weight.dim() > 1 else 1)  # as loud as trained ones: attention that attends
    return model


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    seconds = (0.5, 10.0, 29.7, 2.0, 4.0001)
    clips = [rng.normal(0, 0.1, round(s * RATE)).astype(np.float32) for s in seconds]
    return [*clips, np.zeros(3 * RATE, np.float32), clips[0][:1]]


@torch.inference_mode()
def test_a_frame_for_each_segment(model, clips):
    frames, mask = model(*audio.pad(clips))
    assert frames.shape == (7, 15, 32) and model.feature_dim == 32 and model.sample_rate == RATE
    assert mask.sum(1).tolist() == [1, 5, 15, 1, 3, 2, 1]  # ceil(seconds / 2), at least one
    assert (frames[~mask] == 0).all() and frames.isfinite().all()


@torch.inference_mode()
@pytest.mark.parametrize("method", ["forward", "patches"])
def test_a_clip_alone_equals_the_clip_padded_in_a_batch(model, clips, method):
    together, mask = getattr(model, method)(*audio.pad(clips))
    for row, clip in enumerate(clips):
        alone, alone_mask = getattr(model, method)(*audio.pad([clip]))
        assert alone_mask.all() and mask[row].sum() == alone.shape[1]
        torch.testing.assert_close(together[row][mask[row]], alone[0], atol=1e-5 * float(alone.abs().max()), rtol=0)


@torch.inference_mode()
def test_what_follows_a_clip_in_its_row_does_not_count(model, clips):
    waveforms, lengths = audio.pad(clips)
    noise = torch.randn(waveforms.shape, generator=torch.Generator().manual_seed(1))
    dirty = torch.where(audio.length_mask(lengths, waveforms.shape[1]), waveforms, noise)
    assert torch.equal(model(dirty, lengths)[0], model(waveforms, lengths)[0])


@torch.inference_mode()
def test_without_masking_the_padding_would_leak(model, clips, monkeypatch):
    """Teeth: were every segment of the batch a clip's own, a short clip would have as many as the longest."""
    monkeypatch.setattr(passt, "segments", lambda x, lengths, size: segments(x, lengths * 0 + x.shape[1], size))
    _, mask = model(*audio.pad(clips))
    assert mask.sum(1).tolist() == [15] * 7


@torch.inference_mode()
def test_the_mean_over_frames_is_the_mean_over_segments_heard_alone(model, clips):
    frames, mask = model(*audio.pad([clips[4]]))
    padded = np.pad(clips[4], (0, 6 * RATE - len(clips[4])))
    apart = torch.stack([model(*audio.pad([piece]))[0][0, 0] for piece in padded.reshape(3, -1)])
    torch.testing.assert_close(pooling.masked_mean(frames, mask)[0], apart.mean(0), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_the_network_can_start_from_stored_spectrograms(model, clips):
    log_mels, mask = model.log_mel(*audio.pad(clips))
    assert log_mels.shape == (7, 15 * TINY.frames, 64) and (log_mels[~mask] == 0).all()
    assert torch.equal(model.from_log_mel(log_mels, mask)[0], model(*audio.pad(clips))[0])


@torch.inference_mode()
def test_silence_is_the_value_that_the_official_front_end_gives(model):
    values, _ = model.log_mel(torch.zeros(1, 2 * RATE), torch.tensor([2 * RATE]))
    torch.testing.assert_close(values, torch.full_like(values, -1.402585), atol=1e-6, rtol=0)


@torch.inference_mode()
def test_patches_stand_where_they_were_heard(model):
    """A click late in the segment changes its own column of the patches most of all."""
    quiet = torch.zeros(1, 2 * RATE)
    click = quiet.clone()
    click[0, int(1.5 * RATE) : int(1.5 * RATE) + 200] = 0.5
    embedded = [model.patch_embed(model.log_mel.of_segments(x)) for x in (quiet, click)]
    assert (embedded[1] - embedded[0]).abs().sum((0, 1, 2)).argmax() == 150 // 16
    tokens, _ = model.patches(click, torch.tensor([2 * RATE]))
    assert tokens.shape == (1, 1, TINY.rows, TINY.columns, 32) == (1, 1, 4, 12, 32)


def test_patchout_in_training_alone(model, clips):
    waveforms, lengths = audio.pad(clips[:2])
    out = tiny(patchout_time=4, patchout_mel=1).eval()
    out.load_state_dict(model.state_dict())
    assert torch.equal(out(waveforms, lengths)[0], model(waveforms, lengths)[0])
    assert out.train().patches(waveforms, lengths)[0].shape == (2, 5, 3, 8, 32)
    with train.lend_chance(torch.Generator().manual_seed(0)):
        one, other = (out(waveforms, lengths)[0] for _ in range(2))
    with train.lend_chance(torch.Generator().manual_seed(0)):
        again = out(waveforms, lengths)[0]
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_all_clips_of_a_batch_keep_the_same_patches():
    kept = passt.kept(31, 12)
    assert len(kept) == 19 and (kept.diff() > 0).all() and kept.max() < 31
    out = tiny(patchout_time=6, patchout_mel=2).train()
    waveform = torch.randn(1, 2 * RATE, generator=torch.Generator().manual_seed(0)).repeat(3, 1)
    frames, _ = out(waveform, torch.full((3,), 2 * RATE))
    torch.testing.assert_close(frames[0], frames[2])


def test_stripes_and_wandering_edges_in_training_alone(clips):
    plain, extras = tiny().eval(), tiny(mask_mel=16, mask_time=60, jitter_low=10, jitter_high=1000).eval()
    batch = audio.pad(clips[1:2])
    assert torch.equal(plain(*batch)[0], extras(*batch)[0])
    assert torch.equal(plain.train()(*batch)[0], plain.eval()(*batch)[0])  # all are off unless asked for
    first, second = (extras.train()(*batch)[0] for _ in range(2))
    assert not torch.equal(first, second)
    only_edges = tiny(jitter_low=10, jitter_high=1000).train()
    drawn = [only_edges(*batch)[0] for _ in range(5)]  # one alone may draw the edges as they are
    still = only_edges.eval()(*batch)[0]
    assert not all(torch.equal(one, still) for one in drawn)


def test_gradients_reach_every_weight_but_the_heads(clips):
    trained = tiny(patchout_time=2).train()
    trained(*audio.pad(clips[:2]))[0].square().mean().backward()
    without = {name for name, weight in trained.named_parameters() if weight.grad is None}
    assert without == {"head.0.weight", "head.0.bias", "head.1.weight", "head.1.bias", "head_dist.weight",
                       "head_dist.bias"}  # fmt: skip
    assert {name for name in tiny(classes=0).state_dict() if name.startswith("head")} == set()


@pytest.mark.parametrize("settings, said", [
    ({"segment_s": 0.1}, "gives no patch of 16 x 16"),
    ({"positions": 11}, "at most 11 columns of patches.*2.0 s have 12"),
    ({"patchout_time": 12}, "fewer than 12 columns and 4 rows"),
    ({"patchout_mel": 4}, "fewer than 12 columns and 4 rows"),
])  # fmt: skip
def test_impossible_settings_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        replace(TINY, **settings)


def test_segments_of_primus_figure_1():
    """S20 in segments of 2, 5, 10 and 15 s, with the patchout of the published scripts; 2 to 15 s are quadratic."""
    columns = {}
    for seconds, left_out in ((2, 11), (5, 27), (10, 53), (15, 80)):
        settings = replace(passt.SETTINGS["passt_s20"], segment_s=seconds, patchout_time=left_out, patchout_mel=3)
        columns[seconds] = settings.columns
    assert columns == {2: 19, 5: 49, 10: 99, 15: 149}
    assert passt.SETTINGS["passt_s20"].columns == 199  # of 200 positions: the official network crops one too


def test_tokens_of_the_named_networks():
    tokens = {name: s.rows * s.columns + 2 for name, s in passt.SETTINGS.items()}
    assert tokens == {"passt_n": 498, "passt_s": 1190, "passt_l": 1190, "passt_s20": 2390}
    n = passt.SETTINGS["passt_n"]
    assert (n.rows - n.patchout_mel) * (n.columns - n.patchout_time) + 2 == 284


def test_a_file_in_the_official_layout_fills_the_network_and_another_does_not():
    ours, theirs = tiny(), tiny(stride=10)
    checkpoints.fill(ours, tiny().state_dict(), name="passt_n")
    with pytest.raises(checkpoints.CheckpointError, match="another PaSST"):
        checkpoints.fill(ours, theirs.state_dict(), name="passt_n")


@pytest.mark.parametrize("name", passt.SETTINGS)
def test_by_name(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CHECKPOINTS", str(tmp_path))
    with pytest.raises(checkpoints.CheckpointMissing, match=f"fetch_checkpoints.py {name}"):
        encoders.audio(name)
    monkeypatch.setitem(passt.SETTINGS, name, replace(TINY, stride=16))
    with pytest.raises(ValueError, match="random weights need generator="):
        encoders.audio(name, pretrained=False)
    one, same = (encoders.audio(name, pretrained=False, generator=torch.Generator().manual_seed(4)) for _ in range(2))
    assert one.name == name and one.key == same.key and not one.training


def test_segments_and_back():
    x, lengths = torch.arange(12.0).reshape(2, 6), torch.tensor([6, 1])
    pieces, mask = segments(x, lengths, 4)
    assert pieces.tolist() == [[0, 1, 2, 3], [4, 5, 0, 0], [6, 0, 0, 0]]
    assert mask.tolist() == [[True, True], [True, False]]
    assert joined(pieces, mask).tolist() == [[[0, 1, 2, 3], [4, 5, 0, 0]], [[6, 0, 0, 0], [0, 0, 0, 0]]]
    assert segments(torch.ones(1, 9), torch.tensor([3]), 4)[0].tolist() == [[1, 1, 1, 0]]  # padding beyond is cut
