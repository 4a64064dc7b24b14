"""Weights and sounds by formula, so that an official network and ours get the same ones without a file."""

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch


def weights(shapes: dict[str, torch.Size], seed: int = 0) -> dict[str, torch.Tensor]:
    """Drawn in the order of their names: matrices as for ReLU, gains and variances about 1, the rest about 0.

    `bn0` normalises decibels, so its mean is about -40 and its standard deviation 20.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = {}
    for name in sorted(shapes):
        x = torch.randn(shapes[name], generator=generator)
        if len(shapes[name]) > 1:
            x *= (2 / x[0].numel()) ** 0.5
        elif name.endswith("running_var"):
            x = (1 + 0.1 * x.abs()) * (400 if name == "bn0.running_var" else 1)
        elif name.endswith("weight"):
            x = 1 + 0.1 * x
        else:
            x = 0.1 * x - (40 if name == "bn0.running_mean" else 0)
        drawn[name] = x
    return drawn


def waveform(n: int, rate: int) -> np.ndarray:
    """A rising chirp, a tone struck every 0.7 s, and hiss."""
    time = np.arange(n) / rate
    chirp = 0.3 * np.sin(2 * np.pi * (200 + 300 * time) * time)
    tone = 0.1 * np.sin(2 * np.pi * 3000 * time) * np.exp(-3 * (time % 0.7))
    return (chirp + tone + 0.01 * np.sin(0.7 * np.arange(n) ** 2.0)).astype(np.float32)


def decibels(time: int, mel: int = 64) -> torch.Tensor:
    """A spectrogram (time, mel) between -60 and -20."""
    at = torch.arange(time * mel, dtype=torch.float64)
    return (-40 + 20 * torch.sin(0.37 * at**1.1)).float().view(time, mel)


def summary(x: torch.Tensor) -> torch.Tensor:
    """Mean, standard deviation, largest size, and seven values spread over the tensor."""
    x = x.double().flatten()
    return torch.stack([x.mean(), x.std(correction=0), x.abs().max(), *x[:: len(x) // 6][:7]])


def assert_same(ours: torch.Tensor, official: list[float], tolerance: float = 1e-4) -> None:
    """Equal to `tolerance` of the largest value."""
    official = torch.tensor(official, dtype=torch.float64)
    torch.testing.assert_close(summary(ours)[: len(official)], official, rtol=0, atol=tolerance * float(official[2]))


@torch.no_grad()
def fill(module: torch.nn.Module, *, seed: int = 0, but: tuple[str, ...] = ()) -> torch.nn.Module:
    """The module with uniform weights, drawn in the order of their names, at twice the usual scale; in eval mode.

    Args:
        but: weights that stay as they are, and for which nothing is drawn.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, weight in sorted(module.named_parameters()):
        if name in but:
            continue
        draw = torch.rand(weight.shape, generator=generator) * 2 - 1
        if weight.dim() == 1:
            draw = 0.1 * draw + name.endswith("weight")
        elif len(weight) > 1:
            draw = draw * 2 * math.sqrt(3 / weight[0].numel())
        weight.copy_(draw)
    return module.eval()


def sweep(seconds: float, rate: int) -> torch.Tensor:
    """A tone that rises and pulses, and a warbling one under it: (1, samples)."""
    t = np.arange(round(seconds * rate)) / rate
    rising = 0.3 * np.sin(2 * np.pi * (150 * t + 250 * t**2)) * np.cos(2 * np.pi * 1.5 * t)
    warbling = 0.05 * np.sin(2 * np.pi * 3000 * t + 5 * np.sin(2 * np.pi * 4 * t))
    return torch.from_numpy((rising + warbling).astype(np.float32))[None]


def check(got: torch.Tensor, first: list[float], last: list[float], mean: float, std: float) -> None:
    """To 1e-4 of the values' spread: where they begin, where they end, and all of them taken together."""
    got = got.detach().double().flatten()
    assert got[: len(first)].tolist() == pytest.approx(first, abs=1e-4 * std)
    assert got[-len(last) :].tolist() == pytest.approx(last, abs=1e-4 * std)
    assert (got.mean().item(), got.std().item()) == pytest.approx((mean, std), abs=1e-5 * std)


def layout(shapes: Mapping[str, Sequence[int]]) -> tuple[int, str]:
    """How many keys a file has, and the first digits of the sha256 of its sorted "key shape" lines."""
    lines = sorted(f"{key} {tuple(shape)}" for key, shape in shapes.items())
    return len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
