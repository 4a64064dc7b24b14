"""Variants of captions: texts that say the same in other words, written by a language model or by our paraphraser.

Who writes them is said by the environment (`lib.llm.writers`), never by a cell. What a model is asked, and what of its
answer is taken: `lib.llm.instruction`. Its answers are kept (`lib.llm.answers`): a run that was killed goes on where it
stopped. They are text from outside: escape them (`lib.show.bundle.escape`) wherever they go into HTML.
Taught in notebook 12.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lib.llm.instruction import Messages, N, Reason, parse, plain, request
from lib.llm.talk import Outcome, Talk, Wish
from lib.llm.writers import Chat, HuggingFace, LLMError, NoAnswer, OpenAI, Reply, Rewrite, chosen

__all__ = ["Estimate", "HuggingFace", "LLMError", "NoAnswer", "OpenAI", "Outcome", "Reason", "Reply", "Rewrite",
           "estimate", "outcomes", "parse", "request", "variants"]  # fmt: skip

LONGEST = 200  # words of a caption that is still one
CHARACTERS_A_TOKEN = 4  # of English, roughly
TOKENS_A_CAPTION = 22  # its number included
TOKENS_A_MESSAGE = 8  # around each


@dataclass(frozen=True)
class Estimate:
    """What `variants` would send now, if no answer had to be asked again."""

    requests: int
    cached: int
    tokens_in: int
    tokens_out: int
    cost: float | None = None


def variants(
    captions: Sequence[str],
    keywords: Sequence[Sequence[str] | None] | None = None,
    *,
    n: int = N,
    writer: Chat | Rewrite | str | None = None,
    progress: bool = True,
) -> list[tuple[str, ...]]:
    """Up to n variants of each caption, in the order given; an empty tuple where none could be had.

    It prints one line: asked, from the cache, dropped and why. `outcomes` has the reason of each.

    Args:
        keywords: of each caption; None (for all, or for one) asks without: so are queries paraphrased.
        writer: None for the one that HEARSAY_LLM names: unset, our offline paraphraser. Else a name as there, a `Chat`,
            or a function `(caption, keywords, *, n)`.

    Raises:
        ValueError: captions or keywords of another form; HEARSAY_LLM names nobody.
        LLMError: no further question would be answered (a wrong key, no such model); answers so far are kept.
    """
    return [each.variants for each in outcomes(captions, keywords, n=n, writer=writer, progress=progress)]


def outcomes(
    captions: Sequence[str],
    keywords: Sequence[Sequence[str] | None] | None = None,
    *,
    n: int = N,
    writer: Chat | Rewrite | str | None = None,
    progress: bool = True,
) -> list[Outcome]:
    """As `variants`, with the reason where there are none. The same caption with the same keywords is asked once."""
    wishes, writer = _wishes(captions, keywords, n), chosen(writer)
    different = list(dict.fromkeys(wishes))
    done = {wish: Outcome(reason=reason) for wish in different if (reason := _unfit(wish[0]))}
    todo = [wish for wish in different if wish not in done]
    if hasattr(writer, "reply"):
        done |= Talk(writer, n).all(todo, progress)
    else:
        done |= {wish: _rewritten(writer, wish, n) for wish in todo}
    _report(len(wishes), list(done.values()), getattr(writer, "name", None))
    return [done[wish] for wish in wishes]


def estimate(
    captions: Sequence[str],
    keywords: Sequence[Sequence[str] | None] | None = None,
    *,
    n: int = N,
    writer: Chat | Rewrite | str | None = None,
    prices: tuple[float, float] | None = None,
) -> Estimate:
    """A dry run: what `variants` would send, and at these prices cost. Nothing is sent, no key is needed.

    Tokens are a rule of thumb: 4 characters of a question are one, a caption in the answer is 22. A model that thinks
    aloud takes many more, and an answer that cannot be used is asked again, up to two times.

    Args:
        prices: of a million tokens in, and of a million tokens out, in any currency.
    """
    writer = chosen(writer)
    todo = [wish for wish in dict.fromkeys(_wishes(captions, keywords, n)) if not _unfit(wish[0])]
    if not hasattr(writer, "reply"):
        print(f"estimate: {len(todo):,} captions, rewritten on this machine; nothing to send")
        return Estimate(0, 0, 0, 0, None if prices is None else 0.0)
    talk = Talk(writer, n)
    questions = [messages for outcome, messages in map(talk.replayed, todo) if outcome is None]
    tokens_in = sum(map(_tokens, questions))
    tokens_out = len(questions) * n * TOKENS_A_CAPTION
    cost = None if prices is None else (tokens_in * prices[0] + tokens_out * prices[1]) / 1e6
    print(f"estimate: {len(questions):,} requests to {writer.name} ({len(todo) - len(questions):,} captions are in the "
          f"cache), about {tokens_in:,} tokens in and {tokens_out:,} out"
          + ("" if cost is None else f", about {cost:,.2f} at {prices[0]:g} and {prices[1]:g} a million")
          + "; nothing was sent")  # fmt: skip
    return Estimate(len(questions), len(todo) - len(questions), tokens_in, tokens_out, cost)


def _wishes(captions: Sequence[str], keywords: Sequence[Sequence[str] | None] | None, n: int) -> list[Wish]:
    """Captions and keywords as plain text.

    Raises:
        ValueError: not a list of texts, not keywords for each, or no variants asked for.
    """
    if n < 1:
        raise ValueError(f"expected n of 1 or more variants; got {n}")
    captions, keywords = _texts(captions, "captions"), [None] * len(captions) if keywords is None else list(keywords)
    if len(keywords) != len(captions):
        raise ValueError(f"expected keywords for each of {len(captions)} captions (or None); got {len(keywords)}")
    tags = [[word.replace("[", " ").replace("]", " ") for word in _texts(each or (), "keywords")] for each in keywords]
    kept = [dict.fromkeys(filter(None, map(plain, each))) for each in tags]
    return [(plain(caption), tuple(each)) for caption, each in zip(captions, kept)]


def _texts(given: Sequence[str], what: str) -> list[str]:
    """Raises ValueError if it is one text, or holds what is none (a NaN of pandas)."""
    texts = [given] if isinstance(given, str) else list(given)
    wrong = [given] if isinstance(given, str) else [each for each in texts if not isinstance(each, str)]
    if wrong:
        raise ValueError(f"expected {what} as a list of texts; got {wrong[0]!r:.60}. List it, or leave it out.")
    return texts


def _unfit(caption: str) -> Reason | None:
    """Why a caption is not worth a question."""
    if not any(map(str.isalnum, caption)):
        return Reason.BLANK
    return Reason.HUGE if len(caption.split()) > LONGEST else None


def _rewritten(rewrite: Rewrite, wish: Wish, n: int) -> Outcome:
    written = tuple(rewrite(*wish, n=n))[:n]
    return Outcome(written, None if written else Reason.OFFLINE)


def _report(total: int, done: list[Outcome], model: str | None) -> None:
    """One line: how many of what; another if the server failed, with how."""
    dropped = Counter(str(each.reason) for each in done if not each.variants)
    asked, sent = sum(each.requests > 0 for each in done), sum(each.requests for each in done)
    cached = sum(not each.requests and each.reason not in (Reason.BLANK, Reason.HUGE, Reason.STOPPED) for each in done)
    how = f"{asked:,} asked of {model} ({sent:,} requests), {cached:,} from the cache" if model else "rewritten offline"
    why = f" ({', '.join(f'{count:,} {reason}' for reason, count in dropped.most_common())})" if dropped else ""
    print(f"variants: {total:,} captions, {len(done):,} different; {how}, {dropped.total():,} dropped{why}")
    if silent := next((each.detail for each in done if each.reason == Reason.SILENT), None):
        print(f"variants: the first without an answer: {silent}. Call again to ask those once more.")


def _tokens(messages: Messages) -> int:
    return sum(math.ceil(len(each["content"]) / CHARACTERS_A_TOKEN) + TOKENS_A_MESSAGE for each in messages)
