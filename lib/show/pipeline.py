"""The one picture of the workbook, with "you are here"."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from lib.show import plots

# name: x, y (centre), label; two towers meet in the similarity
BOXES = {
    "clip": (0.55, 1.5, "clip"), "audio encoder": (1.9, 1.5, "audio\nencoder"), "frames": (3.25, 1.5, "frames\n(T, F)"),
    "audio adapter": (4.6, 1.5, "adapter"), "audio embedding": (6.0, 1.5, "embedding\n(D)"),
    "text": (0.55, 0.3, "text"), "text encoder": (1.9, 0.3, "text\nencoder"), "tokens": (3.25, 0.3, "tokens\n(T, F)"),
    "text adapter": (4.6, 0.3, "adapter"), "text embedding": (6.0, 0.3, "embedding\n(D)"),
    "similarity": (7.5, 0.9, "similarity\n(N, N)"), "loss": (9.0, 1.5, "loss"), "ranking": (9.0, 0.3, "ranking"),
    "metrics": (10.3, 0.3, "metrics"),
}
ARROWS = [
    ("clip", "audio encoder"), ("audio encoder", "frames"), ("frames", "audio adapter"),
    ("audio adapter", "audio embedding"), ("text", "text encoder"), ("text encoder", "tokens"),
    ("tokens", "text adapter"), ("text adapter", "text embedding"), ("audio embedding", "similarity"),
    ("text embedding", "similarity"), ("similarity", "loss"), ("similarity", "ranking"), ("ranking", "metrics"),
]
GROUPS = {  # names that stand for both towers
    "encoder": ("audio encoder", "text encoder"), "adapter": ("audio adapter", "text adapter"),
    "embedding": ("audio embedding", "text embedding"), "data": ("clip", "text"), "all": tuple(BOXES),
}


def pipeline(here: str | Sequence[str] = ()) -> None:
    """Show the way from clip and text to loss and metrics; `here` marks one or several boxes ("loss", "adapter").

    Raises:
        ValueError: there is no such box.
    """
    marked = _boxes([here] if isinstance(here, str) else here)
    plots.show(draw(marked), alt=describe(marked))


def draw(marked: Sequence[str] = ()) -> Figure:
    """The picture as a figure."""
    fig, (ax,) = plots.figure(11, 2.9)
    for start, end in ARROWS:
        _arrow(ax, start, end)
    for y, side in ((1.35, 1), (0.45, -1)):  # beside the two arrows into the similarity
        ax.text(6.95, y + 0.16 * side, "cosine", ha="center", va="center", fontsize=10, style="italic")
    for name, (x, y, label) in BOXES.items():
        on = name in marked
        width = 1.0 if name not in ("similarity", "audio embedding", "text embedding") else 1.12
        shape, fill = "round,pad=0.02,rounding_size=0.08", plots.ORANGE if on else "white"
        ax.add_patch(FancyBboxPatch((x - width / 2, y - 0.27), width, 0.54, boxstyle=shape, facecolor=fill,
                                    edgecolor=plots.BLACK, linewidth=2.5 if on else 1.2))
        ax.text(x, y, label, ha="center", va="center", fontsize=12, fontweight="bold" if on else "normal")
    if marked and len(marked) < len(BOXES):
        _you_are_here(ax, marked)
    ax.set(xlim=(-0.1, 10.95), ylim=(-0.6, 2.25))
    ax.axis("off")
    return fig


def describe(marked: Sequence[str] = ()) -> str:
    """The picture in words."""
    place = f" You are here: {', '.join(marked)}." if marked and len(marked) < len(BOXES) else ""
    return ("A clip runs through audio encoder, frames and adapter to an embedding; a text runs through text "
            "encoder, tokens and adapter to an embedding. The cosine of both is the similarity, which feeds the loss "
            f"in training and the ranking, then the metrics, in use.{place}")


def _boxes(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        if name not in BOXES and name not in GROUPS:
            raise ValueError(f"expected boxes among {', '.join([*BOXES, *GROUPS])}; got {name!r}")
        found += [b for b in GROUPS.get(name, (name,)) if b not in found]
    return found


def _arrow(ax, start: str, end: str) -> None:
    (x0, y0, _), (x1, y1, _) = BOXES[start], BOXES[end]
    ax.annotate("", (x1 - 0.56, y1), (x0 + 0.55, y0),
                arrowprops={"arrowstyle": "-|>", "color": plots.BLACK, "linewidth": 1.3, "shrinkA": 1, "shrinkB": 2})


def _you_are_here(ax, marked: Sequence[str]) -> None:
    """A label with an arrow to one marked box, from above, or from below where another box stands above it."""
    x, y, _ = BOXES[max(marked, key=lambda name: BOXES[name][1])]
    side = 1 if y > 0.5 else -1
    ax.annotate("you are here", (x, y + 0.3 * side), (x, 2.1 if side > 0 else -0.4), ha="center", va="center",
                fontsize=12, fontweight="bold", color=plots.VERMILION,
                arrowprops={"arrowstyle": "-|>", "color": plots.VERMILION, "linewidth": 2})
