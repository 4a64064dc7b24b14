"""The teeth of notebook 09: shuffled captions and shuffled noisy texts bring its claims down, planted differences are
found; and it runs as it stands on a source that has neither a shifted split nor a dial for the noise."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib import audio, data, metrics, profiles, retrieval, train
from lib.data import scene_table, soundscapes
from lib.show.claims import judge
from tests.notebooks import own_cells
from tests.unit import toy_corpus as toy

pytestmark = pytest.mark.timeout(900)
NOISE_HELPS = ("W3", "09.np-f.restart", "09.np-f.others", "09.few-clean.np-f", "09.nt-xent.np-f")
PLAINLY = ("W3", "09.np-f.others", "09.nt-xent.np-f")  # in smoke too, and on any machine: the others are near the line


def run(source):
    """The notebook's cells at smoke on this source: its names, its claims by key, its metrics by name."""
    ran = own_cells.run("09_noisy_pretraining", source)
    return ran.names, ran.claims, ran.metrics


def replicated(claims):
    return {key for key, claim in claims.items() if claim["verdict"] == "replicates"}


@pytest.fixture(scope="module")
def sound():
    return run("soundscapes")


def test_noisy_texts_help_in_smoke_too(sound):
    """Without this, the tests below would show nothing."""
    _, claims, _ = sound
    assert set(PLAINLY) <= replicated(claims)
    assert all(claims[key]["effect"] > 0.01 for key in NOISE_HELPS)


def test_texts_of_other_clips_do_not_help():
    _, claims, _ = run("soundscapes!noise-shuffled")
    assert not replicated(claims) & set(NOISE_HELPS), claims
    assert claims["09.np-f.restart"]["effect"] < 0.02


def test_shuffled_captions_bring_every_claim_down():
    _, claims, values = run("soundscapes!shuffled")
    assert not replicated(claims), replicated(claims)
    scores = [value for name, value in values.items() if name.startswith(("09.map10.", "09.P3."))]
    assert len(scores) >= 9 and max(scores) < 2.5 * metrics.chance(100)


def test_the_schemes_are_the_papers(sound):
    names, _, _ = sound
    stages = {name: [set(stage.on) for stage in own] for name, own in names["schemes"]("C", "N").items()}
    assert stages == {"ATAE": [{"C"}], "ATAE again": [{"C"}, {"C"}], "ATAE-ET": [{"C", "N"}],
                      "ATAE-EP-F": [{"C", "N"}, {"C"}], "ATAE-NP-F": [{"N"}, {"C"}]}  # fmt: skip
    recipe = names["schemes"]()["ATAE"][0]
    assert recipe.loss == "contrastive" and recipe.captions_per_clip is None and recipe.tune == ()
    assert recipe.training.learning_rate / recipe.batch_size == train.WECK.learning_rate / 32
    assert (recipe.training.schedule, recipe.training.factor) == (train.WECK.schedule, train.WECK.factor)


def test_the_key_cell_has_the_papers_proportion(sound):
    names, _, _ = sound
    assert names["n"] == round(160 * 3839 / 20483) == 30 and names["SIZES"] == [10, 30, 160]
    sizes = {name: len(split) for name, split in names["corpora"][0].splits.items()}
    assert sizes["30 clean"] == 30 and sizes["noise 1"] == 160 and sizes["test"] == 100


def test_the_taught_function_is_the_librarys(sound):
    two_texts = sound[0]["two_texts"]
    for row in (
        {"description": "<p>" * 200 + "x" * 600, "keywords": ["b", "a"], "title": "t"},
        {"description": "", "keywords": ["a-b", "c"], "title": "t"},
        {"description": " <br/>", "keywords": [], "title": ""},
        {"description": "&quot;rain&quot;", "keywords": [], "title": "t"},
    ):
        assert two_texts(row) == data.noisy_texts(row)


# Another source, as Clotho and FSD50K will be: two tables of recordings, no dial, no shifted split


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Recordings in a folder with a CSV of four splits, the last with descriptions and tags alone."""
    root, rows = tmp_path_factory.mktemp("recordings"), []
    for split, count in (("train", 24), ("validation", 10), ("test", 20), ("noisy", 48)):
        for index in range(count):
            scene = soundscapes.scene(1, "test" if split == "test" else "train", index + 100 * (split == "noisy"))
            said, name = scene_table.row(scene), f"{split}{index:02}.wav"
            soundfile.write(root / name, soundscapes.render(scene)[: 2 * 16000], 16000)
            captions = said["captions"][:2] if split != "noisy" else ["", ""]
            noisy = [said["description"], ";".join(said["keywords"])] if split == "noisy" else ["", ""]
            rows.append([name, split, *captions, *noisy])
    columns = ["file_name", "split", "caption_1", "caption_2", "description", "keywords"]
    pd.DataFrame(rows, columns=columns).to_csv(root / "captions.csv", index=False)
    return root


def test_it_runs_as_it_stands_on_a_folder(folder):
    names, claims, values = run(f"folder:{folder}")
    assert names["LEVELS"] == (1.0,) and names["SCORED"] == ["test"] and names["SIZES"] == [3, 9, 24]
    assert {"W1", "W2", "W3", "P5", "09.restart", "09.all-clean.et", "P3.soundscapes"} <= set(claims)
    assert not [key for key in claims if key.startswith(("09.shifted", "09.noise-")) or key.endswith(".human")]
    assert {"09.P3.synthetic", "09.P3.target", "09.P3.synthetic-target"} <= set(values)
    corpus = names["corpora"][0]
    assert {name: len(split) for name, split in corpus.splits.items()} == {
        "train": 24, "validation": 10, "test": 20, "others' texts": 48, "3 clean": 3, "9 clean": 9, "24 clean": 24,
        "noise 1": 48}  # fmt: skip
    written = pd.read_csv(folder / "captions.csv", keep_default_na=False)
    tags = written.loc[written["split"] == "noisy", "keywords"].iloc[0].replace(";", " ")
    assert tags in set(corpus.rows["noise 1"]["caption"])


# The same schemes on sounds and words so plain that it must come out


SETTINGS = train.Settings(learning_rate=3e-3, schedule="plateau", patience=3, stop_after=6, max_epochs=30)


def toy_scores(arms, shuffled=False):
    """Scores of these arms, each a list of the sets of its trainings: 6 clean clips and 90 noisy ones."""
    corpora = {}
    for seed in range(3):
        noisy = toy.clips((90, 0, 0), seed + 50).assign(split="noisy", clip_id=lambda t: "noisy " + t["clip_id"])
        if shuffled:
            noisy["captions"] = np.roll(noisy["captions"].to_numpy(), 7)
        both = pd.concat([toy.clips((6, 30, 60), seed), noisy], ignore_index=True)
        corpora[seed] = retrieval.encode(both, audio=toy.Ear().frozen(), text=toy.Reader().frozen())
    recipe = replace(toy.RECIPE, loss="contrastive", captions_per_clip=None, training=SETTINGS)
    recipes = {name: [replace(recipe, on=on) for on in sets] for name, sets in arms.items()}
    found = retrieval.compare(corpora, recipes)
    return {name: [found[name][seed].scores["AP@10"].to_numpy() for seed in corpora] for name in recipes}


ARMS = {"ATAE": [("train",)], "ATAE again": [("train",)] * 2, "ATAE-NP-F": [("noisy",), ("train",)]}


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    audio.register("toy-corpus", toy.render)


@pytest.mark.parametrize("shuffled", [False, True])
def test_where_it_must_help_it_does_and_shuffled_it_does_not(own_cache, shuffled):
    scores = toy_scores(ARMS, shuffled)
    verdict = judge("09.x", "noise helps", scores["ATAE-NP-F"], scores["ATAE again"], margin=0.01).verdict
    assert (verdict == "replicates") == (not shuffled), verdict


def test_a_planted_difference_is_found_where_none_was_claimed(own_cache):
    """The control of every finding of no difference (a restart, a set that adds nothing): one that does something."""
    scores = toy_scores(ARMS | {"more": [("train", "noisy")]})
    for planted in ("more", "ATAE-NP-F"):
        found = judge("09.x", "it changes nothing", scores[planted], scores["ATAE"], expect="equal", margin=0.01)
        assert found.verdict == "does not replicate here", found


def test_the_profile_alone_sets_the_sizes():
    """A cell of the laptop: the paper's ratio, 75, 225 and all 1,200."""
    laptop = profiles.PROFILES["laptop"]
    n = min(laptop.n_train, round(laptop.n_noisy * 3839 / 20483))
    assert sorted({max(2, n // 3), n, laptop.n_train}) == [75, 225, 1200]
