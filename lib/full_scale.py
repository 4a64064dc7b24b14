"""From a system's settings to a run of it: the real data sets as one table, or soundscapes in their place, cut short.

    python -m lib.full_scale primus_2023 --data clotho --pieces 8
    torchrun --nproc-per-node 4 -m lib.full_scale primus_2023 --data clotho

trains one by name (`lib.systems`, `lib.arms`) and prints its score beside the paper's; run again, it goes on where it
was broken off. `--epochs 1` cuts each stage short, and says so. Taught in notebook 19.
"""

import argparse
import math
import string
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import torch

from lib import arms, data, encoders, frames_file, llm, parallel, profiles, retrieval, stats, systems
from lib.corpus import Corpus
from lib.data import crop, leakage
from lib.departures import cut_short, in_its_precision, lacking
from lib.encoders import crnn
from lib.encoders.checkpoints import CheckpointMissing
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
        SourceError: some of them are not here: the message names all of these.
        LeakageError: a clip of validation or test is among those to learn from.
        ValueError: another engine trains this system.
    """
    trained_here(system)
    loaded, absent = {}, []
    for part in system.parts:
        try:
            loaded[part.split] = _loaded(system, part, target, profile, seed)
        except data.SourceError as error:
            absent += [str(error)] * (str(error) not in absent)
    if absent:
        raise data.SourceError("\n".join(absent))
    _none_heard_before(loaded)
    return pd.concat(loaded.values(), ignore_index=True)


def stand_in(system: System, profile: Profile) -> System:
    """The same stages, one epoch each, with encoders that come with the workbook, pooled: for soundscapes and a laptop.

    Raises:
        ValueError: another engine trains this system.
    """
    trained_here(system)
    stages = tuple(_short(stage, profile) for stage in system.stages)
    parts = tuple(replace(part, data="soundscapes") for part in system.parts)
    return replace(system, audio="small_cnn", text="minilm", stages=stages, pool="mean", text_pool="mean",
                   scratch=False, seconds=None, parts=parts)  # fmt: skip


def named(name: str) -> System:
    """A system of `lib.systems` or, with a dot in its name, of `lib.arms`.

    Raises:
        ValueError: there is none.
    """
    if name not in arms.NAMED and "." in name:
        raise ValueError(f"expected one among {', '.join(arms.NAMED)}; got {name!r}.")
    return arms.NAMED.get(name) or systems.named(name)


def trained_here(system: System) -> None:
    """Pass if this engine can train it.

    Raises:
        ValueError: another does.
    """
    if not system.stages:
        raise ValueError(f"{system.name} is trained by lib.{system.engine}: see notebook 15. Expected one with stages.")


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
    handed_over = _made_by(table)
    if handed_over and (handed_over != system.audio or "audio" in learn):
        wanted = "recordings, as DATA = \"clotho\" has" if "audio" in learn else f"frames of {system.audio}"
        raise data.SourceError(f"{system.name} needs {wanted}; the file holds frames of {handed_over} alone.")
    audio = None if handed_over else _from_scratch() if system.scratch else encoders.audio(system.audio)
    towers = {"audio": audio, "text": encoders.text(system.text)}
    for side in learn if pieces is not None else ():
        if side == "text" or not (system.scratch or handed_over):
            in_pieces(towers[side], pieces)
    pool, text_pool = system.pooled
    corpus = retrieval.encode(table, **towers, pool=pool, text_pool=text_pool)
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
    parser = argparse.ArgumentParser("python -m lib.full_scale", description="Train a system by name, and score it.")
    parser.add_argument("name", help=f"{', '.join(SYSTEMS)}; {', '.join(arms.NAMED)}")
    parser.add_argument("--data", default="clotho", help="as DATA in the notebooks; soundscapes: a stand-in, cut short")
    parser.add_argument("--profile", default="gpu", choices=list(profiles.PROFILES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pieces", type=int, help="clips that an encoder learns from at a time")
    parser.add_argument("--epochs", type=int, help="of each stage, instead of the paper's: cut short")
    parser.add_argument("--pooled", action="store_true", help="adapters after pooling: little memory, another system")
    chosen = parser.parse_args(argv)
    parallel.join()
    try:
        _run(chosen)
    except (ValueError, CheckpointMissing) as error:  # of data, leaks, names, sizes: the message says what to do
        parser.exit(2, f"{parser.prog}: {error}\n")
    except torch.OutOfMemoryError as error:
        parser.exit(2, f"{parser.prog}: {error}\nTry --pieces {max(1, (chosen.pieces or 16) // 2)}.\n")


def _run(chosen: argparse.Namespace) -> None:
    system, profile = in_its_precision(cut_short(named(chosen.name), chosen.epochs)), profiles.get(chosen.profile)
    system = replace(system, pool="mean", text_pool="mean") if chosen.pooled else system
    said = [f"cut short after {chosen.epochs} epochs a stage"] * bool(chosen.epochs) + ["pooled"] * chosen.pooled
    if chosen.data.startswith("soundscapes"):
        if chosen.epochs or chosen.pooled:
            raise ValueError("expected no --epochs, no --pooled with soundscapes: these are cut short as they are.")
        system, said = stand_in(system, profile), ["a stand-in, cut short"]
        table = soundscapes(system, profile=profile, seed=chosen.seed, data_name=chosen.data)
    else:
        table = clips(system, profile=profile, seed=chosen.seed, target=chosen.data)
        said += lacking(system, table)
    found = score(system, encoded(system, table, pieces=chosen.pieces), seed=chosen.seed)
    if parallel.rank() == 0:
        target, how = system.target, f"{'; '.join(said)}: not comparable" if said else "as its notes say"
        print(f"{system.name}, {how}: mAP@10 {found}; the paper, {target.source}: {target.told}"
              + f" (possible leakage: {target.leakage})" * bool(target.leakage))  # fmt: skip


def plain(caption: str) -> str:
    """Lower case without punctuation, as Primus et al. 2023 (section 2.5) and Munakata et al. 2024 (section 4.1)."""
    return " ".join(caption.lower().translate(_UNMARKED).split()) or caption


def _loaded(system: System, part: Part, target: str, profile: Profile, seed: int) -> pd.DataFrame:
    handed_over = part.noisy and target.startswith("frames:")
    name = target if part.data == "clotho" or handed_over else part.data
    table = (data.load_noisy if part.noisy else data.load)(name, profile=profile, seed=seed)
    if part.of:
        there = ", ".join(dict.fromkeys(table["split"])) or "none"
        table = table[table["split"].isin(part.of)]
        if table.empty:
            lacks = f"{name} has clips of {there} here, and none of {part.of[0]}"
            raise data.SourceError(f"{lacks}. Try: python data_scripts/{part.data}.py")
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


def _none_heard_before(loaded: dict[str, pd.DataFrame]) -> None:
    """Pass if no clip of validation or test is in what is learnt from, as far as recordings have ids."""
    if any("recording" not in loaded[name] for name in HELD_OUT):
        told = "no ids of recordings here, so nobody can look for evaluation clips among the training clips"
        warnings.warn(f"{told}; a file of frames has what was left when it was made.", stacklevel=3)
        return
    held = [id for name in HELD_OUT for id in leakage.ids_of(loaded[name])]
    for split, table in loaded.items():
        ids = table.get("recording", [])
        if split not in HELD_OUT and any(map(leakage.key, ids)):  # sounds of other archives have none
            leakage.check_disjoint(table, held)


def _made_by(table: pd.DataFrame) -> str:
    """The encoder whose frames stand for the recordings; "" where there are recordings."""
    if not table["path"].str.startswith(f"{frames_file.SCHEME}://").all():
        return ""
    return frames_file.opened(table["path"].iloc[0].partition("://")[2].rpartition("#")[0]).encoder


def _from_scratch() -> FromScratch:
    return FromScratch(partial(crnn.CRNN, "crnn"))


def _variants(corpus: Corpus, table: pd.DataFrame, split: str, n: int, writer: Any) -> list[tuple[str, ...]]:
    """Of training captions with what uploaders call the clip, of queries without (Munakata et al. 2024, 4.3)."""
    rows, keywords = corpus.rows[split], data.of_split(table, split)["keywords"].tolist()
    known = [keywords[clip] for clip in rows["clip"]] if split not in HELD_OUT else None
    return llm.variants(rows["caption"].tolist(), known, n=n, writer=writer, progress=False)


if __name__ == "__main__":
    main()
