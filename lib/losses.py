"""Losses: short pure functions of embeddings, and of which rows of a batch belong together.

Row i of `audio` and row i of `text` are a pair. Rows carry `groups` (the index of the clip), since a batch can hold
several captions of one clip: what happens to two rows of one group is a named argument, because published codes
silently disagree.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from lib.soft_targets import soft_targets as soft_targets  # re-exported: one more loss

SAME_GROUP = ("positive", "excluded", "negative")
PAIRS = ("text-audio", "all")
ANCHORS = ("both", "audio", "text")
MEANS = ("separate", "joint")
IMPOSTERS = ("random", "all", "hardest")
SIMILARITIES = ("cosine", "dot")


def cosine(a: Float[Tensor, "n dim"], b: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
    """Cosine similarity of each row of `a` with each row of `b`: s_ij = a_i . b_j / (|a_i| |b_j|).

    Primus et al. 2023 print squared norms in the denominator; their code, and we, divide by the norms.
    A row of zeros has similarity zero with everything.
    """
    return F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T


def similarities(
    a: Float[Tensor, "n dim"], b: Float[Tensor, "m dim"], similarity: str = "cosine"
) -> Float[Tensor, "n m"]:
    """Cosines, or dot products a_i . b_j, which grow with the lengths of both. Raises ValueError for anything else."""
    _check("similarity", similarity, SIMILARITIES)
    return cosine(a, b) if similarity == "cosine" else a @ b.T


def pair_masks(
    groups: Int[Tensor, " batch"], *, same_group: str = "positive", pairs: str = "text-audio"
) -> tuple[Bool[Tensor, "anchor candidate"], Bool[Tensor, "anchor candidate"]]:
    """Which entries of the similarity matrix are pulled (first mask) and pushed (second); others are left alone.

    With pairs="text-audio" the matrix is audio rows against text columns, (batch, batch). With pairs="all" it is all
    rows against all rows, audio first, (2 batch, 2 batch), without an item and itself. Taught in notebook 08.

    Raises:
        ValueError: an unknown policy.
    """
    _check("same_group", same_group, SAME_GROUP)
    _check("pairs", pairs, PAIRS)
    copies = 1 if pairs == "text-audio" else 2
    same = (groups[:, None] == groups[None, :]).repeat(copies, copies)
    paired = torch.eye(len(groups), dtype=torch.bool, device=groups.device).repeat(copies, copies)
    positive = same if same_group == "positive" else paired
    negative = ~paired if same_group == "negative" else ~same
    if pairs == "all":
        other = ~torch.eye(2 * len(groups), dtype=torch.bool, device=groups.device)
        positive, negative = positive & other, negative & other
    return positive, negative


def pick_the_positive(
    logits: Float[Tensor, "anchor candidate"],
    positive: Bool[Tensor, "anchor candidate"],
    negative: Bool[Tensor, "anchor candidate"],
) -> Float[Tensor, ""]:
    """Mean over positive pairs (i, p) of -log( e^l_ip / (e^l_ip + sum over negatives n of i of e^l_in) ).

    The denominator holds one positive and all negatives: other positives of the same anchor are in no one's way.
    An anchor without a negative costs nothing. Computed as -log sigmoid(l_ip - logsumexp over n), which cannot
    overflow.
    """
    lowest = torch.finfo(logits.dtype).min  # not -inf: a row without negatives would give NaN gradients
    against = logits.masked_fill(~negative, lowest).logsumexp(dim=1)
    anchor, candidate = positive.nonzero(as_tuple=True)
    return -F.logsigmoid(logits[anchor, candidate] - against[anchor]).mean()


def nt_xent(
    audio: Float[Tensor, "batch dim"],
    text: Float[Tensor, "_batch dim"],
    *,
    temperature: float | Float[Tensor, ""] = 0.07,
    groups: Int[Tensor, " batch"] | None = None,
    same_group: str = "positive",
    pairs: str = "text-audio",
    anchors: str = "both",
) -> Float[Tensor, ""]:
    """Normalised temperature-scaled cross entropy (NT-Xent, InfoNCE). Taught in notebook 08.

    With s the cosine similarity, P the positive pairs and N(i) the negatives of anchor i:

        L = 1/|P|  sum over (i, p) in P  of  -log  e^(s_ip / tau) / ( e^(s_ip / tau) + sum over n in N(i) of e^(s_in /
        tau) )

    For distinct groups and pairs="text-audio" this is Primus et al. 2023, section 2 (1/2N times two cross entropies)
    and Munakata et al. 2024, equations 3-6, which sum where we take means, so that the learning rate does not depend
    on the batch. For pairs="all" it is Chen et al. 2020 (SimCLR), the first step of Weck et al. 2022, Fig. 2.

    Args:
        temperature: tau; Weck et al. leave it unstated, 0.07 is their library's default. A tensor may be trained.
        groups: clip of each row; None means that all rows are of different clips.
        same_group: two rows of one clip are "positive" (each caption of a clip describes it: the code of Primus et
            al.), "excluded" (neither pulled nor pushed: the 2023 baseline) or "negative" (pushed apart although they
            match: false negatives, the code of LAION-CLAP).
        pairs: "text-audio", or "all" for text-text and audio-audio pairs too.
        anchors: "both", or one side alone as the one that asks: "audio" or "text". With pairs="all", only "both".

    Raises:
        ValueError: an unknown policy, a temperature of 0 or below, or shapes that do not match.
    """
    _check("anchors", anchors, ANCHORS if pairs == "text-audio" else ("both",))
    groups = _groups(audio, text, groups)
    if not (tau := float(torch.as_tensor(temperature).detach())) > 0:
        raise ValueError(f"expected a temperature above 0; got {tau}. Try 0.07.")
    positive, negative = pair_masks(groups, same_group=same_group, pairs=pairs)
    if pairs == "all":
        items = torch.cat([audio, text])
        return pick_the_positive(cosine(items, items) / temperature, positive, negative)
    logits = cosine(audio, text) / temperature
    asks = {"audio": (logits,), "text": (logits.T,), "both": (logits, logits.T)}[anchors]
    return torch.stack([pick_the_positive(side, positive, negative) for side in asks]).mean()


def contrastive(
    audio: Float[Tensor, "batch dim"],
    text: Float[Tensor, "_batch dim"],
    *,
    groups: Int[Tensor, " batch"] | None = None,
    same_group: str = "positive",
    pairs: str = "all",
    mean: str = "separate",
) -> Float[Tensor, ""]:
    """Contrastive loss: pull pairs to cosine 1, push all others to 0 or below. Taught in notebook 06.

    Weck et al. 2022, equation 3: a pair with similarity s costs 1 - s if it belongs together, else max(0, s). "We
    compute the loss for every possible combination of similar and dissimilar samples (including text-to-text and
    audio-to-audio pairs) and take the mean across all non-zero loss values" (section 3.3). There are two readings:

    Args:
        groups, same_group, pairs: as in `nt_xent`; the paper's is pairs="all".
        mean: "separate" averages the non-zero costs of pulled and of pushed pairs each, and adds the two: what the
            authors' library (pytorch-metric-learning) computes. "joint" is one mean over all non-zero costs, as the
            sentence reads; the few pulled pairs then weigh little against the many pushed ones.

    Two rows of one clip hold the same sound: that pair costs 0 but for rounding, and a rounding error above 0 is
    counted as "non-zero" (by the library too), which dilutes the mean of the pulled pairs.

    Raises:
        ValueError: an unknown policy, or shapes that do not match.
    """
    _check("mean", mean, MEANS)
    groups = _groups(audio, text, groups)
    positive, negative = pair_masks(groups, same_group=same_group, pairs=pairs)
    items = torch.cat([audio, text])
    s = cosine(items, items) if pairs == "all" else cosine(audio, text)
    pull, push = F.relu(1 - s[positive]), F.relu(s[negative])  # relu: nothing pushes a pair that stands at 0
    if mean == "joint":
        return _mean_of_nonzero(torch.cat([pull, push]))
    return _mean_of_nonzero(pull) + _mean_of_nonzero(push)


def triplet(
    audio: Float[Tensor, "batch dim"],
    text: Float[Tensor, "_batch dim"],
    *,
    groups: Int[Tensor, " batch"] | None = None,
    margin: float = 1.0,
    imposters: str = "random",
    similarity: str = "cosine",
    generator: torch.Generator | None = None,
) -> Float[Tensor, ""]:
    """Triplet loss: a pair must beat its imposters by a margin. Taught in notebook 07.

    Xie et al. 2022, equation 1, for N pairs (x, y), each with an imposter clip x^ and an imposter caption y^:

        L = 1/N  sum over n of  max(0, S(x_n, y^_n) - S(x_n, y_n) + 1) + max(0, S(x^_n, y_n) - S(x_n, y_n) + 1)

    The paper takes the dot product for S (similarity="dot"); its code, and we, the cosine.

    Args:
        groups: clip of each row; rows of one clip are never imposters of each other. None: all rows of different clips.
        imposters: "random" draws one clip and one caption per pair, each apart (the paper's); "all" takes the mean over
            every imposter in the batch (what the random ones cost on average); "hardest" the one that costs most.
        generator: of the random imposters; None takes torch's own, which `lib.train.fit` lends from its generator.

    Raises:
        ValueError: an unknown policy, a negative margin, or shapes that do not match.
    """
    _check("imposters", imposters, IMPOSTERS)
    groups = _groups(audio, text, groups)
    if not margin >= 0:
        raise ValueError(f"expected a margin of 0 or more; got {margin}. Try 1.")
    s = similarities(audio, text, similarity)
    other = groups[:, None] != groups[None, :]
    sides = [F.relu(side - s.diagonal()[:, None] + margin) for side in (s, s.T)]  # imposter captions, then clips
    return sum(_of_imposters(costs, other, imposters, generator).mean() for costs in sides)


def _of_imposters(
    costs: Float[Tensor, "pair imposter"], other: Bool[Tensor, "pair imposter"], which: str,
    generator: torch.Generator | None,
) -> Float[Tensor, " pair"]:
    """What each pair pays for the chosen imposters; nothing where the whole batch is of its own clip."""
    costs = costs * other
    if which == "all":
        return costs.sum(dim=1) / other.sum(dim=1).clamp(min=1)
    if which == "hardest":
        return costs.amax(dim=1)
    chance = torch.rand(other.shape, generator=generator, device=other.device).masked_fill(~other, -1)
    return costs.gather(1, chance.argmax(dim=1, keepdim=True)).squeeze(1)


def _mean_of_nonzero(costs: Float[Tensor, " pair"]) -> Float[Tensor, ""]:
    """Pairs that cost nothing do not dilute the mean; no costs at all are 0."""
    return costs.sum() / (costs > 0).sum().clamp(min=1)


def _groups(audio: Tensor, text: Tensor, groups: Tensor | None) -> Int[Tensor, " batch"]:
    if audio.shape != text.shape:
        raise ValueError(
            f"expected one text row per audio row; got shapes {tuple(audio.shape)} and {tuple(text.shape)}."
        )
    return torch.arange(len(audio), device=audio.device) if groups is None else groups


def _check(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"expected {name} among {', '.join(choices)}; got {value!r}.")
