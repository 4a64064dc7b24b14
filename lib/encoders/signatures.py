"""Which network a file of weights belongs to, told by a few of its names and shapes: file names can be wrong.

Weights of one shape that were trained otherwise (Cnn14_DecisionLevelMax, for Cnn14) only a hash can tell apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Shape = tuple[int | None, ...]  # None: any size


@dataclass(frozen=True)
class Signature:
    """A model, the sampling rate of its sounds in hertz, and what only its weights have, and lack."""

    model: str
    sample_rate: int
    has: dict[str, Shape]
    lacks: tuple[str, ...] = ()
    exact: bool = True  # False: a family, whose members this does not tell apart


def _panns(model: str, sample_rate: int, n_frequencies: int, **has: Shape) -> Signature:
    keys = {key.replace("__", "."): shape for key, shape in has.items()}
    return Signature(model, sample_rate, {"logmel_extractor.melW": (n_frequencies, 64), **keys}, ("pre_conv0.weight",))


def _passt(model: str, f: int | None, t: int | None, n_blocks: int = 12) -> Signature:
    has = {"freq_new_pos_embed": (1, 768, f, 1), "time_new_pos_embed": (1, 768, 1, t)}
    has[f"blocks.{n_blocks - 1}.norm1.weight"] = (768,)
    return Signature(model, 32_000, has, (f"blocks.{n_blocks}.norm1.weight",))


# The first that fits counts. Names as in `lib.encoders.registry.CHECKPOINTS`, and of relatives mistaken for them.
SIGNATURES = (
    _panns("cnn14", 32_000, 513, fc1__weight=(2048, 2048), conv_block6__conv2__weight=(2048, 2048, 3, 3)),
    _panns("cnn14_16k", 16_000, 257, fc1__weight=(2048, 2048), conv_block6__conv2__weight=(2048, 2048, 3, 3)),
    _panns("cnn14_8k", 8_000, 129, fc1__weight=(2048, 2048), conv_block6__conv2__weight=(2048, 2048, 3, 3)),
    _panns("cnn10", 32_000, 513, fc1__weight=(512, 512), conv_block1__conv2__weight=(64, 64, 3, 3)),
    _panns("cnn6", 32_000, 513, fc1__weight=(512, 512), conv_block1__conv1__weight=(64, 1, 5, 5)),
    Signature("another PANN", 32_000, {"fc_audioset.weight": (527, None)}, exact=False),
    Signature("vggish", 16_000, {"features.0.weight": (64, 1, 3, 3), "embeddings.0.weight": (4096, 12288)}),
    _passt("passt_n", 8, 62),
    _passt("passt_s", 12, 99),
    _passt("passt_l", 12, 99, n_blocks=7),
    _passt("passt_s20", 12, 200),
    Signature("another PaSST", 32_000, {"time_new_pos_embed": (1, None, 1, None)}, exact=False),
    Signature("a BEATs tokenizer", 16_000, {"patch_embedding.weight": (None,) * 4, "quantize.embedding.weight": ()}),
    Signature("beats", 16_000, {"patch_embedding.weight": (512, 1, 16, 16), "post_extract_proj.weight": (768, 512)}),
    Signature("vast", 16_000, {"audio_encoder.patch_embedding.weight": (None,) * 4}),
    Signature("cav_mae", 16_000, {"patch_embed_a.proj.weight": (768, 1, 16, 16)}),
    Signature("crnn", 44_100, {"gru.weight_ih_l0": (450, 128), "cnn.features.1.weight": (32, 1, 3, 3)}),
)


def identify(content: Mapping[str, Any]) -> Signature | None:
    """The model whose weights a file holds, or None where none that we know fits."""
    state = without_wrapper(content)
    return next((signature for signature in SIGNATURES if _fits(state, signature)), None)


def without_wrapper(state: Mapping[str, Any]) -> dict[str, Any]:
    """The weights under their own names: what some files keep under "model", without `DataParallel`'s "module."."""
    state = state["model"] if isinstance(state.get("model"), Mapping) else state
    if state and all(key.startswith("module.") for key in state):
        return {key.removeprefix("module."): value for key, value in state.items()}
    return dict(state)


def _fits(state: Mapping[str, Any], signature: Signature) -> bool:
    if any(key in state for key in signature.lacks):
        return False
    return all(key in state and _same(tuple(state[key].shape), shape) for key, shape in signature.has.items())


def _same(got: tuple[int, ...], wanted: Shape) -> bool:
    if not wanted:
        return True
    return len(got) == len(wanted) and all(size in (None, real) for real, size in zip(got, wanted))
