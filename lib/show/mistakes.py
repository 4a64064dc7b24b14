"""Mistakes to browse: what was asked, what came first, what was right, and both to be heard.

Plain HTML: Tab goes from one to the next, Enter opens it, space plays. So a static page has it all. A clip without a
path is one whose recording is not on this machine: it is told by its first caption.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lib.show import ask, bundle, listen


@dataclass(frozen=True)
class Mistake:
    """One query and two clips (rows of a clip table)."""

    query: str
    answer: Mapping  # the clip that came first
    right: Mapping
    rank: int | None  # of the right clip; None where it is not among the answers that are known
    note: str = ""  # what is wrong with the answer


def show(mistakes: Sequence[Mistake], *, seconds: float = 5.0) -> None:
    """Show them as a list that unfolds.

    Raises:
        ValueError: there are none.
    """
    if not mistakes:
        raise ValueError("expected at least one mistake; got none. Did the system make any?")
    bundle.emit({"text/html": f"<div {listen.KEYS}>" + "".join(_html(each, seconds) for each in mistakes) + "</div>",
                 "text/plain": "\n".join(_plain(each) for each in mistakes)})


def _html(mistake: Mistake, seconds: float) -> str:
    parts = [_part(what, row, seconds) for what, row in _pair(mistake)]
    note = f" <em>{bundle.escape(mistake.note)}</em>" if mistake.note else ""
    head = f"“{bundle.escape(mistake.query)}”: the right clip {_place(mistake)}.{note}"
    return f"<details><summary>{head}</summary><div>{''.join(parts)}</div></details>"


def _part(what: str, row: Mapping, seconds: float) -> str:
    if not row["path"]:
        return f"<p>{bundle.escape(_below(what, row))}</p>"
    return listen.player(row, label=f"{what}: {_name(row)}", seconds=seconds, caption=_below(what, row)).html()


def _place(mistake: Mistake) -> str:
    return f"came in place {mistake.rank}" if mistake.rank else "is not among the answers"


def _plain(mistake: Mistake) -> str:
    lines = [f"asked: {mistake.query} (the right clip {_place(mistake)}) {mistake.note}".rstrip()]
    return "\n".join(lines + [f"  {_below(what, row)}" for what, row in _pair(mistake)])


def _pair(mistake: Mistake) -> tuple[tuple[str, Mapping], ...]:
    return ("came first", mistake.answer), ("right", mistake.right)


def _below(what: str, row: Mapping) -> str:
    if not row["path"]:
        told = f"; somebody wrote: “{row['captions'][0]}”" if len(row.get("captions", ())) else ""
        return f"{what}: {_name(row)} (no recording here){told}"
    return f"{what}: {ask.truth(str(row['path'])) or _name(row)}"


def _name(row: Mapping) -> str:
    return str(row.get("title") or row["clip_id"])
