"""Exercises of notebook 07: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness


def one(answer):
    return f"def share_active(own, imposters, margin):\n    return {answer}"


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
    (1, "counts", one("(imposters - own + margin > 0).sum()"), "divide by how many there are"),
    (1, "takes those that are done", one("np.mean(imposters - own + margin <= 0)"), "cost nothing"),
    (1, "forgets the margin", one("np.mean(imposters > own)"), "must be ahead by the margin"),
    (1, "turns the margin", one("np.mean(imposters > own + margin)"), "must be ahead by the margin"),
    (1, "gives the mean cost", one("np.maximum(0, imposters - own + margin).mean()"), "asked is how many do"),
    (1, "gives the cost", one("np.maximum(0, imposters - own + margin).sum()"), "asked is how many do"),
    (1, "knows one margin", one("np.mean(imposters - own + 0.25 > 0)"), "the margin has no effect"),
    (1, "wants them behind", one("np.mean((imposters < own) & (imposters > own - margin))"), "level with it, costs"),
    (1, "counts the tie", one("np.mean(imposters - own + margin >= 0)"), "costs nothing: max(0, 0)"),
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
