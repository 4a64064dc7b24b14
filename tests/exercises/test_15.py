"""Exercises of notebook 15: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

EXCHANGED = """
def exchanged(pair):
    other = dict(zip("abcdef", "{letters}"))
    return {{"before": pair["{before}"], "after": pair["{after}"], "letter": {letter}}}
"""
WHOLE = {"letters": "badcfe", "before": "after", "after": "before", "letter": "other[pair['letter']]"}
GAIN = """
def gain(event, background, snr_db):
    rms = lambda x: {rms}
    return {answer}
"""
ROOT = "np.sqrt(np.mean(x**2))"
RIGHT = "rms(background) / rms(event) * 10 ** (snr_db / 20)"
RECALL = """
def recall(before, words, gallery, k):
    sums = {sums}
    scores = {scores}
    own = scores.diagonal()[:, None]
    return ((scores > own).sum(dim=1) + 1 {within} k).float().{reduce}().item()
"""
SUM, COSINE = "before + words", "F.normalize(sums, dim=1) @ F.normalize(gallery, dim=1).T"


def exchanged(**change):
    return EXCHANGED.format(**WHOLE | change)


def gain(answer=RIGHT, rms=ROOT):
    return GAIN.format(answer=answer, rms=rms)


def recall(sums=SUM, scores=COSINE, within="<=", reduce="mean"):
    return RECALL.format(sums=sums, scores=scores, within=within, reduce=reduce)


WRONG = [
    (1, "keeps the letter", exchanged(letter="pair['letter']"), "so it is another operation"),
    (1, "keeps the sides", exchanged(before="before", after="after"), "the sides are as before"),
    (1, "goes one way only", exchanged(letter="dict(a='b', c='d', e='f').get(pair['letter'], pair['letter'])"),
     "it works both ways"),
    (1, "makes louder what was removed", exchanged(letters="badfce"), "(e) and (f)"),
    (2, "turns it over", gain("rms(event) / rms(background) * 10 ** (snr_db / 20)"), "the other way round"),
    (2, "compares powers", gain(rms="np.mean(x**2)"), "RMS is a root"),
    (2, "takes power decibels", gain(RIGHT.replace("/ 20", "/ 10")), "power, not amplitude"),
    (2, "drops the sign", gain(RIGHT.replace("snr_db", "abs(snr_db)")), "a negative SNR makes it softer"),
    (2, "brings it to that level alone", gain("10 ** (snr_db / 20) / rms(event)"), "0 dB: equal RMS"),
    (3, "asks with the sound", recall(sums="before"), "the sound alone"),
    (3, "asks with the words", recall(sums="words"), "the words alone"),
    (3, "takes dot products", recall(scores="sums @ gallery.T"), "not dot products"),
    (3, "leaves the others out", recall(scores=f"({COSINE})[:, :len(sums)]"), "nobody's target"),
    (3, "counts the hits", recall(reduce="sum"), "a share"),
    (3, "wants a rank below k", recall(within="<"), "in place k counts"),
]  # fmt: skip
test_exercises = harness.suite("15_audio_difference", WRONG)
