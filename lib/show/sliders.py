"""Sliders over what was computed beforehand: a reader turns parameters, and nobody waits."""

from collections.abc import Callable, Sequence

import ipywidgets

from lib.show import bundle

VIEW = "application/vnd.jupyter.widget-view+json"
ASLEEP = "Sliders stand here while the notebook runs: one for each of {}."


def show(draw: Callable[..., None], **options: Sequence[object]) -> None:
    """Show one slider for each option, and below them what `draw(**values)` shows.

    Args:
        draw: shows something for one choice of values, each of which it has at hand.
        options: name of a parameter -> the values to choose from.
    """
    sliders = {name: ipywidgets.SelectionSlider(options=list(values), description=name.replace("_", " "),
                                                continuous_update=False, style={"description_width": "initial"})
               for name, values in options.items()}
    box = ipywidgets.VBox([*sliders.values(), ipywidgets.interactive_output(draw, sliders)])
    bundle.emit({VIEW: {"model_id": box.model_id, "version_major": 2, "version_minor": 0},
                 "text/plain": ASLEEP.format(", ".join(name.replace("_", " ") for name in options))})
