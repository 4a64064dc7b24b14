"""One look for every figure: colours that colour-blind readers tell apart, letters that the last row can read.

`show(fig, alt=...)` puts a PNG into the output, with the alt text as its metadata (nbconvert makes it the image's
alt), as its text/plain, and folded under the figure as "In words" (JupyterLab and GitHub drop an image's alt). A lint
can check that each output with image/png has `metadata["image/png"]["alt"]`.
"""

import base64
import io
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image  # which matplotlib brings along

from lib.show import bundle

# Okabe and Ito (2008)
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)
GREY = "#767676"
STYLE = {
    "figure.dpi": 110, "savefig.dpi": 110, "figure.figsize": (8, 4), "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans", "font.size": 13, "axes.titlesize": 14, "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": False, "legend.frameon": False,
    "lines.linewidth": 2, "image.cmap": "cividis", "svg.hashsalt": "hearsay",
    "axes.prop_cycle": matplotlib.cycler(color=[BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK]),
}


def figure(width: float = 8, height: float = 4, rows: int = 1, columns: int = 1) -> tuple[Figure, np.ndarray]:
    """A figure (inches) in the workbook's style and its axes as a flat array; nothing is shown until `show`."""
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(width, height))
        axes = fig.subplots(rows, columns, squeeze=False).ravel()
    return fig, axes


def show(fig: Figure, alt: str) -> None:
    """Display a figure once, as PNG, with its meaning in words.

    Args:
        alt: what the picture says, one or two sentences for those who cannot see it.
    """
    if len(alt.split()) < 4:
        raise ValueError(f"expected an alt text of at least four words; got {alt!r}. Say what the picture shows.")
    png = base64.b64encode(render(fig)).decode()
    bundle.emit({"image/png": png, "text/plain": alt}, metadata={"image/png": {"alt": alt}})
    words = f"<details><summary>In words</summary>{bundle.escape(alt)}</details>"
    bundle.emit({"text/html": words, "text/plain": f"In words: {alt}"})


def render(fig: Figure) -> bytes:
    """PNG bytes, the same for the same figure (no dates, no version)."""
    with matplotlib.rc_context(STYLE):
        drawn = io.BytesIO()
        fig.savefig(drawn, format="png")
    return few_colours(drawn)


def few_colours(png: io.BytesIO) -> bytes:
    """The picture with at most 256 colours, for a third of the bytes: shades that the eye does not part become one."""
    with Image.open(png) as image:
        few = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small = io.BytesIO()
    few.save(small, "PNG", optimize=True)
    return small.getvalue()


def bars(ax: Axes, values: Mapping[str, object], *, chance: float | None = None, oracle: float | None = None,
         label: str = "mAP@10", colours: Sequence[str] | None = None) -> Axes:
    """Horizontal bars with their intervals, framed by what guessing and what perfect understanding would reach.

    Args:
        values: name -> `Interval`, or a plain number (no whisker).
    """
    names = list(values)
    for row, name in enumerate(names):
        value = values[name]
        centre = float(getattr(value, "value", value))
        ax.barh(row, centre, height=0.62, color=(colours or [BLUE] * len(names))[row])
        right = centre
        if hasattr(value, "low"):
            ends = [[max(0.0, centre - value.low)], [max(0.0, value.high - centre)]]
            ax.errorbar(centre, row, xerr=ends, color=BLACK, capsize=5, linewidth=1.6)
            right = value.high
        ax.annotate(_number(centre), (right, row), xytext=(6, 0), textcoords="offset points", va="center")
    ax.set(yticks=range(len(names)), yticklabels=names, xlabel=label)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    frame(ax, chance=chance, oracle=oracle, axis="x")
    right = max([ax.get_xlim()[1], *([oracle] if oracle is not None else [])])
    ax.set_xlim(0, right * 1.08)
    return ax


def frame(ax: Axes, *, chance: float | None = None, oracle: float | None = None, axis: str = "y") -> Axes:
    """Lines for chance and oracle, labelled at the axis' end."""
    for value, name, colour in ((chance, "chance", GREY), (oracle, "oracle", GREEN)):
        if value is None:
            continue
        (ax.axvline if axis == "x" else ax.axhline)(value, color=colour, linestyle="--", linewidth=1.6, zorder=0)
        where, coords = (value, 1.0), ("data", "axes fraction")
        if axis == "y":
            where, coords = where[::-1], coords[::-1]
        ax.annotate(f"{name} {_number(value)}", where, xycoords=coords, xytext=(2, 3), textcoords="offset points",
                    color=colour, ha="left" if axis == "x" else "right", fontsize=11)
    return ax


def _number(value: float) -> str:
    """Scores to three places; ranks, counts and such whole."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"


def matrix(ax: Axes, values: Float[np.ndarray, "row column"], rows: Sequence[str] = (), columns: Sequence[str] = (),
           *, digits: int = 2, marked: Sequence[tuple[int, int]] = (), low: float | None = None,
           high: float | None = None) -> Axes:
    """A heat map with its values written in (where they fit); `marked` cells get a frame."""
    values = np.asarray(values, dtype=float)
    image = ax.imshow(values, cmap="cividis", vmin=low, vmax=high, aspect="auto")
    middle = np.mean(image.get_clim())
    if values.size <= 144:
        for (row, column), value in np.ndenumerate(values):
            ax.text(column, row, f"{value:.{digits}f}", ha="center", va="center",
                    color="white" if value < middle else "black")
    for row, column in marked:
        ax.add_patch(matplotlib.patches.Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=VERMILION,
                                                  linewidth=3))
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def log_mel(ax: Axes, values: Float[np.ndarray, "time mel"], seconds: float, *, f_min: float, f_max: float,
            title: str = "", low: float | None = None, high: float | None = None) -> Axes:
    """A log-mel spectrogram: time to the right, frequency upwards, bright is loud.

    Args:
        f_min, f_max: hertz, the ends of the mel bands; they place the labels in hertz (Slaney's scale).
        low, high: decibels of the darkest and the brightest colour; give several pictures the same.
    """
    values = np.asarray(values, dtype=float)
    bands = values.shape[1]
    ax.imshow(values.T, origin="lower", aspect="auto", extent=(0, seconds, -0.5, bands - 0.5), cmap="cividis",
              vmin=low, vmax=high)
    marks = [hertz for hertz in (125, 500, 1000, 2000, 4000, 8000) if f_min <= hertz <= f_max]
    bottom, top = _mel(f_min), _mel(f_max)
    at = [(_mel(hertz) - bottom) / (top - bottom) * (bands + 1) - 1 for hertz in marks]  # band b's centre is at b
    ax.set_yticks(at, [f"{hertz // 1000}k" if hertz >= 1000 else str(hertz) for hertz in marks])
    ax.set(xlabel="time (s)", ylabel="frequency (Hz)", title=title, xlim=(0, seconds), ylim=(-0.5, bands))
    return ax


def decibels_bar(fig: Figure, axes: Sequence[Axes]) -> None:
    """One colour bar for all these log-mel spectrograms.

    Raises:
        ValueError: their colours do not mean the same.
    """
    images = [ax.images[0] for ax in axes]
    if len({image.get_clim() for image in images}) > 1:
        raise ValueError("expected one scale of colours; got several. Give all log_mel(...) the same low and high.")
    with matplotlib.rc_context(STYLE):
        fig.colorbar(images[0], ax=list(axes), label="dB")


def _mel(hertz: float) -> float:
    """Slaney's scale; notebook 01 writes it out."""
    return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)


def curve(ax: Axes, x: Sequence[float], values: Sequence[object], label: str, colour: str | None = None) -> Axes:
    """A line through means with a band for their intervals."""
    centre = [float(getattr(v, "value", v)) for v in values]
    (line,) = ax.plot(x, centre, marker="o", label=label, color=colour)
    if all(hasattr(v, "low") for v in values):
        ax.fill_between(x, [v.low for v in values], [v.high for v in values], color=line.get_color(), alpha=0.2,
                        linewidth=0)
    return ax
