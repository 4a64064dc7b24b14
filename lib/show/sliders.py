"""Sliders over what was computed beforehand: a reader turns parameters, and nobody waits."""

import base64
from collections.abc import Callable, Sequence

import ipywidgets
from matplotlib.figure import Figure

from lib.show import bundle, plots

VIEW = "application/vnd.jupyter.widget-view+json"
ASLEEP = "Sliders stand here while the notebook runs: one for each of {}."


def show(draw: Callable[..., tuple[Figure, str]], **options: Sequence[object]) -> None:
    """Show one slider for each option, and below them a picture.

    The picture is HTML and not ipywidgets' own output, which nbclient cannot run without keeping widgets' states.

    Args:
        draw: gives the figure of one choice of values, and its alt text.
        options: name of a parameter -> the values to choose from.
    """
    sliders = {name: ipywidgets.SelectionSlider(options=list(values), description=name.replace("_", " "),
                                                continuous_update=False, style={"description_width": "initial"})
               for name, values in options.items()}
    picture = ipywidgets.HTML()

    def turn(_=None) -> None:
        fig, alt = draw(**{name: slider.value for name, slider in sliders.items()})
        png = base64.b64encode(plots.render(fig)).decode()
        picture.value = f'<img alt="{bundle.escape(alt)}" src="data:image/png;base64,{png}">'

    for slider in sliders.values():
        slider.observe(turn, "value")
    turn()
    box = ipywidgets.VBox([*sliders.values(), picture])
    bundle.emit({VIEW: {"model_id": box.model_id, "version_major": 2, "version_minor": 0},
                 "text/plain": ASLEEP.format(", ".join(name.replace("_", " ") for name in options))})
