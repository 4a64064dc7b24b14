"""The front page of the static pages, syllabus and ledger, and the frame that each page stands in."""

import html
from collections.abc import Callable

from lib.workbook import ledger

SENTENCE = """Hearsay is a workbook that teaches language-based audio retrieval (type a sentence, hear the sound) by
building, step by step, the systems of five papers; every claim in it is measured by a cell, with an interval."""
FILTER = """<p class="filter" hidden><label>Show <select id="verdicts"><option value="">every claim</option></select>
</label> <span role="status"></span></p>"""
FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="hearsay.css">
<script src="hearsay.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
<a class="home" href="index.html">Hearsay</a>
<search hidden><form><label for="query">Search all notebooks and claims</label>
<input id="query" type="search" autocomplete="off" placeholder="Search (press /)" aria-controls="found">
</form><div id="found" hidden><p role="status"></p><ol></ol></div></search>
</header>
<div class="columns{wide}">
{beside}
<main id="main" tabindex="-1">
{body}
{around}
</main>
</div>
</body>
</html>
"""
CONTENTS = """<nav class="contents" aria-label="Sections of this page">
<details open><summary>Sections</summary>{contents}</details></nav>"""


def frame(title: str, body: str, contents: str = "", around: str = "") -> str:
    """A whole page.

    Args:
        body: what stands in `<main>`, as HTML.
        contents: a list of links to its sections, as HTML; empty for none.
        around: links to the pages before and after, as HTML.
    """
    beside = CONTENTS.format(contents=contents) if contents else ""
    wide = "" if contents else " wide"
    return FRAME.format(title=html.escape(title), body=body, beside=beside, wide=wide, around=around)


def around(name: str, titles: dict[str, str]) -> str:
    """Links to the notebook before, to the front page and to the notebook after."""
    names = list(titles)
    at = names.index(name)
    before, after = names[max(at - 1, 0) : at], names[at + 1 : at + 2]
    links = [f'<a rel="prev" href="{n}.html">← {html.escape(titles[n])}</a>' for n in before] or ["<span></span>"]
    links += ['<a href="index.html">All notebooks and the ledger</a>']
    links += [f'<a rel="next" href="{n}.html">{html.escape(titles[n])} →</a>' for n in after]
    return f'<nav class="around" aria-label="Other notebooks">{"".join(links)}</nav>'


def front(titles: dict[str, str], questions: dict[str, str], rows: list[dict], where: Callable, teachers: bool) -> str:
    """The body of the front page: what this is, the notebooks with their questions, and the ledger.

    Args:
        titles, questions: of each notebook, by its name.
        rows: of the ledger.
        where: gives the last cell of a row of the ledger, as HTML.
        teachers: whether there is a page for them.
    """
    items = "".join(
        f'<li><a href="{name}.html">{html.escape(title)}</a> {html.escape(questions[name])}</li>\n'
        for name, title in titles.items()
    )
    link = '<p>For teachers: <a href="teaching.html">paths through the notebooks</a>.</p>' if teachers else ""
    return f"""<h1>Hearsay</h1>
<p>{SENTENCE}</p>
<p>These pages are for reading, listening and searching; nothing here runs, and nothing is fetched from a network.</p>
{link}<p>On this page: <a href="#notebooks">the notebooks</a>, <a href="#ledger">the ledger</a>.</p>
<h2 id="notebooks">The notebooks</h2>
<ul class="syllabus">
{items}</ul>
<h2 id="ledger">The ledger</h2>
<p>{ledger.EXPLAINED} The last column leads to the cell that measured it.</p>
{FILTER}
{ledger.html_table(rows, where)}"""
