"""Answers of a language model on disk: one line of JSON each, written as it comes, never asked for twice.

A line holds the model, the question (the whole conversation) and the raw answer; what the parser makes of it is made
again at each reading. Answers cost money or hours: nothing removes them but you, by removing the file (`Answers.path`).
"""

import contextlib
import json
import re
import threading
from collections.abc import Iterator

from filelock import FileLock

from lib import store
from lib.llm.instruction import Messages


class Answers:
    """All answers of one model, also those that another process is adding."""

    def __init__(self, model: str):
        readable = re.sub(r"[^\w.-]+", "-", model)[-60:]
        self.model, self.path = model, store.root() / "llm" / f"{readable}-{store.digest(model)[:8]}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._known: dict[str, dict] = {}
        self._end, self._turn = 0, threading.Lock()
        self._lock = FileLock(self.path.with_suffix(".lock"))

    def key(self, messages: Messages) -> str:
        """What a question is known by: the model and every word of the conversation."""
        return store.digest(self.model, json.dumps(messages))

    def get(self, messages: Messages) -> dict | None:
        """The line that answers this question: a dict with `answer` and `finish`; None if there is none yet."""
        with self._turn:
            if self.path.exists() and self.path.stat().st_size != self._end:
                with self._lock:  # nobody is writing now: a line without an end will never get one
                    self._read()
            return self._known.get(self.key(messages))

    def add(self, messages: Messages, answer: str, finish: str) -> None:
        """Write an answer down.

        Raises:
            OSError: the disk is full or read-only; the message says what to do.
        """
        key = self.key(messages)
        line = {"key": key, "model": self.model, "messages": messages, "answer": answer, "finish": finish}
        with self._turn, self._lock:
            self._read()
            try:
                with self.path.open("ab") as file:
                    start = b"\n" if self._torn() else b""
                    file.write(start + json.dumps(line).encode() + b"\n")
            except OSError as error:
                hint = "Free some space, or set HEARSAY_CACHE to a folder on another disk"
                why = f"could not keep an answer: {error.strerror}. {hint}"
                raise OSError(error.errno, why, str(self.path)) from None
            self._known[key] = {"answer": answer, "finish": finish}

    @contextlib.contextmanager
    def claim(self, messages: Messages) -> Iterator[None]:
        """Ours alone to ask, for the while: whoever else wants this answer waits, then finds it."""
        lock = self.path.with_name(f"{self.key(messages)}.lock")
        with FileLock(lock):
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)

    def _torn(self) -> bool:
        """Does the file end in half a line? Then a process was killed as it wrote."""
        with self.path.open("rb") as file:
            return file.seek(0, 2) > 0 and (file.seek(-1, 2), file.read(1))[1] != b"\n"

    def _read(self) -> None:
        """Take in what was added since; a line that cannot be read is told of, and asked for again."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._end if self._end <= self.path.stat().st_size else 0)
            lines = file.read().split(b"\n")
            self._end = file.tell()
        broken = 0
        for line in filter(None, lines):
            try:
                entry = json.loads(line)
                self._known[entry["key"]] = {"answer": str(entry["answer"]), "finish": str(entry["finish"])}
            except (ValueError, KeyError, TypeError):
                broken += 1
        if broken:
            print(f"llm: {broken} line(s) of {self.path.name} cannot be read (half a line is what a killed process "
                  "leaves); what they answered is asked again")  # fmt: skip
