"""The sections of a page: an anchor for each heading, the page's contents, and the words by which search finds them."""

import re
from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag

HEADINGS = re.compile(r"h[1-4]")
NUMBERED = re.compile(r"(Exercise )?(\d+)[.:] ")  # "3. Temperature", "Exercise 1: one row asks"
UNREAD = ("pre", "details")  # code, and solutions: a search must not give them away


@dataclass
class Section:
    """A heading with what stands below it, down to the next heading of any rank."""

    anchor: str
    level: int
    heading: str
    text: str = ""


def slug(heading: str) -> str:
    """A heading as an anchor, in the way of GitHub, so that a link into a Markdown file holds on its page, too."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def split(blocks: list[Tag]) -> list[Section]:
    """Give each heading in these blocks of prose an anchor, in place; the sections, in order."""
    found, seen = [], {}
    for part in (part for block in blocks for part in block.find_all(True, recursive=False)):
        if HEADINGS.fullmatch(part.name):
            heading = _words(part)
            anchor = slug(heading)
            seen[anchor] = seen.get(anchor, -1) + 1
            part["id"] = f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor
            found.append(Section(part["id"], int(part.name[1]), heading))
        elif found and part.name not in UNREAD:
            found[-1].text = f"{found[-1].text} {_words(part)}".strip()
    return found


def places(sections: list[Section]) -> dict[tuple[str, str], str]:
    """The anchors of what has a number: ("section" or "exercise", its number) -> anchor."""
    numbered = [(NUMBERED.match(section.heading), section.anchor) for section in sections]
    return {("exercise" if found[1] else "section", found[2]): anchor for found, anchor in numbered if found}


def _words(part: Tag) -> str:
    return " ".join(part.get_text().split())


def contents(sections: list[Section]) -> str:
    """A list of links to the headings of the second and third rank, as HTML."""
    soup, items = BeautifulSoup("<ol></ol>", "html.parser"), []
    for section in (s for s in sections if s.level in (2, 3)):
        item = soup.new_tag("li", attrs={"class": f"level{section.level}"})
        link = soup.new_tag("a", href=f"#{section.anchor}")
        link.string = section.heading
        item.append(link)
        items.append(item)
    soup.ol.extend(items)
    return str(soup) if items else ""
