"""A training step of PaSST, with patchout and without: the small network of notebook 11, and PaSST-N whole.

Patchout as in Primus et al.'s Table 2 for PaSST-N; the small network leaves out as large a part. Forward, backward and
AdamW's step on one batch of ten-second segments (the small network: five seconds).
"""

from dataclasses import replace

import torch

from lib.encoders import passt
from tests.bench.timing import race, report, wanted

SMALL = replace(passt.SMALL, patchout_time=4, patchout_mel=1)
CASES = {"small, batch 32": (SMALL, 32, 5), "passt_n, batch 2": (passt.SETTINGS["passt_n"], 2, 2)}


def main() -> None:
    for name, (settings, batch, at_least) in CASES.items():
        whole = replace(settings, patchout_time=0, patchout_mel=0)
        rivals = {"ours": step(settings, batch), "without patchout": step(whole, batch)}
        medians = race(rivals, at_least=at_least)
        left = (settings.rows - settings.patchout_mel) * (settings.columns - settings.patchout_time)
        report(f"{name}, {left} patches of {settings.rows * settings.columns}", medians)
        ratio = medians["without patchout"] / medians["ours"]
        wanted(f"at least 1.5 times faster: {ratio:.2f}", ratio >= 1.5)


def step(settings: passt.Settings, batch: int):
    """One step on spectrograms made beforehand, as a call without arguments."""
    torch.manual_seed(0)
    model = passt.PaSST(settings).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5)
    log_mels = torch.randn(batch, settings.frames, settings.front_end.n_mels)
    mask = torch.ones(batch, settings.frames, dtype=torch.bool)

    def call() -> None:
        optimiser.zero_grad()
        model.from_log_mel(log_mels, mask)[0].square().mean().backward()
        optimiser.step()

    return call
