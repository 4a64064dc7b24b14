"""Exercises of notebook 06: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness


def pair(together="1 - cosine", strangers="max(0.0, cosine)", test="label_1 == label_2"):
    return f"def cost_of_pair(cosine, label_1, label_2):\n    return {together} if {test} else {strangers}"


def share(pulled="2 * n", strangers="2 * n * (2 * n - 2)", answer="pulled / (pulled + pushed)", costing="costing"):
    return f"""
def share_that_pulls(n, costing):
    pulled, pushed = {pulled}, {strangers} * {costing}
    return {answer}
"""


GRADIENT = """
def gradient_of_cosines(S, pulled, pushed, mean):
    pull, push = {pull}, {push}
    pull_count, push_count = {pull_count}, {push_count}
    if mean == "joint":
        {joint}
    return {separate}
"""
WHOLE = {"pull": "pulled & (S < 1)", "push": "pushed & (S > 0)", "pull_count": "max(1, pull.sum())"}
WHOLE |= {"push_count": "max(1, push.sum())", "separate": "push / push_count - pull / pull_count"}
WHOLE |= {"joint": "return (push * 1.0 - pull * 1.0) / max(1, pull.sum() + push.sum())"}


def gradient(**change):
    return GRADIENT.format(**WHOLE | change)


WRONG = [
    (1, "takes partners for strangers", pair(test="label_1 != label_2"), "these two have the same label"),
    (1, "is content with a good pair", pair(together="max(0.0, 0.5 - cosine)"), "good, not perfect"),
    (1, "pays minus the cosine", pair(together="-cosine"), "a perfect pair, cosine 1, must cost 0"),
    (1, "squares", pair(together="(1 - cosine) ** 2"), "a straight line"),
    (1, "cuts partners off at 1", pair(together="min(1.0, 1 - cosine)"), "this one can exceed 1"),
    (1, "loses a sign", pair(together="1 - abs(cosine)"), "mind the sign"),
    (1, "lets strangers pay 1 - s", pair(strangers="1 - cosine"), "these two have different labels"),
    (1, "lets strangers earn", pair(strangers="cosine"), "a cost is not negative"),
    (1, "takes the absolute value", pair(strangers="abs(cosine)"), "apart enough"),
    (2, "counts text-audio pairs", share(pulled="n", strangers="n * (n - 1)"), "sounds meet sounds too"),
    (2, "meets its partner", share(strangers="2 * n * (2 * n - 1)"), "2n - 2, not 2n - 1"),
    (2, "meets itself too", share(strangers="4 * n * n"), "neither itself nor its partner"),
    (2, "gives the odds", share(answer="pulled / max(1, pushed)"), "pulled / (pulled + pushed)"),
    (2, "thinks of separate means", "def share_that_pulls(n, costing): return 0.5", "here each pair has one vote"),
    (2, "gives the other share", share(answer="pushed / (pulled + pushed)"), "that share pushes"),
    (2, "forgets who costs nothing", share(costing="1"), "only the share `costing`"),
    (3, "turns the sign", gradient(separate="pull / pull_count - push / push_count"), "falls with it: negative"),
    (3, "always takes the joint mean",
     gradient(separate="(push * 1.0 - pull * 1.0) / max(1, pull.sum() + push.sum())"), "that is the joint mean"),
    (3, "sums", gradient(separate="push * 1.0 - pull * 1.0"), "take means, not sums"),
    (3, "pushes whom it need not", gradient(push="pushed"), "left alone"),
    (3, "divides by all", gradient(push_count="max(1, pushed.sum())"), "divide by the number of strangers that cost"),
    (3, "weighs by cost", gradient(separate="push * S / push_count - pull * (1 - S) / pull_count"), "straight lines"),
    (3, "never takes the joint mean", gradient(joint="pass"), "share one count"),
    (3, "divides by zero", gradient(pull_count="pull.sum()"), "no division by zero"),
    (3, "pulls perfect pairs", gradient(pull="pulled"), "perfect pairs cost nothing"),
]
test_exercises = harness.suite("06_contrastive_loss", WRONG)
