"""The folder for those who have none: written once, whole, its names true."""

import pandas as pd
import pytest
import soundfile

from lib import example_folder
from lib.data import pairs, soundscapes
from lib.data.difference_scenes import SCENES


@pytest.fixture
def clips(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    short = pairs.Settings(seconds=1.0, onset_s=(0, 0.2), duration_s=(0.3, 0.5))
    built = pairs.build("rain", {"evaluate": 2}, 0, short)
    return pd.concat([pairs.clip_table(built), pd.DataFrame({"path": [soundscapes.scene(0, "test", 3).locator]})])


def test_names_say_what_is_in_a_file(clips):
    names = [example_folder.name(path, i) for i, path in enumerate(clips["path"])]
    for path, name in zip(clips["path"][:4], names):
        _, pair, _, side = pairs.from_locator(path)
        assert name.startswith("rain/00") and all(label.replace("_", " ") in name for label in pair.labels(side))
    assert names[4].startswith("mixed/004 ") and SCENES["rain"].background == "rain"


def test_it_is_written_once_and_again_where_it_was_broken_off(clips):
    root = example_folder.write(clips, progress=False)
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*") if path.is_file())
    assert len([name for name in files if name.endswith(".flac")]) == 5 and len(files) == 13
    first = next(root.rglob("*.flac"))
    assert soundfile.info(first).samplerate == example_folder.RATE
    stamp = first.stat().st_mtime_ns
    assert example_folder.write(clips, progress=False) == root and first.stat().st_mtime_ns == stamp
    (root / example_folder.DONE).unlink()
    first.unlink()
    example_folder.write(clips, progress=False)
    assert first.exists()
