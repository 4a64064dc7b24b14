"""Losses: short pure functions of embeddings, and of which rows of a batch belong together.

Row i of `audio` and row i of `text` are a pair. Rows carry `groups` (the index of the clip), since a batch can hold
several captions of one clip: what happens to two rows of one group is a named argument, because published codes
silently disagree.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

SAME_GROUP = ("positive", "excluded", "negative")
PAIRS = ("text-audio", "all")
ANCHORS = ("both", "audio", "text")


def cosine(a: Float[Tensor, "n dim"], b: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
    """Cosine similarity of each row of `a` with each row of `b`: s_ij = a_i . b_j / (|a_i| |b_j|).

    Primus et al. 2023 print squared norms in the denominator; their code, and we, divide by the norms.
    A row of zeros has similarity zero with everything.
    """
    return F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T


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
    if audio.shape != text.shape:
        raise ValueError(
            f"expected one text row per audio row; got shapes {tuple(audio.shape)} and {tuple(text.shape)}."
        )
    if not (tau := float(torch.as_tensor(temperature).detach())) > 0:
        raise ValueError(f"expected a temperature above 0; got {tau}. Try 0.07.")
    groups = torch.arange(len(audio), device=audio.device) if groups is None else groups
    positive, negative = pair_masks(groups, same_group=same_group, pairs=pairs)
    if pairs == "all":
        items = torch.cat([audio, text])
        return pick_the_positive(cosine(items, items) / temperature, positive, negative)
    logits = cosine(audio, text) / temperature
    asks = {"audio": (logits,), "text": (logits.T,), "both": (logits, logits.T)}[anchors]
    return torch.stack([pick_the_positive(side, positive, negative) for side in asks]).mean()


def _check(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"expected {name} among {', '.join(choices)}; got {value!r}.")
