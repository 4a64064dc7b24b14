"""Exercises of notebook 18: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

FOUND = "def never_found(lists, n): return {}"
CSLS = """
def csls_of_both(S, k):
    of_query = {query}
    of_clip = {clip}
    return {answer}
"""
WHOLE = {
    "query": "np.sort(S, axis=1)[:, -k:].mean(axis=1, keepdims=True)",
    "clip": "np.sort(S, axis=0)[-k:].mean(axis=0)",
    "answer": "2 * S - of_query - of_clip",
}
PAIRS = """
def pairs_of_pairs(S):
    right = S[:, [0, 1], [0, 1]]
    words = {words}
    sound = {sound}
    return words.mean(), sound.mean(), {both}.mean()
"""
RIGHT = {
    "words": "(right > S[:, [1, 0], [0, 1]]).all(axis=1)",
    "sound": "(right > S[:, [0, 1], [1, 0]]).all(axis=1)",
    "both": "(words & sound)",
}


def csls(**change):
    return CSLS.format(**WHOLE | change)


def pairs(**change):
    return PAIRS.format(**RIGHT | change)


WRONG = [
    (1, "counts", FOUND.format("n - len(np.unique(lists))"), "give a share"),
    (1, "looks at the first place alone", FOUND.format("1 - len(np.unique(lists[:, 0])) / n"), "at all places"),
    (1, "divides by the queries", FOUND.format("(n - len(np.unique(lists))) / len(lists)"), "not of queries"),
    (1, "gives those that are found", FOUND.format("len(np.unique(lists)) / n"), "that is the share of those"),
    (1, "counts up to the largest", FOUND.format("(np.bincount(lists.ravel()) == 0).mean()"), "those that no list"),
    (2, "forgets the query", csls(answer="2 * S - of_clip"), "r_q is missing"),
    (2, "forgets the clip", csls(answer="2 * S - of_query"), "r_c is missing"),
    (2, "takes it once", csls(answer="S - of_query - of_clip"), "twice the similarity"),
    (2, "takes the mean of all", csls(query="S.mean(axis=1, keepdims=True)", clip="S.mean(axis=0)"), "not of all"),
    (2, "takes the smallest", csls(query="np.sort(S, axis=1)[:, :k].mean(axis=1, keepdims=True)",
                                   clip="np.sort(S, axis=0)[:k].mean(axis=0)"), "np.sort puts them last"),
    (3, "lets level pass", pairs(words=RIGHT["words"].replace(">", ">="), sound=RIGHT["sound"].replace(">", ">=")),
     "level is not nearer"),
    (3, "takes halves", pairs(**{side: RIGHT[side].replace(".all(", ".mean(") for side in ("words", "sound")},
                              both="((words == 1) & (sound == 1))"), "no halves"),
    (3, "takes the smaller share", pairs(both="np.array(min(words.mean(), sound.mean()))"), "third share counts tests"),
    (3, "takes either", pairs(both="(words | sound)"), "both, not either"),
    (3, "exchanges the two", pairs(words=RIGHT["sound"], sound=RIGHT["words"]), "exchanged words and sound"),
]  # fmt: skip
test_exercises = harness.suite("18_why_did_it_fail", WRONG)
