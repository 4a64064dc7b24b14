"""Exercises of notebook 19: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

COST = "def hours_of(forward, pairs, epochs, peak, share):\n    return {}\n"
RIGHT = "3 * forward * pairs * epochs / (peak * share) / 3600"
GRADIENT = """
def gradient_of(W, X, of_embeddings, size):
    pieces = [X[start:start + size] for start in range(0, len(X), size)]
    G = of_embeddings(np.concatenate([piece @ W for piece in pieces]))
    parts = [piece.T @ {} for i, piece in enumerate(pieces)]
    return {}
"""
OURS = "G[i * size:i * size + len(piece)]"
HEARD = """
def heard_before(training, test):
    ids = lambda found: [{} for id in found]
    known = set(ids(test)){}
    return [{} for i, id in enumerate(ids(training)) if {}]
"""
PLAIN, KNOWN = 'str(id).removesuffix(".wav")', ' - {"Not found"}'

WRONG = [
    (1, "counts forward alone", COST.format(RIGHT.replace("3 *", "1 *")), "backward costs twice that"),
    (1, "counts two", COST.format(RIGHT.replace("3 *", "2 *")), "three, not two"),
    (1, "gives seconds", COST.format(RIGHT.replace(" / 3600", "")), "these are seconds"),
    (1, "multiplies by the share", COST.format(RIGHT.replace("(peak * share)", "peak * share")), "divide by the share"),
    (1, "takes the peak", COST.format(RIGHT.replace("(peak * share)", "peak")), "the share has no effect"),
    (2, "asks for each piece by itself", GRADIENT.format("of_embeddings(piece @ W)", "sum(parts)"),
     "that is accumulation"),
    (2, "averages", GRADIENT.format(OURS, "sum(parts) / len(parts)"), "you average"),
    (2, "leaves the rest out",
     GRADIENT.format(OURS, "sum(part for part, piece in zip(parts, pieces) if len(piece) == size) + 0 * W"),
     "the last piece, which is smaller, is missing"),
    (2, "drops what is larger than the batch",
     GRADIENT.format(OURS, "sum(parts) if size <= len(X) else 0 * W"), "larger than the batch"),
    (2, "turns it round", GRADIENT.format(OURS, "sum(parts).T"), "in this order"),
    (2, "embeds all at once",
     GRADIENT.format(OURS, "sum(parts)").replace("np.concatenate([piece @ W for piece in pieces])", "X @ W"),
     "both times"),
    (2, "multiplies all at once",
     GRADIENT.format(OURS, "X.T @ G"), "both times"),
    (3, "gives ids", HEARD.format(PLAIN, KNOWN, "id", "id in known"), "positions, not ids"),
    (3, "gives the others", HEARD.format(PLAIN, KNOWN, "i", "id not in known"), "not the others"),
    (3, "compares as they are", HEARD.format("id", KNOWN, "i", "id in known"), "never equal"),
    (3, "keeps the suffix", HEARD.format("str(id)", KNOWN, "i", "id in known"), "is the same sound"),
    (3, "matches the unknown", HEARD.format(PLAIN, "", "i", "id in known"), "no id"),
]
test_exercises = harness.suite("19_full_scale", WRONG)
