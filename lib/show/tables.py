"""Tables as a reader wants them: words to the left, numbers to the right, and folded where one only looks things up."""

from collections.abc import Sequence

import pandas as pd

from lib.show import bundle


def show(frame: pd.DataFrame, title: str = "", *, folded: bool = False) -> None:
    """Display a table, its index as the first column.

    Args:
        title: stands above it; of a folded table, it is what the reader clicks on.

    Raises:
        ValueError: folded, and nothing to click on.
    """
    if folded and not title:
        raise ValueError("expected a title for a folded table: without one there is nothing to click on")
    sides = ["left", *("right" if pd.api.types.is_numeric_dtype(frame[name]) else "left" for name in frame)]
    head = _row("th", [frame.index.name or "", *frame], sides)
    body = "".join(_row("td", row, sides) for row in frame.itertuples())
    table = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
    words = f"<b>{bundle.escape(title)}</b>" if title else ""
    html = f"<details><summary>{words}</summary>{table}</details>" if folded else f"{words}{table}"
    bundle.emit({"text/html": html, "text/plain": f"{title}\n{frame.to_string()}".strip()})


def _row(tag: str, values: Sequence, sides: Sequence[str]) -> str:
    """Numbers in up to six digits, as they were rounded; all else as text, escaped."""
    cells = []
    for place, (value, side) in enumerate(zip(values, sides, strict=True)):
        words = bundle.escape(f"{value:g}" if isinstance(value, float) else value)
        kind = "th" if place == 0 else tag
        cells.append(f'<{kind} style="text-align: {side}; vertical-align: top">{words}</{kind}>')
    return f"<tr>{''.join(cells)}</tr>"
