"""TEACHING.md holds: its numbers, its run times, the places that it sends to, the minutes of its lessons."""

import json
import re

import pytest

from lib.workbook import ROOT, lint, teaching

TEXT = teaching.PAGE.read_text(encoding="utf-8")


def test_the_page_holds():
    assert not (problems := list(teaching.problems(TEXT))), "\n".join(problems)


def test_it_has_lessons_of_both_lengths_and_readers_find_it():
    lessons = [teaching.LESSON.match(line) for line in TEXT.splitlines()]
    assert {found[1] for found in lessons if found} == {"50", "90"}
    assert "](TEACHING.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(list(teaching.places(TEXT))) > 120 and len(lint.NUMBER.findall(TEXT)) > 80


@pytest.mark.parametrize("right, wrong, said", [
    ("**0.96**<!--m:00.order.swapped-->", "**0.69**<!--m:00.order.swapped-->", "says 0.69, the run measured 0.96"),
    ("<!--m:02.chance.formula-->", "<!--m:02.chance.gone-->", "02.chance.gone is bound"),
    ("<!--m:claim.W6@10-->", "<!--m:claim.W6-->", "claim.W6 is bound"),  # two notebooks make it: which?
    ("**4.159**<!--m:08.loss.guess-->", "4.159<!--m:08.loss.guess-->", "does not follow a bold number"),
    ('08, section 3 ("Temperature: who gets the push?")', '08, section 13', "notebook 08 has no section 13"),
    ('08, section 1 ("One batch")', '08, section 1 ("Two batches")', "it 'Two batches', the notebook 'One batch'"),
    ('and section 7 ("Where do the', 'and section 9 ("Where do the', "notebook 06 has no section 9"),
    ('exercise 1 ("one row asks")', 'exercise 1 ("two rows ask")', "08, exercise 1: the page calls it 'two rows ask'"),
    ('02, exercise 3', '02, exercise 4', "notebook 02 has no exercise 4"),
    (', section 9 ("With another', ', section 29 ("With another', "notebook 09 has no section 29"),
    ('("With another', '("With no', "09, section 9: the page calls it 'With no loss'"),
    ('and 3 ("what an answer earns")', 'and 3 ("what it earns")', "00, exercise 3: the page calls it 'what it earns'"),
    ("(README.md)", "(READYOU.md)", "there is no file READYOU.md"),
    ("| 20-30 |", "| 21-30 |", "do not fill the time"),
    ("(50 minutes)", "(55 minutes)", "do not fill the time"),
    ("| 02_scoring_a_ranking |", "| 02_scoring_a_ranking | 1 s |", "the table of run times"),
])  # fmt: skip
def test_what_does_not_hold_is_named(right, wrong, said):
    assert right in TEXT
    assert any(said in problem for problem in teaching.problems(TEXT.replace(right, wrong)))


@pytest.mark.parametrize("text, wanted", [
    ('08, section 3 ("Who?") and exercise 2 ("b. c"), section\n4; section 5', "section 3, exercise 2, section 4"),
    ('08, exercises 1 ("a"), live, and 3 ("b") and 12 ("c")', "exercise 1, exercise 3, exercise 12"),
    ('08, section 1 ("a"), then 09, section 2, and section 3 ("b")', "section 1, 09 section 2, 09 section 3"),
    ("08, section 3 and 7 of its cells, and its section 5, and section 4.2", "section 3"),
    ("abstract, section 1 | 08, section 2 | and section 3. And section 4", "section 2"),
])  # fmt: skip
def test_a_sentence_names_places_until_it_ends(text, wanted):
    named = [f"{'' if p.number == '08' else f'{p.number} '}{p.kind} {p.at}" for p in teaching.places(text)]
    assert ", ".join(named) == wanted


def test_rotten_numbers_are_refilled():
    assert lint.refill(TEXT.replace("**0.96**<!--m:00.order", "**0.10**<!--m:00.order"), teaching.entry()) == TEXT


def test_run_times_follow_the_metrics_and_the_rest_stays(tmp_path):
    for path in teaching.METRICS.glob("*.json"):
        entry = json.loads(path.read_text(encoding="utf-8"))
        entry["runs"]["laptop"]["seconds"] = 777.0
        (tmp_path / path.name).write_text(json.dumps(entry))
    page = tmp_path / "TEACHING.md"
    page.write_text(teaching.timed(TEXT, tmp_path))
    assert page.read_text().count("| 777 s |") == 20
    teaching.renew(page)
    assert page.read_text() == TEXT


def test_no_number_of_the_papers_is_bold_and_unbound():
    bare = [found for found in re.findall(r"\*\*[-+]?[\d.,]+ ?%?\*\*(?!<!--m:)", TEXT)]
    assert not bare
