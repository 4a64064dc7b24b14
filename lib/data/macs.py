"""MACS (Martin-Morato and Mesaros 2021): ten seconds of a city each, two to five captions by different people.

    MACS.yaml                                                      filename -> sentences and tags
    .../TAU-urban-acoustic-scenes-2019-development/audio/*.wav      the recordings, of another data set

wherever they lie below the folder. Of the 21 archives of TAU Urban Acoustic Scenes 2019, development, eight hold all of
MACS: airports, parks and public squares.
"""

from pathlib import Path

from lib.data.layout import Tally, recordings, texts
from lib.data.release import File, Found, Release, ReleaseError, zenodo

PAGE, TAU_PAGE = "https://zenodo.org/records/5114771", "https://zenodo.org/records/2589280"
_TAU = "TAU-urban-acoustic-scenes-2019-development.audio"
_MD5 = {
    "1": "aca4ebfd9ed03d5f747d6ba8c24bc728",
    "2": "c4f170408ce77c8c70c532bf268d7be0",
    "3": "c7214a07211f10f3250290d05e72c37e",
    "9": "3c32a693a6b111ffb957be3c1dd22e9b",
    "10": "0ffbf60006da520cc761fb74c878b98b",
    "11": "599055d93b4c11057c29be2df54538d4",
    "12": "98b8d162ff3665695c4c910e6c372cc8",
    "13": "a356c08b1a5a21d433eba37ef87587f4",
}


def files() -> tuple[File, ...]:
    """The captions and their licence, and eight archives of recordings."""
    made = [_text("LICENSE.txt", "d3086f4517cccc32c1bb3a081b07cfa1"),
            _text("MACS.yaml", "23fcb2ebd0b109094034ef9e87972256")]  # fmt: skip
    for number, md5 in _MD5.items():
        name = f"{_TAU}.{number}.zip"
        sizes = {"gib": 1.8, "unpacked_gib": 2.0}
        made.append(File(name, f"md5:{md5}", zenodo(TAU_PAGE, name), "audio", f"audio.{number}", **sizes))
    return tuple(made)


def _text(name: str, md5: str) -> File:
    return File(name, f"md5:{md5}", zenodo(PAGE, name))


def read(root: Path) -> Found:
    """The clips whose recordings are here, all of the split "train"."""
    sounds, tally = recordings(root), Tally()
    for told in _told(root):
        stem, said = Path(told["filename"]).stem, told["annotations"]
        tags = dict.fromkeys(tag for one in said for tag in _tags(one.get("tags")))
        row = {"clip_id": stem, "split": "train", "captions": [one["sentence"] for one in said], "keywords": list(tags),
               "licence": "Tampere University's, not commercial"}  # fmt: skip
        tally.add("train", sounds.get(stem), row)
    return tally.found("macs")


def _tags(tags: list[str] | str | None) -> list[str]:
    return [tag.strip() for tag in (tags.split(",") if isinstance(tags, str) else tags or []) if tag.strip()]


def _told(root: Path) -> list[dict]:
    import yaml  # here: no other data set needs it; it comes with transformers

    file = texts(root, "MACS.yaml")
    try:
        told = yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if file else {"files": []}
        return list(told["files"])
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ReleaseError(f"{file} is damaged ({str(error)[:80]}). Fetch it again.") from None


RELEASE = Release(
    "macs", "MACS", "Tampere University's, not commercial (LICENSE.txt beside the captions; TAU Urban Acoustic Scenes "
    f"2019 for the recordings, {TAU_PAGE})", PAGE, files(), {"train": 3930}, read,
)  # fmt: skip
RELEASES = (RELEASE,)
