"""The ledger: what every cell has measured, beside what the papers say, claim by claim.

From executed notebooks to `metrics/NN_name.json`, from those to `build/claims.json` and a page that a person reads.
"""

import html
import json
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode

from lib.show.claims import CLAIM, METRIC, decimals, wording
from lib.workbook.findings import FINDINGS

WORDS = "A finding of a paper replicates or does not; a claim of our own holds or does not."
EXPLAINED = (
    "Every claim, what the paper says, what we measured (effect with its 95 % interval), and the verdict. " + WORDS
)
HEADINGS = ("key", "claim", "the paper", "ours, 95 % interval", "verdict", "measured in")


def collect(notebook: NotebookNode) -> dict[str, list[dict]]:
    """Metrics and claims of an executed notebook, in order.

    Raises:
        ValueError: one name is used twice, so a number in the prose would be ambiguous.
    """
    bundles = [o.data for c in notebook.cells for o in c.get("outputs", []) if "data" in o]
    found = {
        "metrics": [dict(b[METRIC]) for b in bundles if METRIC in b],
        "claims": [dict(b[CLAIM]) for b in bundles if CLAIM in b],
    }
    for kind, name in (("metrics", "name"), ("claims", "key")):
        given = [row[name] for row in found[kind]]
        twice = sorted({n for n in given if given.count(n) > 1})
        if twice:
            raise ValueError(f"expected each of the {kind} once in a notebook; got {', '.join(twice)} more than once")
    borrowed = [c["key"] for c in found["claims"] if c["key"] in FINDINGS and FINDINGS[c["key"]].offline != "yes"]
    if borrowed:
        raise ValueError(f"a stand-in gives no verdict on the original; use a key of its own instead of {borrowed}")
    return found


def record(notebook: NotebookNode, name: str, path: Path, runs: dict[str, dict] | None = None) -> dict:
    """Write the metrics.json of one executed notebook; `runs` holds measured seconds and memory by profile."""
    entry = {"notebook": name, **notebook.metadata.get("hearsay", {}), "runs": runs or {}, **collect(notebook)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entry, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return entry


def load(folder: Path) -> list[dict]:
    return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("[0-9][0-9]_*.json"))]


def rows(entries: list[dict]) -> list[dict]:
    """One row for each claim; every key of FINDINGS is there, measured, pending, or with its reason."""
    claims = [{**c, **_where(e)} for e in entries for c in e["claims"]]
    stated = [{**m, **_where(e)} for e in entries for m in e["metrics"]]
    out = []
    for finding in FINDINGS.values():
        mine = [c for c in claims if c["key"] == finding.key]
        numbers = [m for m in stated if finding.key in m["name"].split(".")]
        stand_ins = [c["key"] for c in claims if c["key"].startswith(f"{finding.key}.")]
        out += [_measured(c, finding) for c in mine] or [_unmeasured(finding, numbers, stand_ins)]
    return out + [_measured(c, None) for c in claims if c["key"] not in FINDINGS]


def _where(entry: dict) -> dict:
    return {"notebook": entry["notebook"], "profile": entry.get("profile", "?"), "data": entry.get("data", "?")}


def _row(key, claim, source, paper, ours, verdict, where) -> dict:
    return dict(key=key, claim=claim, source=source, paper=paper, ours=ours, verdict=verdict, notebook=where)


def _interval(ci, sign: str = "") -> str:
    if not ci:
        return ""
    places = decimals(*ci)
    return f" [{ci[0]:{sign}.{places}f}, {ci[1]:{sign}.{places}f}]"


def _row_where(c: dict) -> str:
    return f"{c['notebook']}, {c['profile']}" + ("" if c["data"] == "soundscapes" else f", {c['data']}")


def _measured(c: dict, finding) -> dict:
    ours = f"{c['effect']:+.{decimals(c['effect'])}f}{_interval(c['ci'], '+')}, n = {c['n']:,}"
    ours += f" {c['unit']}" if c.get("unit", "queries") != "queries" else ""
    ours += f", {c['seeds']} seeds" if c.get("seeds", 1) > 1 else ""
    verdict = c["verdict"]
    if verdict == "underpowered":
        verdict += f" (smallest effect visible: {c['detectable']:.3f})"
    paper, source = (finding.paper, finding.source) if finding else (c.get("paper") or "-", "beyond the papers")
    return _row(c["key"], c["sentence"], source, paper, ours, verdict, _row_where(c))


def _unmeasured(finding, numbers: list[dict], stand_ins: list[str]) -> dict:
    """A key without a claim: its plain numbers, or the reason why there is none, or who will measure it."""
    if numbers and finding.offline == "yes":
        ours = "; ".join(f"{m['name']} {m['value']:.3f}{_interval(m['ci'])}" for m in numbers)
        where = _row_where(numbers[0])
        return _row(finding.key, finding.finding, finding.source, finding.paper, ours, "measured", where)
    if finding.offline == "yes":
        verdict = f"pending: notebook {finding.notebooks[0]}" + (f" ({finding.note})" if finding.note else "")
    else:
        verdict = f"not measurable offline: {finding.note}"
        stand_in = f"a stand-in of its own wording is pending in notebook {finding.notebooks[0]}"
        if stand_ins:
            stand_in = f"measured instead, in its own wording: {', '.join(stand_ins)}"
        settings = ["settings in notebook 19"] if "19" in finding.notebooks else []
        verdict = "; ".join([verdict, *([stand_in] if finding.offline == "stand-in" else []), *settings])
    return _row(finding.key, finding.finding, finding.source, finding.paper, "-", verdict, "-")


def _told(row: dict) -> str:
    """The verdict on the page; a claim of no paper is not replicated, it holds (build/claims.json has one word)."""
    return wording(row["verdict"], row["paper"])


def markdown(table: list[dict]) -> str:
    """The ledger as a page of Markdown, for whoever reads the repository in a browser."""
    head = f"# The ledger\n\nEvery claim, what the paper says, ours, and the verdict. {WORDS}\n"
    head += "Made by `make notebooks`.\n"
    lines = [f"\n{summary(table)}\n", "| " + " | ".join(HEADINGS) + " |", "|---" * len(HEADINGS) + "|"]
    for r in table:
        cells = (r["key"], r["claim"], f"{r['paper']} ({r['source']})", r["ours"], _told(r), r["notebook"])
        lines.append("| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |")
    return head + "\n".join(lines) + "\n"


def kind(row: dict) -> str:
    """The verdict in a word or few: holds, underpowered, equivalent, not measurable offline."""
    return _told(row).split(":")[0].split(" within")[0].split(" (")[0]


def summary(table: list[dict]) -> str:
    kinds = [kind(r) for r in table]
    return "; ".join(f"{each}: {kinds.count(each)}" for each in dict.fromkeys(kinds)) + "."


STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}th{position:sticky;top:0;background:#fff}
th,td{border-bottom:1px solid #ccc;padding:.4rem;text-align:left;vertical-align:top}
td:first-child{font-weight:bold}caption{text-align:left;padding:.5rem 0}small{color:#555}"""


def html_table(table: list[dict], where: Callable[[dict], str] = lambda row: html.escape(row["notebook"])) -> str:
    """The ledger as an HTML table; text from outside is escaped. `where` gives the last cell of a row, as HTML."""
    e, body = html.escape, ""
    for r, anchor in zip(table, anchors(table)):
        paper = f"{e(str(r['paper']))} <small>{e(r['source'])}</small>"
        cells = (e(r["key"]), e(r["claim"]), paper, e(r["ours"]), e(_told(r)), where(r))
        body += f"<tr id='{e(anchor)}' data-verdict='{e(kind(r))}'>{''.join(f'<td>{c}</td>' for c in cells)}</tr>\n"
    head = "".join(f"<th scope='col'>{h}</th>" for h in HEADINGS)
    caption = f"<caption>{e(summary(table))}</caption>"
    return f"<table class='ledger'>{caption}<thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"


def anchors(table: list[dict]) -> list[str]:
    """What the rows are called in an address: their keys; of one that two notebooks measured, the later is W6.10."""
    keys = [r["key"] for r in table]
    return [f"{r['key']}.{r['notebook'][:2]}" if r["key"] in keys[:i] else r["key"] for i, r in enumerate(table)]


def page(table: list[dict]) -> str:
    """The ledger as one HTML page without scripts."""
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Hearsay: the ledger</title><style>{STYLE}</style><h1>The ledger</h1>
<p>{EXPLAINED}</p>
{html_table(table)}</html>
"""


def publish(entries: list[dict], build: Path) -> list[dict]:
    """Write build/claims.json and build/ledger.html; the rows."""
    table = rows(entries)
    build.mkdir(parents=True, exist_ok=True)
    (build / "claims.json").write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (build / "ledger.html").write_text(page(table), encoding="utf-8")
    return table


def verdicts(entries: list[dict]) -> dict[str, dict]:
    """"notebook key" -> the claim with its verdict."""
    return {f"{e['notebook']} {c['key']}": c for e in entries for c in e["claims"]}


def moved(before: list[dict], after: list[dict]) -> tuple[list[str], list[str]]:
    """One sentence for each verdict that differs between two sets of entries: those that moved, and those on a line.

    Another processor, or captions encoded in other batches, round sums otherwise; training then takes a slightly other
    course, and an interval that ends next to a line may cross it. That is no move while each effect lies within the
    other's interval.
    """
    old, new = verdicts(before), verdicts(after)
    sentences: tuple[list[str], list[str]] = ([], [])
    for key in sorted(old | new):
        a, b = old.get(key), new.get(key)
        if (a and a["verdict"]) != (b and b["verdict"]):
            told = f"{key}: {a['verdict'] if a else 'not there'} -> {b['verdict'] if b else 'not there'}"
            sentences[bool(a and b and _same_effect(a, b))].append(told)
    return sentences


def _same_effect(a: dict, b: dict) -> bool:
    return all(one["ci"][0] <= other["effect"] <= one["ci"][1] for one, other in ((a, b), (b, a)))
