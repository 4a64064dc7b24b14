"""What uploaders write: noisy titles, keywords and descriptions of a scene. All texts are invented.

At noise level 1 their statistics lie near those of real titles and keywords (`data_scripts/calibrate_world.py`); level
0 names every event in plain words, level 2 is twice as far from that as level 1. Taught in notebook 01.
"""

from __future__ import annotations

import numpy as np

from lib.data import tags
from lib.data.soundscapes import Scene
from lib.data.world import WORLD, World, pick, stream, weighted

EXTENSIONS, EXTENSION_WEIGHTS = (".wav", ".WAV", ".mp3", ".aiff", ".flac", ""), (58, 6, 6, 5, 4, 21)


def title(scene: Scene, noise: float = 1.0, world: World = WORLD) -> str:
    """A file name as uploaders give it; about half of them name a true event at noise level 1."""
    rng = stream(scene.seed, scene.split, scene.index, "title")
    names, wrong, both = _at(world.title_names, noise), world.title_wrong * noise, _at(world.title_both, noise)
    draw = rng.random()
    if draw < names:
        kinds = [event.kind for event in scene.events]
        kinds = kinds if rng.random() < both else [pick(rng, kinds)]
        text = _named([_title_word(rng, kind) for kind in kinds], rng, noise)
    elif draw < names + wrong:
        text = _named([_title_word(rng, _absent(scene, rng))], rng, noise)
    else:
        text = _filled(pick(rng, tags.UNINFORMATIVE), rng)
    return _dressed(text, rng) if noise > 0 else text


def keywords(scene: Scene, noise: float = 1.0, world: World = WORLD) -> list[str]:
    """The uploader's tags: distinct, lower case, words joined by hyphens; some true, many about something else."""
    rng = stream(scene.seed, scene.split, scene.index, "keywords")
    true, wrong = _at(world.keyword_true, noise), world.keyword_wrong * noise
    found: dict[str, None] = {}
    for _ in range(_how_many(rng, *world.keywords)):
        draw = rng.random()
        if draw < true:
            own = [tags.KINDS[event.kind] for event in scene.events]
            own += [tags.BACKGROUNDS[scene.background]] if scene.background else []
            common, rare = pick(rng, own)
            word = pick(rng, rare if rng.random() < min(1.0, world.keyword_synonym * noise) else common)
        elif draw < true + wrong:
            word = pick(rng, tags.KINDS[_absent(scene, rng)][0])
        else:
            word = _filled(pick(rng, pick(rng, tags.CONTEXT)), rng)
        found[word.lower().replace(" ", "-")] = None
    return list(found)


def description(scene: Scene, noise: float = 1.0, world: World = WORLD) -> str:
    """The uploader's description: chatter, machines, HTML and URLs; sometimes what is heard, sometimes nothing."""
    rng = stream(scene.seed, scene.split, scene.index, "description")
    if rng.random() < world.description_empty * noise:
        return ""
    parts = []
    if rng.random() < _at(world.description_names, noise):
        heard = " and ".join(pick(rng, tags.KINDS[event.kind][0]) for event in scene.events)
        parts.append(pick(rng, tags.HEARD).format(heard=heard) if noise > 0 else heard)
    if noise > 0:
        parts += [_filled(pick(rng, tags.CHATTER), rng) for _ in range(1 + int(rng.random() * 2 * noise))]
    if rng.random() < world.description_url * noise:
        parts.append(_filled(pick(rng, tags.LINKS), rng))
    text = " ".join(parts)
    return pick(rng, tags.MARKUP).format(text) if rng.random() < world.description_html * noise else text


def _at(share: float, noise: float) -> float:
    """A share of true statements that is 1 at noise level 0, `share` at level 1, and falls on in a straight line."""
    return min(1.0, max(0.0, 1 - (1 - share) * noise))


def _how_many(rng: np.random.Generator, mean: float, deviation: float) -> int:
    """1 + a negative binomial number: many clips with a few keywords, a few with many."""
    p = (mean - 1) / deviation**2
    return int(min(30, 1 + rng.negative_binomial((mean - 1) * p / (1 - p), p)))


def _absent(scene: Scene, rng: np.random.Generator) -> str:
    return pick(rng, [kind for kind in tags.KINDS if kind not in {event.kind for event in scene.events}])


def _title_word(rng: np.random.Generator, kind: str) -> str:
    common, rare = tags.KINDS[kind]
    return pick(rng, common if rng.random() < 0.85 else rare)


def _named(names: list[str], rng: np.random.Generator, noise: float) -> str:
    heard = " and ".join(names) if rng.random() < 0.5 else " ".join(names)
    return _filled(pick(rng, tags.NAMING).replace("{heard}", heard), rng) if noise > 0 else heard


def _filled(template: str, rng: np.random.Generator) -> str:
    """Numbers, dates, people, places and machines put into a template."""
    if "{" not in template:
        return template
    year, month, day = 2004 + int(rng.random() * 14), 1 + int(rng.random() * 12), 1 + int(rng.random() * 28)
    return template.format(
        n=1 + int(rng.random() * 20), nnn=f"{int(rng.random() * 1000):03d}", nnnn=f"{int(rng.random() * 10000):04d}",
        date=f"{year}{month:02d}{day:02d}", year=year, hour=1 + int(rng.random() * 12), person=pick(rng, tags.PEOPLE),
        place=pick(rng, tags.PLACES), machine=pick(rng, tags.MACHINES),
    )  # fmt: skip


def _dressed(text: str, rng: np.random.Generator) -> str:
    """Capitals, underscores and an extension as they come."""
    case = rng.random()
    text = text.lower() if case < 0.45 else text.title() if case < 0.7 else text.upper() if case < 0.75 else text
    text = text.replace(" ", pick(rng, ("_", "_", "-"))) if rng.random() < 0.35 else text
    return text + weighted(rng, EXTENSIONS, EXTENSION_WEIGHTS)
