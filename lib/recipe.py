"""A stage of training as settings, and what the settings mean: the towers it begins with, and the loss of a batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib import adapters, augment, losses, parallel, train
from lib.corpus import Corpus
from lib.examples import Batch, Examples
from lib.towers import DualEncoder, Tower


@dataclass(frozen=True)
class Recipe:
    """One stage of training; the arms of an experiment differ in one field."""

    loss: str = "nt_xent"  # a function of lib.losses
    options: Mapping[str, Any] = field(default_factory=dict)  # its named arguments: temperature, pairs, same_group ...
    batch_size: int = 64  # pairs
    captions_per_clip: int | None = 1  # drawn anew in each epoch; None: every pair once an epoch
    dim: int = 256
    hidden: int | None = 512  # None where the adapter has no hidden layer
    adapter: str = "MLPAdapter"  # of lib.adapters.ADAPTERS
    adapter_options: Mapping[str, Any] = field(default_factory=dict)  # pool_first, dropout ...; same for both towers
    on: tuple[str, ...] = ("train",)  # the splits to learn from
    one_source: bool = False  # each batch from one of these splits alone, where each is a data set
    tune: tuple[str, ...] = ()  # encoders that learn too: "text", "audio"; the others are frozen
    swap: float = 0.0  # the chance that a variant stands in for a caption
    mask_tokens: float = 0.0  # the share of tokens that a text encoder which learns does not get to see
    mixco: bool = False  # add the loss of mixed waveforms; the audio encoder learns
    trainable_temperature: bool = False  # options["temperature"] is where it starts, in the first stage that learns it
    teachers: tuple[tuple["Recipe", ...], ...] = ()  # soft targets: the stages of each model that is asked
    training: train.Settings = train.Settings()

    def __post_init__(self) -> None:
        for name, side in (("mask_tokens", "text"), ("mixco", "audio")):
            if getattr(self, name) and side not in self.tune:
                wanted = f"the {side} encoder to learn: expected {side!r} in tune"
                raise ValueError(f"{name} needs {wanted}; got {self.tune}.")
        for name in ("swap", "mask_tokens"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"expected {name} from 0 to 1, a chance; got {getattr(self, name)}.")
        if self.one_source and len(self.on) < 2:
            raise ValueError(f"one_source needs several splits to take turns: expected them in on; got {self.on}.")
        if self.mixco and self.teachers:
            raise ValueError("mixco says itself what a mixture's targets are: leave it, or the teachers, out.")
        if self.trainable_temperature and "temperature" not in self.options:
            raise ValueError("a trainable temperature needs a start: expected options={'temperature': 0.02} or such.")
        if bool(self.teachers) != (self.loss == "soft_targets"):
            raise ValueError(f"soft targets need teachers, and teachers soft targets; got loss={self.loss!r} and "
                             f"{len(self.teachers)} teachers.")


@dataclass(frozen=True)
class Teacher:
    """What several models say of the examples: the product of a caption's row and a clip's is their mean cosine."""

    audio: Float[Tensor, "clip width"]
    text: Float[Tensor, "caption width"]

    def similarity(self, clips: Int[Tensor, " n"], captions: Int[Tensor, " m"]) -> Float[Tensor, "n m"]:
        """Rows are clips, columns captions, as in the losses."""
        return self.audio[clips] @ self.text[captions].T


def untrained(corpus: Corpus, recipe: Recipe, generator: torch.Generator) -> DualEncoder:
    """Two fresh adapters of the widths that this corpus needs, behind encoders where those learn."""
    known, towers = corpus.splits["train"], []
    shape = {"dim": recipe.dim} | ({"hidden": recipe.hidden} if recipe.hidden else {})
    with train.lend_chance(generator):
        for side, x in (("audio", known.audio), ("text", known.text)):
            named = {"feature_dim": x.shape[-1], "pooling": corpus.notes["pool" if side == "audio" else "text_pool"]}
            named = {**named, "pooling": named["pooling"] or "mean", **shape, **recipe.adapter_options}
            encoder = corpus.encoder(side) if side in recipe.tune else None
            towers.append(Tower(encoder, adapters.build(recipe.adapter, named)))
    if recipe.mask_tokens:
        _mask(towers[1].encoder, recipe.mask_tokens)
    ranked_by = {"similarity": recipe.options["similarity"]} if "similarity" in recipe.options else {}
    start = recipe.options["temperature"] if recipe.trainable_temperature else None
    return DualEncoder(*towers, corpus.notes | ranked_by, temperature=start)


def _mask(encoder: nn.Module, share: float) -> None:
    if not hasattr(encoder, "masking"):
        raise ValueError(f"the text encoder {encoder.name!r} masks no tokens; a transformer with a mask token does.")
    encoder.masking = share


def batch_loss(recipe: Recipe, teacher: Teacher | None = None) -> Callable[[DualEncoder, Batch], Tensor]:
    """The recipe's loss, as the training loop calls it: of the batch of all processes, where there are several."""
    loss = getattr(losses, recipe.loss)

    def of_batch(model: DualEncoder, batch: Batch) -> Tensor:
        mixture = _mixture(batch.audio) if recipe.mixco else None
        heard = batch.audio if mixture is None else mixture.both
        audio, text, *learnt = model(heard, batch.text)
        options = dict(recipe.options) | ({"temperature": learnt[0]} if learnt else {})
        groups, mixed = parallel.gather(batch.groups), audio[len(text) :]
        audio, text = parallel.gather(audio[: len(text)]), parallel.gather(text)
        if teacher is not None:
            target = teacher.similarity(groups, parallel.gather(batch.rows))
            return loss(audio, text, teacher=target, **options)
        value = loss(audio, text, groups=groups, **options)
        if mixture is None:
            return value
        partner, share = mixture.partner + _first_row(len(batch.groups)), mixture.share
        kept = {name: options[name] for name in ("temperature", "same_group") if name in options}
        mixed, partner, share = (parallel.gather(rows) for rows in (mixed, partner, share))
        return value + losses.mixco(mixed, text, partner, share, groups=groups, **kept)

    return of_batch


@torch.no_grad()
def plain_loss(model: DualEncoder, examples: Examples, recipe: Recipe, clips: int) -> float:
    """NT-Xent of the first `clips` clips, one caption each, as the model is used: nothing hidden, mixed or swapped.

    At the recipe's temperature (where it begins, if it learns), or 0.07. For as many clips of two splits it is the same
    task, so that arms can be compared by how much better they know what they learnt from.
    """
    named = {name: recipe.options[name] for name in ("temperature", "same_group") if name in recipe.options}
    where, values = next(model.parameters()).device, []
    for batch in examples.first(clips).batches(torch.Generator().manual_seed(0), recipe.batch_size):
        batch = parallel.to(batch, where)
        audio, text, *_ = model(batch.audio, batch.text)
        values.append(losses.nt_xent(audio, text, groups=batch.groups, **named))
    return float(torch.stack(values).mean())


@dataclass(frozen=True)
class _Mixture:
    both: tuple[Tensor, Tensor]  # the clips, then their mixtures: waveforms and lengths
    partner: Int[Tensor, " batch"]
    share: Float[Tensor, " batch"]


def _mixture(audio: tuple) -> _Mixture:
    """Each clip mixed with another of the batch, by a share drawn for each (Munakata et al. 2024, equation 8)."""
    waveforms, lengths = audio
    partner = torch.randint(len(waveforms), (len(waveforms),)).to(lengths.device)
    share = torch.rand(len(waveforms)).to(waveforms.device)
    mixed, longer = augment.mix_waveforms(waveforms, lengths, partner, share)
    return _Mixture((torch.cat([waveforms, mixed]), torch.cat([lengths, longer])), partner, share)


def _first_row(mine: int) -> int:
    """Where this process' rows begin in the batch of all."""
    return int(parallel.gather(torch.tensor([mine], device=parallel.device()))[: parallel.rank()].sum())
