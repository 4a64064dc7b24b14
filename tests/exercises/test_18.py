"""Exercises of notebook 18: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

FOUND = "def never_found(lists, n): return {}"
TURNED = """
def turned_round(S, T, own):
    near = {near}
    right = near[np.arange(len(S)), own]
    bar = {bar}
    return {changed}, right.mean(), bar
"""
WHOLE = {
    "near": "(S > T) + (S == T) / 2",
    "bar": "(near.sum() - right.sum()) / (near.size - len(right))",
    "changed": "(S.argmax(axis=1) != T.argmax(axis=1)).mean()",
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


def turned(**change):
    return TURNED.format(**WHOLE | change)


def pairs(**change):
    return PAIRS.format(**RIGHT | change)


WRONG = [
    (1, "counts", FOUND.format("n - len(np.unique(lists))"), "give a share"),
    (1, "looks at the first place alone", FOUND.format("1 - len(np.unique(lists[:, 0])) / n"), "at all places"),
    (1, "divides by the queries", FOUND.format("(n - len(np.unique(lists))) / len(lists)"), "not of queries"),
    (1, "gives those that are found", FOUND.format("len(np.unique(lists)) / n"), "that is the share of those"),
    (1, "gives per cent", FOUND.format("100 - 100 * len(np.unique(lists)) / n"), "between 0 and 1"),
    (1, "takes list by list", FOUND.format("np.mean([1 - len(set(row)) / n for row in lists])"), "all lists together"),
    (1, "counts up to the largest", FOUND.format("(np.bincount(lists.ravel()) == 0).mean()"), "those that no list"),
    (2, "counts those that stay", turned(changed="(S.argmax(axis=1) == T.argmax(axis=1)).mean()"), "that keep it"),
    (2, "counts", turned(changed="(S.argmax(axis=1) != T.argmax(axis=1)).sum()"), "take the mean"),
    (2, "forgets level", turned(near="(S > T).astype(float)"), "level counts one half"),
    (2, "lets level pass", turned(near="(S >= T).astype(float)"), "one half, not one"),
    (2, "exchanges the two", turned(near="(S < T) + (S == T) / 2"), "is S larger"),
    (2, "leaves the own clip in the bar", turned(bar="near.mean()"), "leaves each caption's own clip out"),
    (2, "asks for the right answer", turned(changed="((S.argmax(axis=1) == own) != (T.argmax(axis=1) == own)).mean()"),
     "right or wrong"),
    (2, "takes all own clips for each", turned().replace("near[np.arange(len(S)), own]", "near[:, own]"),
     "each with clip own[i]"),
    (2, "sums", TURNED.replace("right.mean(), bar", "right.sum(), bar").format(
        **WHOLE | {"changed": "(S.argmax(axis=1) != T.argmax(axis=1)).mean() * len(S)",
                   "bar": "near.sum() - right.sum()"}), "give shares"),
    (3, "lets level pass", pairs(words=RIGHT["words"].replace(">", ">="), sound=RIGHT["sound"].replace(">", ">=")),
     "level is not nearer"),
    (3, "takes halves", pairs(**{side: RIGHT[side].replace(".all(", ".mean(") for side in ("words", "sound")},
                              both="((words == 1) & (sound == 1))"), "no halves"),
    (3, "takes the smaller share", pairs(both="np.array(min(words.mean(), sound.mean()))"), "third share counts tests"),
    (3, "multiplies", pairs(both="(words.mean() * sound.mean())"), "right by luck"),
    (3, "counts", pairs().replace(".mean()", ".sum()"), "give shares"),
    (3, "takes either", pairs(both="(words | sound)"), "both, not either"),
    (3, "exchanges the two", pairs(words=RIGHT["sound"], sound=RIGHT["words"]), "exchanged words and sound"),
]  # fmt: skip
test_exercises = harness.suite("18_why_did_it_fail", WRONG)
