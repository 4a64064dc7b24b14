"""Ranked lists in the challenge's format: a CSV with the query and the names of the ten clips, best first.

    caption,file_name_1,file_name_2,...,file_name_10

The first column may be called `caption` (2022) or `query`. No similarities are needed, so any system in any
language can be scored. Each way in which such a file is usually broken has its own message. Taught in notebook 02.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Num

from lib import metrics

LENGTH = 10
COLUMNS = [f"file_name_{i}" for i in range(1, LENGTH + 1)]


class PredictionsError(ValueError):
    """A file of ranked lists that cannot be scored; the message says what was expected, what is there, what to try."""


def truth(captions: pd.DataFrame) -> dict[str, str]:
    """Query -> file name, from Clotho's own table (`file_name, caption_1, ..., caption_5`)."""
    columns = [c for c in captions.columns if c.startswith("caption_")]
    if "file_name" not in captions or not columns:
        raise PredictionsError(f"expected columns file_name, caption_1, ...; got {list(captions.columns)}")
    pairs = captions.melt("file_name", columns, value_name="query")
    twice = pairs["query"][pairs["query"].duplicated()]
    if len(twice):
        raise PredictionsError(f"expected each caption to name one clip; {twice.iloc[0]!r} names several")
    return dict(zip(pairs["query"], pairs["file_name"], strict=True))


def load(file: str | Path, truth: Mapping[str, str], files: set[str] | None = None) -> pd.DataFrame:
    """The lists of `file`, checked: one row per query of `truth`, in its order; columns file_name_1 ... file_name_10.

    Args:
        truth: query -> name of its clip.
        files: names that may be answered; the clips of `truth` where None.
    """
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    return check(table, truth, files)


def check(table: pd.DataFrame, truth: Mapping[str, str], files: set[str] | None = None) -> pd.DataFrame:
    """`load` for a table at hand."""
    name = next((c for c in ("caption", "query") if c in table), None)
    missing = [c for c in COLUMNS if c not in table] + ([] if name else ["caption (or query)"])
    if missing:
        raise PredictionsError(f"expected caption and file_name_1 to file_name_10; missing: {', '.join(missing)}")
    queries, answers = table[name], table[COLUMNS].fillna("").astype(str)
    if queries.duplicated().any():
        raise PredictionsError(f"expected each query once; {queries[queries.duplicated()].iloc[0]!r} comes again")
    unknown = set(queries) - set(truth)
    if unknown or len(queries) < len(truth):
        raise PredictionsError(
            f"expected the {len(truth)} queries of the test set; {len(truth.keys() - set(queries))} are not answered,"
            f" {len(unknown)} unknown" + (f", such as {min(unknown)!r}" if unknown else "")
        )
    _check_answers(answers, set(truth.values()) if files is None else files)
    return answers.set_axis(pd.Index(queries, name="query")).loc[list(truth)]


def score(lists: pd.DataFrame, truth: Mapping[str, str]) -> pd.DataFrame:
    """AP@10, R@1, R@5, R@10 of each query of checked `lists`, with the name of its clip in the column `clip`."""
    target = np.array([truth[query] for query in lists.index], dtype=object)
    hit = lists.to_numpy(dtype=object) == target[:, None]
    above = np.where(hit.any(axis=1), hit.argmax(axis=1), LENGTH)
    return metrics.score_ranks(above, k=LENGTH).set_axis(lists.index).assign(clip=target)


def table(
    similarity: Num[np.ndarray, "query clip"], queries: list[str], files: list[str], *, rng: np.random.Generator
) -> pd.DataFrame:
    """The challenge's table from a similarity matrix; `.to_csv(path, index=False)` writes it. Ties are drawn by lot."""
    similarity = np.asarray(similarity)
    if similarity.shape != (len(queries), len(files)) or len(files) < LENGTH:
        raise PredictionsError(
            f"expected a similarity of {len(queries)} queries and {len(files)} files, at least {LENGTH};"
            f" got shape {similarity.shape}"
        )
    order = np.lexsort((rng.random(similarity.shape), -similarity), axis=1)[:, :LENGTH]
    lists = pd.DataFrame(np.asarray(files, dtype=object)[order], columns=COLUMNS)
    lists.insert(0, "caption", queries)
    return lists


def _check_answers(answers, files):
    empty = (answers == "").any(axis=1)
    if empty.any():
        raise PredictionsError(f"expected ten files for each query; row {1 + empty.to_numpy().argmax()} has fewer")
    names = answers.to_numpy(dtype=object)
    unknown = sorted(set(names.ravel()) - files)
    if unknown:
        raise PredictionsError(
            f"expected names of the {len(files)} test clips; {len(unknown)} are not, such as {unknown[0]!r}."
            " Are the extensions or folders right?"
        )
    twice = np.array([len(set(row)) < LENGTH for row in names])
    if twice.any():
        raise PredictionsError(f"expected ten different files for each query; row {1 + twice.argmax()} repeats one")
