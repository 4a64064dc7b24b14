"""Official weights by name: where they come from, where they lie on this machine, and how they get into a network.

`data_scripts/fetch_checkpoints.py` fetches them, the modules beside this one load them. Reading runs no code, and
weights of another model or sampling rate are refused. Taught in notebook 04.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import platformdirs
import safetensors.torch
import torch
from torch import nn

from lib.encoders.registry import CHECKPOINTS, Checkpoint
from lib.encoders.signatures import Signature, identify, without_wrapper

M = TypeVar("M", bound=nn.Module)
__all__ = ["CHECKPOINTS", "Checkpoint", "CheckpointError", "CheckpointMissing", "build", "fill", "find", "folder",
           "how", "read"]  # fmt: skip
COMMAND = "python data_scripts/fetch_checkpoints.py"
# Plain arrays, which some official files carry beside their weights (a sampler's state): no code among them.
ARRAYS = [
    *((np._core.multiarray._reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    *((np._core.multiarray.scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    np.ndarray, np.dtype, *(type(np.dtype(kind)) for kind in ("f8", "f4", "i8", "i4", "u4", "bool")),
]  # fmt: skip


class CheckpointError(RuntimeError):
    """Weights that cannot be read, or that belong to another network: which, and what to do."""


class CheckpointMissing(CheckpointError):
    """Weights that are not on this machine: how to fetch them, and where to put them by hand."""


def folder() -> Path:
    """Where checkpoints lie: HEARSAY_CHECKPOINTS, else `checkpoints` in the folder of fetched data (HEARSAY_DATA)."""
    chosen = os.environ.get("HEARSAY_CHECKPOINTS")
    data = os.environ.get("HEARSAY_DATA") or platformdirs.user_data_dir("hearsay")  # as lib.data.shared.downloads
    return Path(chosen).expanduser() if chosen else Path(data).expanduser() / "checkpoints"


def find(name: str) -> Path:
    """The file of that name's official weights.

    Raises:
        CheckpointMissing: it is not there; the message has the command that fetches it.
        ValueError: no such name.
    """
    if name not in CHECKPOINTS:
        raise ValueError(f"expected a checkpoint among {', '.join(CHECKPOINTS)}; got {name!r}")
    path = folder() / CHECKPOINTS[name].file
    if path.is_file():
        return path
    random = "Or ask for random ones: pretrained=False."
    raise CheckpointMissing(f"{name}'s official weights are not here: {how(name)} {random}")


def how(name: str) -> str:
    """A sentence: how these weights come to this machine."""
    checkpoint = CHECKPOINTS[name]
    by_hand = f"put {checkpoint.file} (from {checkpoint.source}) into {folder()}."
    if not checkpoint.urls:
        return f"{by_hand} {checkpoint.note}"
    size = f"{checkpoint.size / 1e6:,.0f} MB, " if checkpoint.size else ""
    return f"fetch them with `{COMMAND} {name}` ({size}licence {checkpoint.licence}), or {by_hand}"


def read(path: str | Path) -> dict:
    """The file as it is, on the CPU: names to tensors, or what its authors put around them ({"model": ...}).

    Raises:
        CheckpointError: it is damaged, or holds more than tensors, arrays, numbers and text.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals(ARRAYS):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointMissing(f"{path}: there is no such file.") from None
    except Exception as error:  # of a damaged file of the older format, PyTorch reads on until anything at all breaks
        raise CheckpointError(_unreadable(path, error)) from None
    if isinstance(content, tuple):
        content = content[0]  # (weights, the optimiser's state), as the 2022 baseline writes
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path.name}: expected a dictionary of weights, got {type(content).__name__}.")
    return dict(content)


def fill(
    module: nn.Module,
    content: Mapping[str, Any],
    *,
    name: str,
    ignore: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> None:
    """Copy official weights into a network: every one in its place, or a sentence.

    Args:
        content: names and tensors, or a file that wraps them as `without_wrapper` knows.
        name: of the network, as in `CHECKPOINTS`.
        ignore: keys, or beginnings of keys ("head."), in the file that the network does without.
        optional: keys, or beginnings of keys, of the network that the file may lack.

    Raises:
        CheckpointError: the weights of another model or sampling rate, or a key that is missing, unknown or of
            another shape.
    """
    wanted, state = module.state_dict(), without_wrapper(content)
    given = {key: value for key, value in state.items() if not _listed(key, ignore)}
    missing = [key for key in wanted if key not in given and not _listed(key, optional)]
    unknown = [key for key in given if key not in wanted]
    shapes = [key for key in given if key in wanted and given[key].shape != wanted[key].shape]
    other = [f"{key} {tuple(given[key].shape)}, not {tuple(wanted[key].shape)}" for key in shapes]
    faults = {"lacks": missing, "has unknown": unknown, "has in another shape": other}
    clauses = "; ".join(f"it {what} {_few(keys)}" for what, keys in faults.items() if keys)
    found = identify(state)
    if found is not None and found.model != name and (clauses or (found.exact and name in CHECKPOINTS)):
        raise CheckpointError(_another(name, found))  # also where all shapes agree, as at another sampling rate
    if clauses:
        raise CheckpointError(f"these weights are not those of {name}: {clauses}.")
    module.load_state_dict(given, strict=False)


def build(
    make: Callable[[], M],
    name: str,
    *,
    pretrained: bool,
    generator: torch.Generator | None,
    load: Callable[[M, dict], None],
) -> M:
    """A network with its official weights, or with PyTorch's random ones; the global generator stays as it is.

    Args:
        make: builds the network.
        generator: where the random weights are drawn from.
        load: puts what `read` gives into the network, by `fill`.

    Raises:
        CheckpointMissing: the weights are not on this machine.
        ValueError: random weights without a generator.
    """
    path = find(name) if pretrained else None  # before the network is built, which takes longer
    if not pretrained and generator is None:
        raise ValueError("random weights need generator=torch.Generator().manual_seed(0) or such; got none")
    with torch.random.fork_rng(devices=[]):
        if path is None:
            torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        model = make()
    if path is not None:
        load(model, read(path))
    return model


def _listed(key: str, names: Sequence[str]) -> bool:
    return any(key == name or key.startswith(name if name.endswith(".") else f"{name}.") for name in names)


def _few(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - 3:,} more" if len(keys) > 3 else ""
    return ", ".join(keys[:3]) + more


def _another(name: str, found: Signature) -> str:
    wanted = CHECKPOINTS.get(name)
    rate = f" at {wanted.sample_rate:,} Hz" if wanted else ""
    mend = f" Its own file is {wanted.file}: `{COMMAND} {name}`." if wanted else ""
    theirs = f", for {found.sample_rate:,} Hz" if found.exact else ""  # of a family, not all hear the same rate
    return f"expected weights of {name}{rate}; these are {found.model}'s{theirs}.{mend}"


def _unreadable(path: Path, error: Exception) -> str:
    wants = re.search(r"GLOBAL (\S+)", str(error))
    if wants:
        return f"{path.name} would run code when read (it asks for {wants.group(1)}), so it is refused."
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:150].split(". ")[0]  # its first sentence
    return f"{path.name} cannot be read ({reason}): damaged or no checkpoint. Fetch it again."
