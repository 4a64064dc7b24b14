"""What the settings of a stage mean: Mixco and masks, a temperature that learns, one data set a batch, teachers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib import losses, recipe, retrieval, towers
from lib.recipe import Recipe, Teacher
from tests.unit import toy_corpus as toy
from tests.unit.toy_corpus import RECIPE

LIVE = replace(RECIPE, tune=("audio",), options={"temperature": 0.1})
SOFT = {"loss": "soft_targets", "options": {"temperature": 0.1, "teacher_temperature": 0.05}}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEARSAY_CACHE", str(tmp_path_factory.mktemp("cache")))
        return toy.corpus()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("wrong, match", [
    ({"mixco": True}, "mixco needs the audio encoder to learn"),
    ({"mask_tokens": 0.15, "tune": ("audio",)}, "mask_tokens needs the text encoder to learn"),
    ({"trainable_temperature": True}, "needs a start"),
    ({"loss": "soft_targets"}, "soft targets need teachers"),
    ({"teachers": ((Recipe(),),)}, "teachers soft targets"),
    ({"teachers": ((Recipe(),),), "loss": "soft_targets", "mixco": True, "tune": ("audio",)}, "leave it, or the teach"),
    ({"swap": 1.7}, "swap from 0 to 1"),
    ({"mask_tokens": -0.1, "tune": ("text",)}, "mask_tokens from 0 to 1"),
    ({"one_source": True}, "several splits to take turns"),
])  # fmt: skip
def test_settings_that_contradict_each_other_are_refused(wrong, match):
    with pytest.raises(ValueError, match=match):
        Recipe(**wrong)


def test_mixco_adds_the_loss_of_the_mixtures(corpus):
    batch = corpus.examples(["train"], ("audio",)).batch(torch.arange(12) * 2)
    model = retrieval.untrained(corpus, LIVE, generator()).eval()
    torch.manual_seed(1)
    found = retrieval.batch_loss(replace(LIVE, mixco=True))(model, batch)
    torch.manual_seed(1)
    partner, share = torch.randint(12, (12,)), torch.rand(12)
    waveforms, lengths = batch.audio
    mixed = share[:, None] * waveforms + (1 - share[:, None]) * waveforms[partner]
    audio, text = model(batch.audio, batch.text)
    more = model.audio(mixed, torch.maximum(lengths, lengths[partner]))
    options = {"temperature": 0.1, "groups": batch.groups}
    expected = losses.nt_xent(audio, text, **options) + losses.mixco(more, text, partner, share, **options)
    torch.testing.assert_close(found, expected)
    assert not torch.isclose(found, retrieval.batch_loss(LIVE)(model, batch))


def test_masking_is_handed_to_the_text_encoder_or_refused(corpus):
    masks = replace(RECIPE, tune=("text",), mask_tokens=0.15)
    with pytest.raises(ValueError, match="'reader' masks no tokens"):
        retrieval.untrained(corpus, masks, generator())


def test_the_code_of_an_encoder_that_learns_is_part_of_a_run(corpus, monkeypatch):
    """The corpus' key holds what frozen encoders gave; how one reads that learns stands in its code alone."""
    learns = replace(RECIPE, tune=("text",))
    soft = replace(RECIPE, **SOFT, teachers=((learns,),))
    seen = []
    monkeypatch.setattr(retrieval.cache, "trained", lambda settings, run, uses, tell: seen.append(uses) or 1 / 0)
    for recipe_ in (RECIPE, learns, soft):
        with pytest.raises(ZeroDivisionError):
            retrieval.fit(corpus, recipe_, seed=0, progress=False)
    assert [toy.Reader in uses for uses in seen] == [False, True, True]
    assert [toy.Ear in uses for uses in seen] == [False, False, False]


def test_a_temperature_learns_and_is_saved(corpus, tmp_path):
    learns = replace(RECIPE, options={"temperature": 0.02}, trainable_temperature=True)
    assert retrieval.untrained(corpus, learns, generator()).log_temperature.exp().item() == pytest.approx(0.02)
    model = retrieval.fit(corpus, learns, seed=0, progress=False).model
    assert model.log_temperature.exp().item() != pytest.approx(0.02, rel=1e-4)
    again = towers.load(model.save(tmp_path / "model"))
    assert again.log_temperature == model.log_temperature
    split = corpus.splits["test"]
    np.testing.assert_array_equal(retrieval.similarity(again, split), retrieval.similarity(model, split))
    assert retrieval.untrained(corpus, RECIPE, generator()).log_temperature is None


def test_a_fixed_temperature_is_the_learnt_one_that_may_not_move(corpus):
    batch = corpus.splits["train"].batch(torch.arange(12) * 2)
    model = retrieval.untrained(corpus, replace(RECIPE, options={"temperature": 0.1}), generator())
    fixed = retrieval.batch_loss(replace(RECIPE, options={"temperature": 0.1}))(model, batch)
    other = replace(RECIPE, options={"temperature": 0.1}, trainable_temperature=True)
    learnt = retrieval.batch_loss(other)(retrieval.untrained(corpus, other, generator()), batch)
    torch.testing.assert_close(learnt, fixed)


def test_each_batch_is_of_one_data_set(corpus):
    both = corpus.examples(["train", "validation"])
    for one_source, mixed in ((True, 0), (False, 5)):
        batches = both.batches(generator(), 8, None, one_source=one_source)
        of = [set(both.sources[batch.groups].tolist()) for batch in batches]
        assert sum(len(each) > 1 for each in of) >= mixed and (not one_source or all(len(each) == 1 for each in of))
        assert sorted(torch.cat([batch.rows for batch in batches]).tolist()) == list(range(120))
        assert of != sorted(of, key=sorted)  # the data sets take turns


def test_several_teachers_give_their_mean_cosine(corpus):
    stages = [(RECIPE,), (replace(RECIPE, dim=4),)]
    soft = replace(RECIPE, **SOFT, teachers=tuple(stages))
    teacher = retrieval.asked(corpus, soft, seed=0)
    models = [retrieval.fit_stages(corpus, s, seed=1000 * k)[-1].model for k, s in enumerate(stages, start=1)]
    expected = np.mean([retrieval.similarity(model, corpus.splits["train"]) for model in models], axis=0)
    clips, captions = torch.tensor([3, 7, 40]), torch.tensor([6, 15, 80])
    np.testing.assert_allclose(teacher.similarity(clips, captions), expected[captions][:, clips].T, atol=1e-5)


def test_soft_targets_look_up_the_rows_of_the_batch(corpus):
    soft = replace(RECIPE, **SOFT, teachers=((RECIPE,),))
    teacher, batch = retrieval.asked(corpus, soft, 0), corpus.splits["train"].batch(torch.tensor([4, 9, 30, 77]))
    model = retrieval.untrained(corpus, soft, generator())
    found = retrieval.batch_loss(soft, teacher)(model, batch)
    named = {"teacher": teacher.similarity(batch.groups, batch.rows), **SOFT["options"]}
    torch.testing.assert_close(found, losses.soft_targets(*model(batch.audio, batch.text), **named))
    wrong = Teacher(teacher.audio.flip(0), teacher.text)  # teeth: another clip's row
    assert not torch.isclose(retrieval.batch_loss(soft, wrong)(model, batch), found)


def test_other_teachers_are_another_run(corpus):
    soft = replace(RECIPE, **SOFT, teachers=((RECIPE,),))
    other = replace(soft, teachers=((replace(RECIPE, dim=4),),))
    fitted = [retrieval.fit(corpus, each, seed=0, progress=False) for each in (soft, soft, other)]
    assert [f.new for f in fitted] == [True, False, True] and fitted[0].key == fitted[1].key != fitted[2].key


def test_a_mixture_under_several_processes_counts_rows_from_the_first_process(monkeypatch):
    monkeypatch.setattr(recipe.parallel, "gather", lambda rows: torch.tensor([5, 7, 6]))
    monkeypatch.setattr(recipe.parallel, "rank", lambda: 2)
    assert recipe._first_row(6) == 12
