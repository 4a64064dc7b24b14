"""Search: which clips are nearest to a query. Exact cosine over all of them, in numpy. Used from notebook 00 on."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float


class Index:
    """Clips' embeddings and their table, ready to be asked.

    Args:
        embeddings: one row per clip of the table, in its order; numpy, or a torch tensor on the CPU.
        table: a clip table, or any frame with a row per embedding.

    Raises:
        ValueError: not two-dimensional, another number of rows than the table's, or NaN in it.
    """

    def __init__(self, embeddings: Float[np.ndarray | torch.Tensor, "clip dim"], table: pd.DataFrame):
        embeddings = _array(embeddings)
        if embeddings.ndim != 2:
            raise ValueError(f"expected embeddings (clip, dim); got shape {embeddings.shape}. Try x[None].")
        if len(embeddings) != len(table):
            raise ValueError(
                f"expected an embedding for each of the table's {len(table):,} clips; got {len(embeddings):,}. "
                "Embed the very table that is indexed, in its order."
            )
        self.table = table.reset_index(drop=True)
        self.embeddings = _unit(embeddings, "embeddings")

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def dim(self) -> int:
        """Width of an embedding."""
        return self.embeddings.shape[1]

    def similarity(self, queries: Float[np.ndarray | torch.Tensor, "query dim"]) -> Float[np.ndarray, "query clip"]:
        """Cosine of every query with every clip; that of a zero vector is 0.

        Raises:
            ValueError: queries of another width, or NaN in them.
        """
        queries = _array(queries)
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            hint = "Embed queries with the tower that belongs to the clips' tower"
            raise ValueError(f"expected queries (query, {self.dim}); got shape {queries.shape}. {hint}.")
        return _unit(queries, "queries") @ self.embeddings.T

    def query(self, embedding: Float[np.ndarray | torch.Tensor, "*one dim"], k: int = 10) -> pd.DataFrame:
        """The k nearest clips, best first: rank (from 1), score (cosine), then the table's columns.

        Of equal scores the earlier row comes first. Fewer than k clips give fewer rows.

        Raises:
            ValueError: k is below 1, or the embedding is not one vector of `dim` numbers.
        """
        if k < 1:
            raise ValueError(f"expected k of at least 1; got {k}.")
        embedding = _array(embedding)
        if embedding.shape == (1, self.dim):
            embedding = embedding[0]
        if embedding.ndim != 1:
            raise ValueError(f"expected one embedding ({self.dim},); got shape {embedding.shape}. Try query(x[0]).")
        scores = self.similarity(embedding[None])[0]
        best = np.argsort(-scores, kind="stable")[:k]
        found = self.table.iloc[best].reset_index(drop=True)
        found.insert(0, "rank", np.arange(1, len(best) + 1))
        found.insert(1, "score", scores[best])
        return found


def _array(values: Iterable) -> np.ndarray:
    values = values.detach() if hasattr(values, "detach") else values
    return np.asarray(values, dtype=np.float32)


def _unit(values: Float[np.ndarray, "row dim"], what: str) -> Float[np.ndarray, "row dim"]:
    """Rows of length 1; a zero row stays zero."""
    if not np.isfinite(values).all():
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        raise ValueError(f"expected finite {what}; got NaN or infinity in {len(bad):,} rows, first row {bad[0]}.")
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), np.finfo(np.float32).tiny)
