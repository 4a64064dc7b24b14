"""Exercises of notebook 03: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness


def norm(answer):
    return f"def p_norm(x, p):\n    return {answer}"


EMBED = """
def caption_embedding(caption, table, unknown):
    words = {words}
    return {answer}
"""


def embed(words="caption.lower().split()", each="table.get(w, table.get(w.removesuffix('s'), unknown))", answer=None):
    return EMBED.format(words=words, answer=answer or f"np.mean([{each} for w in words], axis=0)")


SEPARABLE = """
def separable(systems):
    found = set()
    for a, b in {pairs}:
        differ = [factor for factor in a if a[factor] != b[factor]]
        {found}
    return {answer}
"""


def pairs_of(pairs="((a, b) for a in systems for b in systems)", found="if len(differ) == 1: found.add(differ[0])",
             answer="found"):
    return SEPARABLE.format(pairs=pairs, found=found, answer=answer)


KNOWN = "[v for v in (table.get(w, table.get(w.removesuffix('s'))) for w in words) if v is not None]"
WRONG = [
    (1, "forgets the root", norm("(np.abs(x) ** p).sum()"), "take the root of the sum"),
    (1, "takes the mean", norm("(np.abs(x) ** p).mean() ** (1 / p)"), "not their mean"),
    (1, "sums first", norm("np.abs(x).sum()"), "the powers first"),
    (1, "forgets the sign", norm("(x**p).sum() ** (1 / p)"), "a sign must not cancel"),
    (1, "takes the size of the sum", norm("np.abs((x**p).sum()) ** (1 / p)"), "|x| of each number, not of the sum"),
    (1, "keeps the sign of an odd power", norm("(x**p).sum() ** (1 / p) if p != 1 else np.abs(x).sum()"),
     "an odd power keeps the sign"),
    (1, "takes the maximum", norm("np.abs(x).max()"), "a maximum is the norm for p = infinity"),
    (1, "knows one p", norm("(np.abs(x) ** 2).sum() ** 0.5"), "p is an argument"),
    (1, "knows one root", norm("(np.abs(x) ** p).sum() ** 0.5"), "the root the p-th"),
    (1, "knows one power", norm("(np.abs(x) ** 2).sum() ** (1 / p)"), "the power is p"),
    (2, "sums", embed(answer="sum(table.get(w, table.get(w.removesuffix('s'), unknown)) for w in words)"),
     "the mean, not the sum"),
    (2, "cuts the s off first", embed(each="table.get(w.removesuffix('s'), table.get(w, unknown))"),
     "the word as it is comes first"),
    (2, "keeps capitals", embed(words="caption.split()"), "in lower case"),
    (2, "drops strangers", embed(answer=f"np.mean({KNOWN}, axis=0)"), "a stranger has a vector as well"),
    (2, "gives strangers zero", embed(each="table.get(w, table.get(w.removesuffix('s'), np.zeros(2)))"),
     "not zero"),
    (2, "counts each word once", embed(words="dict.fromkeys(caption.lower().split())"), "do not make the words a set"),
    (2, "takes off every s", embed(each="table.get(w, table.get(w.rstrip('s'), unknown))"), "take one s off, not all"),
    (2, "takes off any letter", embed(each="table.get(w, table.get(w[:-1], unknown))"), "not any last letter"),
    (2, "one number", embed(answer="np.mean([table.get(w, unknown) for w in words])"), "expected shape (2,)"),
    (3, "takes any difference", pairs_of(found="found.update(differ)"), "which of the two did it?"),
    (3, "compares neighbours", pairs_of(pairs="zip(systems, systems[1:])"), "compare every two systems"),
    (3, "gives a list", pairs_of(answer="sorted(found)"), "a set, please"),
    (3, "begins with {}", pairs_of(answer="found or {}"), "the empty set is set()"),
    (3, "gives one name", pairs_of(answer="found.pop() if found else set()"), "there may be several"),
    (3, "asks for differences anywhere", """
def separable(systems):
    return {f for f in systems[0] if len({s[f] for s in systems}) > 1}
""", "which of the two did it?"),
    (3, "takes the first difference", pairs_of(found="found.update(differ[:1])"), "no two systems differ in one"),
]
test_exercises = harness.suite("03_the_2022_baseline", WRONG)
