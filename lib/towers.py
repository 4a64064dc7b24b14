"""Towers: encoder and adapter in a row; two of them make the dual encoder that all the notebooks train.

Saved as `weights.safetensors` and `settings.json`: numbers and text, so loading a model runs no code from its files.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load as read_weights
from safetensors.torch import save as write_weights
from torch import Tensor, nn

from lib import adapters, losses

COMMITTED = Path(__file__).parent / "encoders" / "weights"  # models that come with the workbook
WEIGHTS, SETTINGS, FORMAT = "weights.safetensors", "settings.json", 1


class Tower(nn.Module):
    """Encoder, then adapter: a batch of waveforms or texts becomes a batch of embeddings.

    With encoder None the tower starts at the encoder's output (cached frames and mask): what a frozen encoder would
    hand over need not be computed twice.
    """

    def __init__(self, encoder: nn.Module | None, adapter: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.adapter = adapter

    def forward(self, *inputs: Any) -> Float[Tensor, "batch dim"]:
        """(waveforms, lengths), (texts,) or, without an encoder, (frames, mask)."""
        frames, mask = inputs if self.encoder is None else self.encoder(*inputs)
        return self.adapter(frames, mask)

    def train(self, mode: bool = True) -> "Tower":
        """As ever, but a pretrained encoder keeps the batch statistics it came with: those of 64 clips are worse, and
        a clip's embedding would depend on its neighbours in the batch. One that learns from scratch has none yet."""
        super().train(mode)
        for module in () if getattr(self.encoder, "from_scratch", False) else self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    @property
    def trains_encoder(self) -> bool:
        """True where the encoder is fine-tuned, so that its weights belong to the model."""
        return self.encoder is not None and any(p.requires_grad for p in self.encoder.parameters())


class DualEncoder(nn.Module):
    """An audio tower and a text tower that share one embedding space (Weck et al. 2022, Fig. 1).

    Args:
        notes: whatever else a reader of the saved model must know (which encoders' frames, which data); JSON values.
        temperature: where the temperature of the loss starts, if it is learnt with the model. Kept as its logarithm,
            so that it stays above 0.
    """

    def __init__(self, audio: Tower, text: Tower, notes: dict | None = None, temperature: float | None = None) -> None:
        super().__init__()
        self.audio, self.text = audio, text
        self.notes = dict(notes or {})
        self.log_temperature = None if temperature is None else nn.Parameter(torch.tensor(temperature).log())

    def forward(self, audio: tuple, text: tuple) -> tuple[Tensor, ...]:
        """Embeddings of clips (clip, dim) and of captions (caption, dim); then the temperature, if it is learnt."""
        learnt = () if self.log_temperature is None else (self.log_temperature.exp(),)
        return self.audio(*audio), self.text(*text), *learnt

    def similarity(
        self, audio_embeddings: Float[Tensor, "clip dim"], text_embeddings: Float[Tensor, "query dim"]
    ) -> Float[Tensor, "query clip"]:
        """Cosine similarity (or what `notes` name), one row per query, as `lib.metrics` reads it."""
        return losses.similarities(text_embeddings, audio_embeddings, self.notes.get("similarity", "cosine"))

    def save(self, directory: str | Path) -> Path:
        """Write weights and settings; of a frozen encoder only its name and key. Gives the directory."""
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        weights = write_weights({k: v.detach().cpu().contiguous() for k, v in self._own_weights().items()})
        settings = {"format": FORMAT, "weights_sha256": hashlib.sha256(weights).hexdigest(), "notes": self.notes}
        settings |= {side: _describe(tower) for side, tower in self._towers()}
        (directory / WEIGHTS).write_bytes(weights)
        (directory / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n")
        return directory

    def _towers(self) -> list[tuple[str, Tower]]:
        return [("audio", self.audio), ("text", self.text)]

    def _own_weights(self) -> dict[str, Tensor]:
        """State of the adapters and of fine-tuned encoders; a frozen encoder is found again by name."""
        frozen = tuple(f"{side}.encoder." for side, tower in self._towers() if not tower.trains_encoder)
        return {name: value for name, value in self.state_dict().items() if not name.startswith(frozen)}


def _describe(tower: Tower) -> dict:
    """What `load` needs to build the tower again."""
    known = {"adapter": type(tower.adapter).__name__, "adapter_settings": tower.adapter.settings, "encoder": None}
    if tower.encoder is not None:
        known["encoder"] = {"name": tower.encoder.name, "trained": tower.trains_encoder}
        known["encoder"] |= {} if tower.trains_encoder else {"key": tower.encoder.key}
    return known


def load(
    directory: str | Path,
    *,
    audio_encoder: Callable[[str], nn.Module] | None = None,
    text_encoder: Callable[[str], nn.Module] | None = None,
) -> DualEncoder:
    """The dual encoder saved there, in evaluation mode.

    Args:
        audio_encoder, text_encoder: from an encoder's name to the encoder; None takes `lib.encoders`.

    Raises:
        ValueError: a file is missing, damaged or was changed after saving, or names what we do not know.
    """
    directory = Path(directory)
    settings, weights = _read(directory)
    makers = {"audio": audio_encoder, "text": text_encoder}
    towers = (_build(side, settings[side], makers[side]) for side in makers)
    learnt = 1.0 if "log_temperature" in weights else None  # its value is among the weights
    model = DualEncoder(*towers, notes=settings["notes"], temperature=learnt)
    expected, got = model._own_weights(), weights
    shapes = [{name: tuple(value.shape) for name, value in each.items()} for each in (expected, got)]
    if shapes[0] != shapes[1]:
        wrong = sorted(name for name in shapes[0] | shapes[1] if shapes[0].get(name) != shapes[1].get(name))
        raise ValueError(
            f"{directory}: {SETTINGS} and {WEIGHTS} describe different models ({wrong[0]}). Save the model again."
        )
    model.load_state_dict(weights, strict=False)
    return model.eval()


def _read(directory: Path) -> tuple[dict, dict[str, Tensor]]:
    try:
        settings = json.loads((directory / SETTINGS).read_text())
        weights = (directory / WEIGHTS).read_bytes()
    except FileNotFoundError as error:
        raise ValueError(
            f"{directory}: expected {SETTINGS} and {WEIGHTS}; {Path(error.filename).name} is missing."
        ) from error
    except ValueError as error:
        raise ValueError(f"{directory}: {SETTINGS} is not JSON ({error}). Fetch or save the model again.") from error
    lacking = [n for n in ("format", "weights_sha256", "notes", "audio", "text") if n not in settings]
    if lacking or settings["format"] != FORMAT:
        raise ValueError(f"{directory}: {SETTINGS} is no dual encoder of format {FORMAT} (lacks {lacking or 'it'}).")
    digest = hashlib.sha256(weights).hexdigest()
    if digest != settings["weights_sha256"]:
        wanted = settings["weights_sha256"]
        raise ValueError(
            f"{directory}: {WEIGHTS} is not the file that was saved: sha256 {wanted[:12]} expected, "
            f"got {digest[:12]}. It was cut short or changed; fetch or save the model again."
        )
    try:
        return settings, read_weights(weights)
    except SafetensorError as error:
        raise ValueError(f"{directory}: {WEIGHTS} is not a safetensors file ({error}).") from error


def _build(side: str, known: dict, make: Callable[[str], nn.Module] | None) -> Tower:
    lacking = [n for n in ("adapter", "adapter_settings", "encoder") if n not in known]
    if lacking:
        raise ValueError(f"expected {', '.join(lacking)} in the {side} tower's settings; got {list(known)}.")
    adapter = adapters.build(known["adapter"], known["adapter_settings"])
    if known["encoder"] is None:
        return Tower(None, adapter)
    if make is None:
        from lib import encoders  # here, so that a model of cached frames needs no encoder at all

        make = getattr(encoders, side)
    encoder = make(known["encoder"]["name"])
    trained = known["encoder"]["trained"]
    encoder.requires_grad_(trained)
    if not trained and encoder.key != known["encoder"]["key"]:
        raise ValueError(
            f"the {side} encoder {encoder.name!r} is not the one this model was trained with: other weights."
        )
    return Tower(encoder, adapter)
