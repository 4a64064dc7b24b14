"""A search that goes on: ask by words, by an answer, by a recording of your own, by both; refine, take back.

A widget for the keyboard; `lib.search.Conversation` answers it.
"""

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from lib import search
from lib.audio import AudioError
from lib.show import listen

SECONDS = 5.0
LARGEST = 30 * 2**20  # bytes of a recording that is handed in
NOT_HERE = "its recording is not here, only its name"


class SearchPanel(anywidget.AnyWidget):
    """A search box, an example beside it, the answers with a player each, and the way that led there.

    Args:
        talk: the conversation; steps that it has already are shown.
        hear: A(recording) of a file, for recordings that are handed in; None takes none.
        seconds: of each answer.
    """

    _esm = Path(__file__).with_name("search_panel.js")
    _css = Path(__file__).with_name("search_panel.css")
    request = traitlets.Dict({"do": "", "number": 0}).tag(sync=True)  # the number: the same may be asked again
    reply = traitlets.Dict({"status": "", "answers": [], "history": [], "example": ""}).tag(sync=True)
    takes_files = traitlets.Bool(False).tag(sync=True)

    def __init__(self, talk: search.Conversation, hear: Callable[[Path], np.ndarray] | None = None, *,
                 seconds: float = SECONDS):
        super().__init__(takes_files=hear is not None)
        self._talk, self._hear, self._seconds = talk, hear, seconds
        self._example: dict = {}  # what the next question takes along: row, or sound and name
        self._show("Type what you want to hear, then press Enter.")
        self.observe(self._asked, "request")
        self.on_msg(self._handed)

    def __repr__(self) -> str:
        return "A search panel stands here while the notebook runs: type, press Enter, take an answer as the example."

    def _asked(self, change: dict) -> None:
        request = change["new"]
        with self._told():
            status = getattr(self, f"_do_{request['do']}")(request)
            self._show(status)

    @contextlib.contextmanager
    def _told(self):
        """An error becomes a sentence: a traceback would go to a log that no reader opens."""
        try:
            yield
        except (ValueError, OSError) as error:
            self._show(f"That did not work: {error}")

    def _do_ask(self, request: dict) -> str:
        step = self._talk.ask(str(request.get("words", "")), **self._example)
        self._example = {}
        return f"{len(step.found)} answers to {step}, best first."

    def _do_example(self, request: dict) -> str:
        row = int(request["row"])
        self._example = {"row": row}
        return "Now say what should be otherwise, as in “add thunder”; or search for what is like it."

    def _do_drop(self, request: dict) -> str:
        self._example = {}
        return "No example: the words alone decide."

    def _do_undo(self, request: dict) -> str:
        self._example = {}
        step = self._talk.undo()
        return f"Back to {step}." if step else "Back to the beginning. Type what you want to hear."

    def _handed(self, _, content: dict, buffers: list) -> None:
        """A recording, from the reader's disk: its name and its bytes."""
        with self._told():
            name, data = Path(str(content.get("name", "recording"))).name, bytes(buffers[0]) if buffers else b""
            if self._hear is None or len(data) > LARGEST:
                size = len(data) / 2**20
                raise ValueError(f"expected a recording of at most {LARGEST // 2**20} MiB; got {size:.0f}.")
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, f"recording{Path(name).suffix}")
                path.write_bytes(data)
                try:
                    sound = self._hear(path)
                except AudioError as error:
                    raise ValueError(f"{name}: {error.why}. Try: {error.attempt}.") from None
            self._example = {"sound": sound, "name": name}
            self._show("Now say what should be otherwise, or search for what is like it.")

    def _show(self, status: str) -> None:
        last, example = self._talk.last, self._example.get("name", "")
        if "row" in self._example:
            example = str(self._talk.index.table["title"][self._example["row"]])
        answers = [] if last is None else [self._packed(row) for row in last.found.to_dict("records")]
        self.reply = {"status": status, "answers": answers, "history": [str(step) for step in self._talk.history],
                      "example": example}

    def _packed(self, row: dict) -> dict:
        packed = {"rank": int(row["rank"]), "row": int(row["row"]), "label": str(row["title"]),
                  "score": f"similarity {row['score']:.2f}", "address": ""}
        try:
            return packed | {"address": listen.player(row, label=packed["label"], seconds=self._seconds).address}
        except AudioError:
            return packed | {"score": f"{packed['score']}; {NOT_HERE}"}
