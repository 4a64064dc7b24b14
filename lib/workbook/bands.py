"""Two-sided bands for the smoke metrics: too good fails too. Made from ten seeds, moved only with a reason."""

import json
from pathlib import Path

import numpy as np

from lib.workbook import BUILD, ROOT, commands, ledger

EXPECTED = ROOT / "tests" / "expected" / "smoke.json"
SEEDS = range(10)
SIGMAS, FLOOR, EXACT = 4.0, 0.005, 2e-3  # FLOOR for what varies with the seed, EXACT for what only another CPU may move
TIMED = ("seconds", "_s", "_ms", "per_second")  # a time depends on the machine: no band


def band(values: list[float]) -> dict[str, float]:
    """Mean plus and minus four standard deviations over seeds, and not narrower than a floor."""
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    half = max(SIGMAS * sd, FLOOR if sd else EXACT)
    return {"low": round(mean - half, 5), "high": round(mean + half, 5), "mean": round(mean, 5), "sd": round(sd, 5)}


def bandable(entry: dict) -> dict[str, float]:
    """Metrics of one run by name, and claims' effects as `claim.KEY`; times left out."""
    values = {m["name"]: m["value"] for m in entry["metrics"] if not m["name"].endswith(TIMED)}
    return values | {f"claim.{c['key']}": c["effect"] for c in entry["claims"]}


def outside(expected: dict, name: str, entry: dict, *, partial: bool = False) -> list[str]:
    """One sentence for each metric that is outside its band, has none, or is missing.

    `partial`: some may be missing, since data from outside the repository is not there.
    """
    bands, found, problems = expected.get(name, {}), bandable(entry), []
    for metric in sorted(set(bands) | set(found)):
        if metric not in bands:
            problems.append(f"{metric} = {found[metric]:.4f} has no band; run `python -m lib.workbook rebaseline`")
            continue
        low, high = bands[metric]["low"], bands[metric]["high"]
        if metric not in found:
            problems += [] if partial else [f"{metric} was not measured; its band is [{low}, {high}]"]
        elif not low <= found[metric] <= high:
            problems.append(f"{metric} = {found[metric]:.4f} is outside [{low}, {high}]")
    return problems


def rebaseline(select: str, reason: str, path: Path = EXPECTED) -> int:
    """Run smoke with seeds 0 to 9, then write the bands, printing the old beside the new; 1 when a notebook failed."""
    runs: dict[str, list[dict]] = {}
    for seed in SEEDS:
        out = BUILD / "rebaseline" / str(seed)
        if any(done.problem for done in commands.session(select, "smoke", seed=seed, out=out)):
            return 1
        chosen = commands.names(select)  # others may lie there from another day
        for entry in (each for each in ledger.load(out / "metrics") if each["notebook"] in chosen):
            runs.setdefault(entry["notebook"], []).append(bandable(entry))
    old = json.loads(path.read_text()) if path.exists() else {"reasons": []}
    new = {**old, **{name: fresh_bands(entries) for name, entries in runs.items()}}
    new["reasons"] = [*old.get("reasons", []), reason]
    for name in runs:
        for metric, now in new[name].items():
            print(f"{name} {metric}: {old.get(name, {}).get(metric, 'none')} -> {now}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(new, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return 0


def fresh_bands(entries: list[dict[str, float]]) -> dict[str, dict]:
    metrics = sorted({m for e in entries for m in e})
    return {m: band([e[m] for e in entries if m in e]) for m in metrics}
