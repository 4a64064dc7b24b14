"""Exercises of notebook 05: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

PARAMETERS = "def parameters(features, hidden, dim): return {}"
ONE, TWO = "(features + 1) * hidden", "(hidden + 1) * dim"
WHOLE = """
def whole_recording(piece, other):
    mean_1, max_1, n_1 = piece
    mean_2, max_2, n_2 = other
    mean = {mean}
    largest = {largest}
    return {answer}
"""
RIGHT = {
    "mean": "(n_1 * mean_1 + n_2 * mean_2) / (n_1 + n_2)",
    "largest": "np.maximum(max_1, max_2)",
    "answer": "(largest + mean) / 2",
}
FOLDED = "def folded(W1, b1, W2, b2): return {}"


def whole(**change):
    return WHOLE.format(**RIGHT | change)


def folded(matrix, bias):
    return FOLDED.format(f"np.column_stack([{matrix}, {bias}])")


EACH = "(max_1 + mean_1) / 2, (max_2 + mean_2) / 2"
WRONG = [
    (1, "forgets all biases", PARAMETERS.format("features * hidden + hidden * dim"), "the biases learn, too"),
    (1, "forgets the second bias", PARAMETERS.format(f"{ONE} + hidden * dim"), "second layer has a bias"),
    (1, "forgets the first bias", PARAMETERS.format(f"features * hidden + {TWO}"), "first layer has a bias"),
    (1, "counts the first layer", PARAMETERS.format(ONE), "there are two"),
    (1, "counts a linear adapter", PARAMETERS.format("(features + 1) * dim"), "goes through `hidden`"),
    (1, "counts both towers", PARAMETERS.format(f"2 * ({ONE} + {TWO})"), "one tower"),
    (1, "counts biases by inputs", PARAMETERS.format("(hidden + 1) * features + (dim + 1) * hidden"), "its outputs"),
    (1, "adds the layers' widths", PARAMETERS.format("features + hidden + dim"), "two matrices and two biases"),
    (2, "weights the pieces alike", whole(mean="(mean_1 + mean_2) / 2"), "weight the means"),
    (2, "swaps the weights", whole(mean="(n_2 * mean_1 + n_1 * mean_2) / (n_1 + n_2)"), "the weights are swapped"),
    (2, "takes the sum", whole(answer="largest + mean"), "half of the sum"),
    (2, "averages the maxima", whole(largest="(max_1 + max_2) / 2"), "the largest of all, not the mean"),
    (2, "adds the maxima", whole(largest="max_1 + max_2"), "the largest of all, not the sum"),
    (2, "averages the poolings", whole(answer=f"np.average([{EACH}], axis=0, weights=[n_1, n_2])"), "not averaged"),
    (2, "takes the larger pooling", whole(answer=f"np.maximum({EACH})"), "apart, then add"),
    (2, "gives the mean alone", whole(answer="mean"), "the maxima are missing"),
    (2, "gives the maximum alone", whole(answer="largest"), "the means are missing"),
    (2, "uses Python's max", whole(largest="max(max_1, max_2)"), "np.maximum, not max"),
    (2, "forgets the maxima of equal pieces too", whole(answer="mean"), "the same rule"),
    (3, "multiplies the wrong way round", folded("W1 @ W2", "W2 @ b1 + b2"), "the first layer is applied first"),
    (3, "applies the second layer first", folded("W1 @ W2", "W1 @ b2 + b1"), "you apply the second layer first"),
    (3, "adds the biases", folded("W2 @ W1", "b1 + b2"), "acts on the first one's bias"),
    (3, "loses the first bias", folded("W2 @ W1", "b2"), "the first bias is lost"),
    (3, "loses the second bias", folded("W2 @ W1", "W2 @ b1"), "the second bias is lost"),
    (3, "multiplies the bias from the left", folded("W2 @ W1", "b1 @ W2 + b2"), "to the left of what it acts on"),
    (3, "turns the matrix", folded("(W2 @ W1).T", "W2 @ b1 + b2"), "turned on its side"),
    (3, "turns each matrix", folded("W1.T @ W2.T", "W2 @ b1 + b2"), "turned on its side"),
    (3, "puts the bias first", folded("W2 @ b1 + b2", "W2 @ W1"), "the *last* column"),
    (3, "stacks with hstack", FOLDED.format("np.hstack([W2 @ W1, W2 @ b1 + b2])"), "np.column_stack joins them"),
    (3, "gives no bias", FOLDED.format("W2 @ W1"), "the last column"),
]
test_exercises = harness.suite("05_adapters", WRONG)
