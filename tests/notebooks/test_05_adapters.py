"""The teeth of notebook 05's claims: shuffled captions bring each down; what is planted is found, either way."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib import audio, retrieval, train
from lib.data import table
from lib.encoders.interface import AudioEncoder, TextEncoder
from lib.show.claims import judge
from tests.notebooks import own_cells

STEPS, TONES = 12, 8  # frames of a clip, features of a frame
SETTINGS = train.Settings(learning_rate=1e-2, max_epochs=40, stop_after=40)
MLP = retrieval.Recipe(batch_size=16, dim=16, hidden=64, training=SETTINGS)
LINEAR = replace(MLP, adapter="LinearAdapter", hidden=None)


class Frames(AudioEncoder):
    """A waveform that is its frames, written one after the other."""

    def __init__(self):
        super().__init__("frames as they are", STEPS * TONES, TONES, None)

    def forward(self, waveforms, lengths):
        frames = waveforms.unflatten(1, (STEPS, TONES))
        return frames, torch.ones(frames.shape[:2], dtype=torch.bool)


class Words(TextEncoder):
    """A first token, then one for each letter. The first is blank, or (`knowing`) holds what the others hold."""

    def __init__(self, knowing=False):
        super().__init__("words", 26, {"knowing": knowing})
        self.knowing = knowing

    def forward(self, captions):
        longest = max(map(len, captions))
        values = torch.zeros(len(captions), longest + 1, 26)
        for row, caption in enumerate(captions):
            places = torch.tensor([ord(letter) - ord("a") for letter in caption])
            values[row, torch.arange(1, len(places) + 1), places] = 1.0
        values[:, 0] = values.sum(1) if self.knowing else 0.0
        mask = torch.arange(longest + 1) <= torch.tensor([[len(caption)] for caption in captions])
        return values, mask


def tones(path):
    return np.random.default_rng([ord(c) for c in path]).integers(0, 2, TONES)


def render(path, sample_rate):
    """The tones sound in one frame ("brief") or in all; the other frames hold half as loud a murmur."""
    rng = np.random.default_rng([1, *map(ord, path)])
    frames = rng.uniform(0, 0.5, (STEPS, TONES)) if "brief" in path else np.zeros((STEPS, TONES))
    frames[rng.integers(STEPS) if "brief" in path else slice(None)] = tones(path)
    return frames.ravel().astype(np.float32)


def letters(path, rng):
    """A letter for each tone; in the world "either" for each pair of tones of which exactly one sounds."""
    sounding = tones(path)
    told = sounding[::2] ^ sounding[1::2] if "either" in path else sounding
    return "".join(rng.permutation([chr(ord("a") + i) for i in np.flatnonzero(told)] or ["z"]))


def corpora(world, text=None, **named):
    """Three corpora of this world, encoded."""
    found = {}
    for seed in range(3):
        rng, rows = np.random.default_rng(seed), []
        for split, n in {"train": 150, "validation": 30, "test": 60}.items():
            paths = [f"adapters-test://{world}/{seed}/{split}/{i}" for i in range(n)]
            rows += [dict(clip_id=path[16:], split=split, path=path, captions=[letters(path, rng)], duration_s=1.0)
                     for path in paths]  # fmt: skip
        clips = table.build(rows, source="toy")
        found[seed] = retrieval.encode(clips, audio=Frames(), text=text or Words(), **{"pool": None} | named)
    return found


def scores(corpora, **recipes):
    outcomes = retrieval.compare(corpora, recipes)
    return [[outcomes[name][seed].scores["AP@10"].to_numpy() for seed in corpora] for name in recipes]


def verdict(a, b, expect="greater"):
    return judge("05.x", "a beats b", a, b, margin=0.01, expect=expect).verdict


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    monkeypatch.setitem(audio._RENDERERS, "adapters-test", render)


def test_a_brief_event_is_found_by_the_maximum_and_a_lasting_one_by_either():
    arms = {"both": replace(MLP, adapter_options={"pooling": "max+mean"}), "mean": MLP}
    assert verdict(*scores(corpora("brief"), **arms)) == "replicates"
    assert verdict(*scores(corpora("lasting"), **arms), expect="equal") == "equivalent within ±0.01"


def test_the_order_matters_to_an_mlp_and_to_no_linear_layer():
    worlds = corpora("brief")
    after = [replace(recipe, adapter_options={"pool_first": False}) for recipe in (MLP, LINEAR)]
    mlp_after, mlp, linear_after, linear = scores(worlds, a=after[0], b=MLP, c=after[1], d=LINEAR)
    assert verdict(mlp_after, mlp) == "replicates"  # a ReLU can hear the burst before it is averaged away
    assert max(abs(a.mean() - b.mean()) for a, b in zip(linear_after, linear)) < 0.01
    assert verdict(linear_after, linear) != "replicates"


def test_a_first_token_that_says_nothing_is_found_and_one_that_says_all_is_as_good():
    blank, knowing = ([corpora("lasting", Words(k), text_pool=pool) for pool in ("mean", "first")] for k in (0, 1))
    assert verdict(*(scores(world, mean=MLP)[0] for world in blank)) == "replicates"
    assert verdict(*(scores(world, mean=MLP)[0] for world in knowing)) != "replicates"


def test_where_only_a_bend_can_help_p8_falls():
    """Whether exactly one of two tones sounds is no weighted sum: here a non-linear projection *is* better."""
    mlp, linear = scores(corpora("either"), mlp=MLP, linear=LINEAR)
    assert verdict(linear, mlp) == "does not replicate here"
    assert verdict(mlp, linear, expect="equal") == "does not replicate here"


def test_the_planted_bottleneck_is_found_and_calls_nothing_equal():
    linear, narrow = scores(corpora("lasting"), linear=LINEAR, narrow=replace(LINEAR, dim=1))
    assert verdict(linear, narrow) == "replicates"
    assert verdict(narrow, linear, expect="equal") == "does not replicate here"


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory):
    """The notebook's own cells, at smoke, when each clip has another clip's captions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEARSAY_CACHE", str(tmp_path_factory.mktemp("cache")))
        return own_cells.run("05_adapters", "soundscapes!shuffled")


def test_the_notebooks_own_claims_fall_when_captions_are_shuffled(shuffled):
    assert {"05.control", "05.block", "05.max-mean", "05.cls", "05.order", "05.unmet"} <= set(shuffled.claims)
    assert not shuffled.replicated, shuffled.claims


def test_equal_at_chance_is_not_called_equal(shuffled):
    """Two adapters that learn nothing are equally good; without a control that is found, nobody may say so."""
    assert not {"P8", "05.equal"} & set(shuffled.claims)
    assert shuffled.names["effects"]["05.control"].verdict != "replicates"
