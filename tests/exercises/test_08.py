"""Exercises of notebook 08: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

ROW = """
def loss_of_a_row(similarities, right, temperature):
    logits = np.array(similarities) {scale}
    p = np.exp(logits{safe}) / np.exp(logits{safe}).sum()
    return {answer}
"""
SAFE = {"scale": "/ temperature", "safe": " - logits.max()", "answer": "-np.log(p[right])"}


def row(**change):
    return ROW.format(**SAFE | change)


PUSHED = """
def pushed_apart(groups, same_group):
    own, same = torch.eye(len(groups)).bool(), groups[:, None] == groups[None, :]
    return {} if same_group == "excluded" else {}
"""
ALL = """
def all_pairs_loss(audio, text, temperature):
    items = torch.cat([audio, text])
    logits = {similarity} / temperature
    {diagonal}
    partner = (torch.arange(len(items)) + len(audio)) % len(items)
    return torch.nn.functional.cross_entropy(logits{asking}, partner{asking}{reduction})
"""
WHOLE = {"similarity": "cosine(items, items)", "diagonal": "logits.fill_diagonal_(-torch.inf)"}
WHOLE |= {"asking": "", "reduction": ""}


TEXT_AUDIO = "def all_pairs_loss(a, t, x): return losses.nt_xent(a, t, temperature=x)"


NO_PARTNER = """
def all_pairs_loss(audio, text, temperature):
    items = torch.cat([audio, text])
    logits, n = (cosine(items, items) / temperature).fill_diagonal_(-torch.inf), len(items)
    own = torch.eye(n).bool().roll(n // 2, 0)
    return (logits.masked_fill(own, -torch.inf).logsumexp(1) - logits[own]).mean()
"""


def all_pairs(**change):
    return ALL.format(**WHOLE | change)


WRONG = [
    (1, "forgets the temperature", row(scale=""), "the temperature has no effect"),
    (1, "multiplies by the temperature", row(scale="* temperature"), "divide by the temperature; you multiply"),
    (1, "gives the probability", row(answer="p[right]"), "that is the probability"),
    (1, "forgets the minus", row(answer="np.log(p[right])"), "a loss is not negative"),
    (1, "takes the logarithm of base ten", row(answer="-np.log10(p[right])"), "natural logarithm"),
    (1, "always takes the first", row(answer="-np.log(p[0])"), "`right` says which"),
    (1, "overflows", row(safe=""), "subtract the largest number before exp"),
    (2, "treats excluded as negative", PUSHED.format("~own", "~own"), "excluded means that they are left alone"),
    (2, "treats negative as excluded", PUSHED.format("~same", "~same"), "though they are of one clip"),
    (2, "gives the pulled pairs", PUSHED.format("same", "own"), "these are the pairs of one clip"),
    (2, "pushes the diagonal", PUSHED.format("~same | own", "own | ~own"), "no row is pushed away from its own"),
    (3, "competes against itself", all_pairs(diagonal="pass"), "leave the diagonal out"),
    (3, "forgets sound-sound pairs", TEXT_AUDIO, "are missing"),
    (3, "lets only sounds ask", all_pairs(asking="[:len(audio)]"), "the captions ask too"),
    (3, "adds up", all_pairs(reduction=", reduction='sum'"), "the mean over the items"),
    (1, "leaves its own caption out", row(answer="-np.log(p[right] / (1 - p[right]))"), "its own too"),
    (3, "forgets to normalise", all_pairs(similarity="items @ items.T"), "divide by lengths"),
    (3, "forgets the temperature", all_pairs(similarity="temperature * cosine(items, items)"), "has no effect"),
    (3, "puts 0 in the diagonal", all_pairs(diagonal="logits.fill_diagonal_(0)"), "0 in the diagonal still competes"),
    (3, "leaves the partner out", NO_PARTNER, "stands in the denominator too"),
]
test_exercises = harness.suite("08_nt_xent_loss", WRONG)
