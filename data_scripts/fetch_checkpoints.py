"""Fetch official weights by name; without a name, list what there is, what it may be used for, and what is here.

    python data_scripts/fetch_checkpoints.py [NAME ...]

They go into `lib.encoders.checkpoints.folder()`: HEARSAY_CHECKPOINTS, or `checkpoints` among the fetched data. What is
there already is kept, and needs no network. A download that breaks off is gone on with; a wrong file is not kept.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.encoders import checkpoints
from lib.encoders.cards import CARDS
from lib.encoders.checkpoints import CHECKPOINTS, Checkpoint, CheckpointError
from lib.encoders.signatures import identify
from lib.fetch import UNPUBLISHED, FetchError, fetch


def listing(registry: Mapping[str, Checkpoint] = CHECKPOINTS) -> str:
    """A line for each checkpoint: here or not, its size, its hash, its licence, its file and source."""
    lines = [f"in {checkpoints.folder()}:"]
    for checkpoint in registry.values():
        path = checkpoints.folder() / checkpoint.file
        here = f"here, {path.stat().st_size:,} bytes" if path.is_file() else "not here"
        lines.append(f"{checkpoint.name:13} {here}; {_known(checkpoint)}; licence {checkpoint.licence}")
        pretrained_on = CARDS[checkpoint.name].pretrained_on
        lines.append(f"{'':13} {checkpoint.file} from {checkpoint.source}; pretrained on {pretrained_on}")
    return "\n".join(lines)


def main(names: Sequence[str], registry: Mapping[str, Checkpoint] = CHECKPOINTS) -> list[Path]:
    """Fetch these checkpoints, licence first; what is here already is kept. All are tried before it fails.

    Raises:
        FetchError: some are missing still: why, and where to put them by hand.
    """
    unknown = [name for name in names if name not in registry]
    if unknown:
        raise FetchError(f"expected names among {', '.join(registry)}; got {', '.join(unknown)}")
    paths, missing = [], []
    for checkpoint in map(registry.get, names):
        print(f"{checkpoint.name}: licence {checkpoint.licence}, by {checkpoint.source}. {checkpoint.note}".rstrip())
        try:
            paths.append(one(checkpoint))
            print(f"{checkpoint.name}: here, {paths[-1].stat().st_size:,} bytes, {paths[-1]}")
        except (FetchError, CheckpointError) as error:
            missing.append(f"{checkpoint.name}: {error}")
    if missing:
        raise FetchError("\n".join(missing))
    return paths


def one(checkpoint: Checkpoint) -> Path:
    """The checkpoint's file, fetched if it is not here, and what it says it is.

    Raises:
        FetchError: no address is known, or none gave the file.
        CheckpointError: it cannot be read, or it holds the weights of another model.
    """
    path = checkpoints.folder() / checkpoint.file
    if checkpoint.urls:
        path = fetch(checkpoint.urls, path.parent, hash=checkpoint.hash or UNPUBLISHED, name=path.name)
    elif not path.is_file():
        raise FetchError(f"no address is known: {checkpoints.how(checkpoint.name)}")
    if path.suffix != ".gz":  # word2vec's own format, which gensim reads
        found = identify(checkpoints.read(path))
        if found is not None and found.exact and found.model != checkpoint.fills:
            whose = f"{found.model}'s weights, for {found.sample_rate:,} Hz"
            raise CheckpointError(f"{path} holds {whose}. Remove it and put the right file there.")
    return path


def _known(checkpoint: Checkpoint) -> str:
    if not checkpoint.urls:
        return "no address known, by hand only"
    size = f"{checkpoint.size:,} bytes" if checkpoint.size else "size not published"
    if checkpoint.hash is None:
        return f"{size}; no hash published: the first download is trusted, and held to"
    kind, _, digits = checkpoint.hash.partition(":")
    return f"{size}; {kind}" if len(digits) in (32, 64) else f"{size}; {kind} by its first {len(digits)} digits"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CHECKPOINTS))
    names = parser.parse_args().names
    try:
        main(names) if names else print(listing())
    except FetchError as error:
        sys.exit(str(error))
