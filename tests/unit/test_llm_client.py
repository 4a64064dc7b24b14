"""The client against a server that breaks in every usual way: no caption is lost, no question is asked twice."""

import logging
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import as_completed

import pytest

from lib import llm
from lib.llm import talk, writers
from lib.llm.answers import Answers
from lib.llm.instruction import Reason
from tests.unit import llm_server
from tests.unit.llm_server import KEY


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    with llm_server.chosen(monkeypatch) as server:
        yield server


def ask(*captions, writer=None, **options):
    return llm.outcomes(captions, writer=writer, progress=False, **options)


def patient(**options):
    return llm.OpenAI(**{"retries": 3, "timeout_s": 10.0, **options})


EXPECTED = {
    "well": None, "slow": None, "wrong": None, "short": None, "cut": None, "busy": None, "later": None, "down": None,
    "half": None, "drops": None, "page": None,
    "stubborn": Reason.REFUSED, "censored": Reason.REFUSED, "alwaysdown": Reason.SILENT, "alwayshalf": Reason.SILENT,
    "broken": Reason.SILENT, "nothing": Reason.SILENT, "unwanted": Reason.SILENT,
}  # fmt: skip


def test_every_caption_ends_with_its_variants_or_a_reason_and_none_is_asked_twice(server, capsys):
    captions = [f"{way} dog {k} barks." for k in range(2) for way in EXPECTED]
    writer = patient()
    found = ask(*captions, *captions[:7], writer=writer)
    assert [each.reason for each in found] == [EXPECTED[caption.split()[0]] for caption in (*captions, *captions[:7])]
    for caption, outcome in zip(captions, found):
        assert len(outcome.variants) == (0 if outcome.reason else 5) and bool(outcome.detail) == bool(outcome.reason)
        assert all(caption.rstrip(".") in variant for variant in outcome.variants)  # its own, not a neighbour's
    assert max(server.answered.values()) == 1
    said = capsys.readouterr().out
    assert "43 captions, 36 different; 36 asked of toy" in said and "14 dropped (10 no answer, 4 refusal)" in said
    assert "first without an answer: " in said and "Call again" in said
    before = len(server.bodies)
    assert [each.variants for each in ask(*captions, writer=writer)] == [each.variants for each in found[:36]]
    again = {body["messages"][0]["content"].split("‘")[1].split()[0] for body in server.bodies[before:]}
    assert again == {way for way, reason in EXPECTED.items() if reason == Reason.SILENT}  # there is no answer to keep


def test_without_the_cache_the_same_is_asked_twice(server, monkeypatch):
    def forgetful(self, messages):
        return None if len(server.bodies) < 3 else kept(self, messages)

    kept = Answers.get
    monkeypatch.setattr(Answers, "get", forgetful)
    ask("well dog barks.")
    assert max(server.answered.values()) > 1


def test_a_wrong_answer_is_asked_again_with_what_was_wrong(server):
    ask("short dog barks.")
    first, second, third = (body["messages"] for body in sorted(server.bodies, key=lambda b: len(b["messages"])))
    assert [message["role"] for message in third] == ["user", "assistant"] * 2 + ["user"]
    assert "it has 4 of 5 sentences" in second[-1]["content"] and "it has 3 of 5 sentences" in third[-1]["content"]
    assert second[1]["content"] == llm_server.good("short dog barks.", 4) and first == second[:1]


def test_a_stubborn_model_is_asked_three_times_in_all_and_its_caption_is_told_of(server, capsys):
    for _ in range(2):
        (outcome,) = ask("stubborn dog barks.")
        assert outcome.reason == Reason.REFUSED and outcome.detail
    assert len(server.bodies) == talk.TRIES == 3
    assert capsys.readouterr().out.count("1 dropped (1 refusal)") == 2


def test_what_is_sent_is_the_caption_and_its_keywords_and_no_key(server):
    ask("A dog barks.", "A cat meows.", keywords=[["dull", "metal", " ", "dull"], None])
    contents = [body["messages"][0]["content"] for body in server.bodies]
    (with_words,), (without,) = [[c for c in contents if word in c] for word in ("A dog", "A cat")]
    assert with_words.endswith("‘A dog barks.’ [dull, metal]") and without.endswith("‘A cat meows.’")
    assert "brackets" in with_words and "brackets" not in without
    assert all(set(body) == {"messages", "model"} and body["model"] == "toy" for body in server.bodies)


def test_retry_after_is_honoured(server):
    ask("later dog barks.")
    assert server.times[1] - server.times[0] >= 1.29


def test_back_off_grows(server):
    ask("down dog barks.", writer=patient(retries=2))
    first, second, third = server.times
    assert second - first > 0.36 and third - second > 0.74  # 0.5 and 1 s, less a quarter at most


def test_as_many_at_a_time_as_allowed_and_no_more(server):
    server.waits_for = threading.Barrier(3)  # nobody is answered before three are there
    ask(*(f"well dog {k} barks." for k in range(12)), writer=patient(concurrency=3))
    assert server.most == 3
    server.waits_for = threading.Barrier(8)
    ask(*(f"well cat {k} meows." for k in range(24)))
    assert server.most == 8  # unless told otherwise


def test_a_server_that_hangs_is_not_waited_for(server):
    (outcome,) = ask("hangs dog barks.", writer=patient(timeout_s=0.2, retries=1))
    assert outcome.reason == Reason.SILENT and "APITimeoutError" in outcome.detail and len(server.bodies) == 2


def test_a_server_that_dies_midway_is_given_up_and_the_next_run_asks_the_rest(server, capsys):
    captions, server.dies_after = [f"well dog {k} barks." for k in range(60)], 20
    found = ask(*captions, writer=patient(retries=0))
    reasons = Counter(each.reason for each in found)
    assert reasons[None] == 20 and reasons.total() == 60 and set(reasons) == {None, Reason.SILENT, Reason.STOPPED}
    assert 8 <= reasons[Reason.SILENT] <= 24 and reasons[Reason.STOPPED] >= 16  # those under way, too
    assert f"{reasons[Reason.STOPPED]} not asked" in capsys.readouterr().out
    server.dies_after, before = float("inf"), len(server.bodies)
    assert all(len(each.variants) == 5 for each in ask(*captions))
    assert len(server.bodies) - before == 40 and max(server.answered.values()) == 1
    assert "60 different; 40 asked of toy (40 requests), 20 from the cache, 0 dropped\n" in capsys.readouterr().out


@pytest.mark.parametrize("way, told", [
    ("locked", "Set OPENAI_API_KEY"), ("forbidden", "Set OPENAI_API_KEY"), ("elsewhere", "Set HEARSAY_LLM_MODEL"),
    ("poor", "nothing left to spend"),
])  # fmt: skip
def test_an_error_that_no_further_question_cures_stops_at_once_and_says_what_to_set(server, way, told):
    server.takes_s = 0.05
    with pytest.raises(llm.LLMError, match=told) as raised:
        ask(*(f"{way} dog {k} barks." for k in range(100)), writer=patient(retries=1))
    assert "\n" not in str(raised.value) and len(server.bodies) <= 40


def test_an_interrupted_run_begins_nothing_new_and_keeps_what_it_has(server, monkeypatch, capsys):
    captions, server.takes_s = [f"well dog {k} barks." for k in range(60)], 0.05

    def interrupted(futures):
        yield next(iter(as_completed(futures)))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(talk, "as_completed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ask(*captions)
    time.sleep(0.5)
    begun, kept = len(server.bodies), sum(server.answered.values())
    assert kept >= 1 and begun < 40
    assert all(len(each.variants) == 5 for each in ask(*captions)) and len(server.bodies) - begun <= 60 - kept + 8


def test_answers_before_such_an_error_are_kept(server):
    with pytest.raises(llm.LLMError):
        ask("well dog barks.", "locked dog barks.", writer=patient(concurrency=1))
    assert ask("well dog barks.")[0].requests == 0


def everywhere(error, capsys, caplog, folder):
    """All that anybody could read afterwards."""
    told = "".join(traceback.format_exception(error)) if error else ""
    files = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    return told + "".join(capsys.readouterr()) + caplog.text + files + repr(llm.OpenAI())


@pytest.mark.parametrize("way", ["well", "locked", "tells", "sings", "alwaysdown", "alwayshalf"])
def test_the_key_is_nowhere(server, way, capsys, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    raised = None
    try:
        found = ask(f"{way} dog barks.", writer=patient(retries=0))
        print(found)
    except llm.LLMError as error:
        raised = error
    assert "HTTP Request" in caplog.text
    text = everywhere(raised, capsys, caplog, tmp_path)
    assert KEY not in text, text[text.index(KEY) - 300 :]


def test_and_would_be_seen_if_it_were(server, capsys, caplog, tmp_path, monkeypatch):
    monkeypatch.setattr(writers, "_redacted", lambda text: text)
    ask("sings dog barks.")
    assert KEY in everywhere(None, capsys, caplog, tmp_path)


def test_a_local_server_needs_no_key(server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    assert len(ask("well dog barks.")[0].variants) == 5


def test_a_model_is_found_by_its_name_alone(server, monkeypatch):
    ask("well dog barks.")
    monkeypatch.setenv("HEARSAY_LLM_MODEL", "toy two")
    assert ask("well dog barks.")[0].requests == 1 and ask("well dog barks.")[0].requests == 0
