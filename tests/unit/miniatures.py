"""Released data sets in miniature: their official layouts, written by the tests that read them."""

import csv
import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
import soundfile

from lib import data, profiles

CLOTHO_FIELDS = ("file_name", "keywords", "sound_id", "sound_link", "start_end_samples", "manufacturer", "license")


SMOKE = profiles.PROFILES["smoke"]


@pytest.fixture(autouse=True)
def nothing_else(tmp_path, monkeypatch):
    """Imported by a module of tests: no data of this machine are found."""
    monkeypatch.setenv("HEARSAY_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HEARSAY_SHARED_DATA", str(tmp_path / "nowhere"))


def load(name, root, **options):
    """A source of which only a miniature is there."""
    with pytest.warns(UserWarning, match="is not whole in"):
        return data.load(f"{name}:{root}", profile=SMOKE, **options)


def tone(path, seconds=0.5, rate=8000):
    """A recording; its folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.sin(np.arange(round(seconds * rate)) / 5), rate)
    return path


def table(path, fields, rows, encoding="utf-8", **settings):
    """A CSV, as its authors wrote it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding=encoding, newline="") as file:
        csv.writer(file, **settings).writerows([fields, *rows] if fields else rows)
    return path


def listing(path, content):
    """A JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def zipped(**members):
    """The bytes of an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def md5(content):
    return f"md5:{hashlib.md5(content).hexdigest()}"


def clotho(root, split, clips, on_disk=None):
    """One split of Clotho: clips are (file name, Freesound id); `on_disk`: what the files are called, None for none."""
    captions = [[name, *(f"{name} caption {n}." for n in range(1, 6))] for name, _ in clips]
    table(root / f"clotho_captions_{split}.csv", ["file_name", *(f"caption_{n}" for n in range(1, 6))], captions)
    metadata = [[name, f"Türe;{id}", id, "link", "[0, 1]", "someone", "CC0"] for name, id in clips]
    table(root / f"clotho_metadata_{split}.csv", CLOTHO_FIELDS, metadata, "iso-8859-1")
    for name in [name for name, _ in clips] if on_disk is None else on_disk:
        tone(root / f"audio_{split}" / split / name)
