"""Ask for a sound in words and hear the answers, best first: as plain output, or in a search box."""

import time
from collections.abc import Callable
from pathlib import Path

import anywidget
import pandas as pd
import traitlets

from lib.data import events, soundscapes
from lib.show import bundle, listen

Find = Callable[[str], pd.DataFrame]  # a query to the rows that `lib.search.Index.query` gives: rank, score, clip ...
SECONDS = 5.0
LABEL_CHARACTERS = 160


def show(query: str, found: pd.DataFrame, *, seconds: float = SECONDS) -> None:
    """Show the answers to a query without a widget, with players: also a page without a kernel sounds.

    Below a soundscape stands what is truly in it: captions leave things out.
    """
    players = [_player(row, seconds) for row in found.to_dict("records")]
    scores = [f"{score:.2f}" for score in found["score"]]
    notes = [f"similarity {s}" + (f"; in truth: {t}" if (t := truth(path)) else "")
             for s, path in zip(scores, found["path"])]
    items = "".join(f'<li style="margin:0.4em 0">{p.html()} <span>{bundle.escape(note)}</span></li>'
                    for p, note in zip(players, notes))
    lines = [f"{rank}. {p.text} ({note})" for rank, p, note in zip(found["rank"], players, notes)]
    bundle.emit({
        "text/html": f"<div {listen.KEYS}><p><strong>{bundle.escape(query)}</strong></p><ol>{items}</ol></div>",
        "text/plain": "\n".join([f"{query}:", *lines]),
    })


def truth(path: str) -> str:
    """What is in a soundscape, in the order in which it begins: "2 x dog bark (high), then thunder, over traffic".

    Of any other sound nobody wrote it down: an empty text.
    """
    if not path.startswith("soundscape://"):
        return ""
    scene = soundscapes.from_locator(path)
    named = []
    for event in sorted(scene.events, key=lambda event: event.onset_s):
        kind, words = events.KINDS[event.kind], event.kind.replace("_", " ")
        times = f"{event.count} x " if kind.countable else ""
        named.append(times + words + (f" ({event.pitch})" if kind.pitches else ""))
    return ", then ".join(named) + (f", over {scene.background.replace('_', ' ')}" if scene.background else "")


def _player(row: dict, seconds: float) -> listen.Player:
    return listen.player(row, label=_label(row), seconds=seconds)


def _label(row: dict) -> str:
    """What a clip is called in a list of answers: its first caption, else its title, else its id; not endless."""
    captions = row.get("captions")
    text = captions[0] if captions is not None and len(captions) else row.get("title") or row["clip_id"]
    return text if len(text) <= LABEL_CHARACTERS else text[: LABEL_CHARACTERS - 1] + "…"


class Search(anywidget.AnyWidget):
    """A search box: type, press Enter, hear. Works with the keyboard alone; a screen reader is told of the answers.

    Args:
        find: gives the answers to a query, best first, as `lib.search.Index.query` does.
        query: asked at once, so that there is something to hear.
        seconds: of each answer.
    """

    _esm = Path(__file__).with_name("ask.js")
    _css = """
    .hearsay-ask form { display: flex; flex-wrap: wrap; gap: 0.5em; align-items: center; }
    .hearsay-ask label { font-weight: bold; }
    .hearsay-ask input { flex: 1 1 18em; font-size: 1.1em; padding: 0.4em; }
    .hearsay-ask button { font-size: 1.1em; padding: 0.4em 1em; }
    .hearsay-ask ol { list-style: none; padding-left: 0.5em; }
    .hearsay-ask li { margin: 0.5em 0; }
    .hearsay-ask .hearsay-answer { display: flex; flex-wrap: wrap; gap: 0.8em; align-items: center; }
    .hearsay-ask .hearsay-label { flex: 1 1 16em; }
    .hearsay-ask audio { flex: 0 0 20em; max-width: 100%; }
    .hearsay-ask .hearsay-score { opacity: 0.75; }
    """
    question = traitlets.Dict({"text": "", "number": 0}).tag(sync=True)  # the number: the same words may be asked again
    reply = traitlets.Dict({"status": "", "answers": []}).tag(sync=True)

    def __init__(self, find: Find, query: str = "", *, seconds: float = SECONDS):
        super().__init__(question={"text": query, "number": 0})
        self._find, self._seconds = find, seconds
        if query:
            self._answer({"new": self.question})
        self.observe(self._answer, "question")

    def __repr__(self) -> str:
        return "A search box stands here while the notebook runs: type what you want to hear, press Enter."

    def _answer(self, change: dict) -> None:
        query, start = " ".join(change["new"].get("text", "").split()), time.perf_counter()
        if not query:
            self.reply = {"status": "Type what you want to hear, then press Enter.", "answers": []}
            return
        try:
            found = self._find(query)
            answers = [self._packed(row) for row in found.to_dict("records")]
        except Exception as error:  # a traceback would go to a log that no reader opens
            self.reply = {"status": f"That did not work: {type(error).__name__}: {error}", "answers": []}
            return
        status = f"{len(answers)} answers to “{query}”, best first ({time.perf_counter() - start:.1f} s)."
        self.reply = {"status": status, "answers": answers}

    def _packed(self, row: dict) -> dict:
        player = _player(row, self._seconds)
        return {"rank": int(row["rank"]), "score": f"similarity {row['score']:.2f}", "label": player.label,
                "address": player.address}
