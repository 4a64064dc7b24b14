"""Conversations with a language model about many captions: so many at a time, each answer kept as it comes."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from tqdm.auto import tqdm

from lib.llm.answers import Answers
from lib.llm.instruction import Messages, Parsed, Reason, again, parse, request
from lib.llm.writers import Chat, NoAnswer

TRIES = 3  # questions about one caption, the first included

Wish = tuple[str, tuple[str, ...]]  # a caption and its keywords, plain


@dataclass(frozen=True)
class Outcome:
    """What became of a caption: its variants, or none and the reason why."""

    variants: tuple[str, ...] = ()
    reason: Reason | None = None
    detail: str = ""
    requests: int = 0  # sent for it now; 0 if the cache had it all


class Talk:
    """Conversations with one model about many captions, its answers kept as they come."""

    def __init__(self, writer: Chat, n: int):
        self.writer, self.n, self.answers = writer, n, Answers(writer.name)
        self.tickets, self.failed, self.stop = itertools.count(), set(), threading.Event()

    def all(self, wishes: list[Wish], progress: bool) -> dict[Wish, Outcome]:
        pool, done = ThreadPoolExecutor(self.writer.concurrency, "llm"), {}
        futures = {pool.submit(self.one, wish): wish for wish in wishes}
        try:
            for future in tqdm(as_completed(futures), "captions", len(futures), leave=False, disable=not progress):
                done[futures[future]] = future.result()
        finally:  # after an error nothing new is begun, and what is under way is not waited for
            self.stop.set()
            pool.shutdown(wait=len(done) == len(futures), cancel_futures=True)
            self.writer.close()
        return done

    def replayed(self, wish: Wish) -> tuple[Outcome | None, Messages]:
        """How far the kept answers lead: to an outcome, or to the next question."""
        messages, parsed = request(*wish, self.n), Parsed()
        for _ in range(TRIES):
            line = self.answers.get(messages)
            if line is None:
                return None, messages
            parsed = parse(line["answer"], n=self.n, caption=wish[0], finish=line["finish"])
            if parsed.captions:
                return Outcome(parsed.captions), messages
            messages = again(messages, line["answer"], parsed, self.n)
        return Outcome((), parsed.reason, parsed.detail), messages

    def one(self, wish: Wish) -> Outcome:
        """Ask about a caption until the answer will do, TRIES times at most."""
        sent, unread = 0, 0
        while True:
            outcome, messages = self.replayed(wish)
            if outcome is not None:
                return Outcome(outcome.variants, outcome.reason, outcome.detail, sent)
            if self.stop.is_set():
                return Outcome((), Reason.STOPPED, "the server had stopped answering", sent)
            ticket = next(self.tickets)
            try:
                sent += self._ask(messages)
                self.failed = {other for other in self.failed if other > ticket}  # asked later: those still stand
            except NoAnswer as error:
                sent, unread = sent + 1, unread + 1
                if not error.again or unread == TRIES:
                    return self._failed(ticket, Outcome((), error.reason, str(error), sent))

    def _ask(self, messages: Messages) -> int:
        """Get an answer into the cache; how many requests that took: 0 if another process was faster."""
        with self.answers.claim(messages):
            if self.answers.get(messages) is not None:
                return 0
            reply = self.writer.reply(messages)
            self.answers.add(messages, reply.text, reply.finish)
            return 1

    def _failed(self, ticket: int, outcome: Outcome) -> Outcome:
        """A server that fails as many captions in a row as it gets at a time is dead: stop asking."""
        self.failed = {*self.failed, ticket}
        if len(self.failed) >= max(self.writer.concurrency, 3):
            self.stop.set()
        return outcome
