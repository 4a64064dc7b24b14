"""Contrastive and triplet loss, forward and backward: ours against pytorch-metric-learning's.

Both libraries keep the matrix of cosines for pairs; of triplets the peer lists all B x (B - 1), ours keeps the matrix.
"""

import torch
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.losses import ContrastiveLoss, TripletMarginLoss
from pytorch_metric_learning.reducers import MeanReducer

from lib import losses
from tests.bench.nt_xent import step
from tests.bench.timing import race, report, wanted

BATCHES = (32, 64, 128, 256)


def main() -> None:
    rivals = {f"contrastive, pairs={pairs}": (contrastive(pairs), their_contrastive(pairs)) for pairs in losses.PAIRS}
    rivals["triplet, all imposters"] = (lambda a, t: losses.triplet(a, t, imposters="all"), their_triplet)
    for name, (ours, theirs) in rivals.items():
        worst = 0.0
        for batch in BATCHES:
            medians = race({"ours": step(ours, batch), "pytorch-metric-learning": step(theirs, batch)})
            report(f"{name}, batch {batch}", medians)
            worst = max(worst, medians["ours"] / medians["pytorch-metric-learning"])
        wanted(f"no slower at 32 to 256: worst ratio {worst:.3f}", worst <= 1)


def contrastive(pairs: str):
    return lambda audio, text: losses.contrastive(audio, text, pairs=pairs)


def their_contrastive(pairs: str):
    function = ContrastiveLoss(pos_margin=1, neg_margin=0, distance=CosineSimilarity())

    def all_pairs(audio, text):
        return function(torch.cat([audio, text]), torch.arange(len(audio)).repeat(2))

    def text_audio(audio, text):
        labels = torch.arange(len(audio))
        return function(audio, labels, ref_emb=text, ref_labels=labels.clone())

    return all_pairs if pairs == "all" else text_audio


def their_triplet(audio, text):
    function = TripletMarginLoss(margin=1.0, distance=CosineSimilarity(), reducer=MeanReducer())
    labels = torch.arange(len(audio))
    forth = function(audio, labels, ref_emb=text, ref_labels=labels.clone())
    return forth + function(text, labels, ref_emb=audio, ref_labels=labels.clone())
