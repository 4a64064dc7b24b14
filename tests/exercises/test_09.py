"""Exercises of notebook 09: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

TRAININGS = """
def trainings(scheme):
    clean, noisy, both = {{"clean"}}, {{"noisy"}}, {{"clean", "noisy"}}
    right = {{"ATAE": [clean], "ATAE-ET": [both], "ATAE-EP-F": [both, clean], "ATAE-NP-F": [noisy, clean],
             "ATAE again": [clean, clean]}}
    return (right | {{{}}})[scheme]
"""
THREE = """
def three_texts(clip):
    texts, title = {texts}, clip["title"]
    title = {extension}
    title = {spaces}
    return {joined}
"""
RIGHT = {"texts": "two_texts(clip)", "extension": 'text_statistics.EXTENSION.sub("", title)',
         "spaces": '" ".join(title.replace("_", " ").replace("-", " ").split())',
         "joined": "texts + [title] * (title != '' and title not in texts)"}  # fmt: skip
PLATEAU = """
def plateau(scores, patience, stop_after):
    best, waited, rate = 0, 0, 1.0
    for epoch, score in enumerate(scores):
        {used}
        best, waited = (epoch, 0) if score {better} scores[best] or epoch == 0 else (best, waited + 1)
        if waited {when} patience:
            {cut}
        {used_after}
        if epoch - best >= stop_after {stop}:
            break
    return {kept}, epoch + {one}, used
"""
BOOK = {"used": "used = rate", "used_after": "", "better": ">", "when": "==", "cut": "rate, waited = rate / 10, 0"}
BOOK |= {"stop": "", "kept": "best + 1", "one": "1"}


def trainings(change):
    return TRAININGS.format(change)


def three(**change):
    return THREE.format(**RIGHT | change)


def plateau(**change):
    return PLATEAU.format(**BOOK | change)


WRONG = [
    (1, "restarts ATAE", trainings('"ATAE": [clean, clean]'), "that is the control"),
    (1, "gives a set, no list", trainings('"ATAE": clean'), "a list, with one set for each training"),
    (1, "trains ET one after the other", trainings('"ATAE-ET": [clean, noisy]'), "not one after the other: mixed"),
    (1, "takes ET for NP-F", trainings('"ATAE-ET": [noisy, clean]'), "that is ATAE-NP-F: here they are mixed"),
    (1, "takes EP-F for NP-F", trainings('"ATAE-EP-F": [noisy, clean]'), "the first training has the clean data too"),
    (1, "turns EP-F around", trainings('"ATAE-EP-F": [clean, both]'), "clean data have the last word"),
    (1, "fine-tunes on both", trainings('"ATAE-EP-F": [both, both]'), "fine-tuning leaves the noisy data out"),
    (1, "forgets to fine-tune", trainings('"ATAE-EP-F": [both]'), "the F stands for a second training"),
    (1, "turns NP-F around", trainings('"ATAE-NP-F": [clean, noisy]'), "clean data have the last word"),
    (1, "takes NP-F for EP-F", trainings('"ATAE-NP-F": [both, clean]'), "the first training is noisy alone"),
    (1, "trains the control once", trainings('"ATAE again": [clean]'), "a restart needs a second training"),
    (2, "keeps the extension", three(extension="title"), "take the extension off"),
    (2, "keeps underscores", three(spaces="title"), "_ and - become spaces"),
    (2, "keeps hyphens", three(spaces='" ".join(title.replace("_", " ").split())'), "hyphens become spaces too"),
    (2, "writes small letters", three(joined="texts + [title.lower()]"), "leave capitals as they are"),
    (2, "puts the title first", three(joined="[title] + texts"), "the title comes last"),
    (2, "forgets the title", three(joined="texts"), "where is the title?"),
    (2, "cuts at the first dot", three(extension='title.split(".")[0]'), "you cut at the first dot"),
    (2, "cuts at the last dot", three(extension='title.rpartition(".")[0] or title'), "that dot begins no extension"),
    (2, "keeps double spaces", three(spaces='title.replace("_", " ").replace("-", " ")'), "two underscores, one space"),
    (2, "keeps the HTML", three(texts='[t for t in (clip["description"], " ".join(clip["keywords"])) if t]'),
     "use two_texts"),
    (2, "says things twice", three(joined="texts + [title] * (title != '')"), "says what the description says"),
    (2, "keeps empty titles", three(joined="texts + [title] * (title not in texts)"), "an empty text teaches nothing"),
    (3, "never stops", plateau(stop="and False"), "it had ended before the tenth"),
    (3, "keeps the last weights", plateau(kept="epoch + 1"), "the weights go back to the best epoch"),
    (3, "never cuts", plateau(cut="pass"), "the rate falls"),
    (3, "counts epochs from 0", plateau(kept="best", one="0"), "epochs count from 1"),
    (3, "stops one late", plateau(stop="+ 1"), "it ends after the sixth epoch since the best one"),
    (3, "stops one early", plateau(stop="- 1"), "one epoch more"),
    (3, "gives the next rate", plateau(used_after="used = rate"), "its own score comes too late"),
    (3, "takes equals for better", plateau(better=">="), "an equal score is no better"),
    (3, "cuts once", plateau(cut="rate, waited = 0.1, 0"), "what was cut stays cut"),
    (3, "does not begin anew", plateau(when=">=", cut="rate = rate / 10"), "the waiting begins anew"),
]  # fmt: skip
test_exercises = harness.suite("09_noisy_pretraining", WRONG)
