"""Caption encoding: ours in fp32 and bf16 against sentence-transformers' `encode`, with the same MiniLM weights."""

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from lib import data, encoders, parallel, profiles
from lib.adapters import masked_mean
from lib.encoders.texts import minilm_folder
from tests.bench.timing import race, report, wanted

CAPTIONS, BATCH = 512, 64


def main() -> None:
    captions = texts()
    encoder = encoders.text("minilm")
    peer = SentenceTransformer(str(minilm_folder()), device="cpu")
    calls = {
        "ours": lambda: encode(encoder, captions),
        "ours, bf16": lambda: encode(encoder, captions, "bf16"),
        "sentence-transformers, batch 32 (its default)": lambda: peer.encode(captions, show_progress_bar=False),
        f"sentence-transformers, batch {BATCH}": lambda: peer.encode(
            captions, batch_size=BATCH, show_progress_bar=False
        ),
    }
    print(f"  ours and theirs differ by at most {np.abs(calls['ours']() - peer.encode(captions)).max():.1e}")
    medians = race(calls, seconds=20)
    report(f"{len(captions)} captions", medians)
    best = min(median for name, median in medians.items() if name.startswith("sentence"))
    wanted(f"at least 0.9 of its rate in fp32: {best / medians['ours']:.2f}", best / medians["ours"] >= 0.9)
    wanted(f"more with bf16: {best / medians['ours, bf16']:.2f}", medians["ours, bf16"] < medians["ours"])


def texts() -> list[str]:
    clips = data.load("soundscapes", profile=profiles.get("smoke"), needs=("captions",))
    return [caption for captions in clips["captions"] for caption in captions][:CAPTIONS]


@torch.inference_mode()
def encode(encoder, captions: list[str], precision: str = "fp32") -> np.ndarray:
    """Unit vectors in the order given; batches hold captions of like length, so that little is padded."""
    order = sorted(range(len(captions)), key=lambda i: len(captions[i]))
    found = torch.zeros(len(captions), encoder.feature_dim)
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        with parallel.autocast(precision):
            found[rows] = masked_mean(*encoder([captions[i] for i in rows])).float()
    return torch.nn.functional.normalize(found).numpy()
