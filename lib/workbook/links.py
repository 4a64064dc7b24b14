"""Where the links of the static pages lead, and whether they arrive: a broken one stops `make pages`."""

import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urldefrag

from lib.workbook import ROOT, teaching
from lib.workbook.build import repository

OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)  # https:, mailto:, data:
NO_ALT = "No description has been provided for this image"  # what nbconvert writes where there is none
NETWORK = re.compile(r"(?:https?:)?//", re.IGNORECASE)


def target(address: str, home: str, pages: set[str]) -> str:
    """What a link written in a text of the repository becomes on a page.

    A notebook becomes its page, the ledger the front page, a picture of notebooks/ the copy beside the page; any other
    file of the repository is not on the site, so its link goes to the repository's own address.

    Args:
        address: as written.
        home: the folder of the text, from the repository's root: "notebooks", or "".
        pages: names of the pages that there are.
    """
    path, anchor = urldefrag(address)
    if not path or OUTSIDE.match(address) or NETWORK.match(address):
        return address
    place = (ROOT / home / unquote(path)).resolve()
    if not place.is_relative_to(ROOT) or not place.exists():
        return address  # the check says that it leads nowhere
    inside, end = PurePosixPath(place.relative_to(ROOT)), f"#{anchor}" if anchor else ""
    known = {"notebooks/LEDGER.md": "index", teaching.PAGE.name: "teaching"}.get(str(inside), inside.stem)
    if known in pages and inside.suffix in (".ipynb", ".md"):
        return f"{known}.html{end}"
    if inside.parent == PurePosixPath("notebooks") and inside.suffix in (".png", ".svg"):
        return inside.name
    return f"{repository()}/{'tree' if place.is_dir() else 'blob'}/main/{inside}{end}"


class Page(HTMLParser):
    """What of a page the check looks at: its anchors, what it points to, and pictures that nobody describes."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.needed: list[str] = []  # what a browser fetches without being asked
        self.mute: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        given = dict(attributes)
        self.ids += [given["id"]] if given.get("id") else []
        self.targets += [given[name] or "" for name in ("href", "src") if name in given]
        needs = ("href", "src") if tag == "link" else ("src",)
        self.needed += [given[name] or "" for name in needs if name in given]
        if tag == "img" and (given.get("alt") or "").strip() in ("", NO_ALT):
            self.mute.append((given.get("src") or "")[:40])


def problems(folder: Path) -> list[str]:
    """One sentence for each fault of the pages in `folder`, naming page and link; none means all is well."""
    pages = {path.name: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.html"))}
    found = []
    for name, page in pages.items():
        twice = sorted({anchor for anchor in page.ids if page.ids.count(anchor) > 1})
        found += [f"{name}: the anchor {anchor!r} stands there more than once" for anchor in twice]
        found += [f"{name}: the picture {source!r} has no alt text" for source in page.mute]
        found += [f"{name}: {address!r} needs the network" for address in page.needed if NETWORK.match(address)]
        broken = {address: _broken(address, name, folder, pages) for address in page.targets}
        found += [f"{name}: the link {address[:80]!r} {why}" for address, why in broken.items() if why]
    return found


def _broken(address: str, name: str, folder: Path, pages: dict[str, Page]) -> str:
    """Why a link of page `name` leads nowhere; empty where it arrives, or leaves the site."""
    if OUTSIDE.match(address) or NETWORK.match(address):
        return ""
    path, anchor = urldefrag(address)
    place = unquote(path) or name
    if not address or not (folder / place).is_file():
        return "leads to no page or file of the site"
    lost = anchor and (place not in pages or unquote(anchor) not in pages[place].ids)
    return f"leads to {place}, which has no anchor of that name" if lost else ""
