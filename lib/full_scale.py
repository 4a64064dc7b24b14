"""From a system's settings to a run of it: the real data sets as one table, or soundscapes in their place, cut short.

    python -m lib.full_scale primus_2023 --data clotho --pieces 8
    torchrun --nproc-per-node 4 -m lib.full_scale primus_2023 --data clotho

trains one by name and prints its score beside the paper's; run again, it goes on where it was broken off. Taught in
notebook 19.
"""

import argparse
import math
import string
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any

import pandas as pd

from lib import data, encoders, llm, parallel, profiles, retrieval, stats
from lib.corpus import Corpus
from lib.data import crop, leakage
from lib.encoders import crnn
from lib.encoders.pieces import in_pieces
from lib.encoders.scratch import FromScratch
from lib.profiles import Profile
from lib.recipe import Recipe
from lib.systems import SYSTEMS, Part, System

HELD_OUT = ("validation", "test")
SHORT = 128  # clips of each part that a stand-in learns from, at most
_UNMARKED = str.maketrans("", "", string.punctuation)


def clips(system: System, *, profile: Profile, seed: int = 0, target: str = "clotho") -> pd.DataFrame:
    """All its data sets as one clip table, a split for each part.

    Args:
        target: where its target set lies, as in DATA: "clotho", "clotho:PATH"; "frames:FILE", which may hold its
            noisy partner too.

    Raises:
        SourceError: one of them is not here.
        LeakageError: a clip of validation or test is among those to learn from.
    """
    loaded = {part.split: _loaded(system, part, target, profile, seed) for part in system.parts}
    for split, table in loaded.items():
        held = [id for name in HELD_OUT for id in leakage.ids_of(loaded[name])] if split not in HELD_OUT else []
        if held and any(map(leakage.key, table.get("recording", []))):  # sounds of other archives have no ids
            leakage.check_disjoint(table, held)
    return pd.concat(loaded.values(), ignore_index=True)


def stand_in(system: System, profile: Profile) -> System:
    """The same stages, one epoch each, with encoders that come with the workbook, pooled: for soundscapes and a laptop.

    Raises:
        ValueError: another engine trains this system.
    """
    if not system.stages:
        raise ValueError(f"{system.name} is trained by lib.{system.engine}: see notebook 15. Expected one with stages.")
    stages = tuple(_short(stage, profile) for stage in system.stages)
    return replace(system, audio="small_cnn", text="minilm", stages=stages, pool="mean", text_pool="mean",
                   scratch=False, seconds=None)  # fmt: skip


def soundscapes(system: System, *, profile: Profile, seed: int, data_name: str = "soundscapes") -> pd.DataFrame:
    """A table with the splits of the system's, in which soundscapes stand for every data set (`Part.stands_in`)."""
    known: dict[str, pd.DataFrame] = {}

    def table(name: str) -> pd.DataFrame:
        if name not in known:
            kind, _, which = name.partition(" ")
            if kind == "noise":
                known[name] = data.load_noisy(data_name, profile=profile, seed=seed, noise=float(which))
            else:  # "again": the same world, drawn anew
                known[name] = data.load(data_name, profile=profile, seed=seed + 1000 * (which == "again"))
        return known[name]

    found = []
    for part in system.parts:
        whole = table(part.stands_in if " " in part.stands_in else "clean")
        mine = whole if part.noisy or "noise" in part.stands_in else data.of_split(whole, part.stands_in.split()[0])
        mine = mine if part.split in HELD_OUT else mine.head(SHORT)
        found.append(mine.assign(split=part.split, clip_id=part.split + "/" + mine["clip_id"]))
    return pd.concat(found, ignore_index=True)


def encoded(system: System, table: pd.DataFrame, *, pieces: int | None = None, writer: Any = None) -> Corpus:
    """The corpus that its stages learn from, with variants of the captions where it wants them.

    Args:
        pieces: encoders that learn do so with so many clips at a time (`lib.encoders.pieces`).
        writer: of variants, as `lib.llm.variants` takes it: None for the language model that HEARSAY_LLM names, or
            for rules, which know the words of soundscapes better than those of others.
    """
    if system.plain_text:
        table = table.assign(captions=[[plain(text) for text in texts] for texts in table["captions"]])
    learn = {side for stage in system.stages for side in stage.tune}
    audio = _from_scratch() if system.scratch else encoders.audio(system.audio)
    handed_over = table["path"].str.startswith("frames://").all()  # by whom, the file says
    towers = {"audio": None if handed_over else audio, "text": encoders.text(system.text)}
    for side in learn if pieces else ():
        if side == "text" or not (system.scratch or handed_over):
            in_pieces(towers[side], pieces)
    corpus = retrieval.encode(table, **towers, pool=system.pool, text_pool=system.text_pool)
    wanted = {"train": system.variants, "test": system.views}
    told = {split: _variants(corpus, table, split, n, writer) for split, n in wanted.items() if n}
    return corpus.with_variants(told) if told else corpus


def score(system: System, corpus: Corpus, *, seed: int = 0) -> stats.Interval:
    """mAP@10 on the test split, trained now or found in the cache; the interval is the challenge's."""
    stages = retrieval.fit_stages(corpus, system.stages, seed=seed)
    asked = corpus.examples(["test"], system.stages[-1].tune)
    return stats.jackknife(retrieval.scores(stages[-1].model, asked, views=system.views)["AP@10"].to_numpy())


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Train one of the papers' systems by name, and score it.")
    parser.add_argument("name", choices=list(SYSTEMS))
    parser.add_argument("--data", default="clotho", help="as DATA in the notebooks; soundscapes: a stand-in, cut short")
    parser.add_argument("--profile", default="gpu", choices=list(profiles.PROFILES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pieces", type=int, help="clips that an encoder learns from at a time")
    chosen = parser.parse_args(argv)
    parallel.join()
    system, profile = SYSTEMS[chosen.name], profiles.get(chosen.profile)
    short = chosen.data.startswith("soundscapes")
    if short:
        system = stand_in(system, profile)
        table = soundscapes(system, profile=profile, seed=chosen.seed, data_name=chosen.data)
    else:
        table = clips(system, profile=profile, seed=chosen.seed, target=chosen.data)
    found = score(system, encoded(system, table, pieces=chosen.pieces), seed=chosen.seed)
    if parallel.rank() == 0:
        target, how = system.target, "a stand-in, cut short: not comparable" if short else "as its notes say"
        print(f"{system.name}, {how}: mAP@10 {found}; the paper, {target.source}: {target.measure} {target.value}")


def plain(caption: str) -> str:
    """Lower case without punctuation, as Primus et al. 2023 (section 2.5) and Munakata et al. 2024 (section 4.1)."""
    return " ".join(caption.lower().translate(_UNMARKED).split()) or caption


def departures(system: System, other: System) -> pd.DataFrame:
    """Where a stand-in is not what it stands for: one row for each setting, the paper's value and the one here."""
    rows = {name: (getattr(system, name), getattr(other, name)) for name in ("audio", "text", "pool", "text_pool")}
    rows |= {"longest clip": (system.seconds, other.seconds)}
    for number, both in enumerate(zip(system.stages, other.stages, strict=True), start=1):
        rows |= {f"stage {number}, {name}": values for name, values in _differing(*both).items()}
    kept = {name: values for name, values in rows.items() if values[0] != values[1]}
    return pd.DataFrame.from_dict(kept, orient="index", columns=["paper", "here"])


def _loaded(system: System, part: Part, target: str, profile: Profile, seed: int) -> pd.DataFrame:
    handed_over = part.noisy and target.startswith("frames:")
    name = target if part.data == "clotho" or handed_over else part.data
    table = (data.load_noisy if part.noisy else data.load)(name, profile=profile, seed=seed)
    if part.of:
        table = table[table["split"].isin(part.of)]
    table = table.head(math.ceil(part.share * len(table))).assign(split=part.split)
    if system.seconds:
        shorter = map(partial(_trimmed, seconds=system.seconds), table["path"], table["duration_s"])
        table = table.assign(path=list(shorter), duration_s=table["duration_s"].clip(upper=system.seconds))
    return table


def _trimmed(path: str, duration_s: float, seconds: float) -> str:
    """The beginning of a recording, or of a piece of one."""
    start, inner = "0", path
    if path.startswith(f"{crop.SCHEME}://"):
        start, inner = path.removeprefix(f"{crop.SCHEME}://").split("+")[0], path.split("/", 3)[3]
    elif "://" in path or not duration_s > seconds:
        return path
    return f"{crop.SCHEME}://{start}+{seconds:g}/{inner}"


def _short(stage: Recipe, profile: Profile) -> Recipe:
    """One epoch at a rate that new adapters can use; everything that makes the stage what it is stays."""
    training = replace(stage.training, learning_rate=1e-3, encoder_scale=0.03, max_epochs=1, warmup_epochs=0.1,
                       stop_after=1, precision="fp32")  # fmt: skip
    adapter = {"adapter": "LinearAdapter"} if stage.adapter == "PoolingAdapter" else {}  # widths that differ
    hidden = stage.hidden and min(stage.hidden, 2 * profile.dim)
    size = min(stage.batch_size, profile.batch_size)
    return replace(stage, batch_size=size, dim=profile.dim, hidden=hidden, training=training, **adapter)


def _from_scratch() -> FromScratch:
    return FromScratch(partial(crnn.CRNN, "crnn"))


def _variants(corpus: Corpus, table: pd.DataFrame, split: str, n: int, writer: Any) -> list[tuple[str, ...]]:
    """Of training captions with what uploaders call the clip, of queries without (Munakata et al. 2024, 4.3)."""
    rows, keywords = corpus.rows[split], data.of_split(table, split)["keywords"].tolist()
    known = [keywords[clip] for clip in rows["clip"]] if split not in HELD_OUT else None
    return llm.variants(rows["caption"].tolist(), known, n=n, writer=writer, progress=False)


def _differing(first: Any, second: Any) -> dict[str, tuple[Any, Any]]:
    """Fields of two settings that differ; those of settings within them by their own names."""
    found: dict[str, tuple[Any, Any]] = {}
    for each in fields(first):
        one, other = getattr(first, each.name), getattr(second, each.name)
        if is_dataclass(one):
            found |= _differing(one, other)
        elif one != other:
            found[each.name] = (one, other)
    return found


if __name__ == "__main__":
    main()
