"""The CRNN where paper and code part: pooling as printed, and padding that nobody is told of."""

from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

from lib.encoders import crnn, crnn_variants, scratch


def waveforms(seconds, clips=2):
    samples = torch.randn(clips, int(16000 * seconds), generator=torch.Generator().manual_seed(0))
    return samples, torch.full((clips,), samples.shape[1])


@pytest.fixture(scope="module")
def printed():
    torch.manual_seed(0)
    return crnn_variants.PooledAsPrinted().eval()


def poolings(model):
    return [layer for layer in model.cnn.features if isinstance(layer, nn.LPPool2d)]


def steps(model, seconds):
    """How many time steps the GRU reads of a clip."""
    log_mels, mask = model.log_mel(*waveforms(seconds, 1))
    with torch.no_grad():
        return model.cnn(log_mels[:, None], mask.sum(1))[0].shape[1]


def test_each_pooling_divides_the_time_by_four(printed):
    assert [layer.kernel_size for layer in poolings(printed)] == [(4, 4)] * 3
    assert steps(printed, 5) == 251 // 64 == 3
    assert steps(crnn.CRNN("crnn_16k").eval(), 5) == 251 // 4


def test_all_else_is_the_crnn(printed):
    """Its weights, its settings; with the code's windows put back, its numbers."""
    known = crnn.CRNN("crnn_16k").eval()
    known.load_state_dict(printed.state_dict())
    bent = crnn_variants.PooledAsPrinted(replace(known.settings, slope=-0.1)).settings
    assert bent.slope == -0.1 and bent.front_end == known.settings.front_end
    put_back = crnn_variants.PooledAsPrinted().eval()
    put_back.load_state_dict(printed.state_dict())
    for layer, window in zip(poolings(put_back), ((2, 4), (2, 4), (1, 4))):
        layer.kernel_size = window
    with torch.no_grad():
        expected, mask = known(*waveforms(2))
        torch.testing.assert_close(put_back(*waveforms(2))[0], expected)
        frames, real = printed(*waveforms(2))
    assert torch.equal(real, mask) and frames.shape == expected.shape
    assert (frames - expected).abs().max() > 0.01  # teeth


def test_a_run_log_tells_the_two_apart():
    encoders = [scratch.FromScratch(make) for make in (crnn_variants.PooledAsPrinted, lambda: crnn.CRNN("crnn_16k"))]
    assert encoders[0].key != encoders[1].key and "pools" in asdict(encoders[0].settings)
    assert type(encoders[0].front_end) is type(encoders[1].front_end)  # one spectrogram serves both


def test_a_clip_of_fewer_than_64_frames_is_refused(printed):
    with torch.no_grad():
        assert printed(*waveforms(1.26))[0].shape[1] == 64
        with pytest.raises(ValueError, match="at least 64 frames of each clip, got 63"):
            printed(*waveforms(1.24))


def test_padding_is_zeros_that_count_as_sound():
    front_end = crnn.LogMel(crnn.SETTINGS["crnn_16k"].front_end)
    plain, _ = front_end(*waveforms(0.5, 1))
    padded, mask = crnn_variants.Padded(front_end)(*waveforms(0.5, 1))
    assert mask.all() and padded.shape[1] == 2 * plain.shape[1] and not padded[:, plain.shape[1] :].any()
    torch.testing.assert_close(padded[:, : plain.shape[1]], plain)
