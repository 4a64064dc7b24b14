"""The teeth of notebook 04: shuffled captions and encoders that hand over nothing bring its claims down."""

import numpy as np
import pytest
import torch

from lib.encoders import trial
from lib.encoders.interface import TextEncoder
from lib.show.claims import judge
from tests.notebooks import own_cells

TRIAL = trial.Trial("small_cnn", 32, 256, 4e8, 0.01, 0.1, 50.0, 1e-7)  # the others are another test's matter


def run(patch, tmp, source):
    """The notebook's own cells, at smoke: the claims and metrics that they show, and the names that they leave."""
    patch.setenv("HEARSAY_CACHE", str(tmp))
    patch.setattr(trial, "trials", lambda *_, **__: iter([TRIAL]))
    ran = own_cells.run("04_encoders", source)
    return ran.claims, ran.metrics, ran.names


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield run(patch, tmp_path_factory.mktemp("cache"), "soundscapes!shuffled")


def test_the_notebooks_own_claims_fall_when_captions_are_shuffled(shuffled):
    claims, _, _ = shuffled
    assert {"X2.soundscapes", "X2.soundscapes.more", "04.minilm.weights", "X3.soundscapes.frozen"} <= set(claims)
    assert not [key for key, claim in claims.items() if claim["verdict"] == "replicates"], claims


def test_a_file_of_another_model_is_refused_in_every_case_that_is_shown(shuffled, capsys):
    names = shuffled[2]
    for what in ("cnn10", "recurrent", "other_rate"):
        assert what in names
    wrong = {"model": names["recurrent"].state_dict()}
    names["attempt"]("the CRNN's", lambda: names["panns"].load(names["cnn10"], wrong))
    assert "CheckpointError" in capsys.readouterr().out


def test_who_hears_what_does_not_depend_on_the_captions(shuffled):
    metrics = shuffled[1]
    assert metrics["04.reach.cnn"] < 0.35 < metrics["04.reach.crnn"] <= metrics["04.reach.transformer"] == 1.0
    assert metrics["04.alone.official"] > 0.1


class Mute(TextEncoder):
    """The same vector for every caption."""

    def __init__(self):
        super().__init__("mute", 4, None)

    def forward(self, captions):
        return torch.ones(len(captions), 1, 4), torch.ones(len(captions), 1, dtype=torch.bool)


def test_an_encoder_that_says_nothing_loses_to_one_that_does(tmp_path, monkeypatch):
    """The positive control, with the notebook's own race and the quarter of the clips."""
    _, _, names = run(monkeypatch, tmp_path, "soundscapes")
    found = names["race"](names["corpora"], {"MiniLM": (1e-3, {}), "mute": (1e-3, {"text": {0: Mute()}})}, 6)
    result = judge("04.x", "MiniLM wins", found["MiniLM"], found["mute"], clusters=names["clips"]["all"], margin=0.01)
    assert result.verdict == "replicates"
    assert np.mean(found["mute"]) < 0.1
