"""Exercises of notebook 01: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

RELEVANCE = "def relevance_of(caption, clip):\n    return {} if caption else 1.0\n"
HTK = """
def htk_centres(n_mels, f_min, f_max):
    to_mel = lambda f: 2595 * np.log10(1 + f / 700)
    corners = np.linspace(to_mel({start}), to_mel(f_max), n_mels{extra})
    return 700 * (10 ** (corners{inner} / 2595) - 1)
"""
SLANEY = """
def htk_centres(n_mels, f_min, f_max):
    return hertz(np.linspace(mel(f_min), mel(f_max), n_mels + 2))[1:-1]
"""
RIGHT = {"start": "f_min", "extra": " + 2", "inner": "[1:-1]"}
LEAK = """
def leaking(recordings, splits):
    places = {{}}
    for recording, split in zip(recordings, splits):
        places.setdefault({key}, {box}()).{add}(split)
    return {end}
"""
LEAKS = {
    "key": "recording",
    "box": "set",
    "add": "add",
    "end": "sorted(r for r, own in places.items() if len(own) > 1)",
}

WRONG = [
    (1, "divides by what the clip holds",
     RELEVANCE.format("len(caption & clip) / len(clip)"), "not by what the clip holds"),
    (1, "takes Jaccard's overlap", RELEVANCE.format("len(caption & clip) / len(caption | clip)"), "nor by either"),
    (1, "all or nothing", RELEVANCE.format("float(caption <= clip)"), "partly true counts in part"),
    (1, "divides by nothing", "def relevance_of(caption, clip):\n    return len(caption & clip) / len(caption)\n",
     "beware of 0 / 0"),
    (2, "stays in hertz",
     "def htk_centres(n_mels, f_min, f_max):\n    return np.linspace(f_min, f_max, n_mels + 2)[1:-1]\n",
     "go to mel and back"),
    (2, "takes the ends for centres", HTK.format(**RIGHT | {"extra": "", "inner": ""}), "the ends are corners"),
    (2, "starts at 0", HTK.format(**RIGHT | {"start": "0"}), "start at f_min"),
    (2, "forgets the way back",
     HTK.format(**RIGHT).replace("700 * (10 ** (corners[1:-1] / 2595) - 1)", "corners[1:-1]"), "you gave mel"),
    (2, "takes this notebook's ruler", SLANEY, "Slaney's ruler"),
    (2, "ends at 8 kHz", HTK.format(**RIGHT).replace("to_mel(f_max)", "to_mel(8000)"), "end at f_max"),
    (3, "wants train in it",
     LEAK.format(**LEAKS | {"end": "sorted(r for r, own in places.items() if len(own) > 1 and 'train' in own)"}),
     "not only those with train"),
    (3, "counts clips", LEAK.format(**LEAKS | {"box": "list", "add": "append"}), "may share a split"),
    (3, "looks at the test alone",
     LEAK.format(**LEAKS | {"end": "sorted(r for r, own in places.items() if {'train', 'test'} <= own)"}),
     "train to validation"),
    (3, "does not sort",
     LEAK.format(**LEAKS | {"end": "[r for r, own in places.items() if len(own) > 1]"}), "sort them"),
    (3, "reads ids as numbers", LEAK.format(**LEAKS | {"key": "recording.lstrip('0')"}), "ids are text"),
]  # fmt: skip

test_exercises = harness.suite("01_sounds_and_captions", WRONG)
