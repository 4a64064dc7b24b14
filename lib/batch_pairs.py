"""Which pairs of a batch belong together, how alike they are, and what a pair costs: what the losses are made of.

`lib.losses` hands all of it on. Rows carry `groups` (the index of the clip); a batch can hold several captions of one.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

SAME_GROUP = ("positive", "excluded", "negative")
PAIRS = ("text-audio", "all")
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
    check("similarity", similarity, SIMILARITIES)
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
    check("same_group", same_group, SAME_GROUP)
    check("pairs", pairs, PAIRS)
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


def mixed_targets(
    partner: Int[Tensor, " batch"],
    share: Float[Tensor, " batch"],
    groups: Int[Tensor, " batch"],
    *,
    same_group: str = "positive",
) -> tuple[Float[Tensor, "mixture text"], Bool[Tensor, "candidate other"]]:
    """How much mixture i is text j's, and which others stand in the denominator of a candidate (both directions).

    With one caption a clip: `share` at (i, i), plus 1 - `share` at (i, partner of i). Taught in notebook 13.

    Raises:
        ValueError: an unknown policy, or a share or a partner out of range.
    """
    n = len(groups)
    if not ((0 <= share) & (share <= 1)).all():
        raise ValueError(f"expected shares from 0 to 1; got {share.min():.3g} to {share.max():.3g}.")
    if not ((0 <= partner) & (partner < n)).all():
        raise ValueError(f"expected partners among the {n} rows of this batch; got {int(partner.min())} to "
                         f"{int(partner.max())}.")
    positive, negative = pair_masks(groups, same_group=same_group)
    own, other = positive.to(share.dtype), positive[partner].to(share.dtype)
    return share[:, None] * own + (1 - share[:, None]) * other, negative


def share_the_positives(
    logits: Float[Tensor, "anchor candidate"],
    weights: Float[Tensor, "anchor candidate"],
    negative: Bool[Tensor, "candidate other"],
) -> Float[Tensor, ""]:
    """Weighted mean over pairs (a, c) of -log( e^l_ac / (e^l_ac + sum over others o of c of e^l_ao) ).

    As `pick_the_positive`, but an anchor may have several candidates with a share each; one that is the positive of
    one term stands in the denominator of the next.
    """
    lowest = torch.finfo(logits.dtype).min
    anchor, candidate = weights.nonzero(as_tuple=True)
    against = logits[anchor].masked_fill(~negative[candidate], lowest).logsumexp(dim=1)
    costs, weights = -F.logsigmoid(logits[anchor, candidate] - against), weights[anchor, candidate]
    return (weights * costs).sum() / weights.sum()


def check(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raises ValueError for a value that is not among the choices."""
    if value not in choices:
        raise ValueError(f"expected {name} among {', '.join(choices)}; got {value!r}.")


def check_temperature(temperature: float | Tensor, name: str = "temperature") -> None:
    """Raises ValueError for one of 0 or below, or NaN."""
    if not (tau := float(torch.as_tensor(temperature).detach())) > 0:
        raise ValueError(f"expected a {name} above 0; got {tau}. Try 0.07.")
