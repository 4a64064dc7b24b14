"""The table of measured run times in each notebook's head, filled in from runs, never by hand.

A source writes `<!--runtimes-->` on a line of its own; the table goes below it, up to `<!--/runtimes-->`.
"""

import re

OPEN, CLOSE = "<!--runtimes-->", "<!--/runtimes-->"
BLOCK = re.compile(f"{OPEN}.*?{CLOSE}", re.DOTALL)


def blank(text: str) -> str:
    """The text with its table emptied, so that two runs can be compared."""
    return BLOCK.sub(OPEN, text)


def table(measured: dict[str, dict]) -> str:
    """Markdown: a row for each profile; `measured[profile] = {"seconds", "peak_mib"}`."""
    from lib.profiles import PROFILES

    rows = ["| profile | run time on 2 cores | memory |", "|---|---|---|"]
    for name, profile in PROFILES.items():
        run = measured.get(name)
        figures = (
            f"{run['seconds']:.0f} s | {run['peak_mib']:,.0f} MiB"
            if run
            else f"not measured (budget {profile.budget_s:.0f} s) | "
        )
        rows.append(f"| {name} | {figures} |")
    return "\n".join(rows)


def fill(notebook, measured: dict[str, dict]) -> None:
    """Put the table below its marker, in place."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and OPEN in cell.source:
            cell.source = blank(cell.source).replace(OPEN, f"{OPEN}\n\n{table(measured)}\n\n{CLOSE}")
