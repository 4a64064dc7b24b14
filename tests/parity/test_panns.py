"""CNN10 and CNN14 against the official code, on weights and sounds by formula; masking, loading, refusing.

Expected values: qiuqiangkong/audioset_tagging_cnn, commit d2f4b8c, `Cnn10` and `Cnn14` of pytorch/models.py with
torchlibrosa 0.1.0, in evaluation mode, on `recipe.weights` and `recipe.waveform`; summaries as `recipe.summary` makes.
"""

import numpy as np
import pytest
import torch
from torchlibrosa.stft import LogmelFilterBank, Spectrogram

from lib import audio
from lib.encoders import checkpoints, panns, spectra
from tests.parity import recipe
from tests.parity.recipe import assert_same
from tests.promises import alone_equals_together, what_follows_is_not_heard

PARAMETERS = {"cnn10": (5_219_279, 6_302_735, 60), "cnn14": (80_753_615, 81_837_071, 84)}  # ours, the file's, its keys
LOG_MEL = {
    0.5: [-28.06335, 12.11723, 48.60685, 12.51555, -29.84731, -28.92648, -29.78054, -33.38143, -31.08026],
    10.0: [-29.75607, 10.03677, 48.60655, 12.51555, -31.40544, -32.59126, -31.42427, -34.8891, -34.21564, -28.12927],
}
OFFICIAL = {  # seconds (None: the network alone, on recipe.decibels(101)) -> frames, embedding, clipwise_output
    ("cnn10", 0.5): (
        [0.1891001, 0.2337336, 1.531525, 0.3679832, 0.1693051, 0.5832875, 0.2934543, 0.4549599, 0.4574232],
        [0.3273769, 0.5127393, 3.159718, 0, 0.1952183, 1.468537, 0, 0.4358727, 1.732082, 0],
        [0.4929982, 0.1870145, 0.9403472, 0.6329933, 0.5179245, 0.5418006, 0.6204445, 0.5719905, 0.2026521, 0.4126642],
    ),
    ("cnn10", 10.0): (
        [0.2133332, 0.2692151, 1.699062, 0.3679832, 0.006558268, 0.5132851, 0, 0.3392445, 0.1949916, 0.02999964],
        [0.3683154, 0.581162, 3.706543, 0, 0.3117259, 1.777488, 0, 0.6143114, 1.844815, 0],
        [0.4913733, 0.203908, 0.9505389, 0.6023763, 0.5222041, 0.5086279, 0.6493295, 0.5739537, 0.1985224, 0.3690993],
    ),
    ("cnn10", None): (
        [0.2136633, 0.2754961, 1.704694, 0.444637, 0.7241722, 0.6489037, 0.6737193, 0.7242701, 0.609376],
        [0.3862464, 0.590072, 3.422265, 0, 0.07893394, 1.69611, 0, 0.6541408, 1.954625, 0],
        [0.4895936, 0.2094176, 0.964886, 0.6170411, 0.5040444, 0.5139444, 0.6647611, 0.6101987, 0.1839801, 0.4159892],
    ),
    ("cnn14", 0.5): (
        [0.06876941, 0.09504039, 0.6165448, 0.05870127, 0.04102289, 0.2279192, 0, 0.01100985, 0.1023604, 0.2335584],
        [0.1436733, 0.2067672, 1.210432, 0.03718048, 0, 0, 0.2186249, 0, 0, 0],
        [0.4958772, 0.0924483, 0.7920568, 0.5111374, 0.4890803, 0.4037418, 0.498408, 0.4991695, 0.6606737, 0.4890087],
    ),
    ("cnn14", 10.0): (
        [0.1244578, 0.1518684, 0.993226, 0.1958336, 0.2209134, 0, 0, 0.3217983, 0.03118092, 0.1578292],
        [0.2550972, 0.364924, 2.413253, 0.2270494, 0, 0, 0.8917933, 0.4713565, 0, 0],
        [0.4970295, 0.1465791, 0.8776088, 0.5616629, 0.4495497, 0.3000829, 0.4651898, 0.4938065, 0.6407102, 0.6089916],
    ),
    ("cnn14", None): (
        [0.1042753, 0.130018, 0.8692382, 0.3228462, 0.1418689, 0.1657618, 0.005327009, 0.06031855, 0],
        [0.2185605, 0.3105348, 1.886239, 0.05991047, 0, 0, 0.5729162, 0.3687128, 0, 0],
        [0.4965102, 0.1299634, 0.8517002, 0.5323623, 0.4868492, 0.3669759, 0.483936, 0.4848999, 0.6438846, 0.5387831],
    ),
}

FRAMES = {"cnn10": {"long": [3, 62, 185], "short": [1, 6, 4]}, "cnn14": {"long": [1, 31, 92], "short": [1, 3, 2]}}


def official_file(net) -> dict:
    """What torch.load gives of an official file, with the recipe's weights."""
    state = net.state_dict()
    own = [k for k in state if "extractor" not in k and "num_batches" not in k]
    content = {key: torch.tensor(0) for key in state if "num_batches" in key} | {"logmel_extractor.melW": mels()}
    for part in ("real", "imag"):
        content[f"spectrogram_extractor.stft.conv_{part}.weight"] = torch.zeros(513, 1, 1024)
    return {"model": content | recipe.weights({key: state[key].shape for key in own})}


def mels(rate: int = 32000, n_fft: int = 1024, f_max: int = 14000) -> torch.Tensor:
    return LogmelFilterBank(sr=rate, n_fft=n_fft, n_mels=64, fmin=50, fmax=f_max).melW.detach()


def loaded(name: str) -> panns.CNN:
    net = panns.CNN(name, panns.SETTINGS[name]).frozen()
    panns.load(net, official_file(net))
    return net


@pytest.fixture(scope="module")
def nets():
    """Built once: CNN14 is 320 MB."""
    return {name: loaded(name) for name in panns.SETTINGS}


def sounds(*seconds: float) -> list[np.ndarray]:
    return [recipe.waveform(round(s * 32000), 32000) for s in seconds]


@torch.inference_mode()
@pytest.mark.parametrize("seconds", [0.5, 10.0])
def test_the_front_end_is_the_official_one(nets, seconds):
    waveforms, lengths = audio.pad(sounds(seconds))
    ours, mask = nets["cnn14"].logmel_extractor(waveforms, lengths)
    assert mask.all()
    assert_same(ours, LOG_MEL[seconds])
    filters = LogmelFilterBank(sr=32000, n_fft=1024, n_mels=64, fmin=50, fmax=14000, amin=1e-10, top_db=None)
    official = filters(Spectrogram(n_fft=1024, hop_length=320)(waveforms))[:, 0]
    torch.testing.assert_close(ours, official, rtol=0, atol=5e-3)  # whole; its 32-bit Fourier sums blur the quietest
    torch.testing.assert_close(panns.LogMel(panns.SETTINGS["cnn14"].front_end).melW, mels(), rtol=0, atol=1e-7)


@torch.inference_mode()
def test_zeros_at_the_edges_would_not_be_the_official_front_end(nets, monkeypatch):
    monkeypatch.setattr(spectra, "reflected", lambda x, lengths, n: torch.nn.functional.pad(x, (n, n)))
    with pytest.raises(AssertionError):
        assert_same(nets["cnn14"].logmel_extractor(*audio.pad(sounds(0.5)))[0], LOG_MEL[0.5])


@torch.inference_mode()
def test_bf16_is_for_the_network_alone(nets):
    inputs, net = audio.pad(sounds(0.5)), nets["cnn10"]
    exact, frames = net.logmel_extractor(*inputs)[0], net(*inputs)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(net.logmel_extractor(*inputs)[0], exact)
        rough = net(*inputs)[0]
    assert 0 < (rough - frames).abs().max() < 0.03 * frames.abs().max()


@torch.inference_mode()
@pytest.mark.parametrize("name, seconds", OFFICIAL)
def test_frames_embedding_and_tags_are_the_official_ones(nets, name, seconds):
    net = nets[name]
    if seconds is None:
        found = net.from_log_mel(recipe.decibels(101)[None], torch.ones(1, 101, dtype=torch.bool))
    else:
        found = net(*audio.pad(sounds(seconds)))
    assert found[1].all() and found[0].shape[2] == net.feature_dim
    for ours, official in zip((found[0], net.embedding(*found), net.clipwise_output(*found)), OFFICIAL[name, seconds]):
        assert_same(ours, official)


@torch.inference_mode()
def test_parity_would_notice_one_layer_out_of_order(nets):
    net, block = nets["cnn10"], nets["cnn10"].conv_block2
    block.bn1, block.bn2 = block.bn2, block.bn1
    with pytest.raises(AssertionError):
        assert_same(net(*audio.pad(sounds(0.5)))[0], OFFICIAL["cnn10", 0.5][0])
    block.bn1, block.bn2 = block.bn2, block.bn1


@pytest.mark.parametrize("name", panns.SETTINGS)
def test_counts_of_parameters_and_of_keys_in_the_official_file(nets, name):
    ours, files, keys = PARAMETERS[name]
    content = official_file(nets[name])["model"]
    assert sum(p.numel() for p in nets[name].parameters()) == ours
    frozen = sum(value.numel() for key, value in content.items() if "extractor" in key)
    assert ours + frozen == files and len(content) == keys


@torch.inference_mode()
@pytest.mark.parametrize("clips", ["long", "short"])
@pytest.mark.parametrize("name", FRAMES)
def test_a_clip_alone_equals_the_clip_padded_in_a_batch(nets, name, clips):
    """0.5 s, 10 s and 29.7 s; one sample, a second of silence, 0.77 s."""
    net, frames = nets[name], FRAMES[name][clips]
    silence = np.zeros(32000, np.float32)
    clips = sounds(0.5, 10.0, 29.7) if clips == "long" else [np.ones(1, np.float32), silence, *sounds(0.77)]
    together, mask = alone_equals_together(net, clips, frames)
    vectors = net.embedding(together, mask)
    for row, keep in enumerate(mask):
        vector = net.embedding(together[row][keep][None], keep[keep][None])[0]
        torch.testing.assert_close(vectors[row], vector, rtol=0, atol=1e-5 * float(vector.abs().max()))


def test_without_masking_the_padding_would_leak(nets, monkeypatch):
    alone_equals_together(nets["cnn10"], sounds(1.0, 0.77), [6, 4])
    monkeypatch.setattr(spectra, "zero_padding", lambda x, lengths: x)
    with pytest.raises(AssertionError):
        alone_equals_together(nets["cnn10"], sounds(1.0, 0.77), [6, 4])


def test_what_follows_a_clip_is_never_heard(nets):
    what_follows_is_not_heard(nets["cnn10"], sounds(0.1, 0.5))


def test_an_official_file_is_found_and_loaded(nets, tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CHECKPOINTS", str(tmp_path))
    torch.save(official_file(nets["cnn10"]), tmp_path / "Cnn10_mAP=0.380.pth")
    assert panns.build("cnn10").frozen().key == nets["cnn10"].key
    with pytest.raises(checkpoints.CheckpointMissing, match="fetch_checkpoints.py cnn14"):
        panns.build("cnn14")


def test_a_file_of_another_network_or_rate_is_refused(nets):
    before = nets["cnn14"].fc1.weight.clone()
    with pytest.raises(checkpoints.CheckpointError, match="of cnn14 at 32,000 Hz; these are cnn10's"):
        panns.load(nets["cnn14"], official_file(nets["cnn10"]))
    other = official_file(nets["cnn14"])
    other["model"]["logmel_extractor.melW"] = mels(16000, 512, 8000)
    with pytest.raises(checkpoints.CheckpointError, match="of cnn14 at 32,000 Hz; these are cnn14_16k's, for 16,000"):
        panns.load(nets["cnn14"], other)
    assert torch.equal(before, nets["cnn14"].fc1.weight)


@pytest.mark.parametrize("fault, words", [("missing", "lacks bn0.weight"), ("unknown", "has unknown bn0.extra")])
def test_a_missing_or_unknown_key_is_named(nets, fault, words):
    content = official_file(nets["cnn10"])
    if fault == "missing":
        del content["model"]["bn0.weight"]
    else:
        content["model"]["bn0.extra"] = torch.zeros(1)
    with pytest.raises(checkpoints.CheckpointError, match=words):
        panns.load(nets["cnn10"], content)


def test_training_hides_stripes_and_reaches_every_weight():
    net = panns.build("cnn10", pretrained=False, generator=torch.Generator().manual_seed(0))
    waveforms, lengths = audio.pad(sounds(1.0, 0.2))
    hidden = net._augment(torch.ones(2, 1, 101, 64))
    assert 0 < (hidden == 0).float().mean() < 0.9
    net.clipwise_output(*net(waveforms, lengths)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    net.eval()
    with torch.inference_mode():
        assert torch.equal(net(waveforms, lengths)[0], net(waveforms, lengths)[0])


def test_random_weights_come_from_the_generator():
    one, same, other = (
        panns.build("cnn10", pretrained=False, generator=torch.Generator().manual_seed(seed)).key for seed in (0, 0, 1)
    )
    assert one == same != other
    with pytest.raises(ValueError, match="random weights need generator="):
        panns.build("cnn10", pretrained=False)
