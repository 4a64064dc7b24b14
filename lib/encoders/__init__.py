"""Encoders by name: the first box of each tower. An encoder hands over frames; an adapter makes an embedding of them.

Every encoder gives `(batch, time, feature)` and a mask, and the same frames for a clip alone or padded in a batch.
Taught in notebook 04.
"""

from importlib import import_module

import torch

from lib.encoders.interface import AudioEncoder, TextEncoder

__all__ = ["AUDIO", "TEXT", "AudioEncoder", "TextEncoder", "audio", "text"]

# Name -> the module that builds it. By name, so that a notebook leans on the encoders that it uses and on no other.
AUDIO = {"small_cnn": "small_cnn"}
TEXT = {"minilm": "texts", "word2vec": "word2vec"}


def audio(
    name: str = "small_cnn",
    *,
    pretrained: bool = True,
    trainable: bool = False,
    generator: torch.Generator | None = None,
) -> AudioEncoder:
    """The audio encoder of that name: one of `AUDIO`, or "frames:FILE.npz" for frames computed elsewhere.

    Args:
        pretrained: False for random weights, drawn from `generator`.
        trainable: False fixes the weights and sets evaluation mode (frozen).
    """
    kind, _, rest = name.partition(":")
    if kind in AUDIO and not rest:
        encoder = _module(AUDIO[kind]).build(kind, pretrained=pretrained, generator=generator)
    elif kind == "frames" and rest:
        encoder = _module("frames").PrecomputedFrames(rest)
    else:
        raise ValueError(f"expected an audio encoder among {', '.join(AUDIO)}, frames:FILE.npz; got {name!r}")
    return encoder if trainable else encoder.frozen()


def text(name: str = "minilm", *, trainable: bool = False) -> TextEncoder:
    """The text encoder of that name: one of `TEXT` ("minilm" comes with a package), or "hf:NAME" from Hugging Face."""
    kind, _, rest = name.partition(":")
    if kind in TEXT and not rest:
        encoder = _module(TEXT[kind]).build(kind)
    elif kind == "hf" and rest:
        encoder = _module("texts").hugging_face(rest)
    else:
        raise ValueError(f"expected a text encoder among {', '.join(TEXT)}, hf:NAME (hf:roberta-base); got {name!r}")
    return encoder if trainable else encoder.frozen()


def _module(name: str):
    return import_module(f"lib.encoders.{name}")
