"""Encoders by name: the first box of each tower. An encoder hands over frames; an adapter makes an embedding of them.

Every encoder gives `(batch, time, feature)` and a mask, and the same frames for a clip alone or padded in a batch.
Taught in notebook 04.
"""

from importlib import import_module

import torch

from lib.encoders.interface import AudioEncoder, TextEncoder

__all__ = ["AUDIO", "TEXT", "AudioEncoder", "TextEncoder", "audio", "text"]

# Name -> the module that builds it. By name, so that a notebook leans on the encoders that it uses and on no other.
AUDIO = {
    "small_cnn": "small_cnn",
    **dict.fromkeys(("crnn", "crnn_16k"), "crnn"),
    **dict.fromkeys(("cnn10", "cnn14"), "panns"),
    **dict.fromkeys(("vggish", "vggish_map"), "vggish"),
    **dict.fromkeys(("beats", "beats_tagging", "vast"), "beats"),
    **dict.fromkeys(("passt_n", "passt_s", "passt_l", "passt_s20"), "passt"),
    "cav_mae": "cav_mae",
}
TRANSFORMERS = ("minilm", "bert_small", "bert_base", "bert_large", "roberta_base", "roberta_large", "distilroberta",
                "distilbert", "t5_base", "t5_large", "sbert")  # fmt: skip
TEXT = dict.fromkeys(TRANSFORMERS, "texts") | {"word2vec": "word2vec"}


def audio(
    name: str = "small_cnn",
    *,
    pretrained: bool = True,
    trainable: bool = False,
    generator: torch.Generator | None = None,
) -> AudioEncoder:
    """The audio encoder of that name: one of `AUDIO`, "hf:NAME" (an AST or CLAP of Hugging Face), or "frames:FILE" for
    frames computed elsewhere (.npz) or handed out (`make frames`; one that learns is then the encoder that made them).

    Args:
        pretrained: False for random weights, drawn from `generator`.
        trainable: False fixes the weights and sets evaluation mode (frozen).
    """
    kind, _, rest = name.partition(":")
    if kind in AUDIO and not rest:
        encoder = _module(AUDIO[kind]).build(kind, pretrained=pretrained, generator=generator)
    elif kind == "hf" and rest:
        encoder = _module("hf_audio").build(rest, pretrained=pretrained, generator=generator)
    elif kind == "frames" and rest.endswith(".npz"):
        encoder = _module("frames").PrecomputedFrames(rest)
    elif kind == "frames" and rest:
        encoder = _module("frames").HandedOver(rest)
        if trainable:
            return audio(encoder.maker(), trainable=True)
    else:
        raise ValueError(f"expected an audio encoder among {', '.join(AUDIO)}, hf:NAME, frames:FILE; got {name!r}")
    return encoder if trainable else encoder.frozen()


def text(
    name: str = "minilm",
    *,
    pretrained: bool = True,
    trainable: bool = False,
    generator: torch.Generator | None = None,
    layer: int | None = None,
) -> TextEncoder:
    """The text encoder of that name: one of `TEXT` ("minilm" comes with a package), or "hf:NAME" from Hugging Face.

    Args:
        pretrained: False for random weights, drawn from `generator`.
        trainable: False fixes the weights and sets evaluation mode (frozen).
        layer: of a transformer: -1 hands over its last layer's token vectors, -2 those of the one before.
    """
    kind, _, rest = name.partition(":")
    chosen = {} if layer is None else {"layer": layer}
    if kind in TEXT and not rest:
        encoder = _module(TEXT[kind]).build(kind, pretrained=pretrained, generator=generator, **chosen)
    elif kind == "hf" and rest and pretrained:
        encoder = _module("texts").hugging_face(rest, **chosen)
    else:
        known = f"{', '.join(TEXT)}, hf:NAME (hf:roberta-base; pretrained)"
        raise ValueError(f"expected a text encoder among {known}; got {name!r}, pretrained={pretrained}")
    return encoder if trainable else encoder.frozen()


def _module(name: str):
    return import_module(f"lib.encoders.{name}")
