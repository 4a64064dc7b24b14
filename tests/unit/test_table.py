"""The clip table: what it accepts, what it mends and says so, what it refuses."""

import warnings

import numpy as np
import pandas as pd
import pytest

from lib.data import table


def clips(**changes):
    row = {"clip_id": "0123", "split": "test", "path": "a.wav", "captions": ["A dog barks."]}
    return table.build([{**row, **changes}, {**row, "clip_id": "other"}], source="toy")


def test_build_fills_in_every_column_in_order():
    built = clips(recording="9")
    assert list(built.columns) == [*table.COLUMNS, "recording"]
    assert built.clip_id[0] == "0123" and built.source[0] == "toy"
    assert built.keywords[0] == [] and built.title[0] == "" and np.isnan(built.duration_s[0])


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("  A dog \n barks\t. ", "A dog barks ."),
        ("rain &amp; wind", "rain & wind"),
        ("<p>rain<br/>wind</p>", "rain wind"),
        ("two <b>dog</b>s", "two dogs"),
        ("&lt;i&gt;soft&lt;/i&gt; rain", "soft rain"),
        ("rain<script>alert('x')</script><!-- no -->", "rain"),
        ("3 < 5 > 4, I <3 rain", "3 < 5 > 4, I <3 rain"),
        ("a\x00b", "a b"),
        ("cafe\u0301", "caf\u00e9"),
        ("a bark \U0001f436 \U0001f468\u200d\U0001f469", "a bark \U0001f436 \U0001f468\u200d\U0001f469"),
        ("Ein Hund bellt; 犬が吠える; собака лает", "Ein Hund bellt; 犬が吠える; собака лает"),
        ("", ""),
    ],
)
def test_clean(raw, seen):
    assert table.clean(raw) == seen
    assert table.clean(seen) == seen


@pytest.mark.parametrize("text", ["A bark 🐶 and a 👨‍👩‍👧.", "Ein Hund bellt.", "犬が吠える", "A < B"])
def test_emoji_and_other_languages_stay_and_nothing_is_warned(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clips(captions=[text]).captions[0] == [text]


@pytest.mark.parametrize("empty", ["", "  \n ", "<p></p>", "&nbsp;"])
def test_an_empty_caption_is_left_out_and_its_clip_named(empty):
    with pytest.warns(UserWarning, match="1 empty caption.*0123"):
        assert clips(captions=[empty, "Rain falls."]).captions[0] == ["Rain falls."]


def test_a_clip_without_captions_stays():
    built = clips(captions=[])
    assert len(built) == 2
    assert table.caption_rows(built, "test")["clip"].tolist() == [1]


def test_a_caption_of_ten_thousand_words_is_cut():
    with pytest.warns(UserWarning, match="more than 200 words cut, of 0123"):
        built = clips(captions=["word " * 10_000])
    assert len(built.captions[0][0].split()) == table.MAX_WORDS
    assert clips(captions=[built.captions[0][0]]).captions[0] == built.captions[0]  # cut once is short enough


def test_html_in_a_caption_is_removed_but_a_description_keeps_its_noise():
    built = clips(captions=["<b>Rain</b> &amp; wind"], description="<b>Rain</b> &amp; wind")
    assert built.captions[0] == ["Rain & wind"]
    assert built.description[0] == "<b>Rain</b> &amp; wind"


def test_repeated_ids_are_refused_within_a_source_only():
    with pytest.raises(table.TableError, match=r"each once.*1 of 2 rows.*'other' \(row 1\)"):
        clips(clip_id="other")
    assert len(clips(clip_id="other", source="elsewhere")) == 2


@pytest.mark.parametrize("bad", [123, 1.0, np.nan, None, "", "  "])
def test_ids_are_text(bad):
    with pytest.raises(table.TableError, match="clip_id: expected text.*dtype=str"):
        clips(clip_id=bad)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"captions": "A dog barks."}, r"captions: expected a list of texts.*\[\.\.\.\]"),
        ({"captions": [float("nan")]}, "captions: expected a list"),
        ({"keywords": None}, "keywords: expected a list"),
        ({"path": ""}, "path: expected text"),
        ({"split": np.nan}, "split: expected text"),
        ({"duration_s": -1.0}, "duration_s: expected seconds"),
    ],
)
def test_bad_columns_are_named(changes, message):
    with pytest.raises(table.TableError, match=message):
        clips(**changes)


def test_a_missing_column_is_named():
    with pytest.raises(table.TableError, match="path missing"):
        table.check(clips().drop(columns="path"))


def test_check_leaves_its_argument_alone():
    raw = clips()
    raw.at[0, "captions"] = [" <b>Rain</b> "]
    assert table.check(raw).captions[0] == ["Rain"]
    assert raw.captions[0] == [" <b>Rain</b> "]


def test_caption_rows_number_the_clips_within_their_split():
    rows = [
        {"clip_id": "a", "split": "train", "path": "a", "captions": ["one"]},
        {"clip_id": "b", "split": "test", "path": "b", "captions": ["two", "three"]},
        {"clip_id": "c", "split": "test", "path": "c", "captions": ["four"]},
    ]
    queries = table.caption_rows(table.build(rows, source="toy"), "test")
    expected = pd.DataFrame({"caption": ["two", "three", "four"], "clip": [0, 0, 1], "clip_id": ["b", "b", "c"]})
    pd.testing.assert_frame_equal(queries, expected)


def test_an_unknown_split_names_those_there_are():
    with pytest.raises(table.TableError, match="among test; got 'dev'"):
        table.caption_rows(clips(), "dev")
