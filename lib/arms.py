"""What would measure the findings that cannot be measured offline: for each key, the systems to compare.

Each is a system like those of `lib.systems`, with the row of the paper that it belongs to, and runs by its name
(`P2.bert_large`). Mind the stage: Tables 3 (but for its last two rows) and 4 of Primus et al. 2023 are of pretraining
alone, with BERT base; Table 2 of Munakata et al. 2024 is without augmentation. Taught in notebook 19.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lib.systems import CLOTHO, SYSTEMS, System, Target

_PRIMUS, _MUNAKATA = SYSTEMS["primus_2023"], SYSTEMS["munakata_2024"]
REASONS = {  # why there is nothing to run
    "X2": "Tables 2 and 4 rank 31 systems of nine teams, and the paper prints no settings of them.",
    "X3": "As X2; these systems differ in all else, too.",
}


def _arm(key: str, label: str, system: System, value: float, row: str, off: float = 0.0, **changes: Any) -> System:
    """The system with these changes, under the name KEY.LABEL, and the paper's value, give or take `off`."""
    on = {name for stage in changes.get("stages", system.stages) for name in stage.on}
    known, around = system.target, {"interval": "none printed"}
    if off:
        around = {"interval": known.interval, "low": round(value - off, 4), "high": round(value + off, 4)}
    target = Target(value, row, (key,), runs=known.runs, leakage=known.leakage if "wavcaps" in on else "", **around)
    parts = tuple(part for part in system.parts if part in CLOTHO or part.split in on)
    return replace(system, name=f"{key}.{label}", title=f"{key}: {label}", targets=(target,), parts=parts, **changes)


_ONE_STAGE = replace(_PRIMUS, text="bert_base", stages=_PRIMUS.stages[:1], variants=0)
_CNN = {"pool": "max+mean", "notes": (*_PRIMUS.notes, "How a CNN's frames are pooled is unsaid: as PANNs does.")}
_NO_GPT = (_PRIMUS.stages[0], replace(_PRIMUS.stages[1], swap=0.0))
(_MIXED,) = _MUNAKATA.stages
_UNSAID = "Whether Table 2 asks paraphrases beside each query is unsaid: here it does not."
_BARE = replace(_MUNAKATA, views=0, notes=(*_MUNAKATA.notes, _UNSAID))
_T5 = {"text_pool": "mean", "notes": (*_MUNAKATA.notes, "How T5's tokens are pooled is unsaid: their mean.")}


def _on(names: Sequence[str]) -> dict[str, Any]:
    """Primus' pretraining on these sets."""
    return {"stages": (replace(_ONE_STAGE.stages[0], on=tuple(names)),)}


def _bare(names: Sequence[str], swap: float = 0.0) -> dict[str, Any]:
    """Munakata's training on these sets, without augmentation; with `swap` of ClothoV2-GPT for Clotho."""
    stage = replace(_MIXED, on=tuple(names), one_source=len(names) > 1, swap=swap, mask_tokens=0.0, mixco=False)
    return {"stages": (stage,), "variants": 5 if swap else 0}


_A, _W, _C, _THREE = "audiocaps", "wavcaps", "train", ("train", "audiocaps", "wavcaps")
_SETS = {"A": (0.2101, (_A,)), "W": (0.2762, (_W,)), "C": (0.2728, (_C,)), "AW": (0.2713, (_A, _W)),
         "WC": (0.3442, (_W, _C)), "AC": (0.3064, (_A, _C)), "AWC": (0.3522, _THREE)}  # fmt: skip
_SIZES = {"bert_small": 0.3298, "bert_base": 0.3522, "bert_large": 0.3578, "roberta_base": 0.3512,
          "roberta_large": 0.3665}  # fmt: skip
_EARS = {"passt_n": (0.3977, 0.0007, "A"), "cav_mae": (0.3857, 0.0077, "B"), "beats_tagging": (0.3925, 0.0014, "C"),
         "vast": (0.3968, 0.0009, "D")}  # fmt: skip
_READERS = {"roberta_large": (0.3977, 0.0007, "A", {}), "t5_large": (0.3606, 0.0010, "F", _T5),
            "bert_large": (0.3627, 0.0020, "G", {})}  # fmt: skip
_QUALITY = {"three": (0.3840, 0.0024, _THREE), "three_macs": (0.3880, 0.0034, (*_THREE, "macs")),
            "three_auto_acd": (0.3888, 0.0033, (*_THREE, "auto_acd")), "clotho": (0.2730, 0.0043, (_C,)),
            "audiocaps": (0.2359, 0.0025, (_A,)), "auto_acd": (0.2179, 0.0026, ("auto_acd",))}  # fmt: skip
_WRITTEN = {"clotho": (0.2730, 0.0043, (_C,), 0.0), "clotho_gpt": (0.2736, 0.0055, (_C,), 0.3),
            "three": (0.3840, 0.0024, _THREE, 0.0), "three_gpt": (0.3821, 0.0009, _THREE, 0.3)}  # fmt: skip
_T3, _T4, _M1, _M2 = "Table 3, PaSST-N with", "Table 4,", "Table 1, row", "Table 2,"
_LAST, _CNN14 = "Table 3, PaSST-N with roberta-large, fine-tuned", "Table 3, CNN14 with bert-base"

ARMS: dict[str, tuple[System, ...]] = {
    "P1": (_arm("P1", "passt_n", _ONE_STAGE, 0.3522, f"{_T3} bert-base"),
           _arm("P1", "cnn14", _ONE_STAGE, 0.2806, _CNN14, audio="cnn14", **_CNN),
           _arm("P1", "cnn10", _ONE_STAGE, 0.2372, "Table 3, CNN10 with bert-base", audio="cnn10", **_CNN)),
    "P2": tuple(_arm("P2", text, _ONE_STAGE, value, f"{_T3} {text}", text=text) for text, value in _SIZES.items()),
    "P3": tuple(_arm("P3", name, _ONE_STAGE, value, f"{_T4} {name}", **_on(names))
                for name, (value, names) in _SETS.items()),
    "P6": (_arm("P6", "captions", _PRIMUS, 0.3800, _LAST, stages=_NO_GPT, variants=0),
           _arm("P6", "varied", _PRIMUS, 0.3856, f"{_LAST}, GPT-augmented")),
    "P7": (_arm("P7", "passt_n", _ONE_STAGE, 0.3522, f"{_T3} bert-base"),
           _arm("P7", "passt_s", _ONE_STAGE, 0.3283, "Table 3, PaSST-S with bert-base", audio="passt_s")),
    "P9": (_arm("P9", "passt_n_C", _ONE_STAGE, 0.2728, f"{_T4} C", **_on([_C])),
           _arm("P9", "passt_n_AWC", _ONE_STAGE, 0.3522, f"{_T4} AWC"),
           _arm("P9", "cnn14_C", _ONE_STAGE, math.nan, "in no table", audio="cnn14", **_CNN, **_on([_C])),
           _arm("P9", "cnn14_AWC", _ONE_STAGE, 0.2806, _CNN14, audio="cnn14", **_CNN)),
    "M1": tuple(_arm("M1", text, _MUNAKATA, value, f"{_M1} {row}", off, text=text, **further)
                for text, (value, off, row, further) in _READERS.items()),
    "M2": tuple(_arm("M2", name, _BARE, value, f"{_M2} {name}", off, **_bare(names))
                for name, (value, off, names) in _QUALITY.items()),
    "M6": (*(_arm("M6", str(n), _MUNAKATA, math.nan, "Fig. 2, no values", views=n) for n in (0, 1, 3)),
           _arm("M6", "5", _MUNAKATA, 0.3977, f"{_M1} A", 0.0007)),
    "M9": tuple(_arm("M9", audio, _MUNAKATA, value, f"{_M1} {row}", off, audio=audio)
                for audio, (value, off, row) in _EARS.items()),
    "M11": tuple(_arm("M11", name, _BARE, value, f"{_M2} {name}", off, **_bare(names, swap))
                 for name, (value, off, names, swap) in _WRITTEN.items()),
}  # fmt: skip
NAMED = {arm.name: arm for arms in ARMS.values() for arm in arms}
