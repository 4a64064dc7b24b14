"""Sliders: one for each option, drawn at once and again at each turn; a line of words where no kernel runs."""

from lib.show import bundle, sliders


def test_each_turn_draws_what_was_chosen(monkeypatch):
    shown, drawn = [], []
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: shown.append(data))
    built = {}
    monkeypatch.setattr(sliders.ipywidgets, "VBox", lambda children: built.setdefault("box", Box(children)))
    sliders.show(lambda neighbours, min_dist: drawn.append((neighbours, min_dist)), neighbours=(4, 15),
                 min_dist=(0.0, 0.8))
    assert drawn == [(4, 0.0)]
    first, second = built["box"].children[:2]
    assert (first.description, second.description) == ("neighbours", "min dist")
    first.value = 15
    second.value = 0.8
    assert drawn == [(4, 0.0), (15, 0.0), (15, 0.8)]
    assert shown[0]["text/plain"] == "Sliders stand here while the notebook runs: one for each of neighbours, min dist."
    assert shown[0][sliders.VIEW]["model_id"] == "7"


class Box:
    """What stands on the page, without a page."""

    model_id = "7"

    def __init__(self, children):
        self.children = children
