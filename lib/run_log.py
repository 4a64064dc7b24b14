"""Run logs: what long arms came to, committed, so that a notebook replays in seconds what took an hour to train.

`notebooks/logs/NAME.npz` holds, for every arm and seed, the score of each query and the history of each epoch. An
entry is found by its recipes, seed and corpus (what was encoded, by which weights): change any of them, and the arm is
trained. `make record NB=10` trains all arms of a notebook, but for those in the cache of trained runs, and writes its
log; a test trains one arm again and compares.
"""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib import store

LOGS = Path(__file__).resolve().parents[1] / "notebooks" / "logs"
RECORD = "HEARSAY_RECORD"  # in the environment: train everything, write the logs
_WRITTEN: dict[Path, dict[str, "Outcome"]] = {}  # a notebook may write its log in several cells


@dataclass(frozen=True)
class Outcome:
    """What one arm came to on one seed's corpus."""

    arm: str
    seed: int
    splits: dict[str, pd.DataFrame]  # for each split one row per query: AP@10, R@1, R@5, R@10
    history: pd.DataFrame  # one row per validation, stages numbered from 0
    stopped: tuple[str, ...]  # of each stage: "early" (its stopping rule) or "max_epochs" (not converged)
    losses: dict[str, float] = field(default_factory=dict)  # without augmentation, of "learnt" and "validation" clips

    @property
    def scores(self) -> pd.DataFrame:
        """Of the first split, mostly the test's."""
        return next(iter(self.splits.values()))


def recording() -> bool:
    """Are logs being written?"""
    return bool(os.environ.get(RECORD))


def key(corpus: Any, stages: Sequence[Any], seed: int, splits: Sequence[str]) -> str:
    """What an arm is known by: its settings, and what was encoded; not the encoded numbers, which differ by machine."""
    settings = [_told(stage) for stage in stages]
    return store.digest(json.dumps([settings, seed, list(splits), corpus.notes["identity"]], sort_keys=True))


def _told(settings: Any) -> dict[str, Any]:
    """Those settings that differ from their defaults, so that a new field leaves old logs valid."""
    found = {}
    for each in fields(settings):
        value = getattr(settings, each.name)
        default = each.default if each.default_factory is MISSING else each.default_factory()
        if value != default:
            found[each.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    """As JSON can hold it; settings within settings (a teacher's) too."""
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return _told(value) if is_dataclass(value) else value


def read(name: str) -> dict[str, Outcome]:
    """The outcomes of a log by key; none while recording, or where there is no log yet."""
    path = LOGS / f"{name}.npz"
    if recording() or not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        index, values = json.loads(str(stored["index"])), stored["values"]
    return {key: _outcome(entry, values) for key, entry in index["runs"].items()}


def write(name: str, outcomes: Mapping[str, Outcome]) -> Path:
    """Write a log of outcomes by key, beside those that this process wrote before; gives its path."""
    runs, pieces, start = {}, [], 0
    path = LOGS / f"{name}.npz"
    _WRITTEN[path] = _WRITTEN.get(path, {}) | dict(outcomes)
    for known, outcome in _WRITTEN[path].items():
        entry = {"arm": outcome.arm, "seed": outcome.seed, "stopped": list(outcome.stopped), "splits": {}}
        entry |= {"losses": outcome.losses} if outcome.losses else {}
        entry["history"] = {column: outcome.history[column].tolist() for column in outcome.history}
        for split, scores in outcome.splits.items():
            entry["splits"][split] = {"start": start, "queries": len(scores), "columns": list(scores.columns)}
            pieces.append(scores.to_numpy(dtype=np.float32).T.ravel())  # column by column: compresses better
            start += pieces[-1].size
        runs[known] = entry
    made = {"python": platform.python_version(), "torch": version("torch")}
    LOGS.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, index=json.dumps({"made": made, "runs": runs}), values=np.concatenate(pieces))
    return path


def _outcome(entry: dict, values: np.ndarray) -> Outcome:
    splits = {}
    for split, where in entry["splits"].items():
        columns, n = where["columns"], where["queries"]
        block = values[where["start"] : where["start"] + len(columns) * n].reshape(len(columns), n)
        splits[split] = pd.DataFrame(block.T.astype(float), columns=columns)
    return Outcome(entry["arm"], entry["seed"], splits, pd.DataFrame(entry["history"]), tuple(entry["stopped"]),
                   entry.get("losses", {}))
