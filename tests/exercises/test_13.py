"""Exercises of notebook 13: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

WEIGHTS = """
def caption_weights(partner, share):
    total = {start}
    for i, j in enumerate(partner):
        total[j] {add} {part}
    return total
"""
HOLES = """
def with_holes(tokens, chances, share):
    special = {special}
    return [token if token in special or {stays} else "[MASK]" for token, chance in zip(tokens, chances)]
"""
FIXED_NUMBER = """
def with_holes(tokens, chances, share):
    words = [k for k, token in enumerate(tokens) if not token.startswith("[")]
    fall = sorted(words, key=lambda k: chances[k])[: round(2 * share * len(words))]
    return ["[MASK]" if k in fall else token for k, token in enumerate(tokens)]
"""
LEFT_OUT = """
def with_holes(tokens, chances, share):
    return [t for t, c in zip(tokens, chances) if t.startswith("[") or c >= share]
"""
ASK = """
def sounds_ask(similarity, partner, share, tau):
    logits = np.array(similarity) / tau
    cost = np.log(np.exp(logits).sum(axis={axis}, keepdims=True)) - logits
    rows = np.arange(len(cost))
    own, other = cost[rows, rows], cost[rows, partner]
    return ({each}).{reduce}()
"""


def weights(start="list(share)", add="+=", part="1 - share[i]"):
    return WEIGHTS.format(start=start, add=add, part=part)


def holes(special='("[CLS]", "[SEP]", "[PAD]")', stays="chance >= share"):
    return HOLES.format(special=special, stays=stays)


def ask(axis=1, each="share * own + (1 - share) * other", reduce="mean"):
    return ASK.format(axis=axis, each=each, reduce=reduce)


WRONG = [
    (1, "adds up the mixtures", "def caption_weights(partner, share): return [1.0] * len(share)", "of the captions"),
    (1, "forgets the own clip", weights(start="[0.0] * len(share)"), "began with the caption's own clip"),
    (1, "takes the caption's rest", weights(part="1 - share[j]"), "1 - share[i], not 1 - share[j]"),
    (1, "gives the partner lambda", weights(part="share[i]"), "1 - lambda, not lambda"),
    (1, "swaps the two", weights(start="[1 - s for s in share]", part="share[i]"), "its partner gets the rest"),
    (1, "overwrites", """
def caption_weights(partner, share):
    rest = [0.0] * len(share)
    for i, j in enumerate(partner):
        rest[j] = 1 - share[i]
    return [s + r for s, r in zip(share, rest)]
""", "caption j: its own share"),
    (2, "masks the frame", holes(special="()"), "are never masked"),
    (2, "masks the padding", holes(special='("[CLS]", "[SEP]")'), "the padding is no word"),
    (2, "masks what lies above", holes(stays="chance < share"), "below the share"),
    (2, "leaves tokens out", LEFT_OUT, "replaced, not left out"),
    (2, "masks a fixed number", FIXED_NUMBER, "its own chance"),
    (3, "takes the bracket", ask(each="share * (own + (1 - share) * other)"), "equation 10 as printed"),
    (3, "sums", ask(reduce="sum"), "not the sum"),
    (3, "swaps the shares", ask(each="(1 - share) * own + share * other"), "partner's gets 1 - share"),
    (3, "takes the own caption alone", ask(each="own"), "is right as well"),
    (3, "runs down the columns", ask(axis=0), "along a row"),
    (3, "blends probabilities", ask(each="-np.log(share * np.exp(-own) + (1 - share) * np.exp(-other))"),
     "weight the logarithms"),
]  # fmt: skip
test_exercises = harness.suite("13_mixing_and_masking", WRONG)
