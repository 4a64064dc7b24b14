# ruff: noqa: E501  (a table: one finding a line reads best)
"""What the five papers found, in our own words: the keys that the ledger must answer.

`offline` says whether procedural sound can answer a key: "yes"; "stand-in" (its question needs big pretrained models
or real data sets: a small experiment of its own wording is made, and never counted as a verdict on the original); "no".
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One finding: its key, the paper and table it comes from, the paper's numbers, who measures it, or why nobody can."""

    key: str
    finding: str
    paper: str  # the paper's values (mAP@10 on Clotho's test split unless said)
    source: str
    notebooks: tuple[str, ...]
    offline: str  # yes | stand-in | no
    note: str = ""  # how it is measured here, or the reason why it cannot be


XIE, WECK, PRIMUS, MUNAKATA, TAKEUCHI = "Xie 2022", "Weck 2022", "Primus 2023", "Munakata 2024", "Takeuchi 2022"
PRETRAINED = "needs large pretrained encoders, which cannot be had offline"
REAL = "needs real caption data sets and large pretrained encoders"
POWER = "the smallest effect that could be seen is printed"

_ROWS = (
    ("W1", "Noisy data added to clean training hurts", ".121 [.114, .128] against .136 [.128, .143]; hidden .113 against .114", f"{WECK}, Table 2", "09", "yes", "as a curve over noise level and clean-set size"),
    ("W2", "Fine-tuning that model on clean data does not recover", ".127 against .136; hidden .121 against .114: reversed", f"{WECK}, Table 2", "09", "yes", "as a curve over noise level and clean-set size"),
    ("W3", "Noisy pretraining, then clean fine-tuning, is at least as good as clean data alone", ".139 against .136; hidden .128 against .114", f"{WECK}, Table 2", "09", "yes", "control: clean training restarted, since a restart alone resets the learning rate"),
    ("W4", "All four training schemes beat the challenge's baseline", "baseline .07", f"{WECK}, Table 2", "03", "yes", ""),
    ("W5", "NT-Xent beats the contrastive loss", ".193 against .136", f"{WECK}, Fig. 2", "10", "yes", ""),
    ("W6", "Text-audio pairs alone beat all pairs in NT-Xent", ".209 against .193", f"{WECK}, Fig. 2", "08 10", "yes", ""),
    ("W7", "Fine-tuning the text encoder helps", ".224 against .209", f"{WECK}, Fig. 2", "10", "yes", POWER),
    ("W8", "A stage of pretraining on noisy text helps further", ".228 against .224", f"{WECK}, Fig. 2", "10", "yes", POWER),
    ("W9", "Fine-tuning both encoders is best", ".233 against .228; the paper doubts its significance", f"{WECK}, Fig. 2", "10", "yes", POWER),
    ("X1", "What the 2022 baseline scores", "test .068, R@1/5/10 .032/.109/.188; hidden .061 [.049, .072], R .026/.102/.176", f"{XIE}, Tables 2-3", "02 03", "yes", "the test split exactly, from the official predictions"),
    ("X2", "Transformer text encoders rank above Word2Vec", "systems of Tables 2 and 4", f"{XIE}, Tables 2, 4", "04", "stand-in", "the challenge's systems cannot be rerun; MiniLM against word vectors, seen and unseen wordings apart, is measured instead"),
    ("X3", "Pretrained audio encoders rank above the CRNN", "ranks 1-8 against 9-10", f"{XIE}, Tables 2, 4", "03 04", "stand-in", "the challenge's systems cannot be rerun; our small CNN against a CRNN from scratch is measured instead"),
    ("P1", "PaSST above CNN14 above CNN10", "35.22, 28.06, 23.72", f"{PRIMUS}, Table 3", "11 19", "stand-in", PRETRAINED),
    ("P2", "Larger text encoders are better", "BERT small/base/large 32.98/35.22/35.78; RoBERTa base/large 35.12/36.65", f"{PRIMUS}, Table 3", "04 19", "no", PRETRAINED),
    ("P3", "What each combination of pretraining sets is worth", "AudioCaps 21.01, WavCaps 27.62, Clotho 27.28, A+W 27.13, W+C 34.42, A+C 30.64, all 35.22", f"{PRIMUS}, Table 4", "09 19", "stand-in", REAL),
    ("P4", "Longer segments are better and dearer; ten seconds balance the two", "a curve", f"{PRIMUS}, Fig. 1", "11", "yes", "on clips of 15-30 s; cost per segment and per recording apart"),
    ("P5", "Fine-tuning on the target set after pretraining helps", "36.65 to 38.00", f"{PRIMUS}, Table 3", "09 12", "yes", ""),
    ("P6", "Captions varied by a language model lessen overfitting and gain little", "38.56 against 38.00", f"{PRIMUS}, Table 3", "12", "stand-in", "a paraphraser of rules stands in for the language model; the stated cause is tested with 1, 2 or 5 captions a clip; settings in notebook 19"),
    ("P7", "Overlapping patches are no better than non-overlapping ones", "32.83 against 35.22", f"{PRIMUS}, Table 3", "11 19", "stand-in", PRETRAINED),
    ("P8", "A non-linear projection is no better than a linear one", "said in the text, no number", f"{PRIMUS}, section 2.3", "05", "yes", "as an equivalence with a margin stated before, and a planted difference as control"),
    ("P9", "Transformers gain more from more data than CNNs", "asserted in section 4, in no table", f"{PRIMUS}, section 4", "11 19", "stand-in", PRETRAINED),
    ("M1", "RoBERTa above BERT and T5", "39.77, 36.27, 36.06; AudioCaps 52.45, 49.03, 50.76", f"{MUNAKATA}, Table 1", "04 19", "no", PRETRAINED),
    ("M2", "The quality of captions counts more than their number", "11k MACS pairs 38.80, 178k Auto-ACD 38.88, over 38.40", f"{MUNAKATA}, Table 2", "12 19", "stand-in", f"{REAL}; few human captions against sixteen times as many uploaders' texts"),
    ("M3", "Masking text tokens alone: a slight gain, within one deviation", "39.33 against 39.09 (+-.43); AudioCaps 52.83 against 52.18", f"{MUNAKATA}, Table 3", "13", "yes", "a short fine-tuning of both encoders on few clips; the smallest effect that could be seen is printed"),
    ("M4", "Mixing pairs alone: no gain, and harm on AudioCaps", "39.01 against 39.09; 49.25 against 52.18", f"{MUNAKATA}, Table 3", "13", "yes", "no gain as an equivalence with a margin stated before, and a planted difference as control; the harm as a claim of its own"),
    ("M5", "Masking and mixing together: a gain on Clotho", "39.77 against 39.09; AudioCaps 52.45 against 52.83", f"{MUNAKATA}, Table 3", "13", "yes", "with and without paraphrased queries, which may explain the gain"),
    ("M6", "Five paraphrases of a query help on Clotho, one hurts; on AudioCaps they hurt", "a curve", f"{MUNAKATA}, Fig. 2", "14", "stand-in", "a grammar stands in for the language model that paraphrased; control: one that knows no wording which training has not met; settings in notebook 19"),
    ("M7", "The ensemble beats its members", "42.22 against 39.79", f"{MUNAKATA}, Tables 1, 4", "14", "yes", "members of five kinds, but one audio encoder; control: five seeds of one kind"),
    ("M8", "Averaging the ten best checkpoints: used by the paper, never ablated", "no number", f"{MUNAKATA}, text", "14", "yes", "control: the best checkpoint of the same run, validated as often"),
    ("M9", "Audio encoders rank as they do on AudioSet, except PaSST", "CAV-MAE 38.57, BEATs 39.25, VAST 39.68, PaSST 39.77; AudioCaps 51.52, 54.70, 55.49, 52.45", f"{MUNAKATA}, Table 1", "04 19", "no", PRETRAINED),
    ("M10", "The gain on the test split does not carry over to the hidden set", "42.22 but hidden 39.2; best other system of 2024 41.90 and 41.6", f"{MUNAKATA}, Table 4", "14", "yes", "the gain over the mean of the members, on the test split (cut to as many clips) minus that on the shifted split"),
    ("M11", "Captions by a language model add nothing as training text", "27.36 against 27.30; 38.21 against 38.40", f"{MUNAKATA}, Table 2", "12 19", "stand-in", f"{REAL}; a paraphraser of rules stands in for the language model"),
    ("T1", "Audio and text together beat audio alone as a query", "Rain R@1 .388 against .256; Traffic .361 against .260", f"{TAKEUCHI}, Table 2", "15", "yes", ""),
    ("T2", "The classification loss adds to it", "Rain .445, Traffic .391; Rain's background .061 both", f"{TAKEUCHI}, Tables 2-3", "15", "yes", ""),
    ("T3", "Differences of background are the hardest", "Rain .061, Traffic .115, against .33-.54 for events", f"{TAKEUCHI}, Table 3", "15", "yes", "as a curve over the change of level and the number of recordings"),
    ("T4", "Differences of one kind lie together, most so with the classification loss", "a map, no number", f"{TAKEUCHI}, Fig. 3", "16", "yes", "by neighbourhoods, never by coordinates"),
    ("T5", "A text lies where the audio differences that it names lie", "a map, no number", f"{TAKEUCHI}, Fig. 3 (c)", "16", "yes", "by neighbourhoods, never by coordinates"),
)

FINDINGS = {row[0]: Finding(*row[:4], tuple(row[4].split()), *row[5:]) for row in _ROWS}
