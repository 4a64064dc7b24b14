"""`make bench`: ours beside the peers', as ratios of medians in one run. No test: a timed one fails by weather."""

import os
import sys

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy: one thread for all, except where a bench says two

import torch  # noqa: E402

from tests.bench import (  # noqa: E402
    captions,
    cnn14,
    frozen_epoch,
    log_mel,
    mixer,
    nt_xent,
    pair_losses,
    patchout,
    primus_step,
    scoring,
    vectors,
)

BENCHES = {
    "nt_xent": nt_xent,
    "pair_losses": pair_losses,
    "scoring": scoring,
    "log_mel": log_mel,
    "mixer": mixer,
    "captions": captions,
    "cnn14": cnn14,
    "patchout": patchout,
    "vectors": vectors,
    "primus_step": primus_step,  # these two on a GPU alone
    "frozen_epoch": frozen_epoch,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"expected benches among {', '.join(BENCHES)}; got {', '.join(unknown)}", file=sys.stderr)
        return 2
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if busy > 0.5:
        print(f"{busy:.1f} processes are busy already: with as many threads as cores, ratios below will mislead")
    for name in names or BENCHES:
        torch.set_num_threads(1)
        print(f"\n{name}: {BENCHES[name].__doc__.splitlines()[0]}")
        BENCHES[name].main()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
