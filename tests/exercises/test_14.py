"""Exercises of notebook 14: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

QUERY = """
def one_query(views):
    views = np.array(views)
    length = lambda rows: np.linalg.norm(rows, axis=-1, keepdims=True)
    return list({})
"""
ONCE = "views / length(views)"
VOTE = """
def same_vote(S):
    mean, deviation = S.mean(axis={axes}, keepdims=True), S.std(axis={axes}, keepdims=True)
    return {result}
"""
ROW = """
def row_loss(ours, theirs, temperature):
    def log_softmax(row, tau):
        row = np.array(row) / tau
        return row - np.logaddexp.reduce(row)
    return {}
"""
BOTH = "np.exp(log_softmax(theirs, temperature)) * log_softmax(ours, temperature)"


def vote(result, axes="(1, 2)"):
    return VOTE.format(axes=axes, result=result)


WRONG = [
    (1, "leaves the lengths", QUERY.format("views.mean(0) / length(views.mean(0))"), "the longer view counts more"),
    (1, "leaves the mean short", QUERY.format(f"({ONCE}).mean(0)"), "bring it to length 1 too"),
    (1, "does nothing about lengths", QUERY.format("views.mean(0)"), "bring each view to length 1 first"),
    (1, "drops signs", QUERY.format(f"abs(({ONCE}).mean(0)) / length(({ONCE}).mean(0))"), "keeps its sign"),
    (1, "counts directions once", QUERY.format(f"(u := np.unique({ONCE}, axis=0).mean(0)) / length(u)"),
     "counts twice"),
    (2, "takes the plain mean", vote("S.mean(axis=0)"), "nobody's spread is changed"),
    (2, "only subtracts", vote("(S - mean).mean(axis=0)"), "do not divide by the deviations"),
    (2, "only divides", vote("(S / deviation).mean(axis=0)"), "do not subtract the means"),
    (2, "divides by the variance", vote("((S - mean) / deviation**2).mean(axis=0)"), "not by the variance"),
    (2, "goes query by query", vote("((S - mean) / deviation).mean(axis=0)", "2"), "not for each query"),
    (2, "lumps the members", vote("((S - mean) / deviation).mean(axis=0)", "None"), "each member by itself"),
    (2, "sums", vote("((S - mean) / deviation).sum(axis=0)"), "not the sum"),
    (2, "spares a single member", vote("((S - mean) / deviation).mean(axis=0) if len(S) > 1 else S[0]"),
     "a single member is brought"),
    (3, "exchanges pupil and teachers", ROW.format(
        "-np.sum(np.exp(log_softmax(ours, temperature)) * log_softmax(theirs, temperature))"), "exchanged the two"),
    (3, "gives the divergence", ROW.format(f"-np.sum({BOTH}) + np.sum({BOTH.replace('ours', 'theirs')})"),
     "subtract the teachers' own entropy"),
    (3, "forgets the sign", ROW.format(f"np.sum({BOTH})"), "a loss is not negative"),
    (3, "leaves the teachers warm", ROW.format(f"-np.sum({BOTH.replace('(theirs, temperature)', '(theirs, 1)')})"),
     "the teachers' cosines are divided"),
    (3, "forgets the temperature", ROW.format(f"-np.sum({BOTH.replace('temperature', '1')})"), "has no effect"),
    (3, "multiplies", ROW.format(f"-np.sum({BOTH.replace('temperature', '1 / temperature')})"), "you multiply"),
    (3, "takes the first choice alone", ROW.format("-log_softmax(ours, temperature)[np.argmax(theirs)]"),
     "that is NT-Xent"),
    (3, "takes the mean", ROW.format(f"-np.mean({BOTH})"), "not the mean"),
    (3, "overflows", "def row_loss(ours, theirs, temperature):\n"
     "    soft = [np.exp(np.array(row) / temperature) for row in (ours, theirs)]\n"
     "    return -np.sum(soft[1] / soft[1].sum() * np.log(soft[0] / soft[0].sum()))", "exp(1800) is infinite"),
    (3, "takes the logarithm of 0", "def row_loss(ours, theirs, temperature):\n"
     "    soft = [np.exp((np.array(row) - max(row)) / temperature) for row in (ours, theirs)]\n"
     "    return -np.sum(soft[1] / soft[1].sum() * np.log(soft[0] / soft[0].sum()))", "never take log of a softmax"),
]  # fmt: skip
test_exercises = harness.suite("14_many_views_one_ranking", WRONG)
