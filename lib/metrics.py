"""How good is a ranking: average precision, recall and nDCG at k, with ties that never flatter.

A similarity matrix has one row per query and one column per clip; the clips of a row are ranked by falling
similarity. Where similarities tie, the order is undefined, so each metric is its *expected value* over all orders
within the ties, in closed form: a constant matrix scores exactly chance, whatever order the clips were stored in.
Infinite similarities are allowed (equal infinities tie); NaN is an error. One value per query comes back, never
only a mean, because `lib.stats` needs the single values for its intervals.

`relevant` is either a matrix like the similarity (Bool, or graded numbers >= 0 for nDCG), or, where each query has
one relevant clip, a vector holding that clip's column: the fast path. Taught in notebook 02.
"""

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Num, Shaped

KS = (1, 5, 10)  # the challenge reports recall at these


def average_precision(
    similarity: Num[np.ndarray, "query clip"],
    relevant: Shaped[np.ndarray, "..."],
    k: int = 10,
    *,
    divide_by: str = "relevant",
) -> Float[np.ndarray, " query"]:
    """AP@k of each query: the precisions at the ranks of the relevant clips within the first k, added up and divided.

    With one relevant clip this is 1 / rank, or 0 beyond rank k. With several, `divide_by="relevant"` divides by
    their number (the challenge's convention, so AP@k cannot reach 1 when there are more than k of them);
    `divide_by="reachable"` divides by min(number, k).

    Raises:
        ValueError: NaN, shapes that do not fit, a query without a relevant clip, an unknown `divide_by`.
    """
    if divide_by not in ("relevant", "reachable"):
        raise ValueError(f"expected divide_by 'relevant' or 'reachable'; got {divide_by!r}")
    similarity, target, relevant = _checked(similarity, relevant, k)
    if target is not None:
        return _mean_reciprocal_rank(*_rank(similarity, target), k)
    top = _expected_gains(similarity, relevant, k)
    count = relevant.sum(axis=1)
    return _precisions(*top).sum(axis=1) / (count if divide_by == "relevant" else np.minimum(count, k))


def recall(
    similarity: Num[np.ndarray, "query clip"], relevant: Shaped[np.ndarray, "..."], k: int
) -> Float[np.ndarray, " query"]:
    """R@k of each query: the share of its relevant clips among the first k. Errors as in `average_precision`."""
    similarity, target, relevant = _checked(similarity, relevant, k)
    if target is not None:
        above, tied = _rank(similarity, target)
        return np.clip((k - above) / tied, 0.0, 1.0)
    return _expected_gains(similarity, relevant, k)[0].sum(axis=1) / relevant.sum(axis=1)


def ndcg(
    similarity: Num[np.ndarray, "query clip"], graded: Shaped[np.ndarray, "..."], k: int = 10
) -> Float[np.ndarray, " query"]:
    """nDCG@k of each query: gain / log2(rank + 1) over the first k, divided by the best order's (Järvelin 2002).

    `graded` holds the gains themselves, >= 0 (linear gains, as in scikit-learn's `ndcg_score`, which this equals,
    ties included). Errors as in `average_precision`; also for negative gains.
    """
    similarity, target, graded = _checked(similarity, graded, k, binary=False)
    if graded is None:
        graded = one_hot(target, similarity.shape[1])
    k = min(k, similarity.shape[1])
    discount = 1 / np.log2(np.arange(2, k + 2))
    best = -np.sort(np.partition(-graded.astype(float), k - 1, axis=1)[:, :k], axis=1)
    return (_expected_gains(similarity, graded, k)[0] @ discount) / (best @ discount)


def score(similarity: Num[np.ndarray, "query clip"], relevant: Shaped[np.ndarray, "..."], k: int = 10) -> pd.DataFrame:
    """The challenge's metrics, one row per query: columns AP@10, R@1, R@5, R@10. Their means are mAP@10, R@1, ..."""
    similarity, target, matrix = _checked(similarity, relevant, k)
    if target is not None:
        return score_ranks(*_rank(similarity, target), k=k)
    columns = {f"AP@{k}": average_precision(similarity, matrix, k)}
    return pd.DataFrame(columns | {f"R@{n}": recall(similarity, matrix, n) for n in KS})


def score_ranks(
    above: Int[np.ndarray, " query"], tied: Int[np.ndarray, " query"] | int = 1, *, k: int = 10
) -> pd.DataFrame:
    """`score` from how many clips lie above the one relevant clip and how many, itself included, tie with it.

    For ranked lists without similarities `above` is the position in the list, from 0; a clip not in it has
    `above >= k`.
    """
    above, tied = np.broadcast_arrays(np.asarray(above), np.asarray(tied))
    columns = {f"AP@{k}": _mean_reciprocal_rank(above, tied, k)}
    return pd.DataFrame(columns | {f"R@{n}": np.clip((n - above) / tied, 0.0, 1.0) for n in KS})


def chance(n: int, k: int = 10, *, relevant: int = 1) -> float:
    """Expected AP@k when `n` clips, `relevant` of them relevant, stand in random order (R@k's is simply k / n)."""
    if not 1 <= relevant <= n:
        raise ValueError(f"expected between 1 and {n} relevant clips among {n}; got {relevant}")
    ranks = np.arange(1, min(k, n) + 1)
    hits_before = (ranks - 1) * (relevant - 1) / max(n - 1, 1)
    return float(((1 + hits_before) / ranks).sum() / n)


def one_hot(target: Int[np.ndarray, " query"], clips: int) -> Bool[np.ndarray, "query clip"]:
    """True in each row at that query's one relevant clip."""
    return np.asarray(target)[:, None] == np.arange(clips)


def _rank(similarity, target):
    """For each query: how many clips are more similar than its target, and how many equally (itself included)."""
    own = np.take_along_axis(similarity, target[:, None], axis=1)
    return np.count_nonzero(similarity > own, axis=1), np.count_nonzero(similarity == own, axis=1)


def _mean_reciprocal_rank(above, tied, k):
    """The target is equally likely at each of the ranks above+1 ... above+tied: a slice of the harmonic series."""
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, k + 1))])
    return (harmonic[np.minimum(above + tied, k)] - harmonic[np.minimum(above, k)]) / tied


def _expected_gains(similarity, gain, k):
    """At each of the first k ranks, for all orders within the ties at once: arrays of shape (query, k).

    Returns the expected gain there (the mean gain of its tie group), the gain of the groups before, the group's
    size, and the rank's place inside its group, from 0.
    """
    k = min(k, similarity.shape[1])
    first = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
    values = np.take_along_axis(similarity, first, axis=1)
    order = np.argsort(-values, axis=1)
    values, first = np.take_along_axis(values, order, axis=1), np.take_along_axis(first, order, axis=1)
    gains = np.take_along_axis(gain, first, axis=1).astype(float)
    same = values[:, :, None] == values[:, None, :]
    size, total = same.sum(axis=2), np.einsum("qij,qj->qi", same, gains)
    # only the last group can reach beyond rank k: count it over the whole row
    last, tail = same[:, -1, :], similarity == values[:, -1:]
    size = np.where(last, tail.sum(axis=1)[:, None], size)
    total = np.where(last, (tail * gain).sum(axis=1)[:, None], total)
    start = np.argmax(same, axis=2)  # the first rank of the group
    before = np.take_along_axis(np.cumsum(gains, axis=1) - gains, start, axis=1)
    return total / size, before, size, np.arange(k) - start


def _precisions(share, before, size, place):
    """Expected (relevant here) x (precision here): given a hit, the places before it in its group hold
    (size x share - 1) / (size - 1) relevant clips each on average (hypergeometric mean)."""
    inside = place * (size * share - 1) / np.maximum(size - 1, 1)
    return share * (before + 1 + inside) / np.arange(1, share.shape[1] + 1)


def _checked(similarity, relevant, k, binary=True):
    """Similarity as an array, the target column of each query where there is exactly one, and relevance otherwise."""
    similarity, relevant = np.asarray(similarity), np.asarray(relevant)
    if similarity.ndim != 2 or 0 in similarity.shape:
        raise ValueError(f"expected a similarity matrix (query, clip) that is not empty; got shape {similarity.shape}")
    if k < 1:
        raise ValueError(f"expected k >= 1; got {k}")
    if not np.issubdtype(similarity.dtype, np.floating):
        similarity = similarity.astype(float)  # unsigned numbers have no negative to sort by
    if np.isnan(similarity.min()):  # min() hands a NaN on, and is faster than looking at each value
        rows = np.flatnonzero(np.isnan(similarity).any(axis=1))
        raise ValueError(f"similarity holds NaN in {len(rows)} queries, first {rows[0]}. Was an embedding all zeros?")
    if relevant.ndim == 1:
        return similarity, _checked_target(relevant, similarity.shape), None
    if relevant.shape != similarity.shape:
        raise ValueError(
            f"expected relevance like the similarity, {similarity.shape} (query, clip); got {relevant.shape}."
            " Is one of them transposed?"
        )
    return (similarity, *_checked_relevance(relevant, binary))


def _checked_target(target, shape):
    if target.shape != shape[:1] or not np.issubdtype(target.dtype, np.integer):
        raise ValueError(f"expected one whole number for each of {shape[0]} queries; got {target.shape} {target.dtype}")
    if target.min() < 0 or target.max() >= shape[1]:
        raise ValueError(f"expected clips 0 to {shape[1] - 1}; got {target.min()} to {target.max()}")
    return target


def _checked_relevance(relevant, binary):
    if binary and relevant.dtype != bool:
        if not np.isin(relevant, (0, 1)).all():
            raise ValueError("expected relevance that is true or false; got other values. Graded relevance: use ndcg.")
        relevant = relevant.astype(bool)
    if relevant.dtype != bool and not (np.isfinite(relevant).all() and relevant.min() >= 0):
        raise ValueError("expected gains that are finite and >= 0; got negative, infinite or NaN")
    count = np.count_nonzero(relevant, axis=1)
    if (count == 0).any():
        empty = np.flatnonzero(count == 0)
        raise ValueError(f"{len(empty)} queries have no relevant clip, first {empty[0]}: leave them out before scoring")
    if relevant.dtype == bool and (count == 1).all():
        return relevant.argmax(axis=1), relevant
    return None, relevant
