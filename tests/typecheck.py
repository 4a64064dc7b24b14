"""The checker that runs under pytest: beartype on jaxtyping's shapes, and on nothing else.

Other hints are for readers: `Sequence[float]` also gets arrays, `Path` also gets fakes, and that is fine.
"""

import typing

from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray

_beartype = beartype(conf=BeartypeConf(is_pep484_tower=True))


def _has_shape(hint: object) -> bool:
    """Is there an array with a shape anywhere in this hint?"""
    inside = any(_has_shape(part) for part in typing.get_args(hint))
    return inside or (isinstance(hint, type) and issubclass(hint, AbstractArray))


def check(function):
    """What jaxtyping calls for each function of `lib` (and for each class, which we leave alone)."""
    if isinstance(function, type):
        return function
    function.__annotations__ = {name: hint for name, hint in function.__annotations__.items() if _has_shape(hint)}
    return _beartype(function)
