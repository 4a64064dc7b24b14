"""What one process and two must agree on: losses and gradients on one global batch, a short training, ways to get it
wrong. `torchrun` runs this file as a script; `test_two_processes.py` runs the same in its own process and compares."""

import contextlib
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import distributed, nn

from lib import audio, cache, metrics, parallel, retrieval, runs, store, train
from lib.adapters import MLPAdapter
from lib.encoders.pieces import in_pieces
from lib.examples import Batch, Examples
from lib.towers import DualEncoder, Tower
from tests.unit import toy_corpus as toy

LOSSES = {
    "nt_xent": retrieval.Recipe("nt_xent"),
    "nt_xent all": retrieval.Recipe("nt_xent", {"pairs": "all", "same_group": "excluded"}),
    "contrastive": retrieval.Recipe("contrastive"),
    "contrastive joint": retrieval.Recipe("contrastive", {"mean": "joint"}),
    "contrastive text-audio": retrieval.Recipe("contrastive", {"pairs": "text-audio", "same_group": "negative"}),
    "triplet": retrieval.Recipe("triplet"),
    "triplet all": retrieval.Recipe("triplet", {"imposters": "all", "margin": 0.5}),
    "triplet hardest": retrieval.Recipe("triplet", {"imposters": "hardest"}),
}
GROUPS = {  # clips of a batch: it divides by two, it does not, and one clip's rows stand on both sides of the cut
    "even": list(range(8)),
    "odd": list(range(7)),
    "duplicates": [0, 0, 1, 2, 2, 2, 2, 3, 0],
}
SETTINGS = train.Settings(learning_rate=1e-2, max_epochs=4)


class Encoder(nn.Module):
    """Learns; and like MiniLM's pooler, a part of it takes no part."""

    def __init__(self, width):
        super().__init__()
        self.layer, self.unused = nn.Linear(width, width), nn.Linear(width, 2)

    def forward(self, frames, mask):
        return self.layer(frames).masked_fill(~mask[..., None], 0.0), mask


def model(encoders=False, size=None):
    """Encoders that learn do so in pieces of this size, if one is given."""
    with train.lend_chance(torch.Generator().manual_seed(0)):
        towers = [Tower(Encoder(w) if encoders else None, MLPAdapter(w, 5, hidden=8)) for w in (6, 7)]
    for tower in towers if size else ():
        in_pieces(tower.encoder, size)
    return DualEncoder(*towers).double()


def examples(clips=21):
    """Two captions each, of three frames, some of them padding."""
    g = torch.Generator().manual_seed(1)
    audio, text = (torch.randn(n, 3, w, generator=g).double() for n, w in ((clips, 6), (2 * clips, 7)))
    masks = [torch.arange(3) < torch.randint(1, 4, (len(x), 1), generator=g) for x in (audio, text)]
    return Examples(audio, masks[0], text, masks[1], torch.arange(clips).repeat_interleave(2))


def batch(groups):
    """Rows of one clip hold the same sound."""
    known, groups = examples(), torch.tensor(groups)
    return Batch((known.audio[groups], known.audio_mask[groups]), known.told(torch.arange(len(groups))), groups)


def gradients(loss, groups):
    """The loss and its gradients, by parameter, as the training loop would see them."""
    torch.manual_seed(3)  # of the random imposters; `lib.train.fit` lends the same in every process
    own = model()
    replica = parallel.replicate(own)
    value = retrieval.batch_loss(LOSSES[loss])(replica, parallel.share(batch(GROUPS[groups])))
    value.backward()
    return {"loss": value.detach()} | {name: p.grad for name, p in own.named_parameters()}


def trained(encoders, checkpoint=None, breaks_at=None, size=None):
    """Weights and losses after a short training; batches of seven and eight pairs, clips twice in them."""
    own, known, validated = model(encoders, size), examples(), []

    def validate(m):
        validated.append(m)
        if len(validated) == breaks_at:
            raise KeyboardInterrupt
        similarity = retrieval.similarity(m, known)
        assert np.isfinite(similarity).all()
        return metrics.average_precision(similarity, known.groups.numpy()).mean()

    history = train.fit(
        own, lambda g: known.batches(g, 8, 2), retrieval.batch_loss(LOSSES["triplet"]), validate, SETTINGS,
        generator=torch.Generator().manual_seed(2), progress=False, checkpoint=checkpoint, checkpoint_s=0,
    )  # fmt: skip
    known = {"losses": torch.tensor(history.frame.loss.to_numpy()), "epochs": torch.tensor(len(validated))}
    return known | own.state_dict()


def kept(name, breaks_at=None):
    """The same training through the cache of trained runs; broken off, it leaves a checkpoint there and gives None."""

    def run(checkpoint):
        found = trained(False, checkpoint, breaks_at)
        return runs.Run(found, pd.DataFrame({"loss": found.pop("losses").tolist()}))  # `epochs`: those run here

    try:
        found = runs.trained({"name": name}, run, tell=False)
    except KeyboardInterrupt:
        return None
    return {"losses": torch.tensor(found.history["loss"].to_numpy()), "new": found.new} | found.weights


class SlowEar(toy.Ear):
    """So slow that neither of two processes has done all before the other begins."""

    def forward(self, waveforms, lengths):
        time.sleep(0.02)
        return super().forward(waveforms, lengths)


def encoded(seed):
    """A corpus, all its frames kept, by way of the cache in files of four clips; and which clips this process heard."""
    heard, load, chunk = [], audio.load, cache.CHUNK
    audio.load = lambda path, rate: heard.append(path) or load(path, rate)
    cache.CHUNK = 4
    try:
        table = toy.clips((48, 8, 12), seed)
        known = retrieval.encode(table, audio=SlowEar().frozen(), text=toy.Reader().frozen(), pool=None)
    finally:
        audio.load, cache.CHUNK = load, chunk
    frames = {f"{name} {what}": getattr(split, what)
              for name, split in known.splits.items() for what in ("audio", "audio_mask", "text")}  # fmt: skip
    return {"heard": heard, "key": known.key, "all": table["path"].tolist(), "frames": frames}


@contextlib.contextmanager
def unclaimed(self, keys, *, wait):
    """As `Store.claim`, without keeping anybody out: a fault."""
    self.folder.mkdir(parents=True, exist_ok=True)
    yield self.folder / f"{store.digest(*keys)}.safetensors"


def cached():
    """Both processes at the same corpus at once; then at another one, where nothing keeps them apart."""
    distributed.barrier()
    found, right = {"right": encoded(0)}, store.Store.claim
    distributed.barrier()
    store.Store.claim = unclaimed
    found["unclaimed"] = encoded(1)
    store.Store.claim = right
    return found


def detached(rows):
    """A gather as many write it: what the others hand over is taken as it is, and nothing is sent back to them."""
    found = parallel._Gather.apply(rows).detach()
    before = len(found) // 2 * parallel.rank()
    return torch.cat([found[:before], rows, found[before + len(rows) :]])


def unscaled(rows):
    """One that forgets that the mean over two processes will be taken."""
    found = parallel._Gather.apply(rows)
    return found / 2 + found.detach() / 2 if found.requires_grad else found


FAULTS = {"detached": detached, "unscaled": unscaled, "forgotten": lambda rows: rows}


def outcomes():
    """All of it, by case."""
    found = {f"{loss}, {groups}": gradients(loss, groups) for loss in LOSSES for groups in GROUPS}
    fits = {"fit": trained(encoders=False), "fit with encoders": trained(encoders=True)}
    return found | fits | {"fit in pieces": trained(encoders=True, size=3)}


def faulty():
    """The losses under each fault: where there are two processes, these must show."""
    found, right = {}, parallel.gather
    for name, parallel.gather in FAULTS.items():
        found |= {f"{name}, {loss}": gradients(loss, "even") for loss in LOSSES}
    parallel.gather = right
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    parallel.join()
    assert parallel.processes() == 2
    in_cache = {"whole": kept("whole"), "again": kept("whole"), "begun by one": kept("begun by one")}
    assert kept("begun by two", breaks_at=3) is None
    found = {"right": outcomes(), "wrong": faulty(), "kept": in_cache, "cached": cached()}
    torch.save(found, Path(sys.argv[1]) / f"{parallel.rank()}.pt")
    distributed.destroy_process_group()
