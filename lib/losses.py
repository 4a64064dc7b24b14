"""Losses: short pure functions of embeddings, and of which rows of a batch belong together.

Row i of `audio` and row i of `text` are a pair. Rows carry `groups` (the index of the clip), since a batch can hold
several captions of one clip: what happens to two rows of one group is a named argument, because published codes
silently disagree.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from lib.batch_pairs import PAIRS as PAIRS  # re-exported, as what follows
from lib.batch_pairs import SAME_GROUP as SAME_GROUP
from lib.batch_pairs import (
    check,
    check_temperature,
    cosine,
    mixed_targets,
    pair_masks,
    pick_the_positive,
    share_the_positives,
    similarities,
)  # fmt: skip
from lib.soft_targets import soft_targets as soft_targets  # re-exported: one more loss

ANCHORS = ("both", "audio", "text")
MEANS = ("separate", "joint")
IMPOSTERS = ("random", "all", "hardest")


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
    check("anchors", anchors, ANCHORS if pairs == "text-audio" else ("both",))
    groups = _groups(audio, text, groups)
    check_temperature(temperature)
    positive, negative = pair_masks(groups, same_group=same_group, pairs=pairs)
    if pairs == "all":
        items = torch.cat([audio, text])
        return pick_the_positive(cosine(items, items) / temperature, positive, negative)
    logits = cosine(audio, text) / temperature
    asks = {"audio": (logits,), "text": (logits.T,), "both": (logits, logits.T)}[anchors]
    return torch.stack([pick_the_positive(side, positive, negative) for side in asks]).mean()


def mixco(
    mixed: Float[Tensor, "batch dim"],
    text: Float[Tensor, "_batch dim"],
    partner: Int[Tensor, " batch"],
    share: Float[Tensor, " batch"],
    *,
    temperature: float | Float[Tensor, ""] = 0.07,
    groups: Int[Tensor, " batch"] | None = None,
    same_group: str = "positive",
) -> Float[Tensor, ""]:
    """Mix-up contrast: a mixture of two clips belongs to both captions, in proportion. Taught in notebook 13.

    Munakata et al. 2024, equations 10-12, with A'_i the mixture of clip i (share l_i) and clip phi(i) (1 - l_i), and
    CE(x, y, Y) = -log( e^(s(x, y) / tau) / sum over y' in Y of e^(s(x, y') / tau) ):

        L_A = 1/N  sum over i of  l_i CE(A'_i, T_i, T) + (1 - l_i) CE(A'_i, T_phi(i), T)
        L_T = 1/N  sum over j of  l_j CE(T_j, A'_j, A') + (1 - l_j) CE(T_phi(j), A'_j, A')
        L   = 1/2 (L_A + L_T)

    The paper's equation 10 has l_i before the bracket, so that the second term gets l_i (1 - l_i) and the targets add
    up to l_i (2 - l_i): we read it as equation 11 shows. The paper sums where we take means (over the batch and the
    two directions, as `nt_xent` does): its loss and gradients are 2N times ours, so that with plain gradient descent
    its learning rate fits one batch size alone (Adam divides most of that out). Train on `nt_xent` of the unmixed
    batch plus this. With share 1 it is `nt_xent` of the mixtures. In L_A the weights of each mixture add up to 1; in
    L_T those of a text do not: l_j, and 1 - l_i for each i whose partner it is.

    Args:
        mixed: embeddings of the mixtures; row i of `text` describes clip i.
        partner: phi(i), a row of this batch; a row may be its own partner.
        share: l_i, of the row's own clip, from 0 to 1.
        temperature, groups, same_group: as in `nt_xent`. "positive" gives every caption of a clip that clip's share,
            and the mean is over all that weight; "excluded" leaves other captions of the positive's clip, and other
            mixtures that began with it, out of the denominator; "negative" leaves them in.

    Raises:
        ValueError: an unknown policy, a temperature of 0 or below, a share or a partner out of range, or shapes that
            do not match.
    """
    groups = _groups(mixed, text, groups)
    check_temperature(temperature)
    weights, negative = mixed_targets(partner, share, groups, same_group=same_group)
    logits = cosine(mixed, text) / temperature
    return (share_the_positives(logits, weights, negative) + share_the_positives(logits.T, weights.T, negative)) / 2


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
    check("mean", mean, MEANS)
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
    check("imposters", imposters, IMPOSTERS)
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
