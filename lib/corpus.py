"""A corpus: a clip table whose clips and captions frozen encoders have turned into frames and tokens, once."""

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd
import torch
from torch import nn

from lib import adapters, cache, data, encoders, fingerprint, frames_file, store
from lib.encoders.interface import Encoder
from lib.encoders.scratch import FromScratch
from lib.examples import Examples, Recordings, joined
from lib.pooled import ORDER, Pooled
from lib.variants import Tokens, Told, Variants, completed


@dataclass(frozen=True)
class Corpus:
    """A clip table, encoded: examples and queries of each split, and a key that changes when any of it does."""

    splits: dict[str, Examples]
    rows: dict[str, pd.DataFrame]  # as data.caption_rows gives them: the queries, in the order of the scores
    notes: dict  # source, names and keys of the encoders, pooling; `identity`: what was encoded, not how it came out
    key: str  # of the numbers themselves
    recordings: dict[str, Recordings]  # of the clips; nothing is read before an encoder learns from them
    encoders: tuple[str | Encoder, str | Encoder]  # audio, text
    encoded: int = 0  # clips and captions that were not in the cache yet

    def first(self, n: int) -> "Corpus":
        """The same with only the first `n` clips of the split "train"."""
        splits = self.splits | {"train": self.splits["train"].first(n)}
        notes = self.notes | {"identity": store.digest(self.notes["identity"], f"first {n}")}
        return replace(self, splits=splits, notes=notes, key=store.digest(self.key, f"first {n}"))

    def with_variants(self, variants: Mapping[str, Sequence[Sequence[str]]]) -> "Corpus":
        """The same with texts that may stand in for captions: for each split named, those of each of its captions.

        Raises:
            SourceError: there is no such split.
            ValueError: they are not aligned with the split's captions.
        """
        splits, told = dict(self.splits), {}
        for name, texts in variants.items():
            self._check(name)
            captions = list(self.rows[name]["caption"])[: len(self.splits[name].groups)]
            told[name] = completed(captions, texts)
            read = partial(_read, self.encoders[1], told[name], self.notes["text_pool"])
            splits[name] = replace(splits[name], variants=Variants(told[name], read))
        with_them = json.dumps(told)
        notes = self.notes | {"identity": store.digest(self.notes["identity"], with_them)}
        return replace(self, splits=splits, notes=notes, key=store.digest(self.key, with_them))

    def examples(self, names: Sequence[str], tune: Sequence[str] = ()) -> Examples:
        """These splits as one; for the sides in `tune` ("audio", "text") with what an encoder that learns must read."""
        return joined([self._live(name, tune) for name in names])

    def encoder(self, side: str) -> nn.Module:
        """A copy of its own of the encoder of that side, ready to learn; one from scratch gets its weights now."""
        known = self.encoders[("audio", "text").index(side)]
        if isinstance(known, FromScratch):
            return known.fresh()
        if isinstance(known, str):
            return getattr(encoders, side)(known, trainable=True)
        return copy.deepcopy(known).requires_grad_(True)

    def _check(self, name: str) -> None:
        if name not in self.splits:
            raise data.SourceError(f"expected a split among {', '.join(self.splits)}; got {name!r}.")

    def _live(self, name: str, tune: Sequence[str]) -> Examples:
        self._check(name)
        split = self.splits[name]
        if "text" in tune:
            split = replace(split, captions=tuple(self.rows[name]["caption"])[: len(split.groups)])
        if "audio" in tune:
            split = replace(split, recordings=self.recordings[name])
        return split


def encode(
    clips: pd.DataFrame, *, audio: str | Encoder | None = None, text: str | Encoder = "minilm",
    pool: str | None = "mean", text_pool: str | None = "mean", splits: Sequence[str] = (),
) -> Corpus:
    """Frames of all clips and tokens of all captions, through the cache.

    Args:
        audio, text: a name that `lib.encoders` knows, a frozen encoder, or (audio) one that is to learn from scratch:
            that one has no frames (zeros stand for them), and arms must `tune` it. By default "small_cnn", or the
            encoder whose frames came with the clips (DATA = "frames:FILE").
        pool, text_pool: keep one step, this pooling over time of the frames (tokens): all that an adapter with the
            same `pooling` and `pool_first` looks at. None keeps them all.
        splits: encode these alone; all must be there. All splits of the table by default.

    Raises:
        SourceError: a split is missing.
    """
    clips = _of_splits(clips, splits) if splits else clips
    audio = _heard_by(clips, audio)
    given = (audio, text)
    audio = encoders.audio(audio) if isinstance(audio, str) else audio
    text = encoders.text(text) if isinstance(text, str) else text
    names = list(dict.fromkeys(clips["split"]))
    rows = {name: data.caption_rows(clips, name) for name in names}
    captions = [caption for name in names for caption in rows[name]["caption"]]
    tables = {name: data.of_split(clips, name) for name in names}
    frames = _frames(audio, pd.concat(tables.values(), ignore_index=True), pool)
    tokens = _tokens(text, captions, text_pool)
    encoded, clip, caption = {}, 0, 0
    for name in names:
        n, m = len(tables[name]), len(rows[name])
        x, t = frames[clip : clip + n], tokens[caption : caption + m]
        groups = torch.tensor(rows[name]["clip"].tolist(), dtype=torch.long)
        encoded[name] = Examples(x.values, x.mask, t.values, t.mask, groups)
        clip, caption = clip + n, caption + m
    heard = (getattr(audio, "sample_rate", None), getattr(audio, "front_end", None))
    recordings = {name: Recordings(table["path"], *heard) for name, table in tables.items()}
    notes = describe(clips, audio=audio, text=text, pool=pool, text_pool=text_pool)
    key = _key(encoded, notes)
    if isinstance(audio, FromScratch):  # no number of its own is there yet: its code stands for them
        key = store.digest(key, fingerprint.code(audio.kind))
    return Corpus(encoded, rows, notes, key, recordings, given, frames.encoded + tokens.encoded)


def describe(clips: pd.DataFrame, *, audio: Encoder, text: Encoder, pool: str | None, text_pool: str | None) -> dict:
    """The notes of the corpus that `encode` would make of these clips; nothing is encoded."""
    names = list(dict.fromkeys(clips["split"]))
    paths = {name: data.of_split(clips, name)["path"].tolist() for name in names}
    captions = [caption for name in names for caption in data.caption_rows(clips, name)["caption"]]
    notes = {"source": str(clips["source"].iloc[0]), "audio": audio.name, "text": text.name}
    notes |= {"audio_key": audio.key, "text_key": text.key, "pool": pool, "text_pool": text_pool}
    return notes | {"identity": store.digest(json.dumps([notes, paths, captions]))}


def _heard_by(clips: pd.DataFrame, audio: str | Encoder | None) -> str | Encoder:
    """The encoder asked for; where the clips came as frames, the one that made them."""
    scheme, _, rest = str(clips["path"].iloc[0]).partition("://")
    if scheme != frames_file.SCHEME:
        return "small_cnn" if audio is None else audio
    file = rest.rpartition("#")[0]
    made_by = frames_file.opened(file).encoder
    if audio not in (None, made_by):
        asked = audio if isinstance(audio, str) else audio.name
        raise data.SourceError(f"this needs the encoder {asked!r}; {file} holds frames of {made_by!r} alone.")
    return f"frames:{file}"


def _of_splits(clips: pd.DataFrame, splits: Sequence[str]) -> pd.DataFrame:
    there = dict.fromkeys(clips["split"])
    if missing := [name for name in splits if name not in there]:
        raise data.SourceError(f"this needs the splits {', '.join(splits)}; got {', '.join(there)}, without "
                               f"{', '.join(missing)}. DATA = \"soundscapes\" has them all.")
    return clips[clips["split"].isin(splits)]


def _key(splits: dict[str, Examples], notes: dict) -> str:
    """sha256 of all that training and scoring read: the numbers themselves, whatever file they came from."""
    digest = hashlib.sha256(json.dumps([notes, list(splits)]).encode())
    for split in splits.values():
        for value in (split.audio, split.audio_mask, split.text, split.text_mask, split.groups):
            digest.update(f"{tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.contiguous().numpy())
    return digest.hexdigest()


def _frames(encoder: Encoder, table: pd.DataFrame, pool: str | None) -> cache.Frames:
    """Frames are few (16 of a 5-s clip): all are kept on disk, and pooled as they come."""
    if isinstance(encoder, FromScratch):
        return cache.Frames(torch.zeros(len(table), 1, encoder.feature_dim), torch.ones(len(table), 1).bool())
    if pool and hasattr(encoder, "lookup"):  # in parts: frames of a whole data set, padded, may be too much at once
        paths = table["path"].tolist()
        parts = [adapters.pooled(*encoder.lookup(paths[i : i + 512]), pool) for i in range(0, len(paths), 512)]
        print(f"frames: 0 encoded, {len(paths):,} looked up")
        return cache.Frames(*(torch.cat(both) for both in zip(*parts, strict=True)))
    found = cache.frames(encoder, table)
    return found if pool is None else cache.Frames(*adapters.pooled(found.values, found.mask, pool), found.encoded)


def _read(named: str | Encoder, told: Told, pool: str | None) -> Tokens:
    """Captions and their variants, as the frozen encoder reads them."""
    encoder = encoders.text(named) if isinstance(named, str) else named
    found = _tokens(encoder, [text for each in told for text in each], pool)
    return found.values.unflatten(0, (len(told), -1)), found.mask.unflatten(0, (len(told), -1))


def _tokens(encoder: Encoder, captions: list[str], pool: str | None) -> cache.Frames:
    """Tokens are many: unless all are asked for, only their poolings are kept."""
    if pool is None:
        return cache.tokens(encoder, captions)
    found = cache.tokens(Pooled(encoder), captions)
    step = ORDER.index(pool)
    return cache.Frames(found.values[:, step : step + 1].contiguous(), found.mask[:, step : step + 1], found.encoded)
