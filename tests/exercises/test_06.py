"""Exercises of notebook 06: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness


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
    (1, "swaps the two", "by_hand = (0.22, 0.45)", "the separate ones come first"),
    (1, "swaps the two, second", "by_hand = (0.45, 0.45)", "that is the separate reading"),
    (1, "sums", "by_hand = (1.1, 0.22)", "means, not sums"),
    (1, "averages the means", "by_hand = (0.225, 0.22)", "the two means are added up"),
    (1, "takes the mean of means for joint", "by_hand = (0.45, 0.225)", "each *pair* has one vote"),
    (1, "counts what costs nothing", "by_hand = (0.5 / 3 + 0.6 / 5, 0.22)", "what costs nothing is not counted"),
    (1, "counts what costs nothing, joint", "by_hand = (0.45, 1.1 / 8)", "what costs nothing is not counted"),
    (1, "lets strangers earn", "by_hand = (0.325, 0.22)", "nobody earns anything"),
    (1, "forgets the pushes", "by_hand = (0.25, 0.22)", "the pushed pairs pay too"),
    (1, "forgets the pulls", "by_hand = (0.2, 0.22)", "the pulled pairs pay too"),
    (1, "guesses", "by_hand = (0.7, 0.22)", "first write down the eight costs"),
    (1, "gives strings", "by_hand = ('a', 'b')", ""),
    (2, "counts text-audio pairs", share(pulled="n", strangers="n * (n - 1)"), "sounds meet sounds too"),
    (2, "meets its partner", share(strangers="2 * n * (2 * n - 1)"), "2n - 2, not 2n - 1"),
    (2, "meets itself too", share(strangers="4 * n * n"), "neither itself nor its partner"),
    (2, "gives the odds", share(answer="pulled / max(1, pushed)"), "pulled / (pulled + pushed)"),
    (2, "thinks of separate means", "def share_that_pulls(n, costing): return 0.5", "here each pair has one vote"),
    (2, "gives the other share", share(answer="pushed / (pulled + pushed)"), "that share pushes"),
    (2, "forgets who costs nothing", share(costing="1"), "only the share `costing`"),
    (3, "subtracts masks", gradient(separate="push - pull"), "Boolean"),
    (3, "subtracts masks, joint", gradient(joint="return push - pull"), "Boolean"),
    (3, "turns the sign, joint",
     gradient(joint="return (pull * 1.0 - push * 1.0) / max(1, pull.sum() + push.sum())"), "falls with it: negative"),
    (3, "divides by all, joint",
     gradient(joint="return (push * 1.0 - pull * 1.0) / (pulled.sum() + pushed.sum())"), "not by all"),
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
