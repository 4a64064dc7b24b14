"""A few rules of general English that change how a description is put and not what it says.

Each rule takes a text in lower case at its start and without a full stop, and gives it changed, or as it was where the
rule does not apply. They are careful rather than many: a rule that is in doubt leaves the text alone.
"""

import re

import numpy as np

from lib.data.world import pick

OPENERS = ("in this recording", "on this recording", "in this clip", "in this short clip")  # they say nothing
CLOSERS = ("during the recording", "in this short clip", "in this recording")
SYNONYMS = (  # words of a group may stand for one another
    ("several", "a number of", "multiple"), ("talking", "speaking"), ("talks", "speaks"), ("talk", "speak"),
    ("continuously", "constantly"), ("quickly", "rapidly"), ("loudly", "noisily"), ("softly", "quietly"),
    ("repeatedly", "again and again", "over and over"), ("begins to", "starts to"), ("begin to", "start to"),
    ("nearby", "close by"), ("in the distance", "far away", "from afar"), ("at the same time", "simultaneously"),
    ("a person", "someone"), ("on and off", "off and on"), ("various", "different"), ("kids", "children"),
    ("a few times", "several times"), ("twice", "two times"), ("as well as", "along with"),
)  # fmt: skip
GROUPS = tuple((re.compile(rf"(?<![\w-])({'|'.join(group)})(?![\w-])"), group) for group in SYNONYMS)
HEARING = re.compile(r",? (?:(?:can|could) be|is being|are being|is|are) (?:heard|audible)\b")
SOUND_OF = re.compile(r"^(?:there (?:is|are) )?(?:the )?sounds? of (?=(?:an?|the|some|someone|people|\w+s)\b)")
THERE = re.compile(r"^there (?:is|are) (?=(?:an?|some|several|people|\w+s)\b.* \w+ing\b)")
JOINT = re.compile(r"(?:, and then|, then| and then)(?= \w+)")
FOLLOWED = re.compile(r",? (?:and )?(?:is |are )?followed by (?=(?:an?|the|some|more|another)\b)")
NOT_CLAUSES = re.compile(
    r"\b(?:well|such|same|far|soon|used|sounds?|known|act\w*|serv\w*) as\b|\bas (?:well|if|though|it were)\b"
)
VERB = re.compile(r"\b(?:is|are|was|were|has|have|\w{2,}s|\w+ing)\b(?! of\b)")
SUBJECT = re.compile(r"^(?:an?|the|some|someone|somebody|people|birds|another|several|\w+s) ")
PHRASE = re.compile(r"(?:\S+ ){1,3}\w+ing\b(?! of\b)")
CLAUSE = re.compile(r"\b(?:is|are|then|sounds?|occurs?)\b|,")  # not, or not only, a phrase that names a sound
PROGRESSIVE = re.compile(r"\b(?:is|are) (?=\w+ing\b)")


def sides_swapped(text: str, rng: np.random.Generator) -> str:
    """ "A while B" <-> "while B, A"; the same with "as" where it joins two clauses."""
    if NOT_CLAUSES.search(text) or len(re.findall(r"\b(?:while|as|when)\b", text)) != 1:
        return text
    if front := re.fullmatch(r"(while|as) ([^,]+), ([^,]+)", text):
        return f"{front[3]} {front[1]} {front[2]}"
    middle = re.fullmatch(r"([^,]+?),? (while|as) ([^,]+)", text)
    if middle and _clause(middle[1]) and _clause(middle[3]):
        return f"{middle[2]} {middle[3]}, {middle[1]}"
    return text


def before_and_after(text: str, rng: np.random.Generator) -> str:
    """ "A before B" -> "A, and then B", and "B after A" -> "after A, B", of two whole clauses."""
    found = re.fullmatch(r"([^,]+) (before|after) ([^,]+)", text)
    if not found or not (_clause(found[1]) and _clause(found[3])) or len(re.findall(r"\b(?:before|after)\b", text)) > 1:
        return text
    return f"{found[1]}, and then {found[3]}" if found[2] == "before" else f"after {found[3]}, {found[1]}"


def then(text: str, rng: np.random.Generator) -> str:
    """ "and then", ", then" and ", and then" stand for one another; so does "followed by" before a noun."""
    text = FOLLOWED.sub(lambda _: pick(rng, (", and then ", " and then ", ", then ")), text)
    return JOINT.sub(lambda _: pick(rng, (", and then", ", then", " and then")), text)


def no_hearing(text: str, rng: np.random.Generator) -> str:
    """A description of a sound need not say that one can hear it."""
    return HEARING.sub("", text)


def sound_of(text: str, rng: np.random.Generator) -> str:
    """ "the sound of a dog barking" <-> "a dog barking", and "there is a dog barking" -> the same."""
    for opening in (SOUND_OF, THERE):
        if opening.match(text):
            return opening.sub("", text)
    is_phrase = SUBJECT.match(text) and PHRASE.match(text) and not CLAUSE.search(text)
    return f"the sound of {text}" if is_phrase else text


def plain_verb(text: str, rng: np.random.Generator) -> str:
    """ "birds are singing" -> "birds singing", where the text has one such verb."""
    return PROGRESSIVE.sub("", text) if len(PROGRESSIVE.findall(text)) == 1 and SUBJECT.match(text) else text


def synonyms(text: str, rng: np.random.Generator) -> str:
    """Words for words of the same meaning."""
    for pattern, group in GROUPS:
        if rng.random() < 0.7:
            text = pattern.sub(lambda m, own=group: pick(rng, [word for word in own if word != m[1]]), text, count=1)
    return text


def padded(text: str, rng: np.random.Generator) -> str:
    """A phrase before or after it that says nothing."""
    if any(phrase in text for phrase in (*OPENERS, *CLOSERS)):
        return text
    return f"{pick(rng, OPENERS)}, {text}" if rng.random() < 0.5 else f"{text} {pick(rng, CLOSERS)}"


RULES = (sides_swapped, before_and_after, then, no_hearing, sound_of, plain_verb, synonyms)


def rewritten(text: str, rng: np.random.Generator) -> str:
    """The text with each rule applied or not, as dice decide, in random order; padding comes last, and rarely."""
    for at in rng.permutation(len(RULES)):
        if rng.random() < 0.7:
            text = RULES[at](text, rng)
    return padded(text, rng) if rng.random() < 0.25 else text


def uncapitalised(text: str) -> str:
    """The text as it stands inside a sentence: without its first capital (but "I" and "BBC"), spaces or full stop."""
    text = " ".join(text.split()).rstrip(" .")
    first = text.split(" ")[0] if text else ""
    return text if first == "I" or first[1:] != first[1:].lower() else text[:1].lower() + text[1:]


def _clause(text: str) -> bool:
    """Does this read as a clause of its own: something that it is about, and a verb that may be its own?"""
    return bool(SUBJECT.match(f"{text} ") and VERB.search(text.partition(" ")[2])) and len(text.split()) >= 2
