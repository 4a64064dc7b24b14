"""What is taken of a model's answer: mended where that is safe, else refused for a reason; 10,000 mutated ones too."""

import json
import random
import re

import pytest

from lib import llm
from lib.llm import instruction
from lib.llm.instruction import Reason, again, parse, plain, request
from lib.show import bundle

FIVE = ("A dog barks.", "A puppy yaps twice.", "The hound bays in a yard.", "Some dog makes noise.", "A terrier barks.")
GOOD = "\n".join(f"{k}. {text}" for k, text in enumerate(FIVE, 1))
LONG = " ".join(["dog"] * 21)


def lines(form="{}. {}", texts=FIVE, join="\n"):
    return join.join(form.format(k, text) for k, text in enumerate(texts, 1))


@pytest.mark.parametrize("answer", [
    GOOD, lines("{}) {}"), lines("({}) {}"), lines("{}: {}"), lines("{} - {}"), lines("**{}.** {}"), lines("{}\\. {}"),
    lines("Caption {}: {}"), lines("{}.{}"), lines("  {}.  {}  "), lines("- {}. {}"), lines("> {}. {}"),
    lines("{}．{}"), lines("{}. **{}**"), lines('{}. "{}"'), lines("{}. “{}”"), lines("{}. `{}`"), lines("| {} | {} |"),
    lines("{}.\n{}"), lines("{}. {} [dog, yard]"), lines("{}. <b>{}</b>"), lines(join="\n\n"), lines(join="\r\n"),
    lines(join=" "),
    "Sure! Here are 5 captions:\n\n" + GOOD + "\n\nI hope this helps.", "```\n" + GOOD + "\n```",
    GOOD + "\n6. A cat meows.",
    "<think>1. I'm sorry\n2. no</think>\n" + GOOD, "\ufeff" + GOOD, GOOD.replace("in a yard", "in\n   a yard"),
    "I'm sorry for the delay.\n" + GOOD, *(lines(f"{b} {{1}}") for b in "-*•–"), GOOD + "\n\n1. Or what\n2. you like.",
    "1. First I thought of barking.\nNow the list:\n" + GOOD, GOOD + " (10.5 seconds)\n",
])  # fmt: skip
def test_what_can_be_mended_is(answer):
    found = parse(answer, caption="A dog is there.")
    assert found.reason is None, found
    assert [text.removesuffix(" (10.5 seconds)") for text in found.captions] == list(FIVE)


def with_third(text):
    return GOOD.replace(FIVE[2], text)


@pytest.mark.parametrize("answer, reason, told", [
    ("", Reason.EMPTY, "empty"), (" \n\n", Reason.EMPTY, "empty"), ("<think>1. hm", Reason.EMPTY, "empty"),
    ("I'm sorry, but I can't help with that.", Reason.REFUSED, "not a list"),
    ("As an AI language model, I do not hear.", Reason.REFUSED, "not a list"), ("```\n\n```", Reason.EMPTY, "empty"),
    (lines("{1}"), Reason.UNNUMBERED, "no numbers"), (lines("{1}", join=" "), Reason.UNNUMBERED, "no numbers"),
    (json.dumps(FIVE), Reason.UNNUMBERED, "no numbers"), ("It lasts 1.5 s.\n2-stroke engine", Reason.UNNUMBERED, "no"),
    (lines(texts=FIVE[:4]), Reason.FEW, "4 of 5"), (lines("- {1}", FIVE[:4]), Reason.FEW, "4 of 5"),
    (GOOD.replace("3.", "4."), Reason.ORDER, "from 1 to 5"), (GOOD.replace("1.", "0."), Reason.ORDER, "from 1 to 5"),
    ("\n".join(GOOD.splitlines()[::-1]), Reason.ORDER, "from 1 to 5"),
    (with_third("A dog is Heard."), Reason.BANNED, 'sentence 3 uses "heard"'),
    (with_third("A recorded dog barks."), Reason.BANNED, 'sentence 3 uses "recorded"'),
    (with_third(LONG), Reason.LONG, "sentence 3 has 21 words"),
    (with_third("dog " + "o" * 300), Reason.LONG, "characters"),
    (with_third("?!"), Reason.SHORT, "sentence 3 is none"), (with_third(""), Reason.SHORT, "sentence 3"),
    (with_third("1 2 3"), Reason.SHORT, "sentence 3"), (with_third("Dog."), Reason.SHORT, "sentence 3"),
    (with_third("I'm sorry, I cannot say."), Reason.REFUSED, "sentence 3"),
    (with_third("A dog barks. It is far away."), Reason.SEVERAL, "sentence 3"),
    (with_third("a dog barks"), Reason.REPEATED, "the same"),
    (with_third("A dog is there!"), Reason.REPEATED, "the same"),
])  # fmt: skip
def test_what_cannot_be_mended_is_refused_for_a_reason(answer, reason, told):
    found = parse(answer, caption="A dog is there.")
    assert (found.captions, found.reason) == ((), reason) and told in found.detail


def test_the_border_is_twenty_words():
    assert parse(with_third(LONG.removesuffix(" dog"))).captions[2].count("dog") == 20
    assert parse(with_third(LONG.removesuffix(" dog") + " – ☂")).captions  # signs are no words


@pytest.mark.parametrize("finish, reason", [("length", Reason.CUT), ("content_filter", Reason.REFUSED)])
def test_an_answer_that_the_server_cut_off_is_not_taken(finish, reason):
    assert parse(GOOD, finish=finish).reason == reason


@pytest.mark.parametrize("text", ["A herd passes unheard.", "A recorder plays a tune.", "A person says I'm sorry."])
def test_words_that_only_look_forbidden_are_not(text):
    assert parse(with_third(text)).captions[2] == text


def test_the_answer_that_the_paper_prints_breaks_the_papers_instruction():
    printed = "The sound of nails is heard."  # how the first of its sentences ends
    assert parse(with_third(printed)).reason == Reason.BANNED


@pytest.mark.parametrize("n", [1, 3, 12])
def test_any_number_of_captions_may_be_asked_for(n):
    texts = [f"Dog number {k} barks." for k in range(n)]
    assert f"Write {n} captions" in request("A dog barks.", n=n)[0]["content"]
    assert parse(lines(texts=texts), n=n).captions == tuple(texts)
    assert parse(lines(texts=texts[:-1]), n=n).captions == ()


def test_the_instruction_has_every_rule_of_the_papers_table():
    (message,) = request("A dog’s bark", ["dull", "metal"])
    rules = ("5 captions", "one sentence of fewer than 20 words", "subject, verb and object",
             "cities, countries or persons", "the time", "recording devices", "no introduction and no explanation",
             '"heard" or "recorded"', "its number")  # fmt: skip
    assert message["role"] == "user" and all(rule in message["content"] for rule in rules)
    assert message["content"].endswith("\n‘A dog’s bark’ [dull, metal]")
    assert not set("[]") & set(request("A dog barks.")[0]["content"]), "queries are paraphrased without keywords"


def test_the_second_request_says_what_was_wrong_and_shows_the_answer_but_not_all_of_an_endless_one():
    first = request("A dog barks.")
    talk = again(first, "x" * 100_000, parse("x" * 100_000))
    assert talk[0] == first[0] and len(talk[1]["content"]) == 2000 and "have no numbers" in talk[2]["content"]
    assert again(first, " ", parse(" "))[1]["content"] == "(nothing)"  # servers refuse empty messages


def test_text_from_outside_is_one_line_that_any_server_takes_and_escaped_it_is_harmless():
    assert plain(" a\tdog\n\x00\ud800 barks ☂ \x7f") == "a dog barks ☂"
    text = parse(with_third("A dog <script>alert(1)</script> & cat < bird.")).captions[2]
    assert text == "A dog alert(1) & cat < bird." and bundle.escape(text).count("<") == 0


# 10,000 mutated answers

PIECES = ["\n", "1. ", "5) ", "- ", "**", "heard", "Recorded", '"', "’", "I'm sorry, ", "[", "]", "<b>", "\x00",
          "\u200b", "☂", "。", "...", "Here is another sentence. It", "3", "．", " ", "dog " * 25, "<think>",
          "\r", "\\", "|", "\ud83d"]  # fmt: skip


def mutated(rng):
    """A good answer after one to six accidents."""
    text = lines(rng.choice(["{}. {}", "{}) {}", "- {1}", "**{}** - {}"]), join=rng.choice(["\n", "\n\n", " "]))
    for _ in range(rng.randint(1, 6)):
        at, to = sorted(rng.choices(range(len(text) + 1), k=2))
        to = min(to, at + rng.choice([1, 3, 30]))
        torn = text.split("\n")
        text = {
            "insert": text[:at] + rng.choice(PIECES) + text[at:],
            "delete": text[:at] + text[to:],
            "double": text[:to] + text[at:],
            "cut": text[: max(at, 1)] if rng.random() < 0.2 else text,
            "turn": text[:at] + text[at:to][::-1] + text[to:],
            "shuffle": "\n".join(rng.sample(torn, len(torn))),
        }[rng.choice(["insert", "insert", "delete", "double", "cut", "turn", "shuffle"])]
    return text


def faults(found):
    """What is wrong with what the parser took, told without its help."""
    if not found.captions:
        return [] if isinstance(found.reason, Reason) and found.detail else ["neither captions nor a reason"]
    wrong = ["both captions and a reason"] if found.reason else []
    wrong += ["number"] if len(found.captions) != 5 else []
    low = [re.sub(r"[\W_]", "", text.lower()) for text in found.captions]
    wrong += ["repetition"] if len(set(low)) < 5 or "adogisthere" in low else []
    for text in found.captions:
        wrong += ["length"] if len(re.findall(r"\S*\w\S*", text)) > 20 or len(text) > 300 else []
        wrong += ["banned"] if re.search(r"(?i)(?<!\w)(heard|recorded)(?!\w)", text) else []
        wrong += ["blank"] if not re.search(r"[^\W\d_]", text) or " " not in text else []
        wrong += ["refusal"] if text.lower().startswith("i'm sorry") else []
        wrong += ["sentences"] if re.search(r"[.!?] [A-Z]", text) else []
        wrong += ["layout"] if re.search(r"[\x00-\x1f*`\ud800-\udfff]|^\s|\s$|<b>", text) else []
    return wrong


def all_faults(times=10_000):
    rng = random.Random(0)
    parsed = [parse(mutated(rng), caption="A dog is there.") for _ in range(times)]
    return {fault for found in parsed for fault in faults(found)}, parsed


def test_ten_thousand_mutated_answers_are_five_valid_captions_or_a_reason():
    wrong, parsed = all_faults()
    assert not wrong
    assert 2000 < sum(bool(found.captions) for found in parsed) < 8000, "the mutations must test both ways"
    usual = {Reason.EMPTY, Reason.UNNUMBERED, Reason.ORDER, Reason.FEW, Reason.SHORT, Reason.LONG, Reason.BANNED,
             Reason.SEVERAL, Reason.REPEATED, Reason.REFUSED}  # fmt: skip
    assert {found.reason for found in parsed} - {None} == usual


@pytest.mark.parametrize("guard, without, seen", [
    ("MOST_WORDS", 10**6, "length"), ("BANNED", re.compile("(?!)"), "banned"), ("_letters", id, "repetition"),
    ("_REFUSAL", re.compile("(?!)"), "refusal"), ("_problem", lambda text: None, "blank"), ("plain", str, "layout"),
    ("_in_order", lambda items, n: [text for _, text in items] or None, "number"),
    ("_problem", lambda text: None, "sentences"),
])  # fmt: skip
def test_a_parser_without_one_of_its_guards_is_found_out(monkeypatch, guard, without, seen):
    monkeypatch.setattr(instruction, guard, without)
    assert seen in all_faults(4000)[0]


def test_the_parser_is_at_hand():
    assert llm.parse(GOOD) == parse(GOOD)
