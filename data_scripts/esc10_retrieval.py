"""Sanity check on real sound: adapters on pretrained frames, ESC-10, queries in other words than the training captions.

    python -m data_scripts.esc10_retrieval PATH      (PATH: ESC-10 with meta/yamnet_frames.npz beside meta/esc50.csv)

Trains on folds 1-3, asks on fold 4. It is ten-way classification in the dress of retrieval: all clips of the category
that a query means are relevant. Beside it: the same adapters trained on nothing but the titles that uploaders gave.
Temperature and epochs are the best of seven settings on folds 1-2 asked on fold 3; but fold 4 had been looked at while
the training captions were written. So: a check that the parts work together, not a held-out result.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float

from lib import data, encoders, losses, metrics, profiles, stats
from lib.adapters import MLPAdapter, pooled
from lib.examples import Examples
from lib.towers import DualEncoder, Tower
from lib.train import Settings, fit, lend_chance

TRAINED = {
    "dog": ("a dog is barking", "dog barks", "the bark of a dog", "a barking dog outside", "dogs bark at a stranger",
            "a pet dog barks again and again"),
    "rooster": ("a rooster crows", "a crowing rooster", "a rooster on a farm in the morning", "the crow of a cock",
                "a cock crows loudly", "poultry: a rooster announces the day"),
    "rain": ("rain is falling", "the sound of rain", "heavy rain pours down", "raindrops patter on the ground",
             "it is raining steadily", "rainy weather, water dripping from the sky"),
    "sea waves": ("sea waves roll in", "waves of the sea", "waves crash on the shore", "the sea at the coast",
                  "ocean waves come and go", "water washes over sand"),
    "crackling fire": ("a fire crackles", "crackling fire", "wood is burning", "flames pop and hiss",
                       "a bonfire burns in the open", "firewood crackles in a stove"),
    "crying baby": ("a baby is crying", "a crying baby", "a small child cries", "the baby screams for its mother",
                    "an unhappy baby weeps", "a toddler in tears"),
    "sneezing": ("someone sneezes", "a person sneezing", "a sneeze", "a man sneezes suddenly",
                 "sneezing because of an allergy", "a woman sneezes into a handkerchief"),
    "clock tick": ("a clock ticks", "clock ticking", "the ticking of a clock on the wall", "an alarm clock ticks away",
                   "tick, tock, says the clock", "a mechanical clock counts the seconds"),
    "helicopter": ("a helicopter flies", "helicopter", "a helicopter passes over", "the blades of a helicopter",
                   "a hovering helicopter", "a military helicopter in the air"),
    "chainsaw": ("a chainsaw is running", "chainsaw", "someone saws wood with a chainsaw", "a chainsaw revs up",
                 "cutting down trees with a chainsaw", "the motor of a chainsaw"),
}  # fmt: skip
ASKED = {
    "dog": ("a hound woofs", "puppy yapping at the door"),
    "rooster": ("cock-a-doodle-doo in the farmyard at dawn", "a cockerel calls"),
    "rain": ("a downpour drums on the roof", "drizzle and showers"),
    "sea waves": ("surf breaking on the beach", "the ocean washes ashore"),
    "crackling fire": ("logs burning in the fireplace", "a campfire with popping wood"),
    "crying baby": ("an infant wails", "a newborn sobbing"),
    "sneezing": ("achoo! a man with a cold", "a loud sneeze"),
    "clock tick": ("a watch going tick tock", "the second hand of a timepiece"),
    "helicopter": ("rotor blades of a chopper overhead", "an aircraft with rotors hovers"),
    "chainsaw": ("a motor saw cuts through a tree", "lumberjack felling timber with a power saw"),
}
QUERIES = [(category, query) for category, queries in ASKED.items() for query in queries]
SETTINGS = Settings(max_epochs=30, stop_after=30)
TEMPERATURE, BATCH_SIZE, DIM = 0.2, 64, 256


@dataclass(frozen=True)
class Ranking:
    """Similarity of each query to each clip of the fold that was asked, and which clips are of the category meant."""

    similarity: Float[np.ndarray, "query clip"]
    relevant: Bool[np.ndarray, "query clip"]
    recordings: np.ndarray  # the source recording of each clip: one recording gives several clips

    def score(self, clips=slice(None)) -> float:
        """Category mAP@10 over these clips; divided by what can be reached, as a resampled category can exceed ten."""
        relevant = self.relevant[:, clips]
        asked = relevant.any(axis=1)
        similarity = self.similarity[:, clips][asked]
        return float(metrics.average_precision(similarity, relevant[asked], 10, divide_by="reachable").mean())

    def interval(self, resamples: int, rng: np.random.Generator) -> stats.Interval:
        """Of the score, source recordings resampled whole."""
        rows = list(pd.Series(range(len(self.recordings))).groupby(self.recordings).indices.values())
        draws = rng.integers(len(rows), size=(resamples, len(rows)))
        scores = [self.score(np.concatenate([rows[k] for k in draw])) for draw in draws]
        return stats.Interval(self.score(), *np.quantile(scores, [0.025, 0.975]), n=len(QUERIES))


def examples(clips: pd.DataFrame, captions: list[tuple[str, ...]], root: Path) -> Examples:
    """Stored frames and MiniLM's tokens, each averaged over time."""
    audio = pooled(*encoders.audio(f"frames:{root / 'meta' / 'yamnet_frames.npz'}").lookup(list(clips["path"])))
    texts = [text for each in captions for text in each]
    different = sorted(set(texts))
    with torch.inference_mode():
        tokens, _ = pooled(*encoders.text("minilm").frozen()(different))
    tokens = tokens[[different.index(text) for text in texts]].clone()
    groups = torch.tensor([row for row, each in enumerate(captions) for _ in each])
    return Examples(*audio, tokens, torch.ones(len(tokens), 1, dtype=torch.bool), groups)


def rank(clips: pd.DataFrame, root: Path, seed: int, texts: str = "categories") -> Ranking:
    """Train on folds 1-3 with these texts ("categories" or "titles"), then ask fold 4."""
    folds = clips[clips["split"].isin(["fold1", "fold2", "fold3"])].reset_index(drop=True)
    asked = clips[clips["split"] == "fold4"].reset_index(drop=True)
    categories = folds["captions"].str[0]
    captions = [(title,) for title in folds["title"]] if texts == "titles" else [TRAINED[name] for name in categories]
    trained = examples(folds, captions, root)
    questions = examples(asked, [tuple(query for _, query in QUERIES), *[()] * (len(asked) - 1)], root)
    # clips of one category describe each other; nobody told the titles' model which those are
    same = torch.arange(len(folds)) if texts == "titles" else torch.tensor(pd.factorize(categories)[0])
    generator = torch.Generator().manual_seed(seed)
    with lend_chance(generator):
        model = DualEncoder(*(Tower(None, MLPAdapter(x.shape[2], DIM)) for x in (trained.audio, trained.text)))

    def loss(model, batch):
        return losses.nt_xent(*model(batch.audio, batch.text), temperature=TEMPERATURE, groups=same[batch.groups])

    epochs = iter(range(SETTINGS.max_epochs))  # nothing is held out to stop on: the last epoch is the best
    validate, batches = lambda _: next(epochs), lambda chance: trained.batches(chance, BATCH_SIZE)
    fit(model, batches, loss, validate, SETTINGS, generator=generator, progress=False)
    with torch.inference_mode():
        embeddings = model((questions.audio, questions.audio_mask), (questions.text, questions.text_mask))
        similarity = model.similarity(*embeddings).numpy()
    relevant = np.array([[category == caption[0] for caption in asked["captions"]] for category, _ in QUERIES])
    return Ranking(similarity, relevant, asked["recording"].to_numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    root = parser.parse_args().root
    clips = data.load(f"esc50:{root}", profile=profiles.get("laptop"), needs=("captions", "noisy"))
    for texts in ("categories", "titles"):
        rankings = [rank(clips, root, seed, texts) for seed in range(5)]
        scores = [ranking.score() for ranking in rankings]
        worst = rankings[int(np.argmin(scores))].interval(1000, np.random.default_rng(0))
        shown = ", ".join(f"{score:.3f}" for score in scores)
        print(f"trained on {texts}: category mAP@10 of five seeds {shown}; the worst with its interval {worst}")


if __name__ == "__main__":
    main()
