"""A folder of sounds for those who have none at hand: clips made by formula, and a few files that no index wants.

The names tell what is in a file, for the reader's ears; no search of ours reads them.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from jaxtyping import Float
from tqdm.auto import tqdm

from lib import audio, store
from lib.data import pairs
from lib.show import ask

RATE = 16000
DONE = ".complete"


def write(clips: pd.DataFrame, *, progress: bool = True) -> Path:
    """Clips as flac files, a folder for each of their scenes, and "odd" ones; written once, in the cache."""
    names = {path: name(path, number) for number, path in enumerate(clips["path"])}
    root = store.root() / "sounds" / store.digest(*names)
    if (root / DONE).exists():
        return root
    for path, relative in tqdm(names.items(), desc="writing", unit="file", leave=False, disable=not progress):
        _write(root / f"{relative}.flac", audio.load(path, RATE), RATE)
    odd(root / "odd")
    (root / DONE).touch()
    return root


def name(path: str, number: int) -> str:
    """What a clip's file is called: "rain/012 rain + dog bark", "mixed/240 2 x siren, over traffic"."""
    if not path.startswith(f"{pairs.SCHEME}://"):
        return f"mixed/{number:03d} {ask.truth(path) or 'clip'}"[:100]
    scene, pair, _, side = pairs.from_locator(path)
    labels = [scene.background, *pair.labels(side)]
    return f"{scene.background}/{number:03d} {' + '.join(label.replace('_', ' ') for label in labels)}"


def odd(folder: Path) -> None:
    """Files such as lie in any folder; all but the one of eight channels are useless."""
    folder.mkdir(parents=True, exist_ok=True)
    tone = (0.2 * np.sin(np.arange(RATE) / 9)).astype(np.float32)
    (folder / "notes.wav").write_text("This is no sound.")
    (folder / "nothing.mp3").write_bytes(b"")
    _write(folder / "silence.wav", np.zeros(RATE), RATE)
    _write(folder / "one sample.wav", np.array([0.5]), RATE)
    soundfile.write(folder / "not a number.wav", np.where(np.arange(RATE) == 99, np.nan, tone), RATE, subtype="FLOAT")
    studio = np.repeat(np.repeat(tone[: RATE // 2], 12)[:, None], 8, axis=1)
    _write(folder / "🎚 eight channels, 192 kHz.wav", studio, 192000)
    whole = (folder / "silence.wav").read_bytes()
    (folder / "cut short.wav").write_bytes(whole[: len(whole) // 2])


def _write(path: Path, samples: Float[np.ndarray, "..."], rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16")
