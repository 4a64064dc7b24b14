"""The papers' systems by name: data, encoders, stages and the value to reach, each number the paper's own.

Where a paper is silent, contradicts itself or its code, a note says so and what we do; what `lib` cannot express stands
in `gaps`. Nothing here is fitted to a result of ours. Taught in notebook 19; what a system costs is in `lib.costs`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lib import train
from lib.recipe import Recipe

XIE, WECK, PRIMUS, MUNAKATA, TAKEUCHI = "Xie 2022", "Weck 2022", "Primus 2023", "Munakata 2024", "Takeuchi 2022"


@dataclass(frozen=True)
class Part:
    """Clips of one data set, and the split of the corpus that they become."""

    split: str  # as the stages' `on` name it; "train" is the target set
    data: str  # as in DATA
    clips: int  # recordings, as the paper counts them
    pairs: int  # captions, likewise
    seconds: float  # of a clip, on average: what an estimate reckons with
    of: tuple[str, ...] = ("train",)  # the source's own splits; () for all
    noisy: bool = False  # what uploaders wrote (`data.load_noisy`), not captions
    share: float = 1.0  # of the clips
    stands_in: str = "train"  # of soundscapes, where the real set is not wanted


@dataclass(frozen=True)
class Target:
    """A value that the paper prints, as a share of 1."""

    value: float
    source: str  # table or figure, row
    keys: tuple[str, ...]  # of the findings it belongs to (`lib.workbook.findings`)
    measure: str = "mAP@10"
    on: str = "test"  # "hidden": the challenge's set; or a scene of differences
    low: float | None = None  # as the paper prints it
    high: float | None = None
    interval: str = "none printed"  # what low and high are
    runs: int = 1  # of which it is the mean
    leakage: str = ""  # why test clips may have been among those learnt from; "" where nothing speaks for it

    @property
    def told(self) -> str:
        """Measure and value; some arms stand in no table."""
        return f"{self.measure} {'unprinted' if math.isnan(self.value) else format(self.value, '.4g')}"


@dataclass(frozen=True)
class System:
    """One system of one paper."""

    name: str
    title: str
    paper: str
    parts: tuple[Part, ...]
    audio: str  # encoders by name
    text: str
    stages: tuple[Recipe, ...]
    targets: tuple[Target, ...]
    pool: str | None = "mean"  # as `retrieval.encode` takes them
    text_pool: str | None = "mean"
    scratch: bool = False  # the audio encoder begins with random weights
    seconds: float | None = None  # longer clips are trimmed to so many
    plain_text: bool = False  # lower case, no punctuation
    variants: int = 0  # texts by a language model for each training caption (stages with `swap`)
    views: int = 0  # paraphrases that are asked beside each query
    further: Mapping[str, Any] = field(default_factory=dict)  # numbers of the paper that no field holds
    engine: str = "retrieval"  # which of lib's engines trains it
    notes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()

    @property
    def target(self) -> Target:
        """The first: what the notebook puts the run beside."""
        return self.targets[0]

    @property
    def pooled(self) -> tuple[str | None, str | None]:
        """As `retrieval.encode` takes `pool` and `text_pool`: frames that no stage reads need not be kept apart."""
        sides = (("audio", self.pool), ("text", self.text_pool))
        unread = {side for side, _ in sides if self.stages and all(side in stage.tune for stage in self.stages)}
        return tuple(pool or ("mean" if side in unread else None) for side, pool in sides)

    def part(self, split: str) -> Part:
        """The part that becomes this split of the corpus."""
        return next(part for part in self.parts if part.split == split)


CLOTHO = (
    Part("train", "clotho", 3839, 19195, 22.5),
    Part("validation", "clotho", 1045, 5225, 22.5, ("validation",), stands_in="validation"),
    Part("test", "clotho", 1045, 5225, 22.5, ("test",), stands_in="test"),
)
HALF = Part("noisy", "fsd50k", 20483, 40966, 7.1, (), noisy=True, share=0.5, stands_in="noise 1")
WHOLE = replace(HALF, clips=40966, pairs=81932, share=1.0)
AUDIOCAPS = Part("audiocaps", "audiocaps", 51308, 51308, 10.0, (), stands_in="shifted")
WAVCAPS = Part("wavcaps", "wavcaps", 403050, 403050, 20.0, stands_in="noise 0")
MACS = Part("macs", "macs", 3930, 17275, 10.0, stands_in="train again")
AUTO_ACD = Part("auto_acd", "auto_acd", 180000, 180000, 10.0, stands_in="noise 2")

JACKKNIFE = "95 %, jackknife over captions"
_ONE_SITE = "FSD50K comes from Freesound, as Clotho does, and the paper does not say that it looked"
_IN_WAVCAPS = "89 % of Clotho is in WavCaps, and the paper names no exclusion"
_LEFT_OUT = "Recordings by which Clotho or AudioCaps judge are left out of ours: fewer clips than the paper's."
_NOT_READ = "Audio is read in the loop's own process: on a GPU that waits longer than it computes (`lib.costs`)."
_ONCE_FOR_NOTHING = "Every clip is encoded once before training, also where the encoder learns: a third of an epoch."
_FP16 = "bf16 stands for the fp16 of the code: lib scales no gradients, and a T4 has no fast bf16."
_BF16 = "Precision is unsaid: bf16, as far as the GPU has it (a T4 has not)."

_BASELINE = System(
    "dcase2022_baseline", "The challenge's baseline", XIE, CLOTHO, "crnn", "word2vec",
    (Recipe("triplet", {"margin": 1.0, "imposters": "random"}, batch_size=32, captions_per_clip=None, dim=300,
            hidden=None, adapter="PoolingAdapter", tune=("audio",),
            training=train.Settings(1e-3, schedule="plateau", max_epochs=150, patience=5, factor=0.1, stop_after=10)),),
    (Target(0.068, "Table 3, testing split", ("X1",),
            interval="none printed; of the official predictions 95 % is 0.063 to 0.073 (notebook 02)"),
     Target(0.061, "Table 3, evaluation", ("X1",), on="hidden", low=0.049, high=0.072, interval=JACKKNIFE),
     Target(0.032, "Table 3, testing split", ("X1",), "R@1"), Target(0.109, "Table 3, testing split", ("X1",), "R@5"),
     Target(0.188, "Table 3, testing split", ("X1",), "R@10")),
    scratch=True,
    notes=("The paper scores by the dot product, its code by the cosine: the code's.",
           "Slope, pooling, band edges and padding are the code's or ours (notebook 03, section 5).",
           "The code stops by another rule than the paper, not before epoch 60: the paper's ten epochs."),
    gaps=("The paper watches the validation loss, with imposters drawn anew each time; our loop mAP@10.",),
)  # fmt: skip

_CONTRASTIVE = Recipe(
    "contrastive", {"pairs": "all", "mean": "separate"}, batch_size=32, captions_per_clip=None, dim=512, hidden=512,
    adapter="MLPAdapter", adapter_options={"pool_first": False}, training=train.WECK,
)  # fmt: skip
_ON_BOTH, _ON_NOISY = (replace(_CONTRASTIVE, on=on) for on in (("train", "noisy"), ("noisy",)))
_WECK_NOTES = (
    "Two learning rates, 0.001 and 0.0001, stand in one paragraph: the second, of the sentence about training.",
    "The mean over non-zero losses: of pulled and of pushed pairs apart, as the authors' library computes it.",
    "No limit of epochs is named; ours is 200, beyond the stopping rule's reach.",
    "CNN14 gives one vector a clip; a sequence of them is our reading: its last map, averaged over mel.",
    "Whether two captions of one clip in a batch belong together is unsaid: they do.",
)
_COUNTED = "Almost 44100 files, the paper says of FSD50K's development set: it has 40,966."
_WECK_NOISY = ("Half of FSD50K's development clips, which half is unsaid: the first ones of ours.", _COUNTED, _LEFT_OUT)


def _weck(name: str, title: str, stages: tuple[Recipe, ...], *targets: Target, noisy: tuple[Part, ...] = (),
          **further: Any) -> System:  # fmt: skip
    if noisy:
        targets = tuple(replace(target, leakage=_ONE_SITE) for target in targets)
    notes = (*_WECK_NOTES, *further.pop("notes", _WECK_NOISY if noisy else ()))
    return System(name, title, WECK, (*CLOTHO, *noisy), "cnn14", "distilroberta", stages, targets, pool=None,
                  text_pool=None, notes=notes, **further)


def _table2(row: str, key: str, test: tuple[float, float, float], hidden: float) -> tuple[Target, Target]:
    value, low, high = test
    keys, source = (key, "W4"), f"Table 2, {row}"
    known = Target(value, source, keys, low=low, high=high, interval=JACKKNIFE)
    return known, Target(hidden, source, keys, on="hidden")


_NT_XENT = replace(
    _CONTRASTIVE, loss="nt_xent", options={"temperature": 0.07, "pairs": "text-audio"}, tune=("audio", "text")
)
_WECKS = (
    _weck("weck_atae", "ATAE: clean alone", (_CONTRASTIVE,), *_table2("ATAE", "W1", (0.136, 0.128, 0.143), 0.114)),
    _weck("weck_et", "ATAE-ET: noisy beside clean", (_ON_BOTH,),
          *_table2("ATAE-ET", "W1", (0.121, 0.114, 0.128), 0.113), noisy=(HALF,)),
    _weck("weck_ep_f", "ATAE-EP-F: both, then clean", (_ON_BOTH, _CONTRASTIVE),
          *_table2("ATAE-EP-F", "W2", (0.127, 0.120, 0.134), 0.121), noisy=(HALF,)),
    _weck("weck_np_f", "ATAE-NP-F: noisy, then clean", (_ON_NOISY, _CONTRASTIVE),
          *_table2("ATAE-NP-F", "W3", (0.139, 0.131, 0.146), 0.128), noisy=(HALF,)),
    _weck("weck_best", "The last bar of Fig. 2: all five changes", (replace(_NT_XENT, on=("noisy",)), _NT_XENT),
          Target(0.233, "Fig. 2, the last bar; its value in section 5", ("W9",), runs=5,
                 interval="one deviation of five runs, drawn in Fig. 2, not printed"), noisy=(WHOLE,),
          notes=(_COUNTED, _LEFT_OUT, "The temperature is unsaid: 0.07, their library's default.",
                 "Fine-tuned encoders take the adapters' learning rate: no other is named.",
                 "Which encoders learn in the pretraining stage is unsaid: both, as in the stage after it."),
          gaps=(_NOT_READ, _ONCE_FOR_NOTHING)),
)  # fmt: skip

_PRIMUS = Recipe(
    "nt_xent", {"temperature": 0.01, "same_group": "positive"}, batch_size=64, captions_per_clip=None, dim=1024,
    hidden=None, adapter="LinearAdapter", on=("train", "audiocaps", "wavcaps"), tune=("audio", "text"),
    trainable_temperature=True,
    training=train.Settings(2e-5, schedule="cosine", max_epochs=16, warmup_epochs=1.0, stop_after=16, precision="bf16"),
)  # fmt: skip
_PRIMUS_TUNED = replace(_PRIMUS, on=("train",), swap=0.3,
                        training=replace(_PRIMUS.training, learning_rate=8e-6, max_epochs=5, stop_after=5))  # fmt: skip


def _table3(value: float, measure: str = "mAP@10") -> Target:
    row = "Table 3, PaSST-N with roberta-large, fine-tuned, GPT-augmented"
    return Target(value, row, ("P5", "P6"), measure, leakage=_IN_WAVCAPS)


_PRIMUS_SYSTEM = System(
    "primus_2023", "PaSST-N and RoBERTa-large, pretrained on three sets", PRIMUS, (*CLOTHO, AUDIOCAPS, WAVCAPS),
    "passt_n", "roberta_large", (_PRIMUS, _PRIMUS_TUNED),
    (_table3(0.3856), _table3(0.2607, "R@1"), _table3(0.5527, "R@5"), _table3(0.6930, "R@10")),
    text_pool="first", plain_text=True, variants=5,
    further={"smallest learning rate": 1e-7, "longest caption": 32, "longest clip": 30.0, "segment": 10.0,
             "patchout": (2, 15)},
    notes=("No temperature in the paper: 0.01, learnt, as in its code, which takes captions of one clip for positives.",
           "The formula's squared norms are a slip: the code's cosine.",
           "AudioCaps' test split is among the training clips: that set is no second test of this system.",
           "The code trains with SpecAugment, wandering mel edges and more dropout in the text encoder (0.2); the "
           "paper does not say so, and we do not.",
           "The paper counts one caption for each clip of AudioCaps; those of its validation and test have five.",
           "Random 30 s of a longer clip, anew each time: ours are cut once (`lib.data.crop`).",
           "Variants of captions come from your own language model (notebook 12), not from the authors' file.",
           _LEFT_OUT),
    gaps=("The cosine ends at 0, not at 1e-7; captions are not cut at 32 tokens; the last weights are the code's, the "
          "best epoch's ours.", _FP16, _NOT_READ, _ONCE_FOR_NOTHING),
)  # fmt: skip

_MUNAKATA = System(
    "munakata_2024", "PaSST and RoBERTa on five sets, mixed and masked", MUNAKATA,
    (*CLOTHO, replace(AUDIOCAPS, clips=46163, pairs=46163, of=("train",)),
     replace(WAVCAPS, clips=401000, pairs=401000), MACS, AUTO_ACD),
    "passt_n", "roberta_large",
    (Recipe("nt_xent", {"temperature": 0.02, "same_group": "negative"}, batch_size=128, captions_per_clip=None,
            dim=1024, hidden=None, adapter="LinearAdapter", on=("train", "audiocaps", "wavcaps", "macs", "auto_acd"),
            one_source=True, tune=("audio", "text"), swap=0.3, mask_tokens=0.15, mixco=True, trainable_temperature=True,
            training=train.Settings(1e-5, schedule="cosine", max_epochs=15, warmup_epochs=1.0, stop_after=15,
                                    validations=5, average=10, precision="bf16")),),
    (Target(0.3977, "Table 1, row A", ("M5", "M9"), low=0.3970, high=0.3984, runs=3,
            interval="one deviation of three runs, not of the queries",
            leakage="89 % of Clotho is in WavCaps, and the paper names no exclusion; that it has 2,000 clips fewer "
            "than WavCaps would allow for one of the test clips, not for one of all of Clotho"),),
    text_pool="first", seconds=10.0, plain_text=True, variants=5, views=5, further={"patchout": (2, 15)},
    notes=("Row A asks five paraphrases beside each query; without them this cell of Table 3 would say less.",
           "Sums over the batch: ours are means, which Adam's steps hardly notice.",
           "Equation 10's bracket is read as equation 11 has it; shares are drawn for each clip.",
           "Two captions of one clip are negatives of each other's clip: equations 4 and 5 know i and j alone.",
           "Auto-ACD's part of VGGSound is 180k in the text and 185k in Table 2; Clotho's test split 1,043, of 1,045.",
           "The introduction names PaSST as best, Table 1 VAST (39.79): PaSST, whose weights can be had.",
           "That the adapter is one linear layer is our reading of the embeddings' dimension.",
           "AudioCaps: 46,163 clips were left of it in 2024; yours are those that you have.", _LEFT_OUT),
    gaps=("AdamW, without its weight decay (which the paper does not name): our loop has Adam.",
          "Clips are trimmed to their first ten seconds; where the authors trim is unsaid.", _BF16, _NOT_READ,
          _ONCE_FOR_NOTHING),
)  # fmt: skip

_TAKEUCHI = System(
    "takeuchi_2022", "Query modifier, with the classification loss", TAKEUCHI,
    (Part("develop", "apwd", 100000, 50000, 10.0), Part("evaluate", "apwd", 2000, 1000, 10.0, ("test",))),
    "vggish_map", "distilbert", (),
    (Target(0.445, "Table 2, (c), Rain", ("T1", "T2"), "R@1", "rain"),
     Target(0.721, "Table 2, (c), Rain", ("T2",), "R@5", "rain"),
     Target(0.769, "Table 2, (c), Rain", ("T2",), "R@10", "rain"),
     Target(0.391, "Table 2, (c), Traffic", ("T1", "T2"), "R@1", "traffic"),
     Target(0.622, "Table 2, (c), Traffic", ("T2",), "R@5", "traffic"),
     Target(0.695, "Table 2, (c), Traffic", ("T2",), "R@10", "traffic")),
    pool="max+mean", text_pool="first", engine="difference_runs",
    further={"max_epochs": 300, "validation": 0.1, "classify": 1.0, "temperature": 1.0, "scenes": 2},
    notes=("Pairs of sounds and a sentence between them: notebook 15's engine trains it, not this one.",
           "A scene has 50,000 pairs of clips to learn from and 1,000 to judge by; there are two scenes, Rain and "
           "Traffic, and a model of each.",
           "Batch size, learning rate, dropout and dimensions are unsaid: that engine's defaults.",
           "The temperature is e to the minus 0, fixed: the loss cannot fall far (notebook 15).",
           "Whether the query clips are in the gallery is unsaid: notebook 15 reports both.",
           "The released files say what to mix, and hold no sounds and no texts of the differences."),
    gaps=("The engine of audio differences is not `retrieval`: no stages here.",
          "Its defaults are 60 epochs, and the mean over tokens: 300 epochs and CLS are to be asked for."),
)  # fmt: skip

SYSTEMS = {each.name: each for each in (_BASELINE, *_WECKS, _PRIMUS_SYSTEM, _MUNAKATA, _TAKEUCHI)}


def named(name: str) -> System:
    """The system of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in SYSTEMS:
        raise ValueError(f"expected one among {', '.join(SYSTEMS)}, or an arm such as P2.bert_large; got {name!r}.")
    return SYSTEMS[name]
