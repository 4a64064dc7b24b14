"""The clip table: one row per recording, the same columns for every source. Taught in notebook 01.

Toy and real data differ in nothing else, so whatever reads a table reads them all.
"""

import html
import re
import unicodedata
import warnings
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

COLUMNS = (
    "clip_id",  # str, unique within a source; Freesound ids are text: as numbers they lose zeros and gain ".0"
    "split",  # train | validation | test | shifted | fold1 ...
    "path",  # of a file, or a locator such as soundscape://... that `lib.audio.load` renders
    "captions",  # list of str, cleaned; empty when nobody described the clip
    "keywords",  # list of str: the uploader's tags
    "title",  # what the uploader wrote, left as it is: its noise is a subject of its own
    "description",  # likewise, HTML and all
    "duration_s",  # seconds; NaN when unknown
    "licence",
    "source",  # the name that `lib.data.load` was given, without its path
)
MAX_WORDS = 200  # Clotho's longest caption has 20; sentence encoders read 128 to 256 word pieces

_EMPTY = {"captions": [], "keywords": [], "title": "", "description": "", "duration_s": np.nan, "licence": ""}
_UNSEEN = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_INLINE = re.compile(r"</?(?:a|abbr|b|code|em|font|i|mark|s|small|span|strong|sub|sup|u)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")  # "3 < 5 > 4" and "<3" are no tags


class TableError(ValueError):
    """A clip table that breaks the rules of `check`."""


def clean(text: str) -> str:
    """Text as a reader sees it: HTML unescaped, tags, scripts and control characters removed, white space single.

    Emoji, accents and other languages stay as they are, in Unicode's composed form (NFC).
    """
    text = _UNSEEN.sub(" ", html.unescape(str(text)))
    text = _TAG.sub(" ", _INLINE.sub("", text))  # "<b>dog</b>s" is one word, "rain<br>wind" two
    text = "".join(c if unicodedata.category(c) != "Cc" else " " for c in unicodedata.normalize("NFC", text))
    return " ".join(text.split())


def build(rows: Iterable[Mapping], *, source: str) -> pd.DataFrame:
    """A checked clip table from one mapping per clip; what a mapping leaves out is empty.

    Keys beyond COLUMNS become further columns at the end (ESC-50's `recording`).
    """
    rows = [{**_EMPTY, "source": source, **row} for row in rows]
    further = list(dict.fromkeys(key for row in rows for key in row if key not in COLUMNS))
    return check(pd.DataFrame(rows, columns=[*COLUMNS, *further]))


def check(table: pd.DataFrame) -> pd.DataFrame:
    """The table, checked, its captions cleaned, its rows numbered from 0.

    Captions: cleaned by `clean`; an empty one is dropped; one of more than MAX_WORDS words is cut. Both are told in a
    warning that names the clips. A clip without captions stays: it is an answer, if never the right one. Emoji and
    languages other than English stay too; what an English text encoder makes of them is for a notebook to show.

    Raises:
        TableError: a column is missing, an id is not text or is repeated within its source, a split or path is empty,
            captions or keywords are not lists of text, or a duration is negative.
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise TableError(f"expected the columns {', '.join(COLUMNS)}; {', '.join(missing)} missing.")
    table = table.reset_index(drop=True).copy()
    _check_ids(table)
    for name in ("split", "path"):
        _refuse(table, ~table[name].map(_is_text), f"{name}: expected text, got nothing", "fill it in for")
    for name in ("captions", "keywords"):
        _refuse(table, ~table[name].map(_is_texts), f"{name}: expected a list of texts", "wrap it in [...] for")
    _refuse(table, table["duration_s"].astype(float) < 0, "duration_s: expected seconds, got less than 0", "see")
    for name in ("title", "description", "licence"):
        table[name] = [text if isinstance(text, str) else "" for text in table[name]]
    table["captions"] = _cleaned(table)
    return table


def caption_rows(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """The queries of a split, one row per caption: `caption`, `clip` (its clip's row within the split), `clip_id`.

    Write `rows["clip"]`: `rows.clip` is a method of every DataFrame.

    Raises:
        TableError: the table has no such split.
    """
    clips = of_split(table, split)
    rows = [(text, clip, id_) for clip, (id_, texts) in enumerate(zip(clips.clip_id, clips.captions)) for text in texts]
    return pd.DataFrame(rows, columns=["caption", "clip", "clip_id"]).astype({"clip": np.int64})


def of_split(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """The rows of one split, numbered from 0.

    Raises:
        TableError: the table has no such split.
    """
    if split not in set(table["split"]):
        raise TableError(f"expected a split among {', '.join(sorted(set(table['split'])))}; got {split!r}.")
    return table[table["split"] == split].reset_index(drop=True)


def _check_ids(table: pd.DataFrame) -> None:
    hint = "read the file with dtype=str; Freesound ids are text, never numbers; see"
    _refuse(table, ~table["clip_id"].map(_is_text), "clip_id: expected text", hint)
    repeated = table.duplicated(["source", "clip_id"], keep="first")
    _refuse(table, repeated, "clip_id: expected each once in a source, got a repeated one", "drop or rename")


def _refuse(table: pd.DataFrame, bad: pd.Series, what: str, hint: str) -> None:
    bad = bad.astype(bool)
    if bad.any():
        rows = [f"{table['clip_id'][i]!r} (row {i})" for i in np.flatnonzero(bad)[:3]]
        raise TableError(f"{what} in {int(bad.sum()):,} of {len(table):,} rows; {hint} {', '.join(rows)}.")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _cleaned(table: pd.DataFrame) -> list[list[str]]:
    """Every clip's captions, cleaned; one warning each for what was dropped and what was cut."""
    dropped, cut, out = [], [], []
    for clip_id, texts in zip(table["clip_id"], table["captions"]):
        kept = []
        for text in map(clean, texts):
            words = text.split(" ", MAX_WORDS)
            if not text:
                dropped.append(clip_id)
            elif len(words) > MAX_WORDS:
                cut.append(clip_id)
                text = " ".join(words[:MAX_WORDS])
            kept += [text] * bool(text)
        out.append(kept)
    _tell(dropped, "empty caption(s) left out")
    _tell(cut, f"caption(s) of more than {MAX_WORDS} words cut")
    return out


def _tell(clip_ids: list[str], what: str) -> None:
    if clip_ids:
        named = ", ".join(dict.fromkeys(clip_ids[:5]))
        warnings.warn(f"{len(clip_ids):,} {what}, of {named}{', ...' if len(clip_ids) > 5 else ''}.", stacklevel=5)
