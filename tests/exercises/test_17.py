"""Exercises of notebook 17: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

BEST = """
def best(scores, k):
    k = min(k, len(scores))
    found = np.argpartition({sign}scores, k - 1)[:k]
    return {answer}
"""
RECALL = """
def recall_at_k(near, truth):
    return {outer}([len(set(a) & set(b)) / {below} for a, b in zip(near, truth)])
"""
FUSED = """
def fused(by_sound, by_words):
    scores = np.zeros(len(by_sound))
    for ranking in (by_sound, by_words):
        scores[{place}] += {score}
    return np.argsort({sign}scores, kind="stable")
"""
RIGHT = {"place": "ranking", "score": "1 / (60 + np.arange(1, len(ranking) + 1))", "sign": "-"}


def fused(**change):
    return FUSED.format(**RIGHT | change)


WRONG = [
    (1, "takes the worst", BEST.format(sign="", answer="found[np.argsort(scores[found])]"), "these are the worst"),
    (1, "turns the order", BEST.format(sign="-", answer="found[np.argsort(scores[found])]"), "the best must come"),
    (1, "forgets where they stood", BEST.format(sign="-", answer="np.argsort(-scores[found])"), "their positions in"),
    (1, "gives similarities", BEST.format(sign="-", answer="np.sort(scores[found])[::-1]"), "return positions"),
    (1, "sorts the positions", BEST.format(sign="-", answer="np.sort(found)"), "sort the k that are left"),
    (1, "does not look how many there are", BEST.replace("    k = min(k, len(scores))\n", "").format(
        sign="-", answer="found[np.argsort(-scores[found])]"), "take the smaller"),
    (2, "place by place", "def recall_at_k(near, truth):\n    return (near == truth).mean()", "place by place"),
    (2, "counts", RECALL.format(outer="sum", below="1"), "divide by the number"),
    (2, "adds up", RECALL.format(outer="sum", below="len(b)"), "average over both queries"),
    (2, "divides by the union", RECALL.format(outer="np.mean", below="len(set(a) | set(b))"), "not of all that either"),
    (2, "measures precision", RECALL.format(outer="np.mean", below="len(set(a) - {-1})"), "not precision"),
    (3, "worst first", fused(sign=""), "the highest score comes first"),
    (3, "takes clips for ranks", fused(place="slice(None)", score="1 / (60 + ranking)"), "where they stand"),
    (3, "adds ranks", fused(score="-np.arange(1, len(ranking) + 1)"), "not ranks"),
]  # fmt: skip
test_exercises = harness.suite("17_search_your_sounds", WRONG)
