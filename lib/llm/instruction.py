"""What a language model is asked, and what of its answer is taken: n captions for one, or the reason for none.

The instruction follows Primus et al. 2023, Table 1, in our words: the caption in quotes, the keywords in brackets, five
sentences out, each with its number. Without keywords it is the one for queries (Munakata et al. 2024, section 4.2).
The table asks for "less than 20 words" and forbids "heard"; the first sentence of the answer that it prints ends in "is
heard". We ask for fewer than 20 words, take 20 (what counts as a word is open to dispute), and forbid what it forbids.
Taught in notebook 12.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lib.paraphrase import BANNED, MOST_WORDS

N = 5  # captions for one, as in both papers
MAX_CHARACTERS = 300  # of a caption: for languages without spaces, and for models that get stuck

Messages = list[dict[str, str]]  # a conversation: role ("user", "assistant") and content


class Reason(StrEnum):
    """Why a caption has no variants."""

    EMPTY = "empty answer"
    REFUSED = "refusal"
    CUT = "answer cut off"
    UNNUMBERED = "no numbering"
    ORDER = "broken numbering"
    FEW = "too few"
    SHORT = "not a sentence"
    LONG = f"over {MOST_WORDS} words"
    BANNED = "banned word"
    SEVERAL = "several sentences"
    REPEATED = "repetition"
    BLANK = "empty caption"  # from here on: not asked, or no answer
    HUGE = "caption too long"
    SILENT = "no answer"
    STOPPED = "not asked"
    OFFLINE = "nothing written"


@dataclass(frozen=True)
class Parsed:
    """n captions; or none, a reason to count, and what was wrong as the second request tells it."""

    captions: tuple[str, ...] = ()
    reason: Reason | None = None
    detail: str = ""


def request(caption: str, keywords: Sequence[str] = (), n: int = N) -> Messages:
    """The question about one caption (`plain` texts all), as a single message: not every model has a system role."""
    tags = " and, in brackets, tags that belong to it" if keywords else ""
    asked = (
        f"You will get a description of a sound recording{tags}. Write {n} captions for the recording that describe "
        "its sound events. Each caption is one sentence of fewer than 20 words. Use grammatical sentences with "
        "subject, verb and object. Name no cities, countries or persons. Do not mention the time. Do not name "
        'recording devices. Give no introduction and no explanation. Never use the words "heard" or "recorded". '
        "Begin each sentence with its number."
    )
    return [{"role": "user", "content": f"{asked}\n‘{caption}’" + (f" [{', '.join(keywords)}]" if keywords else "")}]


def again(messages: Messages, answer: str, parsed: Parsed, n: int = N) -> Messages:
    """The conversation with the answer that cannot be used, and what is wrong with it."""
    wrong = f"That cannot be used: {parsed.detail}. Write {n} sentences, numbered from 1 to {n}, and nothing else."
    said = {"role": "assistant", "content": answer.strip()[:2000] or "(nothing)"}
    return [*messages, said, {"role": "user", "content": wrong}]


def plain(text: str) -> str:
    """A text on one line, without control characters and halves of characters, which no server takes."""
    return " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text).split())


def parse(answer: str, *, n: int = N, caption: str = "", finish: str = "stop") -> Parsed:
    """The captions in an answer; or the first thing that is wrong with it.

    Mended: prose around the list, any usual way to number (or exactly n bullets), one line for all, lines broken in
    two, quotes, blank lines, markdown, HTML tags, an echo of the keywords, thoughts before the answer, more than n.

    Args:
        caption: a sentence that says it over again is a repetition, too.
        finish: why the model stopped, as the server tells: "length" is an answer cut off.
    """
    if finish in ("length", "content_filter"):
        cut = finish == "length"
        return Parsed((), Reason.CUT if cut else Reason.REFUSED, "it breaks off" if cut else "it was withheld")
    text = re.sub(r"(?s)<think>.*?(</think>|$)", "", answer)
    items = list(_items(text))
    found = _in_order(items, n)
    if found is None:
        return _unlisted(text, [number for number, _ in items], n)
    captions = tuple(map(_tidied, found))
    for number, each in enumerate(captions, 1):
        if problem := _problem(each):
            return Parsed((), problem[0], f"sentence {number} {problem[1]}")
    seen = [_letters(each) for each in (*captions, caption)]
    if len(set(seen)) < len(seen):
        return Parsed((), Reason.REPEATED, "two sentences are the same, or one repeats the description")
    return Parsed(captions)


_AFTER = r"[\s*_`|]*(.*)$"
_NUMBERED = re.compile(r"[\W_]*(?:(?:caption|sentence|option)\s+#?)?(\d{1,3})[*_`\\]*(?:\s?[.):\]|．）]|\s[-–—])(?!\d)"
                       + _AFTER, re.IGNORECASE)  # fmt: skip
_BULLET = re.compile(r"\s*[-*•–—]\s" + _AFTER)
_NEXT_INLINE = re.compile(r"(?<=[.!?\"'”’*])[ \t]+(?=[*_(\[]*\d{1,2}[.):\]][*_]*\s)")  # 1. A dog barks. 2. A puppy
_REFUSAL = re.compile(
    r"\W*(i['’]?m (very |so |really )?(sorry|unable|afraid)|i am (very |so )?(sorry|unable|afraid|not able)|sorry\b"
    r"|my apologies|i apologi[sz]e|i (can['’]?t|cannot|can not|won['’]?t|will not)\b|unfortunately"
    r"|as an? (ai|artificial|(large )?language model)\b)",
    re.IGNORECASE,
)


def _items(text: str) -> Iterator[tuple[int, str]]:
    """(number, text) of each line with a number, what a line break tore apart put together; bullets only if no number
    is there, counted from 1."""
    lines = [line for line in _NEXT_INLINE.sub("\n", text).splitlines() if line.strip(" \t`")]
    numbered = [_NUMBERED.match(line) for line in lines]
    matches = numbered if any(numbered) else [_BULLET.match(line) for line in lines]
    items: list[list] = []
    for line, match in zip(lines, matches):
        if match:
            items.append([int(match[1]) if any(numbered) else len(items) + 1, match[match.lastindex]])
        elif items and not items[-1][1].rstrip().endswith((".", "!", "?")):
            if not items[-1][1] or line.strip()[0].islower():
                items[-1][1] += " " + line
    yield from ((number, text) for number, text in items)


def _in_order(items: list[tuple[int, str]], n: int) -> list[str] | None:
    """The first n items that are numbered from 1 to n without a gap."""
    for start in range(len(items)):
        if [number for number, _ in items[start : start + n]] == list(range(1, n + 1)):
            return [text for _, text in items[start : start + n]]
    return None


def _unlisted(text: str, numbers: list[int], n: int) -> Parsed:
    """Why there is no list of n."""
    if _REFUSAL.match(text.strip()):
        return Parsed((), Reason.REFUSED, "it is not a list of sentences")
    if not text.strip(" \t\r\n`"):
        return Parsed((), Reason.EMPTY, "it is empty")
    if not numbers:
        return Parsed((), Reason.UNNUMBERED, "the sentences have no numbers")
    if numbers == list(range(1, len(numbers) + 1)):
        return Parsed((), Reason.FEW, f"it has {len(numbers)} of {n} sentences")
    return Parsed((), Reason.ORDER, f"the sentences are not numbered from 1 to {n}")


def _tidied(text: str) -> str:
    """One caption without tags, markdown, quotes around it and what is left of a table or of the keywords."""
    text = re.sub(r"</?[A-Za-z][^<>]*>", "", text)
    text = plain(re.sub(r"[*`]|(?<!\w)_+|_+(?!\w)", "", text))
    text = re.sub(r"\s*\[[^\]]*\][.\s]*$", "", text).strip(" |,;")
    if quoted := re.fullmatch(r"[\"'“‘«„](.*)[\"'”’»“]([.,]?)", text):
        text = quoted[1].strip() + ("." if quoted[2] == "." and not quoted[1].endswith((".", "!", "?")) else "")
    return text


def _problem(caption: str) -> tuple[Reason, str] | None:
    """What is wrong with one sentence, and how to say it to whoever wrote it."""
    words = [word for word in caption.split() if any(map(str.isalnum, word))]
    if len(words) < 2 or not any(map(str.isalpha, caption)):
        return Reason.SHORT, "is none"
    if _REFUSAL.match(caption):
        return Reason.REFUSED, "does not describe the sound"
    if len(words) > MOST_WORDS or len(caption) > MAX_CHARACTERS:
        return Reason.LONG, f"has {len(words)} words and {len(caption)} characters"
    if used := BANNED.search(caption):
        return Reason.BANNED, f'uses "{used[1].lower()}"'
    if re.search(r"[.!?][\"'”’)]*\s+[\"'“‘(]*[A-Z]", caption):
        return Reason.SEVERAL, "is more than one sentence"
    return None


def _letters(caption: str) -> str:
    return "".join(filter(str.isalnum, caption.casefold()))
