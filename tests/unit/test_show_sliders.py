"""Sliders: one for each option, drawn at once and again at each turn; a line of words where no kernel runs."""

from lib.show import bundle, plots, sliders


def test_each_turn_draws_what_was_chosen(monkeypatch):
    shown, built = [], {}
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: shown.append(data))
    monkeypatch.setattr(sliders.ipywidgets, "VBox", lambda children: built.setdefault("box", Box(children)))

    def draw(neighbours, min_dist):
        return plots.figure(2, 2)[0], f"{neighbours} neighbours <b> {min_dist}"

    sliders.show(draw, neighbours=(4, 15), min_dist=(0.0, 0.8))
    first, second, picture = built["box"].children
    assert (first.description, second.description) == ("neighbours", "min dist")
    assert picture.value.startswith('<img alt="4 neighbours &lt;b&gt; 0.0" src="data:image/png;base64,')
    first.value = 15
    assert 'alt="15 neighbours &lt;b&gt; 0.0"' in picture.value
    second.value = 0.8
    assert 'alt="15 neighbours &lt;b&gt; 0.8"' in picture.value
    assert shown[0]["text/plain"] == "Sliders stand here while the notebook runs: one for each of neighbours, min dist."
    assert shown[0][sliders.VIEW]["model_id"] == "7"


class Box:
    """What stands on the page, without a page."""

    model_id = "7"

    def __init__(self, children):
        self.children = children
