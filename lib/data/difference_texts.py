"""Imperatives: how to get from one sound to another (Takeuchi et al. 2022, section 4.1). Taught in notebook 15.

Printed in the paper: "increase the sound of rain" and "make car horn lower and add dog bark". The other wordings are
ours, in the same manner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.data.world import pick

OPERATIONS = {  # the paper's letter, and what is asked for; {x} is the sound
    "increase background": ("a", ("increase the sound of {x}", "make the sound of {x} louder")),
    "decrease background": ("b", ("decrease the sound of {x}", "make the sound of {x} lower")),
    "add event": ("c", ("add {x}", "add the sound of {x}")),
    "remove event": ("d", ("remove {x}", "remove the sound of {x}")),
    "increase event": ("e", ("make {x} louder", "increase the volume of {x}")),
    "decrease event": ("f", ("make {x} lower", "decrease the volume of {x}")),
}
NAMES = {  # of a label, in a sentence
    "rain": "rain", "traffic": "passing cars", "dog_bark": "dog bark", "bird_chirp": "chirping birds",
    "thunder": "thunder", "footsteps": "footsteps", "car_horn": "car horn", "church_bell": "church bells",
    "dog": "dog bark", "rooster": "rooster", "crying_baby": "crying baby", "sneezing": "sneeze",
}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One change: what is done (a key of OPERATIONS) to which label."""

    name: str
    label: str

    @property
    def letter(self) -> str:
        """(a) to (f), as in the paper."""
        return OPERATIONS[self.name][0]

    @property
    def way(self) -> int:
        """1 where something is added or made louder; -1 where before and after are exchanged: (b), (d), (f)."""
        return 1 if self.letter in "ace" else -1


def phrase(operation: Operation, rng: np.random.Generator) -> str:
    """One operation as an imperative."""
    return pick(rng, OPERATIONS[operation.name][1]).format(x=NAMES.get(operation.label, operation.label))


def write(operations: Sequence[Operation], rng: np.random.Generator) -> str:
    """One or two of them as a sentence."""
    return " and ".join(phrase(operation, rng) for operation in operations)
