"""The sizes of a run, by name: the one place where a smoke test, a laptop and a GPU differ.

A notebook asks for sizes (`profile.n_train`), never for the name, so the same code path runs everywhere.
"""

import os
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Profile:
    """Sizes and budgets of one way of running the notebooks."""

    name: str
    threads: int  # torch threads in one notebook; two notebooks run at once on two cores
    seeds: tuple[int, ...]  # each seed redraws corpus, weights and batches
    n_train: int  # clips
    n_validation: int
    n_test: int
    n_shifted: int
    n_noisy: int  # clips of which there is only an uploader's text
    max_epochs: int
    batch_size: int  # pairs
    dim: int  # of the shared embedding space
    resamples: int  # of a bootstrap
    budget_s: float  # seconds a notebook should take; twice that is the hard limit
    budget_mib: int  # peak resident memory of its kernel


PROFILES = {
    p.name: p
    for p in (
        Profile("smoke", 1, (0,), 160, 40, 100, 60, 160, 4, 32, 64, 200, 20, 4096),
        Profile("laptop", 1, (0, 1, 2, 3, 4), 1200, 200, 1000, 300, 1200, 30, 64, 256, 2000, 90, 4096),
        Profile("gpu", 8, (0, 1, 2, 3, 4), 4000, 1000, 1000, 1000, 20000, 60, 64, 512, 10000, 1200, 12000),
    )
}


def get(name: str) -> Profile:
    """The profile of that name; torch is told its number of threads (or the runner's, if larger).

    Raises:
        ValueError: the name is not one of smoke, laptop, gpu.
    """
    if name not in PROFILES:
        raise ValueError(
            f"expected a profile among {', '.join(PROFILES)}; got {name!r}. "
            "Set PROFILE in the parameters cell."
        )
    profile = PROFILES[name]
    torch.set_num_threads(max(profile.threads, int(os.environ.get("HEARSAY_THREADS", 1))))
    return profile
