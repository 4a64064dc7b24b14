"""Training examples: what the towers are given for the clips of a split, and how batches are drawn from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from lib import audio, variants
from lib.variants import Variants


class Batch(NamedTuple):
    """Pairs: row i of the audio and row i of the text belong together; `groups` says which rows are of one clip."""

    audio: tuple  # what the audio tower takes: (frames, mask), or (waveforms, lengths) for an encoder that learns
    text: tuple  # (tokens, mask), or (captions,)
    groups: Int[Tensor, " batch"]
    rows: Int[Tensor, " batch"] | None = None  # which captions of the examples these are


@dataclass(frozen=True)
class Examples:
    """Frames of the clips of one split, tokens of their captions, and the clip of each caption.

    Frozen encoders have run already. Where an encoder is fine-tuned, it reads `recordings` or `captions` instead.
    """

    audio: Float[Tensor, "clip time feature"]
    audio_mask: Bool[Tensor, "clip time"]
    text: Float[Tensor, "caption token width"]
    text_mask: Bool[Tensor, "caption token"]
    groups: Int[Tensor, " caption"]  # row of the clip in `audio`, ascending
    recordings: "Recordings | None" = None  # of the clips
    captions: tuple[str, ...] | None = None
    variants: Variants | None = None
    sources: Int[Tensor, " clip"] | None = None  # which split each clip is of, where several were joined

    def __len__(self) -> int:
        return len(self.audio)

    def heard(self, clips: Int[Tensor, " batch"]) -> tuple:
        """What the audio tower takes for these clips."""
        if self.recordings is not None:
            return self.recordings.read(clips.tolist())
        return self.audio[clips], self.audio_mask[clips]

    def told(self, captions: Int[Tensor, " batch"], which: Int[Tensor, " batch"] | None = None) -> tuple:
        """What the text tower takes for these captions, or for variant `which` of each (0: the caption itself).

        Raises:
            ValueError: there are no variants.
        """
        if which is not None and which.any():
            if (most := self.variants.most if self.variants else 0) < int(which.max()):
                wanted = f"expected captions with {int(which.max())} variants each"
                raise ValueError(f"{wanted}; got {most}. Give them with corpus.with_variants.")
            if self.captions is not None:
                return ([self.variants.captions[i][k] for i, k in zip(captions.tolist(), which.tolist())],)
            return self.variants.text[captions, which], self.variants.mask[captions, which]
        if self.captions is not None:
            return ([self.captions[i] for i in captions.tolist()],)
        return self.text[captions], self.text_mask[captions]

    def batch(self, captions: Int[Tensor, " batch"], which: Int[Tensor, " batch"] | None = None) -> Batch:
        """These captions (or a variant of each), each with its clip."""
        clips = self.groups[captions]
        return Batch(self.heard(clips), self.told(captions, which), clips, captions)

    def batches(
        self, generator: torch.Generator, batch_size: int, captions_per_clip: int | None = 1, *, swap: float = 0.0,
        one_source: bool = False,
    ) -> "Epoch":
        """One epoch: each clip once, in random order, with `captions_per_clip` of its captions drawn at random.

        One caption a clip is the default: a batch then holds no false negatives but by chance of content. With more,
        captions of one clip stand in the same batch, and the loss must say what that means (`same_group`). None takes
        every pair once, in random order (Weck et al. 2022, section 3.3). The last batch is not cut short: all have the
        same size, give or take one, since a smaller batch is an easier task.

        Args:
            swap: the chance that one of its variants stands in for a caption (Primus et al. 2023, section 2.6); where
                one is missing, its turn falls to the caption itself.
            one_source: every batch holds clips of one split, as Munakata et al. 2024, section 5.1, of one data set.
        """
        if captions_per_clip is None:
            captions = torch.randperm(len(self.groups), generator=generator)
        else:
            captions = draw_captions(self.groups, captions_per_clip, generator)
        parts = (captions,)
        if one_source and self.sources is not None:
            source = self.sources[self.groups[captions]]
            parts = [captions[source == each] for each in source.unique()]
        pieces = [piece for part in parts for piece in part.tensor_split(max(1, round(len(part) / batch_size)))]
        if len(parts) > 1:
            pieces = [pieces[i] for i in torch.randperm(len(pieces), generator=generator).tolist()]
        return Epoch(self.batch, [(piece, self._drawn(len(piece), swap, generator)) for piece in pieces])

    def _drawn(self, n: int, swap: float, generator: torch.Generator) -> Int[Tensor, " batch"] | None:
        """Which variant stands for each of n captions; 0 with the chance 1 - swap."""
        if not swap:
            return None
        if self.variants is None:
            raise ValueError(f"swap={swap:g} needs captions with variants. Give them with corpus.with_variants.")
        swapped = torch.rand(n, generator=generator) < swap
        return swapped * torch.randint(1, self.variants.most + 1, (n,), generator=generator)

    def first(self, n: int) -> "Examples":
        """The first `n` clips with all their captions."""
        mine = self.groups < n
        told = None if self.captions is None else tuple(c for c, keep in zip(self.captions, mine.tolist()) if keep)
        return replace(self, audio=self.audio[:n], audio_mask=self.audio_mask[:n], text=self.text[mine],
                       text_mask=self.text_mask[mine], groups=self.groups[mine], captions=told,
                       variants=self.variants and self.variants.of(mine),
                       sources=None if self.sources is None else self.sources[:n])


class Epoch(Sequence):
    """Batches that are put together when their turn comes: waveforms of a whole epoch need not fit into memory."""

    def __init__(self, make: Callable[..., Batch], drawn: Sequence[tuple]) -> None:
        self.make, self.drawn = make, drawn

    def __len__(self) -> int:
        return len(self.drawn)

    def __getitem__(self, place: int) -> Batch:
        return self.make(*self.drawn[place])


class Recordings:
    """Waveforms of clips, read when first asked for, and kept in memory (in half the space) while there is room.

    Args:
        front_end: with one, each clip's log-mel spectrogram is made once, and handed over and kept in its place.
    """

    def __init__(
        self, paths: Sequence[str], sample_rate: int, front_end: nn.Module | None = None, *, keep_gib: float = 1.0
    ) -> None:
        self.paths, self.sample_rate, self.front_end = list(paths), sample_rate, front_end
        self.room, self.kept = keep_gib * 2**30, {}

    def read(self, clips: Sequence[int]) -> tuple[Shaped[Tensor, "batch ..."], Shaped[Tensor, "batch ..."]]:
        """Waveforms, padded to the longest, and their lengths in samples; or log-mel spectrograms and their mask."""
        found = [self._one(clip) for clip in clips]
        if self.front_end is None:
            return audio.pad(found)
        lengths = torch.tensor([len(one) for one in found])
        log_mels = nn.utils.rnn.pad_sequence([torch.from_numpy(one) for one in found], batch_first=True)
        return log_mels, audio.length_mask(lengths, log_mels.shape[1])

    def _one(self, clip: int) -> np.ndarray:
        if clip not in self.kept:
            samples = self._made(clip)
            if samples.nbytes > self.room:
                return samples.astype(np.float32)
            self.room -= samples.nbytes
            self.kept[clip] = samples
        return self.kept[clip].astype(np.float32)

    @torch.no_grad()
    def _made(self, clip: int) -> np.ndarray:
        samples = audio.load(self.paths[clip], self.sample_rate)
        if self.front_end is None:
            return samples.astype(np.float16)
        log_mels, _ = self.front_end(*audio.pad([samples]))
        return log_mels[0].numpy()  # in full: half precision is coarse at -36, the logarithm of silence


def joined(parts: Sequence[Examples]) -> Examples:
    """Several splits as one; the clips of the second follow those of the first. Which split is kept as `sources`."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *map(len, parts)]).tolist()
    names = ("audio", "audio_mask", "text", "text_mask")
    whole = [torch.cat([getattr(part, name) for part in parts]) for name in names]
    groups = torch.cat([part.groups + start for part, start in zip(parts, starts)])
    told = None if parts[0].captions is None else tuple(c for part in parts for c in part.captions)
    heard = None
    if parts[0].recordings is not None:
        paths = [path for part in parts for path in part.recordings.paths[: len(part)]]
        heard = Recordings(paths, parts[0].recordings.sample_rate, parts[0].recordings.front_end)
    sources = torch.cat([torch.full((len(part),), i) for i, part in enumerate(parts)])
    return Examples(*whole, groups, heard, told, _variants(parts), sources)


def _variants(parts: Sequence[Examples]) -> Variants | None:
    """Of several splits; a caption of one that has none stands for itself."""
    if all(part.variants is None for part in parts):
        return None
    return variants.joined([part.variants or _alone(part) for part in parts])


def _alone(part: Examples) -> Variants:
    captions = tuple((text,) for text in part.captions or [""] * len(part.groups))
    return Variants(captions, partial(_read_alone, part))


def _read_alone(part: Examples) -> variants.Tokens:
    return part.text[:, None], part.text_mask[:, None]


def draw_captions(groups: Int[Tensor, " caption"], per_clip: int, generator: torch.Generator) -> Int[Tensor, " drawn"]:
    """Rows of captions, up to `per_clip` of each clip, clips in random order and captions of one clip side by side."""
    clips, group = groups.unique(return_inverse=True)
    chance = torch.rand(len(groups), generator=generator, dtype=torch.float64)
    shuffled = torch.argsort(group + chance)  # still clip by clip, captions in random order within
    count = torch.bincount(group, minlength=len(clips))
    place = torch.arange(len(groups)) - (count.cumsum(0) - count)[group[shuffled]]
    drawn = shuffled[place < per_clip]
    turn = torch.randperm(len(clips), generator=generator)  # when each clip has its turn
    return drawn[torch.argsort(turn[group[drawn]], stable=True)]
