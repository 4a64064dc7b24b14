"""Exercises of notebook 16: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

SHARE = """
def share(distances, kinds, k):
    near = distances.argsort(axis=1)[:, {}]
    return (kinds[near] == kinds[:, None]).{}(axis=1)
"""
SILHOUETTE = """
def silhouette(distances, kinds):
    found = []
    for i, kind in enumerate(kinds):
        own = kinds == kind
        a = distances[i, own].sum() / {count}
        b = min(distances[i, kinds == other].{mean}() for other in set(kinds) - {{kind}})
        found.append({answer})
    return np.array(found)
"""
WHOLE = {"count": "(own.sum() - 1)", "mean": "mean", "answer": "(b - a) / max(a, b)"}
KEPT = """
def neighbours_kept(space, picture, k):
    def near(x):
        return np.linalg.norm(x[:, None] - x[None], axis=2).argsort(axis=1)[:, {}]
    return {}([len(set(a) & set(b)) / {} for a, b in zip(near(space), near(picture))])
"""


def silhouette(**change):
    return SILHOUETTE.format(**WHOLE | change)


WRONG = [
    (1, "counts the point itself", SHARE.format(":k", "mean"), "is its own nearest"),
    (1, "takes the farthest", SHARE.format("-k:", "mean"), "farthest"),
    (1, "counts", SHARE.format("1:k + 1", "sum"), "a share, not a count"),
    (2, "counts the point itself", silhouette(count="own.sum()"), "the point itself, at distance 0"),
    (2, "takes the nearest point", silhouette(mean="min"), "not its nearest point"),
    (2, "turns the sign", silhouette(answer="(a - b) / max(a, b)"), "b minus a"),
    (2, "does not divide", silhouette(answer="b - a"), "divide by the larger"),
    (3, "counts the point itself", KEPT.format(":k", "np.mean", "k"), "always kept"),
    (3, "divides by the union", KEPT.format("1:k + 1", "np.mean", "len(set(a) | set(b))"), "not over the union"),
    (3, "counts", KEPT.format("1:k + 1", "np.mean", "1"), "divide by k"),
]  # fmt: skip
test_exercises = harness.suite("16_mapping_differences", WRONG)
