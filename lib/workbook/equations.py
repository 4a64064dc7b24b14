"""Markdown to HTML with its equations as MathML, which browsers draw themselves: no script, no network."""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import jinja2
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

NAMED = {"log", "ln", "exp", "cos", "sin", "logsumexp"}  # functions, which TeX sets a thin space apart
ARGUMENTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
PRIME = "\u2032"
THIN = {"lspace": "0.167em", "rspace": "0.167em"}


class EquationError(ValueError):
    """An equation that cannot be drawn."""


def mathml(latex: str, display: str = "inline") -> str:
    """An equation of LaTeX as a `<math>` element of HTML.

    Args:
        display: "inline", or "block" for one that stands on lines of its own.

    Raises:
        EquationError: it is no LaTeX, or has a command that the converter does not know.
    """
    plain = re.sub(r"\\\\\[[^\]]*\]", r"\\\\", latex)  # the distance after a line of a table: the page has its own
    try:
        math = ElementTree.fromstring(convert(plain, xmlns="", display=display).replace(' xmlns=""', "", 1))
    except Exception as error:  # the converter has no error of its own: IndexError, KeyError and a dozen more
        raise EquationError(f"cannot draw the equation {latex.strip()!r}: {error!r}") from error
    unknown = [part.text for part in math.iter() if "\\" in (part.text or "")]
    lacking = [part.tag for part in math.iter() if len(part) != ARGUMENTS.get(part.tag, len(part))]
    if unknown or lacking or latex.count("{") != latex.count("}"):
        why = f"unknown: {', '.join(unknown)}" if unknown else "a bracket or an argument is missing"
        raise EquationError(f"cannot draw the equation {latex.strip()!r}; {why}")
    math.set("alttext", " ".join(latex.split()))
    return ElementTree.tostring(_mended(math), encoding="unicode")


def _mended(math: Element) -> Element:
    """In place: what the converter says in ways that browsers do not follow (MathML Core), said as they do."""
    for part in math.iter():
        if part.tag == "mi" and part.text in NAMED:
            part.tag, part.attrib = "mo", dict(THIN)
        if "minsize" in part.attrib:  # \big( and its kin
            part.attrib |= {"stretchy": "true", "symmetric": "true", "lspace": "0", "rspace": "0"}
        if part.tag == "mover" and part[1].tag == "mpadded":  # \xrightarrow: the arrow is as wide as its words
            words, arrow = part[1][0], Element("mo", stretchy="true")
            arrow.text = part[0][0].text
            for place in (0, len(words) + 1):
                words.insert(place, Element("mspace", width="0.5em"))
            part[:] = [arrow, words]
        if part.tag in ("mi", "mo") and part.text == PRIME:
            part.set("mathsize", "120%")  # a script is small, and a prime is small already
        _close(part)
    return math


def _close(row: Element) -> None:
    """`\\Big( x \\Big)^2`: the bracket as a whole gets the exponent, else its right half does not grow."""
    for place, part in enumerate(row):
        if part.tag in ("msup", "msub", "msubsup") and "minsize" in part[0].attrib:
            opened = max((i for i in range(place) if "minsize" in row[i].attrib), default=place)
            base = Element("mrow")
            base.extend([*row[opened:place], part[0]])
            part[0], row[opened:place] = base, []
            return


class Renderer(IPythonRenderer):
    """nbconvert's Markdown; its equations drawn."""

    def block_math(self, body: str) -> str:
        return f'<span class="equation">{mathml(body, "block")}</span>'

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")


def markdown(source: str, **options) -> str:
    """Markdown as HTML, read as nbconvert reads it."""
    return MarkdownWithMath(renderer=Renderer(escape=False, exclude_anchor_links=True, **options)).render(source)


class Exporter(HTMLExporter):
    """nbconvert's JupyterLab template without its page around it: 300 kB of style that each page would repeat.

    Coloured code is nine tenths of all tags. It stands aside while a page is parsed, which halves the time of the
    build: `from_notebook_node` leaves a comment in its place, `with_code` puts it back.
    """

    def __init__(self):
        super().__init__(template_name="lab", template_file="base.html.j2", embed_images=False)
        self._aside: list[str] = []

    def default_filters(self):
        yield from super().default_filters()
        yield "clean_html", self._put_aside  # highlighted code, and nothing else, goes through it

    def _put_aside(self, code: str) -> str:
        self._aside.append(str(code))
        return f"<!--code {len(self._aside) - 1}-->"

    def with_code(self, page: str) -> str:
        return re.sub(r"<!--code (\d+)-->", lambda found: self._aside[int(found[1])], page)

    @jinja2.pass_context
    def markdown2html(self, context, source: str) -> str:
        return markdown(source, attachments=context.get("cell", {}).get("attachments", {}))
