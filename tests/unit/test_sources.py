"""Sources of clip tables: ESC-50's layout, a reader's folder with all that can be wrong in it, planted faults."""

import os
import shutil

import numpy as np
import pytest
import soundfile

from lib import audio, data, profiles
from lib.data import sources, table

SMOKE = profiles.PROFILES["smoke"]


def tone(path, seconds=0.1, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.sin(np.arange(int(seconds * rate)) / 5), rate)
    return path


def load(name, **options):
    return data.load(str(name), profile=SMOKE, **options)


@pytest.fixture
def sounds(tmp_path):
    for name in ("a.wav", "nested/deep/b.flac", "nested/c.OGG", "d.mp3"):
        file = tone(tmp_path / name.lower())
        file.rename(tmp_path / name)
    return tmp_path


@pytest.fixture
def esc50(tmp_path):
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in (1, 2):
        for take, category in zip("AB", ("crackling_fire", "dog")):
            lines.append(f"{fold}-0{fold}7-{take}-3.wav,{fold},3,{category},True,0{fold}7,{take}")
            tone(tmp_path / "audio" / f"{fold}-0{fold}7-{take}-3.wav")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text("\n".join(lines))
    return tmp_path


# Folders


def test_a_folder_gives_every_recording_below_it(sounds):
    clips = load(f"folder:{sounds}")
    assert clips.clip_id.tolist() == ["a.wav", "d.mp3", "nested/c.OGG", "nested/deep/b.flac"]
    assert set(clips.split) == {"test"} and set(clips.source) == {"folder"}
    assert clips.title.tolist() == ["a", "d", "c", "b"]
    assert clips.duration_s[0] == pytest.approx(0.1)
    assert all(len(audio.load(path, 8000)) >= 800 for path in clips.path)


def test_one_broken_recording_of_a_hundred_is_named_and_the_others_stay(tmp_path):
    good = tone(tmp_path / "000.wav")
    for i in range(1, 99):
        shutil.copy(good, tmp_path / f"{i:03}.wav")
    (tmp_path / "broken.wav").write_bytes(b"RIFF, but not really")
    with pytest.warns(UserWarning, match=r"1 of 100 recordings left out: broken\.wav \(not audio") as caught:
        clips = load(f"folder:{tmp_path}")
    assert len(clips) == 99 and len(caught) == 1


@pytest.mark.parametrize(
    ("content", "why"), [("empty", "the file is empty"), ("cut", "cut short"), ("nan", "NaN"), ("link", "no such file")]
)
def test_every_kind_of_broken_recording_is_left_out(tmp_path, content, why):
    tone(tmp_path / "good.wav")
    bad = tmp_path / "bad.wav"
    if content == "nan":
        soundfile.write(bad, np.full(800, np.nan), 8000, subtype="FLOAT")
    elif content == "cut":
        bad.write_bytes(tone(tmp_path / "bad.wav", 1.0).read_bytes()[:3000])
    elif content == "link":
        os.symlink(tmp_path / "nowhere.wav", bad)
    else:
        bad.touch()
    with pytest.warns(UserWarning, match=f"1 of 2 recordings left out: bad.wav .*{why}"):
        assert load(f"folder:{tmp_path}").clip_id.tolist() == ["good.wav"]


def test_only_broken_recordings_are_an_error(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no")
    with pytest.raises(audio.AudioError, match="none of 1 recordings can be read: a.wav"):
        load(f"folder:{tmp_path}")


def test_a_folder_without_audio_is_an_error(tmp_path):
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.wav").touch()
    with pytest.raises(audio.AudioError, match=r"no recordings in it or below it \(.wav, .flac, .ogg, .mp3\)"):
        load(f"folder:{tmp_path}")
    with pytest.raises(audio.AudioError, match="there is no such folder"):
        load(f"folder:{tmp_path / 'absent'}")


def test_captions_come_from_a_csv(sounds):
    (sounds / "captions.csv").write_text(
        "\ufefffile_name,caption_1,caption_2,keywords,title\n"
        'a.wav,"A tone, low.",Ein Ton.,tone;low,My Tone\n'
        "b.flac,A beep.,,,\n"
        "b.flac,Another.,,,\n",
        encoding="utf-8",
    )
    clips = load(f"folder:{sounds}", needs=["captions"]).set_index("clip_id")
    assert clips.captions["a.wav"] == ["A tone, low.", "Ein Ton."]
    assert clips.keywords["a.wav"] == ["tone", "low"] and clips.title["a.wav"] == "My Tone"
    assert clips.captions["nested/deep/b.flac"] == ["A beep.", "Another."]  # by its bare name; two rows
    assert clips.captions["d.mp3"] == []


def test_clothos_layout_is_a_folder_too(tmp_path):
    tone(tmp_path / "evaluation" / "Türe & Tor.wav")
    csv = "file_name,caption_1\nTüre & Tor.wav,A dóor."
    (tmp_path / "clotho_captions_evaluation.csv").write_bytes(csv.encode("latin-1"))
    (tmp_path / "other.csv").write_text("id;number\n1;2")
    (tmp_path / "empty.csv").touch()
    assert load(f"folder:{tmp_path}").captions[0] == ["A dóor."]


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("file_name,caption\nabsent.wav,Rain.\na.wav,Rain.", "names 1 of 2 files that are not there: 'absent.wav'"),
        ("name,text\na.wav,Rain.", r"expected the columns file_name and caption \(or .*\); got name, text"),
        ("file_name;caption\na.wav;Rain.", "got file_name;caption"),
        ("", "captions.csv: not a table"),
        ("file_name,caption\nb.wav,Rain.", "may be one/b.wav or two/b.wav; write its path"),
    ],
)
def test_a_wrong_csv_is_explained(tmp_path, csv, message):
    for name in ("a.wav", "one/b.wav", "two/b.wav"):
        tone(tmp_path / name)
    (tmp_path / "captions.csv").write_text(csv)
    with pytest.raises(table.TableError, match=message):
        load(f"folder:{tmp_path}")


def test_two_csvs_of_captions_are_refused(sounds):
    for name in ("one.csv", "two.csv"):
        (sounds / name).write_text("file_name,caption\na.wav,Rain.")
    with pytest.raises(table.TableError, match="got one.csv, two.csv. Name the right one captions.csv"):
        load(f"folder:{sounds}")


# ESC-50


def test_esc50_has_folds_categories_and_recordings(esc50):
    clips = load(f"esc50:{esc50}", needs=["captions", "audio"])
    assert clips.split.tolist() == ["fold1", "fold1", "fold2", "fold2"]
    assert clips.captions.tolist() == [["crackling fire"], ["dog"]] * 2
    assert clips.recording.tolist() == ["017", "017", "027", "027"]  # text: the zero stays
    assert clips.clip_id[0] == "1-017-A-3"
    assert len(audio.load(clips.path[0], 16000)) == 1600


def test_esc50_reads_ogg_where_the_list_says_wav(esc50):
    for file in (esc50 / "audio").glob("*.wav"):
        tone(file.with_suffix(".ogg"))
        file.unlink()
    assert all(path.endswith(".ogg") for path in load(f"esc50:{esc50}").path)


def test_esc50_titles_are_used_when_they_are_there(esc50):
    with pytest.raises(data.SourceError, match="needs uploaders' titles or tags, which esc50:PATH does not have here"):
        load(f"esc50:{esc50}", needs=["noisy"])
    (esc50 / "meta" / "freesound_titles.csv").write_text(
        "filename,title,uploader,licence\n1-017-B-3.ogg,My Dog George.wav,me,CC0"
    )
    clips = load(f"esc50:{esc50}", needs=["noisy"])
    assert clips.title.tolist() == ["", "My Dog George.wav", "", ""]
    assert clips.licence.tolist() == ["CC BY-NC", "CC0", "CC BY-NC", "CC BY-NC"]


def test_esc50_tells_what_is_missing(esc50):
    (esc50 / "audio" / "1-017-A-3.wav").unlink()
    with pytest.warns(UserWarning, match="1 of 4 recordings left out: 1-017-A-3.wav .there is no such file"):
        assert len(load(f"esc50:{esc50}")) == 3
    with pytest.raises(data.SourceError, match="expected ESC-50 with meta/esc50.csv"):
        load(f"esc50:{esc50 / 'audio'}")


def test_the_shared_part_of_esc10(shared_data):
    clips = load(f"esc50:{shared_data / 'esc10'}", needs=["captions", "noisy"])
    assert len(clips) == 320 and clips.recording.nunique() < 320
    assert clips.groupby("split").size().to_dict() == {f"fold{n}": 80 for n in (1, 2, 3, 4)}
    assert clips.title.str.len().min() > 0


# Names, needs, faults


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("freesound", r"expected a source among soundscapes, esc50:PATH, folder:PATH, .*clotho\[:PATH\]"),
        ("fsd50k:/absent", "FSD50K is not here: no folder /absent. Try: python data_scripts/fsd50k.py"),
        ("soundscape", "expected a source among soundscapes, .*got 'soundscape'"),
        ("folder", "expected folder:PATH; got 'folder'"),
        ("soundscapes:here", "expected soundscapes; got 'soundscapes:here'"),
        ("soundscapes!shufled", "expected a planted fault among shuffled, noise-shuffled; got 'shufled'"),
        ("", "expected a source among"),
        ("/my/folder", "got '/my/folder'. Did you mean 'folder:/my/folder'\\?"),
        ("Soundscapes", "got 'Soundscapes'. Did you mean 'soundscapes'\\?"),
        ("Folder:/x", "Did you mean 'folder:/x'\\?"),
    ],
)
def test_a_wrong_name_is_explained_in_one_sentence(name, message):
    with pytest.raises(data.SourceError, match=message):
        load(name)


def test_blanks_around_a_path_do_not_matter(sounds):
    assert len(load(f" folder: {sounds} ")) == len(load(f"folder:{sounds}")) > 0


def test_a_negative_seed_is_explained():
    with pytest.raises(data.SourceError, match="expected SEED 0 or more; got -1. Set SEED in the parameters cell"):
        load("soundscapes", seed=-1)


def test_unmet_needs_say_what_there_is_and_what_would_do(sounds):
    message = (
        "needs graded relevance of any caption to any clip, which folder:PATH does not have here "
        r"\(it has recordings, clean captions\); DATA = one of soundscapes would do"
    )
    with pytest.raises(data.SourceError, match=message):
        load(f"folder:{sounds}", needs=("graded", "audio"))
    with pytest.raises(data.SourceError, match=r"needs clean captions.*\(it has recordings\); .* soundscapes, esc50"):
        load(f"folder:{sounds}", needs="captions")  # it could have had a CSV
    with pytest.raises(data.SourceError, match="expected needs among audio, .*; got video"):
        load(f"folder:{sounds}", needs=("video",))


def test_a_path_may_hold_an_exclamation_mark(tmp_path):
    tone(tmp_path / "wow!" / "a.wav")
    assert len(load(f"folder:{tmp_path}/wow!")) == 1
    assert len(load(f"folder:{tmp_path}/wow!!shuffled")) == 1


def many(n=40):
    rows = [
        dict(clip_id=f"{i}", split=split, path=f"{i}", captions=[f"c{i}", "d"], keywords=[f"k{i}"], title=f"t{i}")
        for i, split in enumerate(["train", "test"] * n)
    ]
    return table.build(rows, source="toy")


def test_shuffled_moves_texts_between_the_clips_of_a_split():
    clips, moved = many(), sources.shuffled(many(), seed=0)
    assert moved.clip_id.tolist() == clips.clip_id.tolist() and moved.path.tolist() == clips.path.tolist()
    for split in ("train", "test"):
        before, after = clips[clips.split == split], moved[moved.split == split]
        assert sorted(before.title) == sorted(after.title)
        assert (before.title == after.title).mean() < 0.2
    assert all(c[0][1:] == k[0][1:] == t[1:] for c, k, t in zip(moved.captions, moved.keywords, moved.title))
    table.check(moved)


def test_shuffled_depends_on_the_seed_only():
    first, again, other = (sources.shuffled(many(), seed=seed).title.tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_shuffled_leaves_its_argument_alone():
    clips = many()
    sources.shuffled(clips, seed=0)
    assert clips.equals(many())


def test_graded_is_for_sources_that_know_it():
    with pytest.raises(data.SourceError, match="known for soundscapes; got clips of toy"):
        data.graded(many(), "test")
