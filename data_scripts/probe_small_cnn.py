"""What did pretraining teach? A linear probe of the small CNN's frames on ESC-10: folds 1-3 train, fold 4 tests.

    python -m data_scripts.probe_small_cnn --esc10 ../shared/data/esc10

Logistic regression on the mean of the frames (and on mean and maximum), pretrained weights against random ones over
five seeds. One recording gives several clips, so the interval resamples recordings, not clips. Fold 5 is never read.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lib import audio, encoders, stats


@dataclass(frozen=True)
class Recordings:
    """Clips of ESC-10, folds 1-4: their waveforms, categories, folds and source recordings."""

    waveforms: list[np.ndarray]
    category: np.ndarray
    fold: np.ndarray
    source: np.ndarray


def recordings(esc10: Path, sample_rate: int) -> Recordings:
    """Decoded once for all the networks compared."""
    table = pd.read_csv(esc10 / "meta" / "esc50.csv")
    table = table[table["esc10"].astype(bool) & table["fold"].le(4)]
    waveforms = [audio.load(esc10 / "audio" / filename, sample_rate) for filename in table["filename"]]
    return Recordings(waveforms, table["category"].to_numpy(), table["fold"].to_numpy(), table["src_file"].to_numpy())


def features(encoder: encoders.AudioEncoder, clips: Recordings) -> dict[str, Float[np.ndarray, "clip feature"]]:
    """Frames pooled over time: "mean", and "mean+max" side by side."""
    pooled = []
    with torch.inference_mode():
        for start in range(0, len(clips.waveforms), 40):
            frames, mask = encoder(*audio.pad(clips.waveforms[start : start + 40]))
            pooled.append(torch.cat([frames.sum(1) / mask.sum(1, keepdim=True), frames.amax(1)], dim=1))
    both = torch.cat(pooled).numpy()
    return {"mean": both[:, : encoder.feature_dim], "mean+max": both}


def correct(encoder: encoders.AudioEncoder, clips: Recordings) -> dict[str, Bool[np.ndarray, "clip"]]:
    """Which clips of fold 4 a linear classifier trained on folds 1-3 gets right, for each way of pooling."""
    train, test, right = clips.fold <= 3, clips.fold == 4, {}
    for pooling, x in features(encoder, clips).items():
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
        classifier.fit(x[train], clips.category[train])
        right[pooling] = classifier.predict(x[test]) == clips.category[test]
    return right


def compare(
    encoder: encoders.AudioEncoder, clips: Recordings, seeds: int = 5
) -> tuple[dict[str, Bool[np.ndarray, "clip"]], dict[str, Bool[np.ndarray, "seed clip"]]]:
    """What the encoder gets right, and what random weights of several seeds do."""
    random = [correct(random_encoder(seed), clips) for seed in range(seeds)]
    return correct(encoder, clips), {pooling: np.stack([one[pooling] for one in random]) for pooling in random[0]}


def random_encoder(seed: int) -> encoders.AudioEncoder:
    """The same network, untrained."""
    generator = torch.Generator().manual_seed(seed)
    return encoders.audio("small_cnn", pretrained=False, generator=generator)


def main() -> None:
    """Print one line for each way of pooling."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--esc10", type=Path, default=Path("../shared/data/esc10"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    pretrained = encoders.audio("small_cnn")
    clips = recordings(options.esc10, pretrained.sample_rate)
    right, untrained = compare(pretrained, clips)
    source = clips.source[clips.fold == 4]
    for pooling, ours in right.items():
        random = untrained[pooling]
        difference = stats.bootstrap(ours - random.mean(0), source, rng=np.random.default_rng(0))
        each = " ".join(f"{accuracy:.3f}" for accuracy in random.mean(1))
        print(
            f"{pooling:9} pretrained {ours.mean():.3f}, random {random.mean():.3f} ({each}), "
            f"difference {difference} on {len(ours)} clips"
        )


if __name__ == "__main__":
    main()
