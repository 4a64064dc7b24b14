"""The papers' systems: every number stands in its paper, every target in the findings, and all recipes build."""

import re
from dataclasses import replace

import pandas as pd
import pytest
import torch

from lib import encoders, retrieval, systems
from lib.data import release, sources
from lib.encoders import passt, texts
from lib.encoders.cards import CARDS
from lib.systems import SYSTEMS
from lib.workbook import findings
from tests.unit import toy_corpus as toy

NAMES = ("dcase2022_baseline", "weck_atae", "weck_et", "weck_ep_f", "weck_np_f", "weck_best", "primus_2023",
         "munakata_2024", "takeuchi_2022")  # fmt: skip
PAPERS = {
    systems.XIE: "xie2022_dcase_task6b", systems.WECK: "weck2022_transfer_learning",
    systems.PRIMUS: "primus2023_passt_gpt", systems.MUNAKATA: "munakata2024_what_matters",
    systems.TAKEUCHI: "takeuchi2022_query_modifier",
}  # fmt: skip


def first(name):
    return SYSTEMS[name].stages[0]


def last(name):
    return SYSTEMS[name].stages[-1]


B, A, P, M, T = "dcase2022_baseline", "weck_atae", "primus_2023", "munakata_2024", "takeuchi_2022"
# System, some words of the paper with their number, and that number as the registry has it: what must be equal.
QUOTES = [
    (B, "trained with batches of 32 audio-caption pairs", 32, lambda: first(B).batch_size),
    (B, "for at most 150 epochs", 150, lambda: first(B).training.max_epochs),
    (B, "initial learning rate of 0.001", 0.001, lambda: first(B).training.learning_rate),
    (B, "reduced by a factor of ten once", 0.1, lambda: first(B).training.factor),
    (B, "does not improve for five epochs", 5, lambda: first(B).training.patience),
    (B, "early stopping with ten epochs", 10, lambda: first(B).training.stop_after),
    (B, "300-dimensional frame-wise acoustic embeddings", 300, lambda: first(B).dim),
    (B, "- S(x_n, y_n) + 1)", 1.0, lambda: first(B).options["margin"]),
    (B, "training split of 3,839 audio clips", 3839, lambda: SYSTEMS[B].part("train").clips),
    (B, "with 19,195 captions", 19195, lambda: SYSTEMS[B].part("train").pairs),
    (B, "testing split of 1,045 audio clips with 5,225 captions", 5225, lambda: SYSTEMS[B].part("test").pairs),
    (A, "randomly select 32 audio-text pairs", 32, lambda: first(A).batch_size),
    (A, "with a layer size of 512", (512, 512), lambda: (first(A).hidden, first(A).dim)),
    (A, "start training with a learning rate of 0.0001", 1e-4, lambda: first(A).training.learning_rate),
    (A, "reduce it by a factor of 10 if", 0.1, lambda: first(A).training.factor),
    (A, "no improvement was found for five epochs", 5, lambda: first(A).training.patience),
    (A, "stopped after ten epochs with no improvement", 10, lambda: first(A).training.stop_after),
    (A, "including text-to-text and audio-to-audio pairs", "all", lambda: first(A).options["pairs"]),
    (A, "average of all embeddings in a sequence", False, lambda: first(A).adapter_options["pool_first"]),
    ("weck_et", "the training data by 40966 text-audio pairs", 40966, lambda: SYSTEMS["weck_et"].part("noisy").pairs),
    ("weck_et", "we use half of them", 0.5, lambda: SYSTEMS["weck_et"].part("noisy").share),
    ("weck_best", "computed from five training runs", 5, lambda: SYSTEMS["weck_best"].target.runs),
    ("weck_best", "entire dev split of the FSDK50", 1.0, lambda: SYSTEMS["weck_best"].part("noisy").share),
    ("weck_best", "using only text-audio pairs", "text-audio", lambda: last("weck_best").options["pairs"]),
    (P, "with a batch size of 64", 64, lambda: first(P).batch_size),
    (P, "update rule [24] for 16 epochs", 16, lambda: first(P).training.max_epochs),
    (P, "with one warmup epoch", 1, lambda: first(P).training.warmup_epochs),
    (P, r"reduced from $2 \times 10^{-5}$", 2e-5, lambda: first(P).training.learning_rate),
    (P, "to $10^{-7}$ using a cosine schedule", 1e-7, lambda: SYSTEMS[P].further["smallest learning rate"]),
    (P, "only for five epochs", 5, lambda: last(P).training.max_epochs),
    (P, r"maximum learning rate of $8 \times 10^{-6}$", 8e-6, lambda: last(P).training.learning_rate),
    (P, "with a probability of 0.3", 0.3, lambda: last(P).swap),
    (P, "one of its five GPT-augmented versions", 5, lambda: SYSTEMS[P].variants),
    (P, "to a size of 1024", 1024, lambda: first(P).dim),
    (P, "longer than 32 tokens", 32, lambda: SYSTEMS[P].further["longest caption"]),
    (P, "random 30-second snippets", 30.0, lambda: SYSTEMS[P].further["longest clip"]),
    (P, "PaSST-N | 16 × 16 | 2; 15", (2, 15), lambda: SYSTEMS[P].further["patchout"]),
    (P, "contains 51, 308 audio recordings", 51308, lambda: SYSTEMS[P].part("audiocaps").clips),
    (P, "contains 403,050 audio recordings", 403050, lambda: SYSTEMS[P].part("wavcaps").clips),
    (M, "joint embedding space is set to 1024", 1024, lambda: first(M).dim),
    (M, "batch size are 15 and 128", (15, 128), lambda: (first(M).training.max_epochs, first(M).batch_size)),
    (M, "with 1 warm-up epoch", 1, lambda: first(M).training.warmup_epochs),
    (M, "maximum learning rate was 1×10^{-5}", 1e-5, lambda: first(M).training.learning_rate),
    (M, "used in Eq (3) was 0.02", 0.02, lambda: first(M).options["temperature"]),
    (M, "replace probability to 15%", 0.15, lambda: first(M).mask_tokens),
    (M, "validation by 20% of each epoch", 0.2, lambda: 1 / first(M).training.validations),
    (M, "achieved the top 10 in validation", 10, lambda: first(M).training.average),
    (M, "generate five additional captions for ClothoV2", (5, 5), lambda: (SYSTEMS[M].views, SYSTEMS[M].variants)),
    (M, "ClothoV2-GPT is set to be 0.3", 0.3, lambda: first(M).swap),
    (M, "trimmed to 10 seconds", 10.0, lambda: SYSTEMS[M].seconds),
    (M, "with 2 and 15 patches", (2, 15), lambda: SYSTEMS[M].further["patchout"]),
    (M, "each batch from the same dataset", True, lambda: first(M).one_source),
    (M, "with 46163, 457, and 911 recordings", 46163, lambda: SYSTEMS[M].part("audiocaps").clips),
    (M, "WavCaps | 401k", 401000, lambda: SYSTEMS[M].part("wavcaps").pairs),
    (M, "contains 180k samples", 180000, lambda: SYSTEMS[M].part("auto_acd").clips),
    (M, "train all models three times", 3, lambda: SYSTEMS[M].target.runs),
    (T, "number of epochs was set to 300", 300, lambda: SYSTEMS[T].further["max_epochs"]),
    (T, "10% of the development set for validation", 0.1, lambda: SYSTEMS[T].further["validation"]),
    (T, r"loss ($\rho = 1$)", 1.0, lambda: SYSTEMS[T].further["classify"]),
    (T, "which is fixed to 0", 0.0, lambda: SYSTEMS[T].further["temperature"] - 1.0),
    (T, "contain 50,000 and 1,000 data", (50000, 1000), lambda: tuple(part.pairs for part in SYSTEMS[T].parts)),
]  # fmt: skip


@pytest.fixture(scope="module")
def papers(shared_data):
    """The five papers as text, without marks of layout."""
    folder = shared_data.parent / "papers"
    if not folder.is_dir():
        pytest.skip("the papers' texts do not lie beside the shared data")
    return {paper: squeezed((folder / f"{file}.txt").read_text()) for paper, file in PAPERS.items()}


def squeezed(text):
    """Spaces, tabs, dollars and bars as one space: a table's layout is not its content."""
    return re.sub(r"[\s$|]+", " ", re.sub(r"</?b>|\\hat|\{([xy])\}", r"\1", text)).strip()


@pytest.mark.parametrize("name, words, number, held", QUOTES, ids=[f"{q[0]}: {q[1]}" for q in QUOTES])
def test_a_number_is_the_papers(papers, name, words, number, held):
    assert squeezed(words) in papers[SYSTEMS[name].paper]
    assert held() == pytest.approx(number) if isinstance(number, float) else held() == number


def test_a_wrong_number_would_be_seen(papers, monkeypatch):
    wrong = replace(SYSTEMS[P], stages=(replace(first(P), batch_size=65), last(P)))
    monkeypatch.setitem(SYSTEMS, P, wrong)
    found = [words for name, words, number, held in QUOTES if name == P and held() != number]
    assert "with a batch size of 64" in found
    assert squeezed("with a batch size of 65") not in papers[systems.PRIMUS]


# The row of the paper's table (or the sentence) that a system's targets stand in.
ROWS = {
    "dcase2022_baseline": ("Testing split 0.068 0.032 0.109 0.188", "Evaluation 0.061 0.026 0.102 0.176",
                           "10 Baseline 0.061 [0.049, 0.072]"),
    "weck_atae": ("0.325 (0.312 - 0.337) 0.136 (0.128 - 0.143) 0.114 ATAE-ET",),
    "weck_et": ("0.288 (0.275 - 0.300) 0.121 (0.114 - 0.128) 0.113 ATAE-EP-F",),
    "weck_ep_f": ("0.299 (0.286 - 0.311) 0.127 (0.120 - 0.134) 0.121",),
    "weck_np_f": ("0.325 (0.313 - 0.338) 0.139 (0.131 - 0.146) 0.128",),
    "weck_best": ("results in the best score on average (mAP@10 = 0.233)",),
    "primus_2023": ("PaSST-N 10 ✗ roberta-large ✓ ✓ 38.56 26.07 55.27 69.30",),
    "munakata_2024": (r"A PaSST RoBERTa 39.77 \pm .07 52.45",),
    "takeuchi_2022": ("(c) Proposed w/ classific. loss ✓ ✓ 0.445 0.721 0.769 0.391 0.622 0.695",),
}  # fmt: skip


def printed(value):
    """As a table may have it: 0.136, or 38.56 in hundredths."""
    return f"{value:.3f}", f"{100 * value:.2f}"


def lacking(system):
    """Targets and ends of intervals that stand in none of the system's rows."""
    rows = " ".join(ROWS[system.name])
    ends = [] if system.paper == systems.MUNAKATA else [(t.low, t.high) for t in system.targets]
    wanted = [t.value for t in system.targets] + [end for both in ends for end in both if end is not None]
    return [value for value in wanted if not any(text in rows for text in printed(value))]


@pytest.mark.parametrize("name", NAMES)
def test_targets_stand_in_their_row_of_the_paper(papers, name):
    assert all(squeezed(row) in papers[SYSTEMS[name].paper] for row in ROWS[name])
    assert not lacking(SYSTEMS[name])
    assert all(0 < (t.low or 0.01) <= t.value <= (t.high or 1) <= 1 for t in SYSTEMS[name].targets)


def test_another_target_would_be_seen():
    target = SYSTEMS[P].target
    assert lacking(replace(SYSTEMS[P], targets=(replace(target, value=0.3857),))) == [0.3857]
    assert lacking(replace(SYSTEMS[A], targets=(replace(SYSTEMS[A].target, low=0.127),))) == [0.127]


@pytest.mark.parametrize("name", NAMES)
def test_targets_equal_the_findings(name):
    for target in SYSTEMS[name].targets:
        told = " ".join(findings.FINDINGS[key].paper for key in target.keys)
        assert target.keys and all(findings.FINDINGS[key].source.startswith(SYSTEMS[name].paper) for key in target.keys)
        if target.measure == "mAP@10" or (target.measure, target.on) in (("R@1", "rain"), ("R@1", "traffic")):
            shorter = [text.removeprefix("0") for text in printed(target.value)]
            assert any(text in told for text in shorter), f"{target} stands not in {told!r}"


def test_the_official_names_are_all_there():
    assert tuple(SYSTEMS) == NAMES and all(system.name == name for name, system in SYSTEMS.items())
    with pytest.raises(ValueError, match="expected one among dcase2022_baseline, .*; got 'clap'"):
        systems.named("clap")
    assert systems.named(P) is SYSTEMS[P]


@pytest.mark.parametrize("name", NAMES)
def test_a_system_names_what_there_is(name):
    system = SYSTEMS[name]
    assert system.audio in encoders.AUDIO and system.text in encoders.TEXT and {system.audio, system.text} <= set(CARDS)
    splits = [part.split for part in system.parts]
    assert len(set(splits)) == len(splits)
    assert all(part.data in sources.SOURCES for part in system.parts)
    assert all(split in splits for stage in system.stages for split in stage.on)
    assert bool(system.stages) == (system.engine == "retrieval")
    assert system.notes and all(text.endswith(".") for text in (*system.notes, *system.gaps))
    assert (system.paper.split()[0] in " ".join((*CARDS[system.audio].papers, *CARDS[system.text].papers)))


def test_the_encoders_are_set_as_the_systems_say():
    """Patchout stands in the encoder's own settings, the layer that Weck et al. read in the preset's."""
    for name in (P, M):
        settings = passt.SETTINGS[SYSTEMS[name].audio]
        assert (settings.patchout_mel, settings.patchout_time) == SYSTEMS[name].further["patchout"]
    assert passt.SETTINGS["passt_n"].segment_s == SYSTEMS[P].further["segment"]
    assert texts.PRESETS[SYSTEMS[A].text].layer == -2
    assert {texts.PRESETS[SYSTEMS[name].text].pooling for name in (P, M, T)} == {SYSTEMS[P].text_pool}


@pytest.mark.parametrize("part, split", [("train", "train"), ("validation", "validation"), ("test", "test")])
def test_clotho_is_counted_as_its_release_is(part, split):
    assert SYSTEMS[P].part(part).clips == release.named("clotho").clips[split]
    assert sum(release.named("fsd50k").clips[name] for name in ("train", "validation")) == systems.WHOLE.clips
    assert systems.HALF.clips * 2 == systems.WHOLE.clips


def test_captions_of_one_clip_are_what_each_paper_or_its_code_makes_of_them():
    """Munakata et al. know i = j and i != j alone; the code of Primus et al. takes them for positives."""
    assert [first(name).options["same_group"] for name in (P, M)] == ["positive", "negative"]


def test_an_interval_says_what_it_is():
    for system in SYSTEMS.values():
        for target in system.targets:
            assert (target.low is None) == (target.high is None)
            assert ("none printed" in target.interval or "not printed" in target.interval) == (target.low is None)


def test_frames_that_no_stage_reads_are_not_kept_apart():
    assert SYSTEMS["weck_np_f"].pooled == (None, None) and SYSTEMS["weck_best"].pooled == ("mean", "mean")
    half = replace(SYSTEMS["weck_best"], stages=(replace(first("weck_best"), tune=("text",)), last("weck_best")))
    assert half.pooled == (None, "mean") and SYSTEMS[P].pooled == ("mean", "first")


def test_who_trains_on_freesound_or_wavcaps_says_possible_leakage():
    for name, system in SYSTEMS.items():
        suspect = {"fsd50k", "wavcaps"} & {part.data for part in system.parts}
        assert all(bool(target.leakage) == bool(suspect) for target in system.targets), name


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Splits of every name that a stage learns from, and encoders that are nothing much."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEARSAY_CACHE", str(tmp_path_factory.mktemp("cache")))
        table = toy.clips()
        more = [table[table["split"] == "train"].assign(split=split)
                for split in ("noisy", "audiocaps", "wavcaps", "macs", "auto_acd")]  # fmt: skip
        whole = pd.concat([table, *more], ignore_index=True)
        reader = toy.Reader()
        reader.masking = 0.0  # as transformers have it
        corpus = retrieval.encode(whole, audio=toy.Ear().frozen(), text=reader.frozen())
        texts = [["ab", "c"] for _ in corpus.rows["train"]["caption"]]
        return corpus.with_variants({"train": texts})


@pytest.mark.parametrize("name", [name for name in NAMES if SYSTEMS[name].stages])
def test_recipes_build_and_have_a_loss(corpus, name):
    for stage in SYSTEMS[name].stages:
        fits = replace(stage, dim=16) if stage.adapter == "PoolingAdapter" else stage
        model = retrieval.untrained(corpus, fits, torch.Generator().manual_seed(0)).train()
        drawn = corpus.examples(stage.on, stage.tune).batches(
            torch.Generator().manual_seed(0), stage.batch_size, stage.captions_per_clip, swap=stage.swap,
            one_source=stage.one_source,
        )  # fmt: skip
        value = retrieval.batch_loss(fits)(model, drawn[0])
        value.backward()
        assert value.isfinite() and (model.log_temperature is not None) == stage.trainable_temperature
        learns = {side for side in ("audio", "text") if getattr(model, side).trains_encoder}
        assert learns == set(stage.tune) and any(p.grad is not None for p in model.parameters())
