"""What would measure a finding that offline cannot be: an arm or a reason for each, every value the paper's."""

import math

import pytest

from lib import arms, encoders
from lib.encoders.cards import CARDS
from lib.systems import SYSTEMS
from lib.workbook.findings import FINDINGS
from tests.unit.test_systems import papers as papers  # a fixture
from tests.unit.test_systems import squeezed

P, M = "Primus 2023", "Munakata 2024"
ROWS = {  # words of a paper's row with its value, and the arms that it belongs to
    (P, "bert-small ✗ ✗ 32.98"): ("P2.bert_small",),
    (P, "PaSST-N 10 ✗ bert-base ✗ ✗ 35.22"): ("P1.passt_n", "P2.bert_base", "P7.passt_n"),
    (P, "bert-large ✗ ✗ 35.78"): ("P2.bert_large",),
    (P, "roberta-base ✗ ✗ 35.12"): ("P2.roberta_base",),
    (P, "roberta-large ✗ ✗ 36.65"): ("P2.roberta_large",),
    (P, "CNN10 30 ✗ bert-base ✗ ✗ 23.72"): ("P1.cnn10",),
    (P, "CNN14 30 ✗ bert-base ✗ ✗ 28.06"): ("P1.cnn14", "P9.cnn14_AWC"),
    (P, "PaSST-S 10 ✓ bert-base ✗ ✗ 32.83"): ("P7.passt_s",),
    (P, "roberta-large ✓ ✗ 38.00"): ("P6.captions",),
    (P, "roberta-large ✓ ✓ 38.56"): ("P6.varied",),
    (P, "✓ ✗ ✗ 21.01"): ("P3.A",), (P, "✗ ✓ ✗ 27.62"): ("P3.W",), (P, "✗ ✗ ✓ 27.28"): ("P3.C", "P9.passt_n_C"),
    (P, "✓ ✓ ✗ 27.13"): ("P3.AW",), (P, "✗ ✓ ✓ 34.42"): ("P3.WC",), (P, "✓ ✗ ✓ 30.64"): ("P3.AC",),
    (P, "✓ ✓ ✓ 35.22"): ("P3.AWC", "P9.passt_n_AWC"),
    (M, r"A PaSST RoBERTa 39.77 \pm .07"): ("M1.roberta_large", "M9.passt_n", "M6.5"),
    (M, r"CAV-MAE RoBERTa 38.57 \pm .77"): ("M9.cav_mae",), (M, r"BEATs RoBERTa 39.25 \pm .14"): ("M9.beats_tagging",),
    (M, r"VAST (captioning) RoBERTa 39.68 \pm .09"): ("M9.vast",), (M, r"T5 BERT 36.06 \pm .10"): ("M1.t5_large",),
    (M, r"T5 BERT 36.06 \pm .10 36.27 \pm .20"): ("M1.bert_large",),  # two rows in one line of the text
    (M, r"1. ClothoV2 19k 27.30 \pm .43"): ("M2.clotho", "M11.clotho"),
    (M, r"ClothoV2-GPT 19k 27.36 \pm .55"): ("M11.clotho_gpt",), (M, r"AudioCaps 46k 23.59 \pm .25"): ("M2.audiocaps",),
    (M, r"6. Auto-ACD 185k 21.79 \pm .26"): ("M2.auto_acd",),
    (M, r"1 & 3 & 4 473k 38.40 \pm .24"): ("M2.three", "M11.three"),
    (M, r"2 & 3 & 4 473k 38.21 \pm .09"): ("M11.three_gpt",),
    (M, r"1 & 3 & 4 & 5 484k 38.80 \pm .34"): ("M2.three_macs",),
    (M, r"1 & 3 & 4 & 6 651k 38.88 \pm .33"): ("M2.three_auto_acd",),
}  # fmt: skip


def test_every_finding_that_offline_cannot_answer_has_arms_or_a_reason():
    wanted = {key for key, finding in FINDINGS.items() if finding.offline != "yes"}
    assert set(arms.ARMS) | set(arms.REASONS) == wanted and not set(arms.ARMS) & set(arms.REASONS)
    for key, compared in arms.ARMS.items():
        assert len(compared) > 1 and {arm.target.keys for arm in compared} == {(key,)}
        assert {arm.paper for arm in compared} == {FINDINGS[key].source.partition(",")[0]}


@pytest.mark.parametrize("paper, words", list(ROWS), ids=[words for _, words in ROWS])
def test_a_value_is_the_papers(papers, paper, words):
    """The last numbers of the row are the arm's value and, in Munakata's tables, its deviation."""
    assert squeezed(words) in papers[paper]
    before, around, off = words.rpartition(r" \pm ")
    value = (before if around else words).rpartition(" ")[2]
    for name in ROWS[paper, words]:
        target = arms.NAMED[name].target
        assert 100 * target.value == pytest.approx(float(value))
        if around:
            assert 50 * (target.high - target.low) == pytest.approx(float(off), abs=1e-6)


def test_every_arm_stands_in_a_row_or_has_no_value():
    told = {name for names in ROWS.values() for name in names}
    assert {name for name, arm in arms.NAMED.items() if not math.isnan(arm.target.value)} == told
    assert {name for name, arm in arms.NAMED.items() if math.isnan(arm.target.value)} == {
        "P9.cnn14_C", "M6.0", "M6.1", "M6.3"}  # fmt: skip


def test_arms_can_be_built_and_know_what_they_learn_from():
    for name, arm in arms.NAMED.items():
        assert arm.name == name and {arm.audio} <= set(encoders.AUDIO) and {arm.audio, arm.text} <= set(CARDS)
        assert arm.text in encoders.TEXT
        splits = {part.split for part in arm.parts}
        learnt = {each for stage in arm.stages for each in stage.on}
        assert learnt | {"train", "validation", "test"} == splits  # no set is fetched for nothing
        assert bool(arm.target.leakage) == ("wavcaps" in learnt)
        assert all(arm.variants for stage in arm.stages if stage.swap)


def test_the_right_stage_is_compared():
    """Tables 3 and 4 of Primus et al. are of pretraining alone; Table 2 of Munakata et al. is without augmentation."""
    for key in ("P1", "P2", "P3", "P7", "P9"):
        assert all(len(arm.stages) == 1 and arm.stages[0].swap == 0 for arm in arms.ARMS[key])
    assert all(arm.text == "bert_base" for key in ("P1", "P3", "P7", "P9") for arm in arms.ARMS[key])
    assert len({str(arm.stages) for arm in arms.ARMS["P2"]}) == 1
    for arm in (*arms.ARMS["M2"], *arms.ARMS["M11"]):
        assert not arm.stages[0].mixco and not arm.stages[0].mask_tokens and not arm.views
    assert all(arm.stages == SYSTEMS["munakata_2024"].stages for key in ("M1", "M6", "M9") for arm in arms.ARMS[key])


def test_what_no_table_prints_is_told_so():
    assert arms.NAMED["P9.cnn14_C"].target.told == "mAP@10 unprinted"
    assert arms.NAMED["P2.bert_large"].target.told == "mAP@10 0.3578"
