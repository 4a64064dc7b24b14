"""Exercises of notebook 10: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

SHARES = "def shares(bars): return list({})"
INTERVAL = """
def interval(a, b):
    differences, n = np.subtract(a, b), len(a)
    half = {}
    return {}
"""
HALF = "quantile(n) * differences.std(ddof=1) / np.sqrt(n)"
ENDS = "differences.mean() - half, differences.mean() + half"
GROUPS = """
def groups_of(names, tune, rate, scale):
    found = {start}
    for name in names:
        side, part, *_ = name.split(".")
        if part == "adapter"{adapters}:
            found.setdefault({fast}, []).append(name)
        elif {learns}:
            found.setdefault({slow}, []).append(name)
    return found
"""
WHOLE = {"start": "{}", "adapters": "", "fast": "rate", "learns": "side in tune", "slow": "rate * scale"}
OVERWRITES = """
def groups_of(names, tune, rate, scale):
    parts = [name.split(".") for name in names]
    found = {rate: [n for n, p in zip(names, parts) if p[1] == "adapter"]}
    if tune:
        found[rate * scale] = [n for n, p in zip(names, parts) if p[1] == "encoder" and p[0] in tune]
    return found
"""


def groups(**change):
    return GROUPS.format(**WHOLE | change)


WRONG = [
    (1, "gives the gains", SHARES.format("np.diff(bars)"), "divide each by the whole gain"),
    (1, "divides by the last bar", SHARES.format("np.diff(bars) / bars[-1]"), "last minus first, not the last bar"),
    (1, "accumulates", SHARES.format("(np.array(bars[1:]) - bars[0]) / (bars[-1] - bars[0])"), "you accumulate"),
    (1, "clips harm away", SHARES.format("np.diff(bars).clip(0) / (bars[-1] - bars[0])"), "nothing is clipped"),
    (2, "takes the arms as independent",
     INTERVAL.format("quantile(n) * np.hypot(np.std(a, ddof=1), np.std(b, ddof=1)) / np.sqrt(n)", ENDS),
     "they share each seed's corpus"),
    (2, "divides by n", INTERVAL.format("quantile(n) * differences.std() / np.sqrt(n)", ENDS), "divides by n - 1"),
    (2, "takes the normal's", INTERVAL.format("1.96 * differences.std(ddof=1) / np.sqrt(n)", ENDS), "Student's t"),
    (2, "forgets the root", INTERVAL.format("quantile(n) * differences.std(ddof=1)", ENDS), "divide by the root of n"),
    (2, "always takes five", INTERVAL.format(HALF.replace("quantile(n)", "quantile(5)"), ENDS), "`quantile(len(a))`"),
    (2, "takes the size of the difference", INTERVAL.format(HALF, ENDS.replace("differences.mean()",
     "abs(differences.mean())")), "a minus b can be negative"),
    (3, "tunes every encoder", groups(learns="True"), "the audio encoder is frozen"),
    (3, "divides by the scale", groups(slow="rate / scale"), "smaller steps"),
    (3, "lets only tuned adapters learn", groups(adapters=" and side in tune"), "both adapters learn"),
    (3, "exchanges the rates", groups(fast="rate * scale", slow="rate"), "the other way round"),
    (3, "keeps an empty group", groups(start="{rate: [], rate * scale: []}"), "is no key"),
    (3, "overwrites", OVERWRITES, "overwrote the first"),
]  # fmt: skip
test_exercises = harness.suite("10_what_narrowed_the_gap", WRONG)
