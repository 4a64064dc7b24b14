"""Exercises of notebook 11: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

TOKENS = """
def tokens(frames, mels, side, stride):
    columns, rows = ({} for n in (frames, mels))
    return {}
"""
COUNT, ALL = "(n - side) // stride + 1", "columns * rows + 2"
RECORDING = """
def recording(embeddings, seconds, size):
    n = {}
    return {}
"""
BEGUN, MEAN = "int(np.ceil(seconds / size))", "embeddings[:n].mean(axis=0)"
WEIGHTED = "np.average(embeddings[:n], axis=0, weights=[size] * (n - 1) + [seconds - size * (n - 1)])"
KEPT = """
def kept(rows, columns, gone_rows, gone_columns):
    return [{} for r in range(rows) for c in range(columns) if {}]
"""
NUMBER, LEFT = "r * columns + c", "r not in gone_rows and c not in gone_columns"
ANEW = """
def kept(rows, columns, gone_rows, gone_columns):
    return list(range((rows - len(gone_rows)) * (columns - len(gone_columns))))
"""
BY_COLUMN = """
def kept(rows, columns, gone_rows, gone_columns):
    return [c * rows + r for c in range(columns) if c not in gone_columns for r in range(rows) if r not in gone_rows]
"""
OUT_OF_ORDER = """
def kept(rows, columns, gone_rows, gone_columns):
    left = [r for r in range(rows) if r not in gone_rows]
    return [r * columns + c for c in range(columns) if c not in gone_columns for r in left]
"""

WRONG = [
    (1, "forgets the two others", TOKENS.format(COUNT, "columns * rows"), "are tokens too"),
    (1, "forgets one", TOKENS.format(COUNT, "columns * rows + 1"), "two more, not one"),
    (1, "forgets the first patch", TOKENS.format("(n - side) // stride", ALL), "begins at 0"),
    (1, "does not round", TOKENS.format("n / stride", ALL), "round down"),
    (1, "adds", TOKENS.format(COUNT, "columns + rows + 2"), "not plus"),
    (1, "rounds up", TOKENS.format("-(-(n - side) // stride) + 1", ALL), "round down"),
    (1, "lets the last stick out", TOKENS.format("n // stride", ALL), "the last patch must fit"),
    (1, "never overlaps", TOKENS.format("(n - side) // side + 1", ALL), "where patches begin"),
    (2, "rounds down", RECORDING.format("max(1, int(seconds // size))", MEAN), "round up"),
    (2, "takes all rows", RECORDING.format("len(embeddings)", MEAN), "mean nothing"),
    (2, "sums", RECORDING.format(BEGUN, "embeddings[:n].sum(axis=0)"), "not the sum"),
    (2, "divides by all rows", RECORDING.format(BEGUN, "embeddings[:n].sum(axis=0) / len(embeddings)"), "own segments"),
    (2, "takes one number", RECORDING.format(BEGUN, "embeddings[:n].mean()"), "along axis 0"),
    (2, "takes the wrong axis", RECORDING.format(BEGUN, "embeddings[:n].mean(axis=1)"), "axis 0, not 1"),
    (2, "weights the last segment", RECORDING.format(BEGUN, WEIGHTED), "counts like the others"),
    (2, "always adds one", RECORDING.format("int(seconds // size) + 1", MEAN), "two segments of 10, not three"),
    (3, "leaves out crossings alone", KEPT.format(NUMBER, "not (r in gone_rows and c in gone_columns)"),
     "not only where they cross"),
    (3, "numbers by column", BY_COLUMN, "row by row"),
    (3, "forgets the rows", KEPT.format(NUMBER, "c not in gone_columns"), "rows are left out as well"),
    (3, "forgets the columns", KEPT.format(NUMBER, "r not in gone_rows"), "columns are left out as well"),
    (3, "gives what goes", KEPT.format(NUMBER, "r in gone_rows or c in gone_columns"), "the ones that go"),
    (3, "gives the crossings", KEPT.format(NUMBER, "r in gone_rows and c in gone_columns"), "row and column cross"),
    (3, "counts from 1", KEPT.format("r * columns + c + 1", LEFT), "has the number 0"),
    (3, "goes by column", OUT_OF_ORDER, "in the order of their numbers"),
    (3, "numbers anew", ANEW, "do not number what is left anew"),
]  # fmt: skip
test_exercises = harness.suite("11_spectrogram_transformers", WRONG)
