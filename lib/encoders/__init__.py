"""Encoders by name: the first box of each tower. An encoder hands over frames; an adapter makes an embedding of them.

Every encoder gives `(batch, time, feature)` and a mask, and the same frames for a clip alone or padded in a batch.
"""

from pathlib import Path

import torch

from lib.encoders.interface import AudioEncoder, TextEncoder

__all__ = ["WEIGHTS", "AudioEncoder", "TextEncoder", "audio", "text"]

WEIGHTS = Path(__file__).parent / "weights"  # what is committed: the small CNN's, and the adapters of notebook 00


def audio(
    name: str = "small_cnn",
    *,
    pretrained: bool = True,
    trainable: bool = False,
    generator: torch.Generator | None = None,
) -> AudioEncoder:
    """The audio encoder of that name: "small_cnn", or "frames:FILE.npz" for frames computed elsewhere.

    Args:
        pretrained: False for random weights, drawn from `generator`.
        trainable: False fixes the weights and sets evaluation mode (frozen).
    """
    from lib.encoders import frames, small_cnn  # here, since each imports the interface above

    kind, _, rest = name.partition(":")
    if kind == "small_cnn":
        encoder = small_cnn.build(pretrained=pretrained, generator=generator)
    elif kind == "frames" and rest:
        encoder = frames.PrecomputedFrames(rest)
    else:
        raise ValueError(f"expected an audio encoder among small_cnn, frames:FILE.npz; got {name!r}")
    return encoder if trainable else encoder.frozen()


def text(name: str = "minilm", *, trainable: bool = False) -> TextEncoder:
    """The text encoder of that name: "minilm" (comes with a package, works offline), or "hf:NAME" from Hugging Face."""
    from lib.encoders import texts

    kind, _, rest = name.partition(":")
    if kind == "minilm":
        encoder = texts.minilm()
    elif kind == "hf" and rest:
        encoder = texts.hugging_face(rest)
    else:
        raise ValueError(f"expected a text encoder among minilm, hf:NAME (say hf:roberta-base); got {name!r}")
    return encoder if trainable else encoder.frozen()
