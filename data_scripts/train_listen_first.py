"""Train the adapters that notebook 00 searches with: frozen small CNN and MiniLM, NT-Xent, soundscapes of seed 0.

    python -m data_scripts.train_listen_first

Writes lib/encoders/weights/listen_first (safetensors and settings). Run it again whenever the small CNN, the generator
of soundscapes or the adapters change: loading refuses adapters that belong to another encoder. The epoch is chosen on
the validation split; the test split is scored once, at the end, and nothing is tuned on it.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from lib import data, encoders, profiles, retrieval, train
from lib.data.world import VERSION
from lib.towers import DualEncoder, Tower

TARGET = Path(__file__).resolve().parents[1] / "lib" / "encoders" / "weights" / "listen_first"
TRAINING = train.Settings(learning_rate=1e-3, max_epochs=30, warmup_epochs=2, stop_after=30)
RECIPE = retrieval.Recipe(options={"temperature": 0.07}, batch_size=128, dim=128, hidden=256, training=TRAINING)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=8000, help="of the training split (of seed 0)")
    parser.add_argument("--target", type=Path, default=TARGET, help="folder to write")
    arguments = parser.parse_args()
    profile = replace(profiles.get("laptop"), n_train=arguments.clips, n_shifted=1)
    corpus = retrieval.encode(data.load("soundscapes", profile=profile, seed=0, needs=("captions",)))
    fitted = retrieval.fit(corpus, RECIPE, seed=0)
    print(fitted.history[["epoch", "loss", "score"]].round(4).tail(3).to_string(index=False))
    scores = retrieval.scores(fitted.model, corpus.splits["test"]).mean().round(3).to_dict()
    print(f"test split, five captions a clip: {scores}")
    searching(fitted, arguments.clips, scores).save(arguments.target)
    print(f"saved {arguments.target.name}")


def searching(fitted: retrieval.Fitted, clips: int, scores: dict) -> DualEncoder:
    """The same adapters behind their encoders, so that the towers take sounds and words."""
    notes = {"data": f"soundscapes, generator {VERSION}, seed 0, first {clips} training clips",
             "made_by": "data_scripts/train_listen_first.py", "test": scores, "licence": "MIT"}
    audio, text = encoders.audio("small_cnn"), encoders.text("minilm")
    return DualEncoder(Tower(audio, fitted.model.audio.adapter), Tower(text, fitted.model.text.adapter), notes)


if __name__ == "__main__":
    main()
