"""Search: which clips are nearest to a query. Exact cosine over all of them, in numpy. Used from notebook 00 on.

`Conversation` asks again and again, by words, by an example, by both (notebook 17).
"""

import copy
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

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
        self.lengths = np.linalg.norm(embeddings, axis=1)

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def dim(self) -> int:
        """Width of an embedding."""
        return self.embeddings.shape[1]

    def embedding(self, row: int) -> Float[np.ndarray, " dim"]:
        """A clip's embedding as it was given, at its own length: a sum of embeddings depends on that."""
        return self.embeddings[row] * self.lengths[row]

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

    def query(
        self, embedding: Float[np.ndarray | torch.Tensor, "*one dim"], k: int = 10, *, without: Collection[int] = ()
    ) -> pd.DataFrame:
        """The k nearest clips, best first: rank (from 1), score (cosine), then the table's columns.

        Of equal scores the earlier row comes first. Fewer than k clips give fewer rows. The rows `without` are left
        out: whoever asks by an example does not want to be given it.

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
        best = np.argsort(-scores, kind="stable")
        best = best[~np.isin(best, list(without))][:k]
        found = self.table.iloc[best].reset_index(drop=True)
        found.insert(0, "rank", np.arange(1, len(best) + 1))
        found.insert(1, "score", scores[best])
        return found


@dataclass(frozen=True)
class Step:
    """One question of a conversation, and what was found."""

    words: str
    example: str  # what the example is called; "" where there was none
    sound: Float[np.ndarray, " dim"] | None  # A(example)
    row: int | None  # of the example in the index, if it is from there
    found: pd.DataFrame  # as `Index.query` gives it, and `row`, where a clip stands in the index

    def __str__(self) -> str:
        asked = [f"like “{self.example}”"] * bool(self.example) + [f"“{self.words}”"] * bool(self.words)
        return ", ".join(asked)


class Conversation:
    """Ask, take an answer as the next example, say what should be otherwise, ask again (Takeuchi et al. 2022, sec. 1).

    Args:
        index: of the clips' embeddings A(clip).
        read: T(words).
    """

    def __init__(self, index: Index, read: Callable[[str], Float[np.ndarray, " dim"]], k: int = 5):
        self.index, self.read, self.k = copy.copy(index), read, k
        self.index.table = index.table.assign(row=np.arange(len(index)))
        self.history: list[Step] = []

    @property
    def last(self) -> Step | None:
        """The latest step, if there is one."""
        return self.history[-1] if self.history else None

    def ask(self, words: str = "", *, row: int | None = None, sound: np.ndarray | None = None, name: str = "") -> Step:
        """By words alone, by an example alone, or by both: then the query is A(example) + T(words).

        Args:
            row: the example, a clip of the index.
            sound, name: an example from elsewhere: its embedding, and what it is called.

        Raises:
            ValueError: neither words nor an example, or no such row.
        """
        words = " ".join(words.split())
        if row is not None:
            if not 0 <= row < len(self.index):
                raise ValueError(f"expected an example among the clips 0 to {len(self.index) - 1}; got {row}.")
            sound, name = self.index.embedding(row), str(self.index.table["title"][row])
        parts = ([] if sound is None else [sound]) + ([self.read(words)] if words else [])
        if not parts:
            raise ValueError("expected words, an example, or both; got neither. Type what you want to hear.")
        found = self.index.query(sum(parts), self.k, without=() if row is None else (row,))
        self.history.append(Step(words, name if sound is not None else "", sound, row, found))
        return self.history[-1]

    def undo(self) -> Step | None:
        """Back to the step before; None where that was the first."""
        if self.history:
            self.history.pop()
        return self.last


def _array(values: Iterable) -> np.ndarray:
    values = values.detach() if hasattr(values, "detach") else values
    return np.asarray(values, dtype=np.float32)


def _unit(values: Float[np.ndarray, "row dim"], what: str) -> Float[np.ndarray, "row dim"]:
    """Rows of length 1; a zero row stays zero."""
    if not np.isfinite(values).all():
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        raise ValueError(f"expected finite {what}; got NaN or infinity in {len(bad):,} rows, first row {bad[0]}.")
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), np.finfo(np.float32).tiny)
