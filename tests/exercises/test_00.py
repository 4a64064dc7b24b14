"""Exercises of notebook 00: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

COSINE = "def similarity(z_text, z_audio):\n    a, b = np.linalg.norm(z_text), np.linalg.norm(z_audio)\n    return {}"
BEST = "def best_first(similarities, k):\n    return {}"
MAP = "def map10(ranks):\n    return {}"

WRONG = [
    (1, "the dot product", COSINE.format("z_text @ z_audio"), "divide it by both lengths"),
    (1, "squared norms", COSINE.format("z_text @ z_audio / (a**2 * b**2)"), "not by their squares"),
    (1, "one length only", COSINE.format("z_text @ z_audio / a"), "both lengths"),
    (1, "without the sign", COSINE.format("abs(z_text @ z_audio / (a * b))"), "keep the sign"),
    (1, "the sign alone", COSINE.format("np.sign(z_text @ z_audio)"), "sign alone is not enough"),
    (1, "the angle", COSINE.format("1 - 2 * np.arccos(z_text @ z_audio / (a * b)) / np.pi"), "asked is its cosine"),
    (1, "a function of torch", COSINE.format("torch.cosine_similarity(z_text, z_audio, dim=0)"), "your code stopped"),
    (1, "no return", "def similarity(z_text, z_audio):\n    z_text @ z_audio", "`return` missing"),
    (2, "worst first", BEST.format("np.argsort(similarities)[:k]"), "sorts upwards"),
    (2, "best last", BEST.format("np.argsort(similarities)[-k:]"), "best must come first"),
    (2, "counted from 1", BEST.format("np.argsort(-similarities)[:k] + 1"), "count from 0"),
    (2, "the similarities", BEST.format("np.sort(similarities)[::-1][:k]"), "positions, not the similarities"),
    (2, "by size", BEST.format("np.argsort(-np.abs(similarities))[:k]"), "-0.1 is more than -0.9"),
    (3, "the sum", MAP.format("(1 / ranks).sum()"), "average over the queries"),
    (3, "one over the mean", MAP.format("1 / ranks.mean()"), "1 / rank first"),
    (3, "no end", MAP.format("(1 / ranks).mean()"), "after rank 10"),
    (3, "losers left out", MAP.format("(1 / ranks[ranks <= 10]).mean()"), "still counts in the mean"),
    (3, "one too early", MAP.format("np.where(ranks < 10, 1 / ranks, 0.0).mean()"), "among the first ten"),
]
test_exercises = harness.suite("00_listen_first", WRONG)
