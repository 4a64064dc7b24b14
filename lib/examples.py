"""Training examples: what both encoders handed over for the clips of a split, and how batches are drawn from it."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Batch(NamedTuple):
    """Pairs: row i of the audio and row i of the text belong together; `groups` says which rows are of one clip."""

    audio: tuple  # what the audio tower takes: (frames, mask)
    text: tuple
    groups: Int[Tensor, " batch"]


@dataclass(frozen=True)
class Examples:
    """Frames of the clips of one split, tokens of their captions, and the clip of each caption."""

    audio: Float[Tensor, "clip time feature"]
    audio_mask: Bool[Tensor, "clip time"]
    text: Float[Tensor, "caption token width"]
    text_mask: Bool[Tensor, "caption token"]
    groups: Int[Tensor, " caption"]  # row of the clip in `audio`, ascending

    def __len__(self) -> int:
        return len(self.audio)

    def batch(self, captions: Int[Tensor, " batch"]) -> Batch:
        """These captions, each with its clip."""
        clips = self.groups[captions]
        return Batch(
            (self.audio[clips], self.audio_mask[clips]), (self.text[captions], self.text_mask[captions]), clips
        )

    def batches(self, generator: torch.Generator, batch_size: int, captions_per_clip: int = 1) -> list[Batch]:
        """One epoch: each clip once, in random order, with `captions_per_clip` of its captions drawn at random.

        One caption a clip is the default: a batch then holds no false negatives but by chance of content. With more,
        captions of one clip stand in the same batch, and the loss must say what that means (`same_group`). The last
        batch is not cut short: all have the same size, give or take one, since a smaller batch is an easier task.
        """
        captions = draw_captions(self.groups, captions_per_clip, generator)
        return [self.batch(rows) for rows in captions.tensor_split(max(1, round(len(captions) / batch_size)))]


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
