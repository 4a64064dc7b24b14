"""A scatter plot whose points sound: rest on a point or focus it, and hear before and after, with the words.

Two outputs. The first is a Plotly figure with a still PNG of it: JupyterLab draws the one, GitHub and anything else
that knows no Plotly shows the other, with its alt text. The second is HTML: the sounds (each once, however many points
share it), the words, the buttons, and `sound_map.js`, which finds the figure and lets its points sound. So nothing
needs a kernel, and plotly.js (4.8 MB) is in no notebook: JupyterLab has it from the plotly package, static pages have
it once as a file beside them (`lib.workbook.pages`), and Colab gets it by network.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib import audio
from lib.data import pairs as data
from lib.show import bundle, listen, plots

MIME = "application/vnd.plotly.v1+json"
COLUMNS = ("x", "y", "group", "words", "key", "outline")
MOST = 120  # points with sounds of their own: the notebook has to stay light
RATE, SECONDS, LEAD_S = 16000, 3.0, 0.4
COLOURS = (plots.BLUE, plots.ORANGE, plots.GREEN, plots.VERMILION, plots.PURPLE, plots.BLACK)
SHAPES = ("circle", "triangle-up", "square", "diamond", "cross", "star")  # of Plotly
MARKS = ("o", "^", "s", "D", "P", "*")  # the same of matplotlib
CONFIG = {"displaylogo": False, "responsive": True,  # of Plotly's buttons those that stay on this machine
          "modeBarButtons": [["pan2d", "zoom2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]]}
STYLE = """
.hearsay-map { font-size: 1rem; line-height: 1.5; }
.hearsay-map button { font: inherit; padding: 0.3em 0.9em; margin: 0.2em 0.4em 0.2em 0; }
.hearsay-map .hearsay-words { font-size: 1.1em; min-height: 1.6em; margin: 0.3em 0; }
.js-plotly-plot .point.hearsay-on { stroke: #000 !important; stroke-width: 5px !important; }
.js-plotly-plot .point.hearsay-twin { stroke: #000 !important; stroke-width: 4px !important; }
.js-plotly-plot .point:focus { outline: 3px solid #000; outline-offset: 2px; }
"""
HOW = """Rest the pointer on a point, or press Tab until a point is framed and go on with the arrow keys (Page Down: the
next of its kind). With the sound enabled you hear each point, before and after. A click, Enter or the space bar repeats
it; B plays before, A plays after. Small points are silent: the page would be too heavy with all their sounds."""
ASLEEP = "The sounds sleep here. Run this cell, or trust the notebook, to wake them."
APART = "The picture stands still here (plotly.js is not at hand); the buttons go from point to point all the same."


def show(panels: Mapping[str, pd.DataFrame], sounds: Mapping[str, Sequence[listen.Player]], *, alt: str,
         sides: Sequence[str] = data.SIDES) -> None:
    """Show a map.

    Args:
        panels: title -> its points, one row each: x, y; group (a colour and a shape); words; key (of `sounds`; points
            that share it are ringed together; "" for none); outline (whether it is drawn hollow: a text).
        sounds: key -> one player for each side.
        alt: what the picture says, for those who cannot see it.
        sides: what the sounds of a point are called, in the order in which they play.

    Raises:
        ValueError: a column is missing, a position is not finite, there are more groups than looks, more sounds than
            a notebook can carry, or sounds that no point has.
    """
    _check(panels, sounds, alt, sides)
    groups = list(dict.fromkeys(group for points in panels.values() for group in points["group"]))
    drawn, points = figure(panels, groups)
    carried = {"points": points, "sounds": {key: [_bytes(p) for p in both] for key, both in sounds.items()},
               "sides": list(sides), "alt": alt}
    name = hashlib.sha256(json.dumps([drawn, carried]).encode()).hexdigest()[:12]
    drawn["layout"]["meta"] = {"map": name}  # by this the script finds the figure, wherever it is drawn
    png = base64.b64encode(plots.render(_still(panels, groups))).decode()
    bundle.emit({MIME: drawn, "image/png": png, "text/plain": alt}, metadata={"image/png": {"alt": alt}})
    bundle.emit({"text/html": _html({"figure": drawn, "map": name, **carried}), "text/plain": f"In words: {alt}"})


def of_pair(row: Mapping, seconds: float = SECONDS) -> tuple[listen.Player, listen.Player]:
    """Both sides of a pair (one row of `lib.data.pairs.build`) where they differ: from just before the first event."""
    pair = data.from_locator(row["before"])[1]
    onsets = [part.onset_s for side in data.SIDES for part in pair.events[side] if part.onset_s > 0]
    first = max(0.0, min(onsets, default=0.0) - LEAD_S)
    players = []
    for side in data.SIDES:
        samples = audio.load(row[side], RATE)
        start = min(round(first * RATE), max(0, len(samples) - round(seconds * RATE)))
        players.append(listen.player(samples[start:], RATE, f"{side}: {row['text']}", seconds=seconds))
    return tuple(players)


def figure(panels: Mapping[str, pd.DataFrame], groups: Sequence[str]) -> tuple[dict, list[dict]]:
    """The Plotly figure, as plain JSON, and where each point stands in it (trace, place in the trace)."""
    traces, points, listed = [], [], set()
    for number, (title, frame) in enumerate(panels.items()):
        for (group, outline), rows in frame.groupby(["group", "outline"], sort=False):
            label = f"{group}, its text" if outline else group
            traces.append(_trace(len(traces), number, rows, groups.index(group), outline, label, label not in listed))
            listed.add(label)
            points += [{"trace": len(traces) - 1, "place": place, "panel": title, "group": label, "words": row["words"],
                        "key": row["key"]} for place, row in enumerate(rows.to_dict("records"))]
    return {"data": traces, "layout": _layout(list(panels)), "config": CONFIG}, points


def _trace(number: int, panel: int, rows: pd.DataFrame, look: int, outline: bool, label: str, listed: bool) -> dict:
    axis, colour = "" if panel == 0 else str(panel + 1), COLOURS[look]
    sizes = [15 if outline else 10 if key else 6 for key in rows["key"]]  # small: there is nothing to hear
    marker = {"symbol": SHAPES[look] + ("-open" if outline else ""), "color": colour, "size": sizes,
              "line": {"width": 3 if outline else 0.5, "color": colour if outline else "#FFFFFF"}}
    return {"type": "scatter", "mode": "markers", "uid": f"hearsay{number}", "name": label, "legendgroup": label,
            "showlegend": listed, "x": [round(float(x), 3) for x in rows["x"]],
            "y": [round(float(y), 3) for y in rows["y"]], "xaxis": f"x{axis}", "yaxis": f"y{axis}",
            "text": rows["words"].tolist(), "hoverinfo": "text", "marker": marker}


def _layout(titles: Sequence[str]) -> dict:
    """Panels side by side; no numbers on the axes, since they mean nothing."""
    width, gap = 1 / len(titles), 0.02
    layout = {"height": 460, "autosize": True, "hovermode": "closest", "dragmode": "pan", "uirevision": "hearsay",
              "paper_bgcolor": "#FFFFFF", "plot_bgcolor": "#FFFFFF", "font": {"size": 14, "color": "#000000"},
              "margin": {"l": 10, "r": 10, "t": 40, "b": 10}, "annotations": [],
              "legend": {"orientation": "h", "y": -0.03, "itemsizing": "constant"}}
    frame = {"showticklabels": False, "showgrid": False, "zeroline": False, "showline": True, "mirror": True,
             "linecolor": plots.GREY}
    for number, title in enumerate(titles):
        axis = "" if number == 0 else str(number + 1)
        ends = [number * width + gap / 2, (number + 1) * width - gap / 2]
        layout |= {f"xaxis{axis}": frame | {"domain": ends, "anchor": f"y{axis}"},
                   f"yaxis{axis}": frame | {"anchor": f"x{axis}"}}
        layout["annotations"].append({"text": bundle.escape(title), "x": sum(ends) / 2, "y": 1, "xref": "paper",
                                      "yref": "paper", "xanchor": "center", "yanchor": "bottom",
                                      "showarrow": False})
    return layout


def _still(panels: Mapping[str, pd.DataFrame], groups: Sequence[str]):
    """The same picture, still."""
    width, named = max(6, 4.2 * len(panels)), {}
    fig, axes = plots.figure(width, 4.4 + 0.15 * len(groups), columns=len(panels))
    for ax, (title, frame) in zip(axes, panels.items()):
        for (group, outline), rows in frame.groupby(["group", "outline"], sort=False):
            look, label = groups.index(group), f"{group}, its text" if outline else group
            hollow = {"facecolors": "none", "edgecolors": COLOURS[look], "linewidths": 2.5, "s": 150}
            full = {"color": COLOURS[look], "s": 40, "edgecolors": "white", "linewidths": 0.4}
            named[label] = ax.scatter(rows["x"], rows["y"], marker=MARKS[look], **(hollow if outline else full))
        ax.set(xticks=[], yticks=[], title=title)
    columns = min(len(named), max(1, int(width / (0.6 + 0.085 * max(map(len, named))))))  # inches: a mark, letters
    fig.legend(named.values(), named, loc="outside lower center", ncols=columns, fontsize=11, frameon=False)
    return fig


def _bytes(player: listen.Player) -> str:
    return player.address.partition("base64,")[2]


def _html(carried: dict) -> str:
    text = json.dumps(carried, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return (
        f'<div class="hearsay-map" {listen.KEYS}><style>{STYLE}</style><p class="hearsay-asleep">{ASLEEP}</p>'
        '<div class="hearsay-plot"></div><div class="hearsay-controls" hidden>'
        '<p class="hearsay-words" role="status" aria-live="polite"></p>'
        '<p><button type="button" class="hearsay-enable" aria-pressed="false">Enable sound</button>'
        '<span class="hearsay-sides"></span><button type="button" class="hearsay-previous">Previous</button>'
        '<button type="button" class="hearsay-next">Next</button> <span class="hearsay-now"></span></p>'
        f'<p>{HOW}</p><p class="hearsay-apart" hidden>{APART}</p></div><audio hidden></audio>'
        f"<details><summary>In words</summary>{bundle.escape(carried['alt'])}</details>"
        f'<script type="application/json">{text}</script><script>{script}</script></div>'
    )


def _check(panels, sounds, alt, sides) -> None:
    for title, points in panels.items():
        missing = [column for column in COLUMNS if column not in points]
        if missing or not len(points) or not np.isfinite(points[["x", "y"]].to_numpy(dtype=float)).all():
            raise ValueError(f"expected points with finite positions and the columns {', '.join(COLUMNS)}; panel "
                             f"{title!r} has {len(points)} and lacks {', '.join(missing) or 'none'}.")
    groups = {group for points in panels.values() for group in points["group"]}
    if len(groups) > len(COLOURS):
        raise ValueError(f"expected at most {len(COLOURS)} groups that can be told apart; got {len(groups)}.")
    if len(sounds) > MOST or any(len(both) != len(sides) for both in sounds.values()):
        raise ValueError(f"expected at most {MOST} keys with {len(sides)} sounds each; got {len(sounds)} keys.")
    stray = set(sounds) - {key for points in panels.values() for key in points["key"]}
    if stray:
        raise ValueError(f"expected a point for each sound; nobody would hear {', '.join(sorted(stray)[:5])}.")
    if len(alt.split()) < 4:
        raise ValueError(f"expected an alt text of at least four words; got {alt!r}. Say what the picture shows.")
