"""Scenes: what happens in a procedural soundscape, and how it is made to sound.

Clip i is a pure function of (VERSION, seed, split, i): never of how many clips there are, nor of their order. A share
of the clips are near-twins: clip i copies what happens in clip i - 1 but for ONE fact. Taught in notebook 01.
"""

from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from jaxtyping import Float
from scipy import fft

from lib import audio, mix
from lib.data import events
from lib.data.events import Event
from lib.data.world import SPLITS, VERSION, WORLD, World, pick, stream, weighted

SCHEME = "soundscape"
PITCHES, RATES = ("low", "middle", "high"), ("slow", "steady", "fast")
MARGIN_S, GAP_S = 0.1, 0.15  # silence at either end; least silence between two events in turn
CHANGES = ("count", "pitch", "order", "background", "kind", "rate", "distance")


@dataclass(frozen=True)
class Scene:
    """What happens in one clip. `relations[k]`, "then" or "while", links event k to event k + 1; kinds are distinct."""

    events: tuple[Event, ...]
    relations: tuple[str, ...]
    background: str | None
    snr_db: float
    gain_db: float
    room: float
    reverberation_s: float
    seed: int
    split: str
    index: int
    changed: str = ""  # of a near-twin: the one fact in which it differs from the clip before it

    @property
    def locator(self) -> str:
        """Where `lib.audio.load` finds it: `soundscape://VERSION/seed/split/index`."""
        return f"{SCHEME}://{VERSION}/{self.seed}/{self.split}/{self.index}"

    @property
    def slots(self) -> tuple[int, ...]:
        """The place in time of each event: equal for events that sound together."""
        return tuple(accumulate((relation == "then" for relation in self.relations), initial=0))


def scenes(seed: int, split: str, n: int, world: World = WORLD) -> list[Scene]:
    """The first `n` clips of a split."""
    return [scene(seed, split, index, world) for index in range(n)]


def scene(seed: int, split: str, index: int, world: World = WORLD) -> Scene:
    """Clip `index` of a split: a fresh scene, or for some odd indices the near-twin of the clip before."""
    rng = stream(seed, split, index, "scene")
    if index % 2 and rng.random() < 2 * world.twins:
        return _timed(
            _twin(_fresh(stream(seed, split, index - 1, "scene"), seed, split, index - 1, world), rng, index, world),
            rng,
            world,
        )
    return _timed(_fresh(rng, seed, split, index, world), rng, world)


def _fresh(rng: np.random.Generator, seed: int, split: str, index: int, world: World) -> Scene:
    if index % 2 == 0:
        rng.random()  # the draw that decides on a twin: an even clip never is one
    n = weighted(rng, range(1, len(world.events) + 1), world.events)
    relations = tuple("while" if rng.random() < world.together else "then" for _ in range(n - 1))
    kinds = rng.permutation(list(events.KINDS))[:n]
    slot_s = _slot_s(relations, world)
    happens = tuple(_event(rng, str(kind), slot_s, world) for kind in kinds)
    sound = world.shifted if split == "shifted" else world.usual
    background = None if rng.random() < world.no_background else weighted(rng, world.backgrounds, sound.backgrounds)
    return Scene(happens, relations, background, *_levels(rng, background, sound), seed, split, index)


def _levels(rng: np.random.Generator, background: str | None, sound) -> tuple[float, ...]:
    ranges = (sound.snr_db if background else sound.quiet_snr_db, sound.gain_db, sound.room, sound.reverberation_s)
    return tuple(float(rng.uniform(*limits)) for limits in ranges)


def _slot_s(relations: tuple[str, ...], world: World) -> float:
    slots = 1 + relations.count("then")
    return (world.seconds - 2 * MARGIN_S - GAP_S * (slots - 1)) / slots


def _event(rng: np.random.Generator, kind: str, slot_s: float, world: World) -> Event:
    """An event of that kind whose count and rate fit its slot; what cannot be heard keeps its usual value."""
    entry = events.KINDS[kind]
    pitch = weighted(rng, PITCHES, world.pitches) if entry.pitches else "middle"
    rate = weighted(rng, RATES, world.rates) if entry.rates else "steady"
    count = 1
    if entry.countable:
        fits = [c for c in range(1, 5) if c == 1 or events.natural_duration(kind, rate, c) <= slot_s]
        count = weighted(rng, fits, [world.counts[c - 1] for c in fits])
        rate = rate if count > 1 else "steady"  # one bark has no rate
    distance = "far" if rng.random() < world.far else "near"
    loudness = "soft" if rng.random() < world.soft else "loud"
    return Event(kind, pitch, rate, count, distance, loudness)


def _twin(first: Scene, rng: np.random.Generator, index: int, world: World) -> Scene:
    """`first` with exactly one fact changed, in a recording of its own (other level, other individuals)."""
    sound = world.shifted if first.split == "shifted" else world.usual
    for change in rng.permutation(CHANGES):
        happens, background = _changed(str(change), first, rng, world)
        if (happens, background) != (first.events, first.background):
            levels = _levels(rng, background, sound)
            return Scene(happens, first.relations, background, *levels, first.seed, first.split, index, str(change))
    raise AssertionError("a background can always be changed")


def _changed(change: str, first: Scene, rng: np.random.Generator, world: World):
    """Events and background after the change; unchanged where it is impossible in this scene."""
    happens, slot_s = list(first.events), _slot_s(first.relations, world)
    if change == "background":
        return first.events, pick(rng, [b for b in (None, *world.backgrounds) if b != first.background])
    if change == "order":
        turns = [k for k, relation in enumerate(first.relations) if relation == "then"]
        lone = [k for k in turns if first.slots.count(first.slots[k]) == first.slots.count(first.slots[k + 1]) == 1]
        if lone:  # swapping two events in turn changes their order and nothing else
            k = pick(rng, lone)
            happens[k], happens[k + 1] = happens[k + 1], happens[k]
        return tuple(happens), first.background
    k = pick(rng, range(len(happens)))
    happens[k] = pick(rng, _variants(change, happens[k], [e.kind for e in happens], slot_s) or [happens[k]])
    return tuple(happens), first.background


def _variants(change: str, event: Event, taken: list[str], slot_s: float) -> list[Event]:
    """All events that differ from this one in that attribute alone and fit the slot."""
    entry = events.KINDS[event.kind]
    abilities = (entry.countable, entry.rates, entry.pitches)
    others = {
        "kind": [
            n for n, e in events.KINDS.items() if n not in taken and (e.countable, e.rates, e.pitches) == abilities
        ],
        "pitch": ["low", "high"] if entry.pitches else [],
        "rate": ["slow", "fast"] if entry.rates and (event.count > 1 or not entry.countable) else [],
        "count": [c for c in range(1, 5) if c > 1 or event.rate == "steady"] if entry.countable else [],
        "distance": ["near", "far"],
    }[change]
    variants = [replace(event, **{change: value}) for value in others if value != getattr(event, change)]
    return [v for v in variants if v.count == 1 or events.natural_duration(v.kind, v.rate, v.count) <= slot_s]


def _timed(scene: Scene, rng: np.random.Generator, world: World) -> Scene:
    """The scene with onset, duration and individual (seed) of each event drawn; what sounds together overlaps."""
    slot_s, happens = _slot_s(scene.relations, world), []
    durations = [min(events.natural_duration(e.kind, e.rate, e.count), slot_s) for e in scene.events]
    longest = [max(d for d, slot in zip(durations, scene.slots, strict=True) if slot == own) for own in scene.slots]
    late = [rng.random() for _ in range(max(scene.slots) + 1)]  # where in its slot the longest event begins
    for event, slot, duration, span in zip(scene.events, scene.slots, durations, longest, strict=True):
        onset = MARGIN_S + slot * (slot_s + GAP_S) + (slot_s - span) * late[slot] + (span - duration) * rng.random()
        happens.append(replace(event, onset_s=onset, duration_s=duration, seed=int(rng.integers(2**31))))
    return replace(scene, events=tuple(happens))


def render(scene: Scene, sample_rate: int = 16000, world: World = WORLD) -> Float[np.ndarray, "samples"]:
    """The sound of the scene: events over the background at their SNR, in a room, at the recorder's gain; float32."""
    rng = stream(scene.seed, scene.split, scene.index, "sound")
    n = round(world.seconds * sample_rate)
    if scene.background:
        bed = events.render_background(scene.background, world.seconds, sample_rate, rng)
    else:
        bed = rng.standard_normal(n, dtype=np.float32)  # the hiss of a quiet room and its recorder
    placed = []
    for event in scene.events:
        level = world.far_db * (event.distance == "far") + world.soft_db * (event.loudness == "soft")
        samples = events.render_event(event, sample_rate)
        start = min(round(event.onset_s * sample_rate), n - len(samples))
        placed.append((samples, start / sample_rate, scene.snr_db + level))
    out = mix.mix(0.2 * bed, placed, sample_rate)
    if scene.room > 0:
        out = reverberate(out, scene.room, scene.reverberation_s, sample_rate, rng)
    return (out * np.float32(10 ** (scene.gain_db / 20) / np.abs(out).max())).astype(np.float32)


def reverberate(
    dry, level: float, seconds: float, sample_rate: int, rng: np.random.Generator
) -> Float[np.ndarray, "samples"]:
    """`dry` plus, at `level` of its energy, its convolution with noise that falls by 60 dB in `seconds`."""
    length = round(seconds * sample_rate)
    tail = rng.standard_normal(length, dtype=np.float32) * np.exp(-6.9 * np.arange(length, dtype=np.float32) / length)
    tail *= level / np.sqrt(np.sum(tail**2))
    tail[0] += 1
    size = fft.next_fast_len(len(dry) + length, real=True)
    return fft.irfft(fft.rfft(dry, size) * fft.rfft(tail, size), size)[: len(dry)].astype(np.float32)


def from_locator(locator: str, world: World = WORLD) -> Scene:
    """The scene of a locator. Raises ValueError for another generator's version or a malformed locator."""
    parts = locator.removeprefix(f"{SCHEME}://").split("/")
    if len(parts) != 4 or parts[2] not in SPLITS or not (parts[1] + parts[3]).isdigit():
        raise ValueError(f"expected {SCHEME}://{VERSION}/seed/split/index with split in {SPLITS}; got {locator!r}.")
    if parts[0] != VERSION:
        raise ValueError(f"expected soundscapes of version {VERSION}; got {locator!r}. Load the clip table again.")
    return scene(int(parts[1]), parts[2], int(parts[3]), world)


audio.register(SCHEME, lambda locator, sample_rate: render(from_locator(locator), sample_rate))
