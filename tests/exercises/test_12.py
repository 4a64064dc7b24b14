"""Exercises of notebook 12: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

TEXTS = "def texts_read(epochs, captions, variants, p): return {}"
SEEN = "{n} * (1 - (1 - {chance}) ** epochs)"
CAPTIONS = SEEN.format(n="captions", chance="(1 - p) / captions")
VARIANTS = SEEN.format(n="captions * variants", chance="p / (captions * variants)")
ALIKE = SEEN.format(n="captions * (1 + variants)", chance="1 / (captions * (1 + variants))")
FIRST = SEEN.format(n="captions * variants", chance="p / variants")
EXCHANGED = f"{CAPTIONS} + {VARIANTS}".replace("(1 - p)", "q").replace("p / (", "(1 - p) / (").replace("q /", "p /")
FEW = """
def more_with_few(few, many):
    gains = [np.subtract(augmented, plain) for augmented, plain in (few, many)]
    difference = {difference}
    half = quantile(len(difference)) * difference.std({ddof}) / np.sqrt(len(difference))
    return difference.mean() - half, difference.mean() + half
"""
MENDED = r"""
def mended(answer, n=5):
    numbers, captions, going_on = [], [], False
    for line in {lines}:
        if begins := re.match(r"{number}", line):
            numbers.append(int(begins[1]))
            captions.append({text})
        elif {goes_on}:
            captions[-1] += " " + line
        going_on = bool(begins) or (going_on and line[:1].islower())
    return {found}
"""
RIGHT = {
    "lines": "map(str.strip, answer.splitlines())", "number": r"(\d+)[.):]\s+(.*)", "text": "begins[2]",
    "goes_on": "going_on and line[:1].islower()", "found": "captions if numbers == list(range(1, n + 1)) else []",
}  # fmt: skip
ANY_ORDER = "sorted(numbers) == list(range(1, n + 1))"
SORTED = f"[c for _, c in sorted(zip(numbers, captions))] if {ANY_ORDER} else []"
FIRST_N = "captions[:n] if numbers[:n] == list(range(1, n + 1)) else []"
UNSTRIPPED = {"lines": "answer.splitlines()", "goes_on": "going_on and line.strip()[:1].islower()"}


def few(difference="gains[0] - gains[1]", ddof="ddof=1"):
    return FEW.format(difference=difference, ddof=ddof)


def mended(**change):
    code = MENDED
    for name, value in (RIGHT | change).items():
        code = code.replace(f"{{{name}}}", value)
    return code


WRONG = [
    (1, "counts all there are", TEXTS.format("captions * (1 + variants)"), "how many are read?"),
    (1, "counts the epochs", TEXTS.format("1.0 * epochs"), "may draw the same text again"),
    (1, "forgets the variants", TEXTS.format(SEEN.format(n="captions", chance="1 / captions")), "are texts too"),
    (1, "takes all as likely", TEXTS.format(ALIKE), "look at p"),
    (1, "exchanges p", TEXTS.format(EXCHANGED), "not of the caption"),
    (1, "draws the variant first", TEXTS.format(f"{CAPTIONS} + {FIRST}"), "own caption must be drawn first"),
    (2, "looks at few alone", few("gains[0]"), "what of the gain with many?"),
    (2, "turns it round", few("gains[1] - gains[0]"), "few minus many"),
    (2, "compares scores", few("np.subtract(few[0], many[0])"), "compare gains, not scores"),
    (2, "divides by n", few(ddof=""), "divides by n - 1"),
    (2, "always takes five", few().replace("quantile(len(difference))", "quantile(5)"), "of the seeds"),
    (3, "is as strict as parse", "def mended(answer, n=5): return parse(answer, n) or []", "prose around the list"),
    (3, "joins all that follows", mended(goes_on="captions and line"), "begins with a capital"),
    (3, "keeps the numbers", mended(text="line"), "leave the numbers out"),
    (3, "joins nothing", mended(goes_on="False"), "belongs to the first caption"),
    (3, "takes a dot alone", mended(number=r"(\d+)\.\s+(.*)"), "a bracket may follow"),
    (3, "does not strip", mended(**UNSTRIPPED), "one space"),
    (3, "takes one digit", mended(number=r"(\d)[.)]\s+(.*)"), "two digits"),
    (3, "needs no sign", mended(number=r"(\d+)[.):]?\s+(.*)"), "a sign must follow"),
    (3, "takes the first n", mended(found=FIRST_N), "and no other"),
    (3, "sorts", mended(found=SORTED), "do not sort"),
    (3, "ignores the order", mended(found=f"captions if {ANY_ORDER} else []"), "must rise from 1"),
]  # fmt: skip
test_exercises = harness.suite("12_gpt_captions", WRONG)
