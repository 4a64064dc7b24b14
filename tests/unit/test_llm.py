"""Variants of whatever is given: who writes them, odd captions and keywords, the dry run, and the line that tells."""

import functools
import os
import subprocess
import sys

import pytest

from lib import llm, paraphrase
from lib.llm.instruction import Reason
from lib.workbook import ROOT
from tests.unit import llm_server


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    for name in ("HEARSAY_LLM", "HEARSAY_LLM_MODEL", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(monkeypatch):
    with llm_server.chosen(monkeypatch) as server:
        yield server


def echo(caption, keywords, *, n):
    """A writer that shows what it was given."""
    return [f"{caption}|{' '.join(keywords)}|{k}" for k in range(n)]


def written(*captions, keywords=None, n=2):
    return llm.variants(captions, keywords, n=n, writer=echo, progress=False)


# Who writes


def test_unless_told_otherwise_it_is_our_paraphraser_and_nothing_is_sent(capsys):
    caption = "A dog barks while rain falls."
    (found,) = llm.variants([caption], [["dog", "rain"]])
    assert found == tuple(paraphrase.paraphrases(caption, ("dog", "rain"))) and len(found) == 5
    said = capsys.readouterr().out
    assert "rewritten offline" in said and "GPT" not in said


def test_any_function_may_write():
    met = functools.partial(paraphrase.paraphrases, words="met")
    assert llm.variants(["A dog barks."], writer=met)[0] == tuple(met("A dog barks."))


def test_a_writer_may_be_named_as_the_environment_names_it(server, monkeypatch):
    monkeypatch.delenv("HEARSAY_LLM")
    assert llm.variants(["well dog barks."], writer="openai")[0][0] == "Outside, well dog barks now."
    assert llm.variants(["A dog barks."], writer="")[0] == llm.variants(["A dog barks."])[0]


@pytest.mark.parametrize("name", ["gpt", "hf:", "OpenAI"])
def test_another_name_is_an_error_that_says_which_there_are(monkeypatch, name):
    monkeypatch.setenv("HEARSAY_LLM", name)
    with pytest.raises(ValueError, match='expected HEARSAY_LLM to be unset, "openai" or "hf:NAME"; got'):
        llm.variants(["A dog barks."])


def test_what_is_not_set_is_named(monkeypatch):
    monkeypatch.setenv("HEARSAY_LLM", "openai")
    with pytest.raises(llm.LLMError, match="Set HEARSAY_LLM_MODEL"):
        llm.variants(["A dog barks."])
    monkeypatch.setenv("HEARSAY_LLM_MODEL", "toy")
    with pytest.raises(llm.LLMError, match="Set OPENAI_API_KEY .* or OPENAI_BASE_URL"):
        llm.variants(["A dog barks."])


@pytest.mark.parametrize("name, value, told", [
    ("OPENAI_BASE_URL", "localhost:8000/v1", "http:// or https://.* Set OPENAI_BASE_URL"),
    ("OPENAI_API_KEY", "sk one two", "without blanks"), ("OPENAI_API_KEY", "sk-é", "Set OPENAI_API_KEY again"),
])  # fmt: skip
def test_what_is_set_wrong_is_named_but_not_shown(server, monkeypatch, name, value, told):
    monkeypatch.setenv(name, value)
    with pytest.raises(llm.LLMError, match=told) as raised:
        llm.variants(["well dog."], progress=False)
    assert value not in str(raised.value) and not server.bodies


@pytest.mark.parametrize("key", [f" {llm_server.KEY}\n", "1", "EMPTY"])
def test_a_key_pasted_with_a_line_break_works_and_so_does_a_placeholder(server, monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    assert llm.variants(["well dog 1 is EMPTY."], progress=False)[0][0] == "Outside, well dog 1 is EMPTY now."


def test_offline_nobody_waits_for_the_client_library():
    code = "import sys; from lib import llm; llm.variants(['A dog barks.']); assert 'openai' not in sys.modules"
    environment = {name: value for name, value in os.environ.items() if name != "HEARSAY_LLM"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True)


# What is given

LONG = "dog " * 10_000


def test_odd_captions_end_with_variants_or_a_reason_in_their_place(server):
    odd = ["", " \n", "!?", LONG, "<b>well</b> & dog.", "☂ rain \x00\ud800 falls.", "Ein Hund bellt.", "犬が吠える。"]
    found = llm.outcomes([*odd, "well dog."], progress=False)
    blank = Reason.BLANK
    assert [each.reason for each in found] == [blank, blank, blank, Reason.HUGE, None, None, None, None, None]
    assert [each.variants[0] for each in found[4:]] == [
        "Outside, well & dog now.", "Outside, ☂ rain falls now.", "Outside, Ein Hund bellt now.",
        "Outside, 犬が吠える。 now.", "Outside, well dog now."]  # fmt: skip
    assert len(server.bodies) == 5


def test_no_captions_are_no_variants(server):
    assert llm.variants([]) == [] and llm.variants([], []) == [] and not server.bodies


def test_a_caption_that_comes_again_is_asked_once_with_each_of_its_keywords(server):
    captions = ["well dog.", "well cat.", " well  dog. ", "well dog.", "well dog."]
    found = llm.variants(captions, [["a"], None, ["a", "a", ""], ["b"], []], progress=False)
    assert len(server.bodies) == 4 and found[0] == found[2] and found[1][0] == "Outside, well cat now."


def test_keywords_are_plain_words():
    assert written("x", keywords=[[" a\n b ", "[c]", "", "a b"]], n=1) == [("x|a b c|0",)]
    assert written("x", "y", keywords=[None, []], n=1) == [("x||0",), ("y||0",)]


@pytest.mark.parametrize("captions, keywords, n, told", [
    ("a dog", None, 5, "captions as a list of texts; got 'a dog'"), ([None], None, 5, "captions as a list of texts"),
    (["a", float("nan")], None, 5, "got nan"), (["a dog"], ["dog"], 5, "keywords as a list of texts; got 'dog'"),
    (["a dog"], [["dog", 3]], 5, "keywords as a list of texts; got 3"), (["a", "b"], [["c"]], 5, "each of 2 captions"),
    (["a dog"], None, 0, "n of 1 or more"),
])  # fmt: skip
def test_another_form_is_an_error_before_anything_is_asked(server, captions, keywords, n, told):
    with pytest.raises(ValueError, match=told):
        llm.variants(captions, keywords, n=n)
    assert not server.bodies


def test_at_most_n_are_taken_and_none_is_a_reason(capsys):
    assert written("a b", n=3)[0] == ("a b||0", "a b||1", "a b||2")

    def terse(caption, keywords, *, n):
        return ["x"] if caption == "c d" else []

    found = llm.outcomes(["a b", "c d", "a b"], writer=terse)
    assert [each.variants for each in found] == [(), ("x",), ()] and found[0].reason == Reason.OFFLINE
    assert "3 captions, 2 different; rewritten offline, 1 dropped (1 nothing written)" in capsys.readouterr().out


# The dry run


def test_a_dry_run_counts_what_would_be_sent_and_sends_nothing(server, monkeypatch, capsys):
    llm.variants(["well dog.", "wrong cat."], progress=False)
    before = len(server.bodies)
    captions = ["well dog.", "wrong cat.", "well cow.", "well hen.", "well cow.", "", LONG]
    monkeypatch.delenv("OPENAI_API_KEY")
    capsys.readouterr()
    found = llm.estimate(captions, prices=(1.0, 10.0))
    assert len(server.bodies) == before and (found.requests, found.cached) == (2, 2)
    question = len(llm.request("well cow.")[0]["content"])
    assert question / 4 <= found.tokens_in / 2 <= question / 4 + 10 and found.tokens_out == 2 * 5 * 22
    assert found.cost == pytest.approx((found.tokens_in + 10 * found.tokens_out) / 1e6)
    said = capsys.readouterr().out
    assert "2 requests to toy (2 captions are in the cache)" in said
    assert "at 1 and 10 a million; nothing was sent" in said
    llm.variants(captions, progress=False)
    assert len(server.bodies) - before == found.requests


def test_a_dry_run_without_prices_names_none(server, capsys):
    assert llm.estimate(["well dog."]).cost is None and "million" not in capsys.readouterr().out


def test_an_answer_that_has_to_be_asked_again_is_a_request_of_the_dry_run(server, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(llm.talk.Talk, "one", lambda self, wish: llm.Outcome(requests=self._ask(llm.request(*wish))))
        llm.outcomes(["wrong dog."], progress=False)
    first, second = llm.estimate(["well dog."]), llm.estimate(["wrong dog."])
    assert second.requests == 1 and second.tokens_in > first.tokens_in + 20  # the wrong answer goes along


def test_the_paraphraser_costs_nothing(capsys):
    assert llm.estimate(["A dog barks."], prices=(1, 1)) == llm.Estimate(0, 0, 0, 0, 0.0)
    assert "nothing to send" in capsys.readouterr().out
