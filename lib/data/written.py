"""Tables of soundscapes written down: writing the captions of a corpus takes seconds, reading them back none."""

import json
from collections.abc import Callable

import pandas as pd

from lib import store
from lib.data import scene_table
from lib.fingerprint import code
from lib.profiles import Profile


def once(make: Callable[..., pd.DataFrame], profile: Profile, seed: int, **named: float) -> pd.DataFrame:
    """`make(profile, seed, **named)`, of `lib.data.scene_table`: made now, or read if this code made it before."""
    sizes = {name: n for name, n in vars(profile).items() if name.startswith("n_")}
    known = json.dumps([make.__name__, sizes, seed, named], sort_keys=True)
    path = store.root() / "tables" / f"{store.digest(known, code(scene_table))}.json"
    try:
        return pd.DataFrame(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError):
        found = make(profile, seed, **named)
        store.write_whole(path, json.dumps(found.to_dict("list"), ensure_ascii=False).encode())
        return found
