"""Exercises of notebook 07: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness


def one(answer):
    return f"def cost_of_one(own, imposter, margin):\n    return {answer}"


def hardest(answer):
    return f"""
def hardest_captions(S, labels):
    own_clip = labels[:, None] == labels[None, :]
    return {answer}
"""


ALL = """
def all_imposters(audio, text, labels, margin):
    S, strange = {similarity}, {strange}
    own, count = S.diagonal()[:, None], {count}
    costs = {costs}
    return {answer}
"""
WHOLE = {"similarity": "cosine(audio, text)", "strange": "labels[:, None] != labels[None, :]"}
WHOLE |= {"count": "strange.sum(dim=1).clamp(min=1)", "answer": "((costs * strange).sum(dim=1) / count).mean()"}
CAPTIONS, CLIPS = "(S - own + margin).relu()", "(S.T - own + margin).relu()"
WHOLE["costs"] = f"{CAPTIONS} + {CLIPS}"


def every(**change):
    return ALL.format(**WHOLE | change)


PER_SIDE = f"""
def all_imposters(audio, text, labels, margin):
    S, strange = cosine(audio, text), labels[:, None] != labels[None, :]
    own = S.diagonal()[:, None]
    return sum(c[strange & (c > 0)].mean() for c in ({CAPTIONS}, {CLIPS}))
"""
WRONG = [
    (1, "mixes the two up", one("max(0.0, own - imposter + margin)"), "You charge for the own caption's lead"),
    (1, "forgets the margin", one("max(0.0, imposter - own)"), "not by the margin"),
    (1, "subtracts the margin", one("imposter - own - margin + 0.2"), "it still has to pay"),
    (1, "forgets the lead", one("margin"), "subtract it from the margin"),
    (1, "charges the margin or the lead", one("max(0.0, imposter - own, margin - abs(own - imposter))"),
     "on top of the imposter's lead"),
    (1, "charges only the leaders", one("max(0.0, imposter - own + margin) if own > imposter else 0.0"),
     "the imposter is ahead: that costs"),
    (1, "lets a lead earn", one("imposter - own + margin"), "a cost is not negative"),
    (1, "takes the absolute value", one("abs(imposter - own + margin)"), "no absolute value"),
    (1, "knows one margin", one("max(0.0, imposter - own + 0.2)"), "the margin is an argument"),
    (2, "takes the own caption", hardest("S.argmax(dim=1)"), "its own is no imposter"),
    (2, "masks the diagonal alone", hardest("S.masked_fill(torch.eye(len(S)).bool(), -2).argmax(dim=1)"),
     "rows 0 and 1 are of one clip"),
    (2, "takes the easiest", hardest("S.masked_fill(own_clip, 9).argmin(dim=1)"), "that is the easiest"),
    (2, "puts zeros", hardest("(S * ~own_clip).argmax(dim=1)"), "rule the others out with -inf"),
    (2, "looks for clips", hardest("S.T.masked_fill(own_clip, -2).argmax(dim=1)"), "you looked down the columns"),
    (2, "gives cosines", hardest("S.masked_fill(own_clip, -2).amax(dim=1)"), "asked are the places"),
    (3, "forgets the clips", every(costs=CAPTIONS), "imposter clips are missing"),
    (3, "averages the sides", every(costs=f"({CAPTIONS} + {CLIPS}) / 2"), "added up, not averaged"),
    (3, "sums over pairs", every(answer="((costs * strange).sum(dim=1) / count).sum()"), "not the sum"),
    (3, "ignores the labels", every(strange="~torch.eye(len(S := cosine(audio, text))).bool()"), "use the labels"),
    (3, "takes everybody", every(answer="costs.mean()"), "a pair is no imposter of itself"),
    (3, "has no mean of each pair", every(answer="costs[strange].mean()"), "each pair has one vote"),
    (3, "leaves out what costs nothing", PER_SIDE, "triplets that cost nothing count"),
    (3, "knows one margin", every(costs=WHOLE["costs"].replace("margin", "1.0")), "the margin is an argument"),
    (3, "takes the hardest", every(answer=f"sum((c * strange).amax(dim=1).mean() for c in ({CAPTIONS}, {CLIPS}))"),
     "that is the hardest alone"),
    (3, "divides by zero", every(count="strange.sum(dim=1)"), "mind 0 / 0"),
]
test_exercises = harness.suite("07_triplet_loss", WRONG)
