"""Exercises of notebook 02: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

AVERAGE_PRECISION = """
def average_precision_of(hits, k):
    found, total = 0, 0.0
    for rank, hit in enumerate({hits}, start={start}):
        if hit:
            found += 1
            total += {gain}
    return total / {count}
"""
RIGHT = {"hits": "hits[:k]", "start": 1, "gain": "found / rank", "count": "sum(hits)"}


def slip(**change):
    return AVERAGE_PRECISION.format(**RIGHT | change)


PAIRED = """
def paired_per_clip(a, b, clip):
    d = pd.Series(a - b)
    m = d.groupby(clip).mean()
    return d.mean(), {}
"""
HIT = """
def hit_probability(above, tied, right, k):
    places = min({places}, tied)
    return {chance}
"""
PLACES = "max(k - above, 0)"

WRONG = [
    (1, "divides by the clips found", slip(count="max(found, 1)"), "not only by those found"),
    (1, "does not stop at k", slip(hits="hits"), "stop at rank k"),
    (1, "adds up reciprocal ranks", slip(gain="1 / rank"), "you add up 1 / rank"),
    (1, "divides by at most k", slip(count="min(sum(hits), k)"), "you divide by min"),
    (1, "counts ranks from 0", slip(start=0), "at rank 3 two of three"),
    (1, "divides nothing by nothing", slip(count="found"), "beware of 0 / 0"),
    (2, "lets the tie count for it", HIT.format(places=PLACES, chance="float(places > 0)"), "you let the tie count"),
    (2, "puts clips back",
     HIT.format(places=PLACES, chance="1 - (1 - right / tied) ** places"), "without putting clips back"),
    (2, "gives the expected number", HIT.format(places=PLACES, chance="places * right / tied"), "expected *number*"),
    (2, "forgets the clips above",
     HIT.format(places="k", chance="1 - math.comb(tied - right, places) / math.comb(tied, places)"),
     "k - above places"),
    (3, "takes captions as independent",
     PAIRED.format("1.96 * d.std() / len(d) ** 0.5"), "captions of a clip as independent"),
    (3, "does not pair", PAIRED.format("1.96 * np.hypot(np.std(a, ddof=1), np.std(b, ddof=1)) / len(a) ** 0.5"),
     "query by query"),
    (3, "subtracts the wrong way",
     PAIRED.replace("a - b", "b - a").format("1.96 * m.std() / len(m) ** 0.5"), "a minus b"),
    (3, "gives one standard error", PAIRED.format("m.std() / len(m) ** 0.5"), "times 1.96"),
    (3, "gives low and high",
     "def paired_per_clip(a, b, clip):\n    m = pd.Series(a - b).groupby(clip).mean()\n"
     "    half = 1.96 * m.std() / len(m) ** 0.5\n    return m.mean() - half, m.mean() + half\n", "not low and high"),
    (3, "averages each clip and does not pair",
     "def paired_per_clip(a, b, clip):\n    m, n = (pd.Series(x).groupby(clip).mean() for x in (a, b))\n"
     "    return (m - n).mean(), 1.96 * np.hypot(m.std(), n.std()) / len(m) ** 0.5\n", "before you look at the spread"),
    (3, "gives the spread", PAIRED.format("1.96 * m.std()"), "spread of clips"),
    (3, "uses ddof 0", PAIRED.format("1.96 * m.std(ddof=0) / len(m) ** 0.5"), "ddof=1"),
    (3, "trusts the order",
     "def paired_per_clip(a, b, clip):\n    m = (a - b).reshape(-1, 2).mean(axis=1)\n"
     "    return m.mean(), 1.96 * m.std(ddof=1) / len(m) ** 0.5\n", "group by `clip`"),
]  # fmt: skip

test_exercises = harness.suite("02_scoring_a_ranking", WRONG)
