"""NT-Xent, forward and backward: ours against pytorch-metric-learning's.

The peer sets each positive pair against all negative pairs of the batch: with B pairs of text and audio that is
B x B (B - 1) numbers, and as many booleans. Ours keeps the B x B matrix.
"""

import torch
from pytorch_metric_learning.losses import NTXentLoss

from lib import losses
from tests.bench.timing import race, report, wanted

DIM, SHARED, ALONE = 256, (32, 64, 128, 256), (512, 1024, 2048, 4096)


def main() -> None:
    worst = 0.0
    for pairs in losses.PAIRS:
        for batch in SHARED:
            medians = race({"ours": step(ours(pairs), batch), "pytorch-metric-learning": step(peer(pairs), batch)})
            report(f"pairs={pairs}, batch {batch}", medians)
            worst = max(worst, medians["ours"] / medians["pytorch-metric-learning"])
    wanted(f"no slower at 32 to 256: worst ratio {worst:.3f}", worst <= 1)
    for batch in ALONE:
        medians = race({"ours": step(ours("text-audio"), batch)}, seconds=1, at_least=3)
        report(f"text-audio, batch {batch}, the peer would hold {batch**2 * (batch - 1) * 4 / 2**30:,.1f} GiB", medians)


def ours(pairs: str):
    return lambda audio, text: losses.nt_xent(audio, text, pairs=pairs)


def peer(pairs: str):
    function = NTXentLoss(temperature=0.07)

    def all_pairs(audio, text):
        labels = torch.arange(len(audio)).repeat(2)
        return function(torch.cat([audio, text]), labels)

    def text_audio(audio, text):
        labels = torch.arange(len(audio))
        forth = function(audio, labels, ref_emb=text, ref_labels=labels.clone())
        return (forth + function(text, labels, ref_emb=audio, ref_labels=labels.clone())) / 2

    return all_pairs if pairs == "all" else text_audio


def step(loss, batch: int):
    generator = torch.Generator().manual_seed(0)
    audio, text = (torch.randn(batch, DIM, generator=generator).requires_grad_() for _ in range(2))

    def call() -> None:
        audio.grad = text.grad = None
        loss(audio, text).backward()

    return call
