"""The static site: equations that need no network, links that arrive, a search that finds; and what stops it."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lib.show.claims import CLAIM
from lib.workbook import equations, ledger, links, names, pages, sections, teaching
from lib.workbook.build import WIDGET, badge, repository

HEAD = "# {number} An *example*\n\n{badge}\n\n**The question:** does <it>\nfit?"
PLOTLY_FREE = {"elasticlunr.min.js", "hearsay.css", "hearsay.js", "sections.js"}


def site(folder, *cells, name="50_example", teachers=None):
    """A site of one notebook with these cells (a string is Markdown) under its head; its folder."""
    head = HEAD.format(number=name[:2], badge=badge(name))
    cells = [new_markdown_cell(c) if isinstance(c, str) else c for c in (head, *cells)]
    nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    pages.export(folder, folder / "pages", teachers)
    return folder / "pages"


def soup(path):
    """A page, parsed without its code, which has nine tenths of all tags."""
    return BeautifulSoup(re.sub(r"<pre\b.*?</pre>", "", path.read_text(), flags=re.DOTALL), "html.parser")


def shown(data, **metadata):
    return new_code_cell("1", outputs=[new_output("display_data", data=data, metadata=metadata)])


# equations


@pytest.mark.parametrize("latex, parts", [
    (r"\frac{e^{s_{ii}/\tau}}{\sum_j e^{s_{ij}/\tau}}", ["<mfrac>", "τ", "∑"]),
    (r"\xrightarrow{\text{encoder}}", ['<mover><mo stretchy="true">→</mo>', "encoder"]),
    (r"\Big( x \Big)^2", [r'<msup><mrow><mo [^>]*stretchy="true"[^>]*>\(</mo><mi>x</mi>', "<mn>2</mn>"]),
    (r"20 \log_{10} x", [r'<mo lspace="0.167em" rspace="0.167em">log</mo>']),
    (r"\begin{cases} a & b \\[2mm] c & d \end{cases}", ["<mtable>", r"</mtr><mtr><mtd [^>]*><mi>c</mi>"]),
    ("a < b", [r'alttext="a &lt; b"', "&lt;"]),
])  # fmt: skip
def test_an_equation_becomes_what_browsers_draw(latex, parts):
    drawn = equations.mathml(latex, "block")
    assert drawn.startswith("<math ") and 'display="block"' in drawn and "mpadded" not in drawn
    assert [part for part in parts if not re.search(part, drawn)] == [], drawn


@pytest.mark.parametrize("latex, why", [
    (r"\nosuch x", r"unknown: \nosuch"), (r"\frac{a}", "argument"), ("x^", "Script"), ("{a", "bracket"),
    ("a & b", "ParseError"), (r"\begin{cases} a", "Missing"),
])  # fmt: skip
def test_an_equation_that_cannot_be_drawn_stops_the_command_and_is_named(tmp_path, latex, why):
    with pytest.raises(equations.EquationError) as raised:
        site(tmp_path, f"So $$ {latex} $$ it is.")
    assert all(part in str(raised.value) for part in ("50_example: ", repr(latex), why)), raised.value


def test_code_and_dollars_of_money_are_no_equations():
    drawn = equations.markdown("`$x$` costs 5 dollars; $x$ is\n\n```python\nprint('$y$')\n```\n\n$$ y $$")
    text = BeautifulSoup(drawn, "html.parser").text
    assert drawn.count("<math") == 2 and "<code>$x$</code>" in drawn and "$y$" in text
    assert '<span class="equation"><math display="block"' in drawn


def test_no_equation_of_the_notebooks_stands_as_typed(whole_site):
    drawn = 0
    for path in whole_site.glob("*.html"):
        text = path.read_text()
        drawn += text.count("<math ")
        plain = re.sub(r"<(pre|code|script|style|math)\b.*?</\1>|<[^>]*>", "", text, flags=re.DOTALL)
        assert re.findall(r".{20}[$\\].{20}", plain) == [], path.name
    assert drawn > 300


# links


def test_a_sound_site_has_no_faults(tmp_path, whole_site):
    assert links.problems(whole_site) == []
    folder = site(tmp_path, "## A\n\nSee [above](#a) and [the web](https://example.org/none).")
    assert {p.name for p in folder.iterdir()} == PLOTLY_FREE | {"50_example.html", "index.html"}


@pytest.mark.parametrize("planted, said", [
    ("[gone](51_gone.ipynb)", "'51_gone.ipynb' leads to no page"),
    ("[gone](#nowhere)", "'#nowhere' leads to 50_example.html, which has no anchor"),
    ("[gone](index.html#nowhere)", "'index.html#nowhere' leads to index.html, which has no anchor"),
    ("[gone]()", "'' leads to no page"),
    ("![words](none.png)", "'none.png' leads to no page"),
    ("![](data:,a)", "'data:,a' has no alt text"), ('<img src="data:,a">', "'data:,a' has no alt text"),
    ('<p id="x"></p><p id="x"></p>', "'x' stands there more than once"),
    ('<script src="https://example.org/a.js"></script>', "'https://example.org/a.js' needs the network"),
    ('<img src="//example.org/a.png" alt="a">', "'//example.org/a.png' needs the network"),
    ('<link rel="stylesheet" href="http://example.org/a.css">', "'http://example.org/a.css' needs the network"),
])  # fmt: skip
def test_a_planted_fault_stops_the_command_which_names_page_and_link(tmp_path, planted, said):
    with pytest.raises(ValueError, match=r"\d+ faults? in the pages") as raised:
        site(tmp_path, f"## A\n\n{planted}")
    assert "\n50_example.html: " in str(raised.value) and said in str(raised.value), raised.value


@pytest.mark.parametrize("address, home, wanted", [
    ("08_nt_xent_loss.ipynb", "notebooks", "08_nt_xent_loss.html"),
    ("notebooks/08_nt_xent_loss.ipynb#a", "", "08_nt_xent_loss.html#a"),
    ("../TEACHING.md#paths", "notebooks", "../TEACHING.md#paths"),  # not there: the check will say so
    ("LEDGER.md", "notebooks", "index.html"),
    ("picture.png", "notebooks", "picture.png"), ("notebooks/picture.png", "", "picture.png"),
    ("../README.md", "notebooks", "{repository}/blob/main/README.md"),
    ("lib/losses.py#L3", "", "{repository}/blob/main/lib/losses.py#L3"), ("lib", "", "{repository}/tree/main/lib"),
    ("00_listen_first.ipynb", "notebooks", "{repository}/blob/main/notebooks/00_listen_first.ipynb"),  # no page of it
    ("#a", "notebooks", "#a"), ("https://example.org/a b", "", "https://example.org/a b"), ("none.md", "", "none.md"),
    ("../../../etc/hosts", "notebooks", "../../../etc/hosts"),
])  # fmt: skip
def test_a_link_of_the_repository_becomes_one_of_the_site(monkeypatch, address, home, wanted):
    if not teaching.PAGE.exists() or "TEACHING" not in address:
        assert links.target(address, home, {"08_nt_xent_loss", "index"}) == wanted.format(repository=repository())


def test_a_notebook_named_in_the_prose_is_a_link_to_its_page(tmp_path):
    prose = "## As in notebook 50\n\nNotebooks 50 (as *here*), 50 and 07 say: notebook\n50's 50 clips, `notebook 50`."
    page = soup(site(tmp_path, prose) / "50_example.html")
    found = page.select("main a[title]")
    assert [(a.text, a["href"], a["title"]) for a in found] == [("50", "50_example.html", "50 An example")] * 2
    assert not page.select("h2 a, code a")


# sections and search


def test_headings_get_anchors_as_on_github_each_its_own():
    blocks = BeautifulSoup("<div><h1>1. One <em>batch</em>: who?</h1><p>a</p><h2>Recap</h2><h2>Recap</h2></div>",
                           "html.parser")  # fmt: skip
    found = sections.split([blocks.div])
    anchors = ["1-one-batch-who", "recap", "recap-1"]
    assert [s.anchor for s in found] == anchors == [heading["id"] for heading in blocks(["h1", "h2"])]
    assert 'href="#recap-1"' in sections.contents(found) and "one-batch" not in sections.contents(found)
    assert sections.contents(found[:1]) == ""


def test_search_reads_prose_and_claims_but_no_solutions(tmp_path):
    solution = "<details><summary>Solution</summary>\n\nthe secret word\n\n```python\nsecret()\n```\n\n</details>"
    folder = site(tmp_path, "## Tides\n\nWater <b>comes</b> & $x^2$ goes.\n\n" + solution, "More of it.")
    text = (folder / "sections.js").read_text()
    entries = json.loads(text.removeprefix("window.hearsaySections = ").rstrip(";\n"))
    (tides,) = [e for e in entries if e["heading"] == "Tides"]
    assert tides == {"page": "50_example.html#tides", "title": "50 An example", "heading": "Tides",
                     "text": "Water comes & x2 goes. More of it."}  # fmt: skip
    assert "secret" not in text and "secret" in (folder / "50_example.html").read_text()
    claims = [e for e in entries if e["title"] == "The ledger" and e["heading"] == "W6"]
    assert [e["page"] for e in claims] == ["index.html#W6", "index.html#W6.10"]
    assert claims[0]["text"].startswith("Text-audio pairs alone beat all pairs: replicates.")


def test_the_search_script_is_where_pdoc_has_it_with_its_licence():
    assert "MIT Licensed" in pages.SEARCH.read_text()[:300]


# the pages


def test_the_front_page_has_the_notebooks_with_their_questions_and_the_ledger(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"png")
    folder = site(tmp_path, "## A")
    front = soup(folder / "index.html")
    (item,) = front.select(".syllabus li")
    assert item.text == "50 An example Does <it> fit?" and item.a["href"] == "50_example.html"
    assert "language-based audio retrieval" in front.main.p.text and (folder / "picture.png").exists()
    assert len(front.select(".ledger tbody tr")) == len(ledger.rows(ledger.load(pages.METRICS)))
    assert not front.select(".ledger tbody a") and not front.find("a", href="teaching.html")  # not on this site
    assert front.title.text == "Hearsay" and soup(folder / "50_example.html").title.text == "50 An example · Hearsay"


def test_each_claim_leads_to_its_cell_and_back(whole_site):
    front, found = soup(whole_site / "index.html"), {}
    for row in front.select(".ledger tbody tr"):
        for link in row.select("td:last-child a"):
            found.setdefault(link["href"].split("#")[0], []).append((row["id"], link["href"]))
            assert "#" in link["href"], row["id"]
    assert {f"{name}.html" for name in names()} - set(found) <= {"19_full_scale.html"}
    for page, rows in found.items():
        text = (whole_site / page).read_text()
        for anchor, address in rows:
            assert "#claim-" not in address or f'href="index.html#{anchor}"' in text, (page, anchor)
    assert ("W6.10", "10_what_narrowed_the_gap.html#claim-W6") in found["10_what_narrowed_the_gap.html"]


def test_each_notebook_leads_on_and_back_and_shows_its_sections(whole_site):
    order = names()
    for at, name in enumerate(order):
        page = soup(whole_site / f"{name}.html")
        around = page.find("nav", attrs={"aria-label": "Other notebooks"})
        on = [a["href"] for a in around("a")]
        assert on == [f"{n}.html" for n in order[max(at - 1, 0) : at]] + ["index.html"] + [
            f"{n}.html" for n in order[at + 1 : at + 2]]  # fmt: skip
        contents = page.find("nav", attrs={"aria-label": "Sections of this page"})
        assert len(contents.select(".level2")) >= 5 and len(contents.select(".level3")) >= 3, name
        assert len(page.select("details summary")) >= 4 and "colab-badge" not in str(page)
        assert page.find("a", string="Open in Colab")["href"].startswith("https://colab.")


def test_a_claim_of_this_page_is_marked(tmp_path):
    claim = {"key": "W6", "text": "x"}
    folder = site(tmp_path, shown({CLAIM: claim, "text/markdown": "**Claim W6**", "text/plain": "x"}))
    page = soup(folder / "50_example.html")
    assert page.find(id="claim-W6") and "Claim W6" in page.main.text
    assert not page.find("a", string="in the ledger")  # its row is another notebook's


def test_pictures_keep_their_words_and_what_needs_a_kernel_says_so(tmp_path):
    png = {"image/png": {"alt": "a <rising> line"}}
    figure = shown({"image/png": "aGVhcg==", "text/plain": "x"}, **png)
    panel = shown({WIDGET: {"model_id": "1"}, "text/plain": "Panel()"})
    told = shown({"text/plain": "A search box stands here while the notebook runs: <type>."})
    result = new_output("execute_result", {"text/plain": f"Sliders stand here {pages.RUNNING}."}, execution_count=1)
    both = shown({WIDGET: {"model_id": "1"}, "text/html": "<b>still</b>", "text/plain": "Panel()"})
    last = new_code_cell("box", outputs=[result, new_output("execute_result", {"text/plain": "42"}, execution_count=1)])
    page = soup(site(tmp_path, figure, panel, told, both, last) / "50_example.html")
    assert page.main.img["alt"] == "a <rising> line" and page.main.img["src"].startswith("data:image/png;base64,aGVh")
    sentences = [p.text for p in page.select("p.asleep")]
    assert sentences[0] == f"{pages.ASLEEP} {pages.STILL}" and "Panel()" not in page.text and len(sentences) == 3
    assert sentences[1] == f"A search box stands here while the notebook runs: <type>. {pages.STILL}"
    assert sentences[2] == f"Sliders stand here {pages.RUNNING}. {pages.STILL}"
    assert page.find("b", string="still") and "model_id" not in str(page)


def test_no_widget_of_the_notebooks_leaves_a_hole(whole_site):
    asleep = {}
    for path in whole_site.glob("*.html"):
        as_text = re.findall(r"<pre\b.*?</pre>", path.read_text(), flags=re.DOTALL)
        assert not [text for text in as_text if pages.RUNNING in text], path.name
        asleep[path.name[:2]] = [p.text for p in soup(path).select("p.asleep")]
    assert {number for number, sentences in asleep.items() if sentences} == {"00", "16", "17", "18"}
    assert all(s.endswith(f" {pages.STILL}") and pages.ASLEEP not in s for each in asleep.values() for s in each)


def test_teachers_have_a_page_where_there_is_one(tmp_path):
    text = "See [what holds](notebooks/LEDGER.md), notebook 50, [how](README.md), $x$, [up](#50-minutes)."
    path = tmp_path / "TEACHING.md"
    path.write_text(f"# For teachers\n\n## 50 minutes\n\n{text}")
    folder = site(tmp_path, "## A", teachers=path)
    page = soup(folder / "teaching.html")
    addresses = [a["href"] for a in page.select("main > div a")]
    assert addresses == ["index.html", "50_example.html", f"{repository()}/blob/main/README.md", "#50-minutes"]
    assert page.math and soup(folder / "index.html").find("a", href="teaching.html")
    assert '"heading": "50 minutes"' in (folder / "sections.js").read_text()
    path.write_text("# For teachers\n\n[gone](gone.md)")
    with pytest.raises(ValueError, match="teaching.html: the link 'gone.md' leads to no page"):
        site(tmp_path, "## A", teachers=path)


def test_the_places_that_teachers_are_sent_to_are_links_and_are_checked(tmp_path):
    path = tmp_path / "TEACHING.md"
    told = '50, section 1 ("One") live, and exercise\n2 ("two") & 07, section 3. `50, section 1`'
    path.write_text(f"# For teachers\n\n{told}")
    numbered = ("## 1. One", "### Exercise 2: two (5 minutes)")
    page = soup(site(tmp_path, *numbered, teachers=path) / "teaching.html")
    assert [(" ".join(a.text.split()), a["href"]) for a in page.select("main > div a")] == [
        ('50, section 1 ("One")', "50_example.html#1-one"),
        ('exercise 2 ("two")', "50_example.html#exercise-2-two-5-minutes"),
    ]
    with pytest.raises(ValueError, match="teaching.html: the link '50_example.html#no-exercise-2' leads to 50_example"):
        site(tmp_path, numbered[0], teachers=path)


def test_every_place_of_the_committed_page_is_a_link(whole_site):
    page = soup(whole_site / "teaching.html")
    found = [a["href"] for a in page.select("main > div a") if re.match(r"\d\d_\w+\.html#", a["href"])]
    assert len(found) == len(list(teaching.places(teaching.PAGE.read_text(encoding="utf-8"))))


def test_what_helps_before_a_notebook_is_a_link(whole_site):
    head = soup(whole_site / "19_full_scale.html").find(string=re.compile("Helpful:")).parent
    assert [a.text for a in head("a", title=True)] == ["08", "09", "04", "11", "13"]


def test_a_page_of_a_notebook_that_is_no_more_goes(tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "ledger.html").write_text("old")
    assert not (site(tmp_path, "## A") / "ledger.html").exists()


def test_the_site_is_light(whole_site):
    """The notebooks, plotly once, and little more: no page repeats a style sheet of 300 kB."""
    size = {path.name: path.stat().st_size for path in Path(whole_site).iterdir()}
    notebooks = sum((pages.NOTEBOOKS / f"{name}.ipynb").stat().st_size for name in names())
    assert sum(size.values()) < 1.4 * notebooks + size["plotly.min.js"] and size["hearsay.css"] < 30_000
