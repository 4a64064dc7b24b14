"""The sources of clip tables by name, and what each can offer. `DATA` in a notebook's parameters is one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib import frames_file
from lib.data import folder as folders
from lib.data import table
from lib.profiles import Profile

OFFERS = {
    "audio": "recordings",
    "captions": "clean captions",
    "noisy": "uploaders' titles or tags",
    "graded": "graded relevance of any caption to any clip",
    "order": "the order of events",
    "events": "the events of each clip",
}


class SourceError(ValueError):
    """A source that does not exist, or that cannot offer what is needed. One sentence says what to do."""


@dataclass(frozen=True)
class Source:
    """One kind of data: how its table is made (from the argument after ":", a profile, a seed) and what it offers."""

    build: Callable[[str, Profile, int], pd.DataFrame]
    offers: frozenset[str]
    usage: str  # what a reader writes in DATA
    uploads: Callable[[str, Profile, int, float], pd.DataFrame] | None = None  # its noisy partner, at a noise level
    noise_levels: tuple[float, ...] = (1.0,)


def soundscapes(argument: str, profile: Profile, seed: int) -> pd.DataFrame:
    """The embedded default: scenes made by formula, with captions, noisy text and graded relevance."""
    from lib.data import scene_table, written  # here: other sources need not wait for the generator

    return written.once(scene_table.build, profile, seed)


def soundscape_uploads(argument: str, profile: Profile, seed: int, noise: float) -> pd.DataFrame:
    """Other scenes of the same world with uploaders' texts alone; how noisy these are can be set."""
    from lib.data import scene_table, written

    return written.once(scene_table.uploads, profile, seed, noise=noise)


def folder(argument: str, profile: Profile, seed: int) -> pd.DataFrame:
    """The reader's own recordings; see `lib.data.folder`."""
    return folders.load(argument)


def esc50(argument: str, profile: Profile, seed: int) -> pd.DataFrame:
    """ESC-50 or a part of it; see `lib.data.esc50`."""
    from lib.data import release  # here: other sources need not wait for it
    from lib.data.esc50 import clips_of

    try:
        return clips_of(Path(argument).expanduser())
    except release.ReleaseError as error:
        raise SourceError(str(error)) from None


def esc50_uploads(argument: str, profile: Profile, seed: int, noise: float) -> pd.DataFrame:
    """The recordings of ESC-50 with the titles that their uploaders gave them: as noisy as they are."""
    clips = esc50(argument, profile, seed)
    return clips.assign(split="noisy", keywords=[[] for _ in range(len(clips))])  # its keywords are the categories


def folder_uploads(argument: str, profile: Profile, seed: int, noise: float) -> pd.DataFrame:
    """Those of the reader's recordings that the CSV puts into the split "noisy"."""
    clips = folders.load(argument)
    if not (clips["split"] == "noisy").any():
        raise SourceError(f"folder:{argument} has no noisy texts: expected rows of the split noisy with a description "
                          "or keywords in its CSV.")
    return table.of_split(clips, "noisy")


def _released(name: str) -> Callable[[str, Profile, int], pd.DataFrame]:
    """A data set as its authors publish it; see `lib.data.release`."""

    def build(argument: str, profile: Profile, seed: int) -> pd.DataFrame:
        from lib.data import release  # here: other sources need not wait for it

        try:
            return release.load(release.named(name), argument).table
        except release.ReleaseError as error:
            raise SourceError(str(error)) from None

    return build


def handed_over(argument: str, profile: Profile, seed: int) -> pd.DataFrame:
    """Frames, texts and short sounds that somebody else has put into one file (`make frames`)."""
    clips = _in_file(argument)
    return clips[clips["split"] != "noisy"]


def handed_over_uploads(argument: str, profile: Profile, seed: int, noise: float) -> pd.DataFrame:
    """The clips of the split "noisy" of such a file."""
    clips = _in_file(argument)
    if not (clips["split"] == "noisy").any():
        raise SourceError(f"frames:{argument} has no noisy partner. Write it again: make frames NOISY=fsd50k, say.")
    return table.of_split(clips, "noisy")


def _in_file(argument: str) -> pd.DataFrame:
    try:
        file = frames_file.opened(argument)
    except frames_file.FramesError as error:
        raise SourceError(str(error)) from None
    rows = [{**row, "path": file.locator(i)} for i, row in enumerate(file.rows)]
    return table.build(rows, source="frames")


def fsd50k_uploads(argument: str, profile: Profile, seed: int, noise: float) -> pd.DataFrame:
    """What uploaders wrote of FSD50K's development clips."""
    clips = _released("fsd50k")(argument, profile, seed)
    return clips[clips["split"] != "test"].assign(split="noisy").reset_index(drop=True)


def clotho_uploads(argument: str, profile: Profile, seed: int, noise: float) -> pd.DataFrame:
    """Weck et al. 2022's partner of Clotho: FSD50K, where data_scripts/ has put it."""
    return fsd50k_uploads("", profile, seed, noise)


SOURCES = {
    "soundscapes": Source(soundscapes, frozenset(OFFERS), "soundscapes", soundscape_uploads, (0.0, 1.0, 2.0)),
    "esc50": Source(esc50, frozenset({"audio", "captions", "noisy"}), "esc50:PATH", esc50_uploads),
    "folder": Source(folder, frozenset({"audio", "captions"}), "folder:PATH", folder_uploads),
    "frames": Source(handed_over, frozenset({"audio", "captions", "noisy"}), "frames:FILE", handed_over_uploads),
}
RELEASED = {  # what each offers of the data sets that their authors publish
    "clotho": {"audio", "captions", "noisy"},
    "clotho_hidden": {"audio"},
    "fsd50k": {"audio", "noisy"},
    "audiocaps": {"audio", "captions"},
    "audiocaps_v2": {"audio", "captions"},
    "wavcaps": {"audio", "captions", "noisy"},
    "macs": {"audio", "captions"},
    "auto_acd": {"audio", "captions"},
    "apwd": {"audio"},
}
PARTNERS = {"fsd50k": fsd50k_uploads, "clotho": clotho_uploads}
SOURCES |= {
    name: Source(_released(name), frozenset(offers), f"{name}[:PATH]", PARTNERS.get(name))
    for name, offers in RELEASED.items()
}


def shuffled(clips: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A planted fault: within each split, texts go to clips at random. What still scores above chance is not learnt."""
    rng = np.random.default_rng([seed, 0x5AFF1E])
    clips = clips.copy()
    texts = ["captions", "keywords", "title", "description"]
    for _, rows in clips.groupby("split", sort=True).indices.items():
        moved = clips.iloc[rng.permutation(rows)]
        for column in texts:
            clips.iloc[rows, clips.columns.get_loc(column)] = np.array([*moved[column], None], dtype=object)[:-1]
    return clips


def clean_as_is(clips: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The clean side of the fault "noise-shuffled": nothing is wrong with it."""
    return clips


# Planted faults: what happens to the clean table, and what to the noisy one.
FAULTS = {"shuffled": (shuffled, shuffled), "noise-shuffled": (clean_as_is, shuffled)}


def resolve(name: str) -> tuple[Source, str, list[str]]:
    """Source, argument and planted faults of a name such as "esc50:PATH!shuffled".

    Raises:
        SourceError: there is no such source or fault, or the path is missing.
    """
    name = name.strip()
    base, bang, fault = name.rpartition("!")
    if bang and fault not in FAULTS and ":" not in fault and ":" not in base:
        raise SourceError(f"expected a planted fault among {', '.join(FAULTS)}; got {fault!r} in {name!r}.")
    base, faults = (base, [fault]) if bang and fault in FAULTS else (name, [])
    kind, argument = (part.strip() for part in base.partition(":")[::2])
    usages = ", ".join(source.usage for source in SOURCES.values())
    if kind not in SOURCES:
        advice = _meant(name, kind) or "Set DATA in the parameters cell."
        raise SourceError(f"expected a source among {usages}; got {name!r}. {advice}")
    if "[" not in (usage := SOURCES[kind].usage) and (":" in usage) != bool(argument):
        raise SourceError(f"expected {usage}; got {base!r}.")
    return SOURCES[kind], argument, faults


def require(source: Source, needs: tuple[str, ...], clips: pd.DataFrame | None = None) -> None:
    """Stop, in one sentence, unless the source offers all that is needed and this table of it, if given, has it.

    Raises:
        SourceError: something is missing; the message says what this source offers and which would do.
    """
    unknown = sorted(set(needs) - set(OFFERS))
    if unknown:
        raise SourceError(f"expected needs among {', '.join(OFFERS)}; got {', '.join(unknown)}.")
    offered = set(source.offers)
    if clips is not None and not any(map(len, clips["captions"])):
        offered.discard("captions")
    if clips is not None and not any(clips["title"]):
        offered.discard("noisy")
    lacking = sorted(set(needs) - offered)
    if lacking:
        others = [other for other in SOURCES.values() if other is not source and set(needs) <= other.offers]
        would_do = ", ".join(other.usage for other in others)
        wanted, has = (", ".join(OFFERS[key] for key in OFFERS if key in keys) for keys in (lacking, offered))
        raise SourceError(
            f"this notebook needs {wanted}, which {source.usage} does not have here (it has {has})"
            + (f"; DATA = one of {would_do} would do." if would_do else "; no source of this version would do.")
        )


def _meant(name: str, kind: str) -> str:
    """A guess at what a reader meant who wrote a bare path, or a source in capitals."""
    if kind.lower() in SOURCES:
        return f"Did you mean {kind.lower() + name[len(kind):]!r}?"
    return f"Did you mean 'folder:{name}'?" if name.startswith(("/", "~", ".")) or "/" in name else ""
