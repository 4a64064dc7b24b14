"""Sound events: each attribute is measured in the sound, not read off the code."""

from collections.abc import Callable

import numpy as np
import pytest

from data_scripts import pretraining_sounds
from lib.data import events
from lib.data.events import BACKGROUNDS, KINDS, Event, natural_duration, render_background, render_event

SR = 16000
COUNTABLE = [name for name, kind in KINDS.items() if kind.countable]
CRISP = [
    "dog_bark",
    "door_knock",
    "car_horn",
    "bird_chirp",
    "hammer",
    "alarm_beep",
    "water_drip",
    "frog_croak",
    "owl_hoot",
]
UNSEEN = {
    "thunder",
    "glass_break",
    "cat_meow",
    "frog_croak",
    "train_whistle",
    "hammer",
    "alarm_beep",
    "water_drip",
    "owl_hoot",
}


def make(kind, count=1, rate="steady", **rest) -> Event:
    return Event(kind, rate=rate, count=count, duration_s=natural_duration(kind, rate, count), **rest)


def centroid(x, power=1.0) -> float:
    """Centre of the spectrum on a log-frequency axis, in Hz; `power` 2 weighs the loud partials more."""
    spectrum = np.abs(np.fft.rfft(x)) ** power
    f = np.fft.rfftfreq(len(x), 1 / SR)
    keep = f > 50
    return float(np.exp(np.sum(spectrum[keep] * np.log(f[keep])) / np.sum(spectrum[keep])))


def onset_times(x) -> np.ndarray:
    """Times at which the loudness (20 ms frames) climbs from under 15 % to over 40 % of its top: one per unit."""
    loud = np.sqrt(np.convolve(x**2, np.ones(640) / 640, "same")[::80])
    loud, times, armed = loud / loud.max(), [], True
    for k, value in enumerate(loud):
        if armed and value > 0.4:
            times.append(k * 80 / SR)
            armed = False
        armed = armed or value < 0.15
    return np.array(times)


def test_kinds_are_those_the_world_counts_on():
    assert len(KINDS) == 24 and len(BACKGROUNDS) == 8
    assert {name for name, kind in KINDS.items() if not kind.seen} == UNSEEN
    assert all(isinstance(kind.render, Callable) and kind.name == name for name, kind in KINDS.items())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("distance", events.DISTANCES)
def test_every_kind_is_finite_audible_and_of_the_length_asked(kind, distance):
    for seed, pitch in enumerate(events.PITCHES):
        x = render_event(make(kind, pitch=pitch, distance=distance, seed=seed))
        assert x.dtype == np.float32 and len(x) == round(natural_duration(kind) * SR)
        assert np.isfinite(x).all() and np.abs(x).max() == pytest.approx(1, abs=1e-5)
        assert np.sqrt(np.mean(x**2)) > 0.005


@pytest.mark.parametrize("kind", KINDS)
def test_same_event_same_samples_and_another_seed_another_sound(kind):
    first, again, other = (render_event(make(kind, seed=s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    likeness = abs(np.corrcoef(first, other)[0, 1])
    assert likeness < 0.9


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.pitches])
def test_pitch_moves_the_spectrum_up(kind):
    low, middle, high = (
        np.mean([np.log(centroid(render_event(make(kind, pitch=p, seed=s)), 2)) for s in range(12)])
        for p in events.PITCHES
    )
    assert low < middle < high
    assert high - low > np.log(1.35)


@pytest.mark.parametrize("kind", CRISP)
def test_count_is_the_number_of_onsets(kind):
    right = [
        len(onset_times(render_event(make(kind, count, seed=s)))) == count for count in range(1, 5) for s in range(6)
    ]
    assert np.mean(right) >= 0.9


@pytest.mark.parametrize("kind", [name for name in CRISP if KINDS[name].rates])
def test_rate_is_the_time_between_onsets(kind):
    def gap(rate):
        times = [onset_times(render_event(make(kind, 3, rate, seed=s))) for s in range(6)]
        return np.median([np.diff(t).mean() for t in times if len(t) > 1])

    slow, steady, fast = (gap(rate) for rate in events.RATES)
    assert slow / steady > 1.5 and steady / fast > 1.5


@pytest.mark.parametrize("kind", ["helicopter", "chainsaw", "siren", "footsteps", "clock_tick", "baby_cry"])
def test_rate_of_sounds_that_go_on_is_their_modulation(kind):
    def period(rate, seed):
        x = render_event(Event(kind, rate=rate, duration_s=6, seed=seed))
        frame = np.abs(np.lib.stride_tricks.sliding_window_view(x, 256)[::80] * np.hanning(256).astype(np.float32))
        spectra = (
            np.log(np.abs(np.fft.rfft(frame, axis=1))[:, 2:100] + 1e-3) if kind == "siren" else frame.mean(1)[:, None]
        )
        if kind == "chainsaw":  # its engine fires every 10 ms; the revving is slower
            spectra = np.convolve(spectra[:, 0], np.hanning(30), "same")[:, None]
        spectra = spectra - spectra.mean(0)
        power = np.abs(np.fft.rfft(spectra, 1 << 14, axis=0)) ** 2
        like = np.fft.irfft(power, axis=0).sum(1)[: 6 * 200 // 2]
        dip = int(np.argmax(like < 0.3 * like[0]))  # past the first fall, the first of the high peaks is one period
        first = dip + int(np.argmax(like[dip:] > 0.75 * like[dip:].max()))
        return (first + int(np.argmax(like[first : first + max(2, first // 4)]))) * 80 / SR

    slow, steady, fast = (np.median([period(rate, s) for s in range(7)]) for rate in events.RATES)
    assert slow > 1.3 * steady > 1.3**2 * fast


@pytest.mark.parametrize("kind", KINDS)
def test_far_is_duller_than_near(kind):
    near, far = (
        np.mean([np.log(centroid(render_event(make(kind, distance=d, seed=s)))) for s in range(6)])
        for d in events.DISTANCES
    )
    assert far < near


@pytest.mark.parametrize("kind", COUNTABLE)
def test_a_short_duration_squeezes_the_units_in(kind):
    x = render_event(Event(kind, count=4, duration_s=1.0, seed=3))
    assert len(x) == SR and np.isfinite(x).all()


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"kind": "cow"}, "event kind: expected one of dog_bark"),
        ({"pitch": "loud"}, "event pitch"),
        ({"rate": "quick"}, "event rate"),
        ({"distance": "here"}, "event distance"),
        ({"loudness": "high"}, "event loudness"),
        ({"count": 5}, "expected 1 to 4, got 5"),
        ({"count": 0}, "expected 1 to 4, got 0"),
        ({"kind": "siren", "count": 2}, "count of siren: expected 1 to 1"),
        ({"duration_s": 0.0}, "natural_duration"),
    ],
)
def test_a_wrong_event_is_refused_with_the_choices(wrong, words):
    with pytest.raises(ValueError, match=words):
        Event(**{"kind": "dog_bark", **wrong})


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_backgrounds_are_steady_in_level_and_drawn_anew(name):
    one, again, other = (render_background(name, 5, SR, np.random.default_rng(s)) for s in (0, 0, 3))
    assert len(one) == 5 * SR and np.isfinite(one).all() and np.array_equal(one, again)
    assert np.sqrt(np.mean(one**2)) == pytest.approx(0.1, rel=1e-3)
    assert not np.array_equal(one, other) and np.abs(one).max() < 4


def test_an_unknown_background_is_refused():
    with pytest.raises(ValueError, match="background: expected one of rain"):
        render_background("jungle", 5, SR, np.random.default_rng(0))


def test_pretraining_never_draws_an_unseen_kind(monkeypatch):
    drawn = set()
    monkeypatch.setattr(
        events, "render_event", lambda e, sr: drawn.add(e.kind) or np.ones(round(e.duration_s * sr), np.float32)
    )
    rng = np.random.default_rng(0)
    for _ in range(400):
        pretraining_sounds.draw_kind(rng, SR, 3.0)
    assert drawn == set(KINDS) - UNSEEN
    words = {word for name in pretraining_sounds.CLASSES for word in name.split("/")}
    assert not words & UNSEEN
    assert len(pretraining_sounds.UNITS) + len(pretraining_sounds.STREAMS) >= 12
    assert len(set(BACKGROUNDS) - set(pretraining_sounds.SEEN_BACKGROUNDS)) >= 3


def test_pretraining_clips_carry_known_tags():
    rng = np.random.default_rng(1)
    for _ in range(25):
        x, tags = pretraining_sounds.draw(rng, SR, 2.0)
        assert len(x) == 2 * SR and np.isfinite(x).all() and np.abs(x).max() > 0.01
        assert tags and tags <= set(pretraining_sounds.CLASSES)
    assert len(set(pretraining_sounds.CLASSES)) == len(pretraining_sounds.CLASSES)


@pytest.mark.parametrize("name", [*pretraining_sounds.UNITS, *pretraining_sounds.STREAMS])
@pytest.mark.parametrize("f", [70.0, 700.0, 5000.0])
def test_each_family_sounds_over_its_whole_range(name, f):
    rng = np.random.default_rng(2)
    if name in pretraining_sounds.UNITS:
        x = pretraining_sounds.UNITS[name](rng, SR, f, 0.3)
    else:
        x = pretraining_sounds.STREAMS[name](rng, SR, f, SR, 5.0)
    assert np.isfinite(x).all() and np.std(x) > 0
