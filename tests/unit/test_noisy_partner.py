"""The noisy partner of a source: other clips with uploaders' texts in place of captions, as noisy as asked for."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from lib import data, profiles
from lib.data import scene_table, soundscapes, sources, table

PROFILE = replace(profiles.PROFILES["smoke"], n_train=7, n_validation=3, n_test=4, n_shifted=3, n_noisy=20)


def row(**texts):
    return {"title": "", "description": "", "keywords": [], **texts}


def noisy(name="soundscapes", **options):
    return data.load_noisy(str(name), profile=PROFILE, **{"seed": 3, **options})


# The two texts of a clip


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (row(description="<b>My dog</b><br/>barks &amp; howls", keywords=["dog", "bark"]),
         ["My dog barks & howls", "dog bark"]),
        (row(description="a bark", keywords=["zoo", "wet-dog", "bark"]), ["a bark", "zoo wet-dog bark"]),
        (row(description="", keywords=["rain"]), ["rain"]),
        (row(description=" <br/>\n", keywords=["rain"]), ["rain"]),
        (row(description="rain", keywords=[]), ["rain"]),
        (row(description="rain", keywords=["rain"], title="Rain.wav"), ["rain", "rain"]),
        (row(title="My &quot;Dog&quot;.wav"), ['My "Dog".wav']),
        (row(), []),
    ],
)  # fmt: skip
def test_a_clips_texts_are_its_description_and_its_tags_in_order(given, texts):
    assert data.noisy_texts(given) == texts


def test_a_description_ends_after_500_characters_of_what_a_reader_sees():
    (text,) = data.noisy_texts(row(description="<p>" * 200 + "x" * 600))
    assert text == "x" * 500
    (text,) = data.noisy_texts(row(description="x" * 499 + " y"))
    assert text == "x" * 499, "no white space at the end"
    tags = ["y" * 100] * 9
    assert data.noisy_texts(row(keywords=tags)) == [" ".join(tags)], "tags are not cut"


# Soundscapes


def test_soundscapes_bring_further_clips_of_the_training_split():
    clips, clean = noisy(), data.load("soundscapes", profile=PROFILE, seed=3)
    assert set(clips["split"]) == {"noisy"} and len(clips) == PROFILE.n_noisy
    assert not set(clips["clip_id"]) & set(clean["clip_id"]), "no clip is in both"
    assert not set(clips["path"]) & set(clean["path"])
    scenes = [soundscapes.from_locator(path) for path in clips["path"]]
    assert [scene.index for scene in scenes] == list(range(8, 28)), "pairs of near-twins stay on one side"
    assert {scene.split for scene in scenes} == {"train"}
    for clip in clips.to_dict("records"):
        assert clip["captions"] == data.noisy_texts(clip) and 1 <= len(clip["captions"]) <= 2


def test_what_uploaders_write_is_what_they_write_of_any_clip():
    clips = noisy()
    whole = scene_table.row(soundscapes.from_locator(clips["path"][5]))
    for column in ("clip_id", "title", "description", "keywords", "path", "duration_s"):
        assert clips[column][5] == whole[column]
    assert len(whole["captions"]) == 5 and not set(whole["captions"]) & set(clips["captions"][5])


def test_seed_and_level_alone_decide():
    assert noisy().equals(noisy())
    assert not set(noisy()["clip_id"]) & set(noisy(seed=4)["clip_id"])
    plain, usual, worse = (noisy(noise=level) for level in data.noise_levels("soundscapes"))
    assert plain["path"].tolist() == usual["path"].tolist() == worse["path"].tolist()
    assert plain["captions"].tolist() != usual["captions"].tolist() != worse["captions"].tolist()


def test_each_level_says_less_that_is_true_than_the_one_before():
    profile = replace(PROFILE, n_noisy=150)
    shares = []
    for level in data.noise_levels("soundscapes"):
        clips = data.load_noisy("soundscapes", profile=profile, seed=100, noise=level)
        true = [_true_words(path) for path in clips["path"]]
        shares.append(np.mean([word in own for tags, own in zip(clips["keywords"], true) for word in tags]))
    assert shares[0] == 1.0 and shares[0] > shares[1] + 0.2 > shares[2] + 0.4


def _true_words(path):
    from lib.data import tags

    scene = soundscapes.from_locator(path)
    lists = [tags.KINDS[event.kind] for event in scene.events]
    lists += [tags.BACKGROUNDS[scene.background]] if scene.background else []
    return {word.lower() for common, rare in lists for word in (*common, *rare)}


def test_no_level_below_plain_naming():
    for level in (-1.0, float("nan")):
        with pytest.raises(data.SourceError, match=r"expected noise 0 \(plain naming\) or more; got"):
            noisy(noise=level)


# Planted faults


def test_noise_shuffled_moves_the_noisy_texts_and_nothing_else():
    clean = data.load("soundscapes!noise-shuffled", profile=PROFILE, seed=3)
    assert clean.equals(data.load("soundscapes", profile=PROFILE, seed=3))
    right, wrong = noisy(), noisy("soundscapes!noise-shuffled")
    assert right["path"].tolist() == wrong["path"].tolist()
    assert sorted(right["captions"]) == sorted(wrong["captions"]), "the same texts, whole"
    assert sum(a == b for a, b in zip(right["captions"], wrong["captions"])) < 5
    assert [data.noisy_texts(clip) for clip in wrong.to_dict("records")] == wrong["captions"].tolist()


def test_shuffled_moves_both():
    assert noisy("soundscapes!shuffled")["captions"].tolist() != noisy()["captions"].tolist()
    assert data.noise_levels("soundscapes!shuffled") == data.noise_levels("soundscapes")


# Other sources


def tone(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.sin(np.arange(800) / 5), 8000)


@pytest.fixture
def folder(tmp_path):
    lines = ["file_name,caption,split,description,keywords"]
    for name, split, caption, description, tags in (
        ("a.wav", "train", "a dog barks", "", ""),
        ("b.wav", "noisy", "", "<i>my dog</i>", "dog;field recording"),
        ("c.wav", "noisy", "said by no uploader", "", ""),
        ("d.wav", "test", "a bell", "", "bell"),
    ):
        tone(tmp_path / name)
        lines.append(f"{name},{caption},{split},{description},{tags}")
    (tmp_path / "captions.csv").write_text("\n".join(lines))
    return tmp_path


def test_a_folder_brings_its_split_noisy(folder):
    clips = noisy(f"folder:{folder}")
    assert clips["clip_id"].tolist() == ["b.wav", "c.wav"] and set(clips["split"]) == {"noisy"}
    assert clips["captions"].tolist() == [["my dog", "dog field recording"], ["c"]], "no text but its name: its title"
    assert data.noise_levels(f"folder:{folder}") == (1.0,)
    for level in (0.0, 2.0):
        with pytest.raises(data.SourceError, match="as noisy as they are: expected noise=1, got"):
            noisy(f"folder:{folder}", noise=level)


def test_a_folder_without_noisy_texts_says_how_to_bring_them(tmp_path):
    tone(tmp_path / "a.wav")
    with pytest.raises(data.SourceError, match="has no noisy texts: expected rows of the split noisy with a descr"):
        noisy(f"folder:{tmp_path}")


@pytest.fixture
def esc50(tmp_path):
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in (1, 2):
        tone(tmp_path / "audio" / f"{fold}-07-A-3.wav")
        lines.append(f"{fold}-07-A-3.wav,{fold},3,dog,True,07,A")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text("\n".join(lines))
    return tmp_path


def test_esc50_brings_the_titles_and_never_the_categories(esc50):
    titles = "filename,title,licence\n1-07-A-3.wav,my <b>George</b>,CC0\n2-07-A-3.wav,,CC0\n"
    (esc50 / "meta" / "freesound_titles.csv").write_text(titles)
    clips = noisy(f"esc50:{esc50}")
    assert clips["clip_id"].tolist() == ["1-07-A-3"], "a clip of which nobody wrote anything is left out"
    assert clips["captions"].tolist() == [["my George"]] and clips["keywords"].tolist() == [[]]


def test_esc50_without_titles_has_no_partner(esc50):
    with pytest.raises(data.SourceError, match="esc50:PATH has no uploaders' texts here: expected descriptions"):
        noisy(f"esc50:{esc50}")


def test_a_source_without_a_partner_says_so(monkeypatch):
    alone = sources.Source(lambda *_: table.build([], source="alone"), frozenset({"captions"}), "alone")
    monkeypatch.setitem(sources.SOURCES, "alone", alone)
    with pytest.raises(data.SourceError, match="alone has no uploaders' texts beside its captions; soundscapes have"):
        noisy("alone")


def test_esc10s_real_titles(shared_data):
    clips = noisy(f"esc50:{shared_data / 'esc10'}")
    assert len(clips) == 320 and all(len(texts) == 1 for texts in clips["captions"])
