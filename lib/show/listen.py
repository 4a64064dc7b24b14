"""Players: short Opus inside the output itself, so that a notebook or a static page sounds without files or kernel."""

import base64
import hashlib
import io
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soundfile
from jaxtyping import Float

from lib import audio
from lib.show import bundle

RATES = (8000, 12000, 16000, 24000, 48000)  # hertz: all that Opus knows
COMPRESSION = 0.94  # libsndfile's scale for Opus, 1 the smallest: about 20 kbit/s for mono
KEYS = 'data-lm-suppress-shortcuts="true"'  # JupyterLab keeps its own shortcuts off: space plays, arrows seek
FADE_S = 0.02  # where a sound is cut short, so that the cut does not click
STYLE = "display:inline-block;margin:0 1em 0.6em 0;vertical-align:top;max-width:22em"


@dataclass(frozen=True)
class Player:
    """One sound, ready to be shown: its name, what to say below it, and its bytes as a data address."""

    label: str
    caption: str
    address: str
    duration_s: float

    @property
    def text(self) -> str:
        """For those who see no player."""
        below = f": {self.caption}" if self.caption and self.caption != self.label else ""
        return f"sound, {self.duration_s:.1f} s: {self.label}{below}"

    def html(self) -> str:
        """A figure with an <audio> in it; whatever came from outside is escaped."""
        label, caption = bundle.escape(self.label), bundle.escape(self.caption or self.label)
        return (
            f'<figure style="{STYLE}"><audio controls preload="metadata" style="width:100%;min-width:16em" '
            f'aria-label="{label}" src="{self.address}">{label}</audio>'
            f"<figcaption>{caption}</figcaption></figure>"
        )


def play(sound, sample_rate: int | None = None, label: str = "", *, seconds: float = 3.0, caption: str = "") -> None:
    """Show one player.

    Args:
        sound: samples (then with their `sample_rate`), a path, or a clip: one row of a clip table.
        label: what is heard, also for screen readers; a clip brings its own (its first caption, else its id).
        seconds: what is longer is faded out there.
        caption: the line below, if it should say more than the label.
    """
    show([player(sound, sample_rate, label, seconds=seconds, caption=caption)])


def play_row(sounds: Sequence, sample_rate: int | None = None, labels: Sequence[str] = (), *, seconds: float = 3.0,
             captions: Sequence[str] = ()) -> None:
    """Show several players side by side; arguments as for `play`, one label (and caption) for each sound.

    Raises:
        ValueError: labels or captions are not as many as sounds.
    """
    for what, texts in (("labels", labels), ("captions", captions)):
        if len(texts) not in (0, len(sounds)):
            raise ValueError(f"expected {len(sounds)} {what}, one for each sound; got {len(texts)}")
    labels, captions = list(labels) or [""] * len(sounds), list(captions) or [""] * len(sounds)
    show([player(s, sample_rate, label, seconds=seconds, caption=caption)
          for s, label, caption in zip(sounds, labels, captions, strict=True)])


def show(players: Sequence[Player]) -> None:
    """Put players into the output, in a row that wraps."""
    bundle.emit({"text/html": f"<div {KEYS}>" + "".join(p.html() for p in players) + "</div>",
                 "text/plain": "\n".join(p.text for p in players)})


def player(sound, sample_rate: int | None = None, label: str = "", *, seconds: float = 3.0,
           caption: str = "") -> Player:
    """The player of `play`, not shown.

    Raises:
        ValueError: samples without a sample rate, without a label, or of another shape than (samples,).
        AudioError: the clip's file cannot be read.
    """
    if isinstance(sound, str | Mapping) or hasattr(sound, "get"):
        clip = {"path": sound} if isinstance(sound, str) else sound
        label = label or _label(clip)
        sound, sample_rate = audio.load(clip["path"], 16000), 16000
    if sample_rate is None or not label:
        raise ValueError("expected a sample rate and a label with these samples: play(samples, 16000, 'a dog barks')")
    samples = np.asarray(sound.detach().cpu() if hasattr(sound, "detach") else sound, dtype=np.float32)
    if samples.ndim != 1 or not len(samples) or not np.isfinite(samples).all():
        raise ValueError(f"expected finite samples (samples,), mono, at least one; got shape {samples.shape}")
    samples = excerpt(samples, sample_rate, seconds)
    address = "data:audio/ogg;base64," + base64.b64encode(opus(samples, sample_rate)).decode()
    return Player(str(label), str(caption), address, len(samples) / sample_rate)


def _label(clip: Mapping) -> str:
    captions = clip.get("captions")
    if captions is not None and len(captions):
        return captions[0]
    return str(clip.get("title") or clip.get("clip_id") or clip["path"].rsplit("/", 1)[-1])


def excerpt(samples: Float[np.ndarray, "samples"], sample_rate: int, seconds: float) -> Float[np.ndarray, "excerpt"]:
    """The beginning, at most so many seconds, faded out if it was cut; never louder than full scale."""
    n = max(1, round(seconds * sample_rate))
    cut = len(samples) > n
    samples = samples[:n] / np.float32(max(1.0, np.abs(samples[:n]).max() / 0.99))
    fade = min(len(samples), round(FADE_S * sample_rate))
    if cut and fade:
        samples[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return samples


def opus(samples: Float[np.ndarray, "samples"], sample_rate: int) -> bytes:
    """Samples as an Ogg Opus file; the same samples give the same bytes."""
    if sample_rate not in RATES:
        target = next((rate for rate in RATES[2:4] if rate >= sample_rate), 24000)
        samples, sample_rate = audio.resample(samples, sample_rate, target), target
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format="OGG", subtype="OPUS", compression_level=COMPRESSION)
    return _renumber(buffer.getvalue(), hashlib.sha256(samples.tobytes()).digest()[:4])


def _renumber(ogg: bytes, serial: bytes) -> bytes:
    """The same Ogg file under another serial number (the writer draws it at random) with its checksums made good."""
    out, at = bytearray(), 0
    while at < len(ogg):
        segments = ogg[at + 26]
        size = 27 + segments + sum(ogg[at + 27 : at + 27 + segments])
        page = bytearray(ogg[at : at + size])
        page[14:18], page[22:26] = serial, bytes(4)
        page[22:26] = struct.pack("<I", _crc(page))
        out, at = out + page, at + size
    return bytes(out)


@lru_cache(maxsize=1)
def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        value <<= 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return table


def _crc(page: bytes) -> int:
    """Ogg's checksum (RFC 3533): polynomial 0x04C11DB7, from 0, neither end reflected."""
    table, value = _crc_table(), 0
    for byte in page:
        value = ((value << 8) & 0xFFFFFFFF) ^ table[(value >> 24) ^ byte]
    return value
