"""Audio models of Hugging Face by name: AST (Gong et al. 2021) and the audio tower of CLAP (Wu et al. 2023).

Both hear about ten seconds at a time. Their feature extractor says the sampling rate, the window and the spectrogram,
from waveforms in [-1, 1]. A shorter clip is completed as the extractor does it (AST: zeros, CLAP: repeated). From a
longer one AST's extractor keeps the start and CLAP's a random part, another at each call; here windows are spread
evenly from its start to its end, so that each is full and the same sound always has the same frames.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTModel,
    AutoConfig,
    AutoFeatureExtractor,
    ClapAudioConfig,
    ClapAudioModelWithProjection,
    ClapFeatureExtractor,
    PretrainedConfig,
    PreTrainedModel,
    SequenceFeatureExtractor,
)
from transformers.utils import logging

from lib.audio import length_mask
from lib.encoders import checkpoints
from lib.encoders.interface import AudioEncoder
from lib.encoders.transformer import joined

AST, CLAP = "MIT/ast-finetuned-audioset-10-10-0.4593", "laion/clap-htsat-unfused"


class WindowedAudio(AudioEncoder):
    """A feature extractor and a model that hears windows of `window` samples."""

    def __init__(self, name: str, extractor: SequenceFeatureExtractor, model: PreTrainedModel, window: int):
        said = {key: value for key, value in extractor.to_dict().items() if not isinstance(value, np.ndarray)}
        shape = {key: value for key, value in model.config.to_diff_dict().items() if key != "transformers_version"}
        super().__init__(name, extractor.sampling_rate, model.config.hidden_size, {"extractor": said, "model": shape})
        self.extractor, self.model, self.window = extractor, model, window

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """The frames of each clip's windows, one window after the other, and the mask of those that it has."""
        windows, real = self.windows(waveforms, lengths)
        frames = self.heard(windows)
        return joined(frames, real).flatten(1, 2), real.repeat_interleave(frames.shape[1], dim=1)

    def windows(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[list[np.ndarray], Bool[Tensor, "batch most"]]:
        """As few windows as cover each clip, evenly spread, and how many of them each has."""
        found, counts = [], []
        for waveform, length in zip(waveforms.detach().cpu().float().numpy(), lengths.tolist(), strict=True):
            starts = np.linspace(0, max(0, length - self.window), ceil(length / self.window)).round().astype(int)
            found += [waveform[start : min(start + self.window, length)] for start in starts]
            counts.append(len(starts))
        counts = torch.tensor(counts, device=waveforms.device)
        return found, length_mask(counts, int(counts.max()))

    def heard(self, windows: list[np.ndarray]) -> Float[Tensor, "window step feature"]:
        """What the model makes of each window."""
        raise NotImplementedError

    def extracted(self, windows: list[np.ndarray]) -> dict[str, Tensor]:
        """The model's input: spectrograms, as the feature extractor makes them."""
        inputs = self.extractor(windows, sampling_rate=self.sample_rate, return_tensors="pt")
        return {key: value.to(self.model.device) for key, value in inputs.items()}


class ASTAudio(WindowedAudio):
    """Waveforms at 16 kHz to one frame (768) per window of 1,024 spectrogram frames, 10.255 s.

    AST has no pooling over time: two tokens look at all patches, and a frame is the mean of what becomes of them, the
    official output (`pooler_output`). The mean over frames is the mean over windows.
    """

    def __init__(self, name: str, extractor: ASTFeatureExtractor, model: ASTModel):
        self.shortest, hop = extractor.sampling_rate // 40, extractor.sampling_rate // 100  # Kaldi's 25 and 10 ms
        if extractor.max_length != model.config.max_length:
            sizes = f"{extractor.max_length} frames; the model wants {model.config.max_length}"
            raise ValueError(f"expected {name}'s feature extractor to fit its model, got {sizes}")
        super().__init__(name, extractor, model, self.shortest + (extractor.max_length - 1) * hop)

    def heard(self, windows: list[np.ndarray]) -> Float[Tensor, "window 1 feature"]:
        """One vector per window."""
        windows = [np.pad(window, (0, max(0, self.shortest - len(window)))) for window in windows]
        return self.model(**self.extracted(windows)).pooler_output[:, None]


class ClapAudio(WindowedAudio):
    """Waveforms at 48 kHz to frames (batch, time, 768), 32 for each window of 10 s.

    The official network averages its last map over mel and time; a frame is the mean over mel alone, so that the mean
    over frames is the official `pooler_output`, and `embedding` takes it on into the space that CLAP shares with text.
    """

    def __init__(self, name: str, extractor: ClapFeatureExtractor, model: ClapAudioModelWithProjection):
        fused, merges = model.config.enable_fusion, extractor.truncation == "fusion"
        if fused != merges:  # the extractor would use the other spectrogram and pass the shape check
            raise ValueError(f'expected truncation="{"fusion" if fused else "rand_trunc"}" of {name}\'s extractor, '
                             f"whose model was trained with it; got {extractor.truncation!r}")  # fmt: skip
        super().__init__(name, extractor, model, extractor.nb_max_samples)

    def heard(self, windows: list[np.ndarray]) -> Float[Tensor, "window step feature"]:
        """32 vectors per window."""
        inputs = self.extracted(windows)
        inputs["is_longer"] = torch.zeros_like(inputs["is_longer"])  # the extractor draws one and calls it longer
        return self.model.audio_model(**inputs).last_hidden_state.mean(2).transpose(1, 2)

    def embedding(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch dim"]:
        """The mean of the windows' official audio embeddings (each of length 1): for one window, the official one."""
        windows, real = self.windows(waveforms, lengths)
        each = F.normalize(self.model.audio_projection(self.heard(windows).mean(1)), dim=-1)
        return joined(each, real).sum(1) / real.sum(1, keepdim=True)


KINDS = {
    "audio-spectrogram-transformer": (ASTAudio, ASTModel),
    "clap": (ClapAudio, ClapAudioModelWithProjection),
    "clap_audio_model": (ClapAudio, ClapAudioModelWithProjection),
}


def build(name: str, *, pretrained: bool = True, generator: torch.Generator | None = None) -> WindowedAudio:
    """The model of that name from the local Hugging Face cache, else downloaded; its own code is never run.

    Args:
        pretrained: False for random weights drawn from `generator`, without a network; for `AST` and `CLAP` alone.

    Raises:
        RuntimeError: there is no network and no cached copy, no such model, or weights that do not fit.
        ValueError: neither AST nor CLAP.
    """
    if not pretrained:
        unfused = ClapFeatureExtractor(truncation="rand_trunc", frequency_min=50)  # as published with the weights
        known = {AST: (ASTConfig(), ASTFeatureExtractor()), CLAP: (ClapAudioConfig(), unfused)}
        if name not in known:
            raise ValueError(f"random weights without a network: expected {' or '.join(known)}, got {name!r}")
        return from_config(name, *known[name], generator)
    with _explained(name):
        config = AutoConfig.from_pretrained(name)  # first, since it gives up soonest when there is no network
    encoder, model = _kind(name, config)
    with _explained(name):
        extractor = AutoFeatureExtractor.from_pretrained(name)
        weights, found = model.from_pretrained(name, output_loading_info=True)
        if found["missing_keys"]:  # a warning there; here random weights do not pass for trained ones
            raise RuntimeError(f"its weights lack {', '.join(sorted(found['missing_keys'])[:3])}")
    return encoder(f"hf:{name}", extractor, weights)


def from_config(
    name: str, config: PretrainedConfig, extractor: SequenceFeatureExtractor, generator: torch.Generator | None
) -> WindowedAudio:
    """A model of that shape with random weights."""
    encoder, model = _kind(name, config)
    return checkpoints.build(
        lambda: encoder(f"hf:{name}", extractor, model(config)), name,
        pretrained=False, generator=generator, load=lambda *_: None,
    )  # fmt: skip


def _kind(name: str, config: PretrainedConfig) -> tuple[type[WindowedAudio], type[PreTrainedModel]]:
    if config.model_type not in KINDS:
        raise ValueError(f"expected an AST or a CLAP, as hf:{AST} or hf:{CLAP}; {name} is of type {config.model_type}")
    return KINDS[config.model_type]


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """What goes wrong at loading, in one sentence, for the libraries raise many kinds of error; they say no more."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()  # else a table of the heads that the file has and we do without
    try:
        yield
    except Exception as error:
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") == "1" else ""
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise RuntimeError(
            f"cannot load the audio model {name!r} from Hugging Face{offline}: {reason}. "
            "Check the name and the network, or use 'small_cnn', which needs neither."
        ) from error
    finally:
        logging.set_verbosity(level)
