"""Where differences lie: A(b) - A(a) and T(t) of many pairs, and how well their kinds keep together, in numbers.

Taught in notebook 16 (Takeuchi et al. 2022, section 4.3.2 and Fig. 3). All is measured in the space itself, by cosine;
a picture of it has no say.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int, Shaped
from sklearn.metrics import silhouette_samples
from sklearn.neighbors import NearestNeighbors

from lib import difference_runs, encoders, run_log, store
from lib.data import pairs
from lib.data.difference_scenes import SCENES
from lib.difference import Pairs, QueryModifier
from lib.difference_runs import AbsentScene, Recipe
from lib.run_log import Outcome


@dataclass(frozen=True)
class Sample:
    """Which pairs are looked at."""

    letters: str  # of the operations, one a pair; "" for none at all
    each: int  # pairs of a kind
    labels: tuple[str, ...] = ()  # of the sounds that are changed; () for all

    @property
    def neighbours(self) -> int:
        """How many are asked: never more than half of a kind, so that all of them could be of it."""
        return min(10, self.each // 2)


@dataclass(frozen=True)
class Differences:
    """The vectors of some pairs."""

    sounds: Float[np.ndarray, "pair dim"]  # A(b) - A(a)
    words: Float[np.ndarray, "pair dim"] | None  # T(t); the baseline has none
    kinds: Shaped[np.ndarray, " pair"]


def draw(scene: str, test: Sample, seed: int) -> pd.DataFrame:
    """The first `each` pairs to evaluate on of each kind; the kind ("c thunder") is a column more.

    Of a test without operations the kinds are names and nothing else: they go by turns to pairs in which nothing was
    done but to crop the same recordings twice.
    """
    settings = pairs.Settings(operations=test.letters, two=0.0)
    labels = test.labels or (SCENES[scene].background, *SCENES[scene].events)
    if not test.letters:
        table = pairs.build(scene, {"evaluate": test.each * len(labels)}, seed, settings)
        kinds = [f"nothing {labels[i % len(labels)]}" for i in range(len(table))]
        return table.assign(kind=kinds, text="change nothing")  # encoders refuse an empty text
    n, found = 0, pd.DataFrame({"kind": []})
    kinds = [f"{letter} {label}" for label in labels for letter in test.letters
             if (label == SCENES[scene].background) == (letter in "ab")]
    while (found["kind"].value_counts().reindex(kinds, fill_value=0) < test.each).any():
        n = 2 * n or 4 * test.each * len(kinds)
        table = pairs.build(scene, {"evaluate": n}, seed, settings)
        table["kind"] = [f"{done[0].letter} {done[0].label}" for done in table["operations"]]
        found = table[table["kind"].isin(kinds)]
    return found.groupby("kind", sort=False).head(test.each).sort_values("kind", kind="stable").reset_index(drop=True)


@torch.no_grad()
def differences(model: QueryModifier, known: Pairs, kinds: Sequence[str]) -> Differences:
    """A(b) - A(a) and T(t) of each pair."""
    words = model.read(known.text).numpy() if model.words else None
    return Differences((model.hear(known.after) - model.hear(known.before)).numpy(), words, np.asarray(kinds))


def neighbours(
    points: Float[np.ndarray, "point dim"], kinds: Shaped[np.ndarray, " point"], k: int, *, metric: str = "cosine"
) -> Float[np.ndarray, " point"]:
    """For each point, which share of its k nearest others is of its kind.

    Points are put in a random order first, the same each time: where many lie in one place, their order decides who
    is near, and in order of kinds that would flatter.
    """
    order = np.random.default_rng(0).permutation(len(points))
    near = NearestNeighbors(n_neighbors=k, metric=metric).fit(points[order]).kneighbors(return_distance=False)
    shares = np.empty(len(points))
    shares[order] = (kinds[order][near] == kinds[order][:, None]).mean(axis=1)
    return shares


def silhouettes(
    points: Float[np.ndarray, "point dim"], kinds: Shaped[np.ndarray, " point"], *, metric: str = "cosine"
) -> Float[np.ndarray, " point"]:
    """(b - a) / max(a, b) of each point: a its mean distance to its own kind, b to the nearest other kind."""
    return silhouette_samples(points, kinds, metric=metric)


def nearest_kind(
    points: Float[np.ndarray, "point dim"], among: Float[np.ndarray, "other dim"], kinds: Shaped[np.ndarray, " other"]
) -> Shaped[np.ndarray, " point"]:
    """For each point the kind whose centroid, of unit vectors, has the highest cosine to it."""
    names, number = np.unique(kinds, return_inverse=True)
    centroids = np.stack([_unit(among)[number == i].mean(axis=0) for i in range(len(names))])
    return names[(points @ _unit(centroids).T).argmax(axis=1)]


def _unit(vectors: Float[np.ndarray, "row dim"]) -> Float[np.ndarray, "row dim"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def measure(found: Differences, k: int) -> pd.DataFrame:
    """Each pair's neighbours and silhouette; with words, whether T(t) lies nearest to the differences of its kind.

    `wording` numbers the texts: pairs that share one are not independent there.
    """
    scores = {"neighbours": neighbours(found.sounds, found.kinds, k),
              "silhouette": silhouettes(found.sounds, found.kinds)}
    if found.words is not None:
        scores["text"] = nearest_kind(found.words, found.sounds, found.kinds) == found.kinds
        scores["wording"] = wordings(found.words)
    return pd.DataFrame(scores).astype(float)


def wordings(words: Float[np.ndarray, "pair dim"]) -> Int[np.ndarray, " pair"]:
    """Equal numbers where the same was said."""
    return np.unique(words.round(4), axis=0, return_inverse=True)[1].ravel()


def compare(
    scene: str, arms: Mapping[str, Recipe], seeds: Sequence[int], develop: int, tests: Mapping[str, Sample], *,
    log: str | None = None,
) -> dict[str, dict[int, Outcome]]:
    """Arm -> seed -> what `measure` says of each test; what stands in the committed log of that name is replayed.

    Args:
        develop: pairs to train on.

    Raises:
        AbsentScene: a scene that nobody registered here, and not all its outcomes stand in the log.
    """
    known = run_log.read(log) if log else {}
    keys = {(arm, seed): _key(scene, arms[arm], seed, develop, tests) for arm in arms for seed in seeds}
    if scene not in SCENES and not set(keys.values()) <= set(known):
        raise AbsentScene(f"expected a scene among {', '.join(SCENES)}, or all its outcomes in a log; got {scene!r}.")
    for seed in seeds:
        todo = {arm: recipe for arm, recipe in arms.items() if keys[arm, seed] not in known}
        if todo:
            learnt = encode(scene, pairs.build(scene, {"develop": develop}, seed))
            drawn = {name: draw(scene, test, seed) for name, test in tests.items()}
            seen = {name: encode(scene, table) for name, table in drawn.items()}
        for arm, recipe in todo.items():
            model, history = difference_runs.fit(learnt, recipe, seed=seed)
            scores = {name: measure(differences(model, seen[name], drawn[name]["kind"]), test.neighbours)
                      for name, test in tests.items()}
            known[keys[arm, seed]] = Outcome(arm, seed, scores, history, ("max_epochs",))
    if log and run_log.recording():
        run_log.write(log, {key: known[key] for key in keys.values()})
    return {arm: {seed: known[keys[arm, seed]] for seed in seeds} for arm in arms}


def encode(scene: str, table: pd.DataFrame) -> Pairs:
    """The pairs as the workbook's frozen encoders see them."""
    return difference_runs.encode(table, encoders.audio("small_cnn"), encoders.text("minilm"), SCENES[scene].events)


def _key(scene: str, recipe: Recipe, seed: int, develop: int, tests: Mapping[str, Sample]) -> str:
    made = {name: asdict(test) for name, test in tests.items()}
    return store.digest(json.dumps([scene, pairs.VERSION, asdict(recipe), seed, develop, made], sort_keys=True))
