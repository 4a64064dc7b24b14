"""Mixing: the SNR asked for is the SNR got, nothing clips, and an event outside the clip is an error."""

import numpy as np
import pytest

from lib.mix import PEAK, fade, mix, rms

SR = 16000


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("snr", [-12.0, 0.0, 6.0, 20.0])
def test_snr_is_met_over_the_events_own_span(rng, snr):
    background = rng.normal(0, 0.01, 5 * SR).astype(np.float32) * np.linspace(0.2, 2, 5 * SR, dtype=np.float32)
    event = np.sin(np.arange(SR) * 0.3).astype(np.float32)
    out = mix(background, [(event, 2.0, snr)], SR)
    span = slice(2 * SR, 3 * SR)
    got = 20 * np.log10(rms(out[span] - background[span]) / rms(background[span]))
    assert got == pytest.approx(snr, abs=1e-3)
    assert np.array_equal(out[: 2 * SR], background[: 2 * SR])


def test_mix_never_clips_and_keeps_the_balance_when_it_scales(rng):
    background = rng.normal(0, 0.2, SR).astype(np.float32)
    event = rng.normal(0, 1, SR // 2).astype(np.float32)
    out = mix(background, [(event, 0.25, 30.0)], SR)
    assert np.max(np.abs(out)) == pytest.approx(PEAK, abs=1e-6)
    quiet = out[: SR // 4] / background[: SR // 4]
    assert quiet.std() < 1e-5  # one gain for the whole


def test_mix_is_pure_and_never_scales_up(rng):
    background = rng.normal(0, 0.001, SR).astype(np.float32)
    event = np.ones(100, dtype=np.float32)
    before = background.copy(), event.copy()
    mix(background, [(event, 0.1, 0.0)], SR)
    assert np.array_equal(background, before[0]) and np.array_equal(event, before[1])
    assert np.array_equal(mix(background, [], SR), background)


def test_a_silent_background_still_gives_an_audible_event():
    out = mix(np.zeros(SR, np.float32), [(np.ones(1000, np.float32), 0.1, 20.0)], SR)
    assert np.max(np.abs(out)) > 5e-4


def test_fade_takes_the_click_away():
    faded = fade(np.ones(1000, np.float32), 160)
    assert faded[0] < 1e-3 and faded[-1] < 1e-3 and faded[500] == 1
    assert fade(np.ones(1, np.float32), 160).shape == (1,)


@pytest.mark.parametrize("onset", [-0.1, 0.95, 2.0])
def test_an_event_outside_the_clip_is_an_error_that_says_where(onset):
    with pytest.raises(ValueError, match="event 0: expected a non-empty span inside a clip of 1.00 s"):
        mix(np.ones(SR, np.float32), [(np.ones(SR // 10, np.float32), onset, 0.0)], SR)


@pytest.mark.parametrize("event, snr", [(np.zeros(10), 0.0), (np.full(10, np.nan), 0.0), (np.ones(10), np.inf)])
def test_silence_nan_and_infinite_snr_are_errors(event, snr):
    with pytest.raises(ValueError, match="expected finite sound above silence"):
        mix(np.ones(SR, np.float32), [(event.astype(np.float32), 0.1, snr)], SR)


def test_an_empty_event_is_an_error():
    with pytest.raises(ValueError, match="non-empty"):
        mix(np.ones(SR, np.float32), [(np.zeros(0, np.float32), 0.1, 0.0)], SR)
