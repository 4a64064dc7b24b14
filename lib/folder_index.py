"""A folder of your own recordings, heard once and kept: an index that goes on where it was broken off, to be shared.

On disk numbers and JSON only, so that loading one runs no code from it. Taught in notebook 17.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.torch
import soundfile
import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from tqdm.auto import tqdm

from lib import audio, store
from lib.data import folder
from lib.search import Index
from lib.towers import DualEncoder

FORMAT = 1
PART = 32  # recordings in a part: what a kill can cost
SECONDS = 30.0  # are heard of a longer recording, from its middle
SHORTEST_S, LONGEST_S = 0.05, 3600.0  # what is shorter or longer is refused
MAX_WORDS = 200  # of a query: MiniLM reads 256 pieces of words, and would pass over the rest in silence


@dataclass(frozen=True)
class FolderIndex:
    """What was heard, what could not be, and by which model."""

    search: Index  # its table: clip_id (the name below the root), path, title, duration_s
    skipped: Mapping[str, str]  # name -> why
    model: Mapping[str, str]  # as `identity` says

    def save(self, path: str | Path) -> Path:
        """One file of numbers and names; the recordings stay where they are, and so does the name of their folder."""
        path = Path(path)
        told = {"clip_id": self.search.table["clip_id"].tolist(), "seconds": self.search.table["duration_s"].tolist(),
                "skipped": dict(self.skipped)}
        values = torch.from_numpy(self.search.embeddings * self.search.lengths[:, None])
        told = json.dumps(told)
        head = {"format": FORMAT, "model": dict(self.model), "sha256": _digest(values, told)}
        store.write_whole(path, safetensors.torch.save({"embeddings": values},
                                                       {"hearsay": json.dumps(head), "told": told}))
        return path


def identity(model: DualEncoder) -> dict[str, str]:
    """What an index has to know of its model: the encoders by name and weights' digest, and the adapters' digest."""
    adapters = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if ".encoder." not in name:
            adapters.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    known = {side: getattr(model, side).encoder for side in ("audio", "text")}
    return {side: f"{encoder.name} {encoder.key[:32]}" for side, encoder in known.items()} | {
        "adapters": adapters.hexdigest()[:32]}


def build(root: str | Path, model: DualEncoder, *, progress: bool = True) -> FolderIndex:
    """Hear every recording below a folder. What an earlier run heard is not heard again, were it killed or done.

    Of more than 30 s the middle is heard. What cannot be read, is silent, or is too short or too long is skipped, with
    the reason.

    Raises:
        AudioError: there is no such folder, or nothing in it that can be heard.
    """
    root, known = Path(root).expanduser(), identity(model)
    if not root.is_dir():
        raise audio.AudioError(root, "there is no such folder", "the path of a folder of recordings")
    files = {_shown(name): path for name, path in folder.find(root).items()}
    if not files:
        raise audio.AudioError(root, f"no recordings in it or below it ({', '.join(folder.SUFFIXES)})",
                               "another folder")
    parts = store.root() / "folders" / store.digest(str(root.resolve()), json.dumps(known), str(FORMAT))
    stamps = {name: _stamp(path) for name, path in files.items()}
    heard = {name: entry for name, entry in _read_parts(parts) if stamps.get(name) == entry["stamp"]}
    missing = [name for name in files if name not in heard]
    with tqdm(total=len(files), initial=len(heard), desc="listening", unit="file", disable=not progress,
              leave=False) as bar:
        for start in range(0, len(missing), PART):
            names = missing[start : start + PART]
            heard |= _hear({name: files[name] for name in names}, stamps, model, parts)
            bar.update(len(names))
    return _gathered(root, {name: heard[name] for name in files}, known)


def embed(model: DualEncoder, path: str | Path) -> Float[np.ndarray, " dim"]:
    """A(recording): an example to ask with.

    Raises:
        AudioError: it cannot be read, is silent, or is too short or too long.
    """
    with torch.inference_mode():
        return model.audio(*audio.pad([_samples(Path(path), model.audio.encoder.sample_rate)]))[0].numpy()


def read(model: DualEncoder, words: str) -> Float[np.ndarray, " dim"]:
    """T(words).

    Raises:
        ValueError: no words, or more than the text encoder reads.
    """
    count = len(words.split())
    if not 0 < count <= MAX_WORDS:
        got = "none" if not count else f"{count:,}"
        raise ValueError(f"expected a query of 1 to {MAX_WORDS} words; got {got}. Say in a few words what you want to "
                         "hear.")
    with torch.inference_mode():
        return model.text([words])[0].numpy()


def load(path: str | Path, model: DualEncoder, root: str | Path | None = None) -> FolderIndex:
    """An index that `save` wrote, checked.

    Args:
        root: where the recordings are; the folder that the index lies in by default. Those that are not there can be
            found, and not be played.

    Raises:
        ValueError: no such file, not an index, cut short, changed, of another format, or made with another model.
    """
    path = Path(path)
    again = "Save the index again, or build it from the folder"
    if not path.is_file():
        raise ValueError(f"{path.name}: there is no such file. {again}.")
    try:
        with safe_open(path, "pt") as file:
            head, values = file.metadata() or {}, file.get_tensor("embeddings")
        told, head = head["told"], json.loads(head["hearsay"])
    except (SafetensorError, KeyError, ValueError) as error:
        why = str(error).strip("'").split("\n")[0]
        raise ValueError(f"{path.name}: cut short, or not an index of ours ({why}). {again}.") from None
    if head["format"] != FORMAT:
        raise ValueError(f"{path.name}: expected format {FORMAT}; got {head['format']}. {again}.")
    if head["sha256"] != _digest(values, told):
        raise ValueError(f"{path.name}: changed since it was saved: its sha256 is another. {again}.")
    _check_model(path.name, head["model"], identity(model))
    told = json.loads(told)
    table = _table(Path(root) if root else path.parent, told["clip_id"], told["seconds"])
    return FolderIndex(Index(values, table), told["skipped"], head["model"])


def _check_model(name: str, made: Mapping[str, str], given: Mapping[str, str]) -> None:
    if wrong := [part for part in given if made.get(part) != given[part]]:
        said = "; ".join(f"{part} {made.get(part)}, not {given[part]}" for part in wrong)
        raise ValueError(f"{name}: made with another model ({said}). Its embeddings mean nothing to this one: build "
                         "the index again.")


def _digest(values: torch.Tensor, told: str) -> str:
    return hashlib.sha256(values.contiguous().numpy().tobytes() + told.encode()).hexdigest()


def _table(root: Path, names: list[str], seconds: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"clip_id": names, "path": [str(root / name) for name in names],
                         "title": [Path(name).stem for name in names], "duration_s": seconds})


def _shown(name: str) -> str:
    """A name as text: some systems allow bytes that are none."""
    return name.encode("utf-8", "backslashreplace").decode()


def _gathered(root: Path, heard: Mapping[str, dict], known: dict[str, str]) -> FolderIndex:
    good = {name: entry for name, entry in heard.items() if "why" not in entry}
    skipped = {name: entry["why"] for name, entry in heard.items() if "why" in entry}
    if not good:
        name, why = next(iter(skipped.items()))
        raise audio.AudioError(root, f"none of {len(skipped)} recordings can be heard: {name}: {why}", "other files")
    table = _table(root, list(good), [entry["seconds"] for entry in good.values()])
    return FolderIndex(Index(np.stack([entry["embedding"] for entry in good.values()]), table), skipped, known)


def _stamp(path: Path) -> str:
    """What a file is known by: a change of size or time makes it a new one."""
    stat = path.stat(follow_symlinks=False)
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _seconds(path: Path) -> float:
    """As the file itself says; 0 where it cannot be read: loading it will say why."""
    try:
        told = soundfile.info(path)
        return told.frames / told.samplerate
    except soundfile.LibsndfileError:
        return 0.0


def _samples(path: Path, sample_rate: int) -> Float[np.ndarray, "samples"]:
    """The middle 30 s of a recording, mono."""
    if (seconds := _seconds(path)) > LONGEST_S:
        raise audio.AudioError(path, f"it lasts {seconds / 3600:.1f} hours", "cutting it into pieces")
    samples = audio.load(path, sample_rate)
    about = audio.describe(samples, sample_rate)
    if about.duration_s < SHORTEST_S:
        raise audio.AudioError(path, f"too short to be heard ({len(samples)} samples)", "a longer recording")
    if about.silent:
        raise audio.AudioError(path, "it is silent", "a recording with sound in it")
    size = round(SECONDS * sample_rate)
    start = max(0, len(samples) - size) // 2
    return samples[start : start + size]


def _hear(files: Mapping[str, Path], stamps: Mapping[str, str], model: DualEncoder, parts: Path) -> dict[str, dict]:
    """Hear some files and write them as one part."""
    rate, samples, entries = model.audio.encoder.sample_rate, {}, {}
    for name, path in files.items():
        entries[name] = {"stamp": stamps[name]}
        try:
            samples[name] = _samples(path, rate)
            entries[name]["seconds"] = round(_seconds(path), 3)
        except UnicodeEncodeError:
            entries[name]["why"] = "its name holds bytes that are no text; rename it"
        except (audio.AudioError, OSError) as error:
            entries[name]["why"] = getattr(error, "why", None) or str(error.strerror or error)
    values = torch.zeros(0)
    if samples:
        with torch.inference_mode():
            values = model.audio(*audio.pad(list(samples.values()))).clone()
    content = safetensors.torch.save({"embeddings": values}, {"entries": json.dumps(entries)})
    part = store.digest(json.dumps([[name, stamps[name]] for name in files]))
    store.write_whole(parts / f"{part}.safetensors", content)
    return dict(_with_embeddings(entries, values))


def _read_parts(parts: Path) -> Iterator[tuple[str, dict]]:
    for path in sorted(parts.glob("*.safetensors")):
        try:
            with safe_open(path, "pt") as file:
                entries, values = json.loads(file.metadata()["entries"]), file.get_tensor("embeddings")
        except SafetensorError:
            path.unlink(missing_ok=True)  # heard again
            continue
        yield from _with_embeddings(entries, values)


def _with_embeddings(entries: dict[str, dict], values: torch.Tensor) -> Iterator[tuple[str, dict]]:
    rows = iter(values.numpy())
    for name, entry in entries.items():
        yield name, entry if "why" in entry else entry | {"embedding": next(rows)}
