# ---
# jupyter:
#   hearsay:
#     corpora: [clean, noisy]
#     alone: true
#     budget_s: {laptop: 300, smoke: 90}
# ---

# %% [markdown]
# # 12 GPT captions
#
# {{badge}}
#
# **The question:** a language model can say each caption five times more, in other words. Does a retrieval system learn
# more from that, and if not, is it for the reason that the paper gives?

# %% tags=["parameters"]
PROFILE = "laptop"
DATA = "soundscapes"
SEED = 0

# %%
import re
from functools import partial

import numpy as np
import pandas as pd

from lib import data, llm, metrics, profiles, retrieval, stats, train
from lib.data import text_statistics
from lib.data.text_statistics import covered, words
from lib.paraphrase import paraphrases
from lib.retrieval import Recipe
from lib.show import checks, listen, plots
from lib.show.checks import Case
from lib.show.claims import claim, metric
from lib.show.pipeline import pipeline

profile = profiles.get(PROFILE)
seeds = [SEED + seed for seed in profile.seeds]

# %%
pipeline(["text", "loss"])

# %% [markdown]
# Sounds, towers and loss stay what they were. What changes is the text that training reads.
#
# **After this you can**
# - ask a language model for captions, and refuse an answer that does not keep to what you asked;
# - swap captions while training, and say what that does to an epoch;
# - measure overfitting as a gap between two losses, on text that nobody swapped;
# - test an explanation, not just a result: what must be seen if it is true?
# - weigh a few good captions against many poor ones.
#
# **In class (90 minutes):** sections 1 to 3, 5 to 7 and exercise 1. **At home:** the rest.
#
# **Before:** notebooks 02 (intervals), 08 (NT-Xent), 09 (pretraining, fine-tuning). Helpful: 10 (encoders that learn).
#
# <!--runtimes-->

# %% [markdown]
# ## 1. A question and its answer
#
# Primus et al. 2023, section 2.4.4 and Table 1: GPT-3.5-turbo gets one of Clotho's captions, and the clip's keywords. It is
# told what to write, and what not. Here is our wording of that question, for a caption of our own:

# %%
(question,) = llm.request("A small dog barks twice in a kitchen.", ["dog", "metal", "zoom-h4"])
print(question["content"])

# %% [markdown]
# **Predict:** a model that follows this to the letter would leave out one of the three keywords. Which, and why?
#
# What comes back is text, and text may be anything. So the first thing to write is not the training but the reader of
# answers: five lines, numbered from 1, each of at most twenty words, and none with a word that was forbidden. Whatever
# else comes is no answer.


# %% tags=["for-exercises"]
def parse(answer, n=5):
    """The n captions of an answer, or None where it is not exactly what was asked for."""
    lines = [re.fullmatch(r"\s*(\d+)\.\s+(.*\S)\s*", line) for line in answer.splitlines() if line.strip()]
    if len(lines) != n or not all(lines):
        return None
    if [int(line[1]) for line in lines] != list(range(1, n + 1)):
        return None
    captions = [line[2] for line in lines]
    fit = all(len(c.split()) <= 20 and not re.search(r"\b(heard|recorded)\b", c.lower()) for c in captions)
    return captions if fit else None


# %%
five = ["A puppy barks two times in a kitchen.", "In a kitchen, a little dog is barking twice.",
        "Two barks of a small dog ring out between metal pans.", "A small dog barks, then barks again, in a kitchen.",
        "A dog yaps twice near metal dishes."]
good = "\n".join(f"{k}. {text}" for k, text in enumerate(five, 1))
ANSWERS = {
    "as asked": good,
    "a polite one": "Sure! Here are five captions:\n\n" + good,
    "four": good[: good.index("5.")],
    "bullets": good.replace("1.", "-").replace("2.", "-").replace("3.", "-").replace("4.", "-").replace("5.", "-"),
    "a refusal": "I'm sorry, but I cannot listen to audio.",
    "a banned word": good.replace("ring out", "are heard"),
    "cut off": good[:-20],
}
rows = [{"answer": name, "parse": "taken" if parse(answer) else "refused", "lib.llm": llm.parse(answer).reason or "taken"}
        for name, answer in ANSWERS.items()]
pd.DataFrame(rows).set_index("answer")

# %% [markdown]
# Ours is strict and short. `lib.llm.parse` mends what can be mended without guessing (prose around the list, bullets,
# quotes, a line broken in two); for the rest it gives the reason, and the question is asked again with that reason. Look at the
# last row: "cut off" is taken by both, since nothing in the *text* shows it. That is why a client must also look at
# why the model stopped (`finish`):

# %%
print(llm.parse(ANSWERS["cut off"], finish="length").reason)

# %% [markdown]
# Did the authors check? Their instruction forbids the word "heard". The first of the five sentences that Table 1 prints
# ends in "is heard". By our reader their own example is refused. Nobody knows how many of the 96,000 captions in
# their file break a rule; the paper reports no count, and none of a second request. (Two more things to ask of that
# table. Are four of the five answers better for the keywords, or just longer? And a nail that taps "rhythmically": who
# told it that?)
#
# ## 2. Three writers, and ours
#
# Who writes is said by the environment, never by a cell:
#
# | `HEARSAY_LLM` | who writes | needs |
# |---|---|---|
# | `openai` | any OpenAI-compatible server, hosted or on your machine | `HEARSAY_LLM_MODEL`, `OPENAI_BASE_URL`, `OPENAI_API_KEY` |
# | `hf:NAME` | an instruction model of Hugging Face, on this machine | its weights, a GPU, hours |
# | (unset) | the **offline paraphraser** | nothing |
#
# All that you see below comes from the third. It is a program of rules and word lists (`lib/paraphrase.py`), no language
# model. It reads a caption of our soundscapes as facts (a dog, small, twice, then ...) and writes the same facts anew, in
# other words and another order; of keywords it takes one now and then. It sees text and keywords, never the scene.
#
# Keep in mind how it differs from GPT. It knows *every* wording of the language in which our captions are written, also those
# that only test captions use. It never misunderstands, so it cannot invent. And its style is that of the captions. It is
# close to the best that a paraphraser could be *here*. What GPT is worth on Clotho, none of this can say.
#
# Before you send anything to a server, let the client count. Nothing is sent by this cell; the prices are an example:

# %%
counted = llm.estimate([f"caption {k}, which is a sentence of some eleven words or so" for k in range(19200)],
                       [["metal", "dull", "tapping"]] * 19200, writer=llm.OpenAI("some-model"), prices=(0.5, 1.5))

# %% [markdown]
# That would be Clotho's 19,200 training captions: a few dollars, and an afternoon. Answers are kept as they come; if your
# laptop falls asleep, the next call goes on where this one stopped.
#
# Now our captions. The target set has few clips, as in notebook 09: Clotho's share of what Primus et al. train on.

# %% tags=["recipes"]
LEVELS, USUAL = data.noise_levels(DATA), 1.0
tables, uploads = {}, {}
for seed in seeds:
    clips = data.load(DATA, profile=profile, seed=seed, needs=("captions",))
    tables[seed] = clips[clips["split"] != "noisy"]
    uploads[seed] = {level: data.load_noisy(DATA, profile=profile, seed=seed, noise=level) for level in LEVELS}
whole = data.of_split(tables[SEED], "train")
n = min(len(whole), round(len(uploads[SEED][USUAL]) * 3839 / 20483))  # clips of the target set
print(f"profile {profile.name}, data {DATA}, seeds {seeds}: {n} of {len(whole):,} training clips are the target set")


# %% tags=["recipes"]
def target(seed, captions=5):
    """The clips of the target set, each with its first so many captions."""
    clips = data.of_split(tables[seed], "train").head(n)
    return clips.assign(captions=[own[:captions] for own in clips["captions"]])


def written(clips, keywords=True, writer=None):
    """Variants of each caption of these clips, in the order of the captions."""
    texts = [caption for own in clips["captions"] for caption in own]
    tags = [own for own, captions in zip(clips["keywords"], clips["captions"]) for _ in captions]
    return llm.variants(texts, tags if keywords else None, writer=writer, progress=False)


# %%
first = target(SEED).head(2)
listen.play_row([clip for _, clip in first.iterrows()], labels=["clip 0", "clip 1"], seconds=5)
for caption, own in list(zip([c for five in first["captions"] for c in five], written(first)))[::5]:
    print(caption, *own, sep="\n    ")
print("keywords:", *first["keywords"], sep="\n    ")

# %% [markdown]
# **Look, and listen:** which of the variants hold something that the caption does not say? It comes from the keywords, and
# whether it is true depends on the uploader. (Notebook 01: of a clip's keywords most are about something else.) And what is
# *not* new: every variant states all that its caption states, and leaves out all that the caption left out. A paraphrase has
# other words for what one person noticed. It does not notice more.
#
# ## 3. Swapping
#
# Section 2.6: while fine-tuning, "a caption was swapped with one of its five GPT-augmented versions with a probability of
# 0.3". No text is added to an epoch; one stands in for another.


# %%
def swapped(captions, variants, p, rng):
    """Each caption, or with the chance p one of its variants, all equally likely."""
    return [own[rng.integers(len(own))] if own and rng.random() < p else caption for caption, own in zip(captions, variants)]


# %% [markdown]
# **Predict:** a clip has five captions, and each of those five variants. In each epoch one caption is drawn, and swapped with
# $p = 0.3$. How many different texts of the clip has the model read after 10 epochs? After 40?

# %%
rng = np.random.default_rng(SEED)
texts = [f"caption {k}" for k in range(5)]
others = [[f"{text}, variant {v}" for v in range(5)] for text in texts]
SEEN = {}
for p in (0.0, 0.3, 1.0):
    read, seen = set(), []
    for _ in range(40):
        k = rng.integers(5)
        read |= set(swapped([texts[k]], [others[k]], p, rng))
        seen.append(len(read))
    SEEN[p] = seen
fig, (ax,) = plots.figure(8, 3.4)
for p, colour in zip(SEEN, (plots.GREY, plots.BLUE, plots.VERMILION)):
    ax.plot(range(1, 41), SEEN[p], color=colour, label=f"p = {p:g}")
ax.set(xlabel="epochs", ylabel="different texts read", ylim=(0, None))
ax.legend(loc="upper left")
plots.show(fig, alt="Different texts of one clip that training has read, by epoch. " + "; ".join(
    f"p = {p:g}: {seen[9]} after 10 epochs, {seen[39]} after 40" for p, seen in SEEN.items()) + ".")

# %% [markdown]
# Without swapping all five are known after some ten epochs, and then come again and again. With $p = 0.3$ new ones keep
# coming, but most of what is read is still what people wrote. Exercise 1 asks for the curve's formula.
#
# ## 4. What do keywords add?
#
# The paper's explanation for its small gain: each recording "is associated with five different captions, which are likely to
# contain the most relevant keywords already". That can be counted. **Predict:** of a Clotho clip's keywords, which share
# occurs in its first caption, and which in one of its five?


# %%
def coverage(clips, captions):
    """Share of the keywords whose every word, in singular or plural, occurs in one of the first so many captions."""
    found = []
    for own, keywords in zip(clips["captions"], clips["keywords"]):
        said = {word for caption in own[:captions] for word in words(caption)}
        found += [covered(keyword, said) for keyword in keywords]
    return np.mean(found)


def sounds_only(clips):
    """The same clips with those keywords alone that name one of our kinds of sound."""
    stems = set().union(*text_statistics.names().values())
    return clips.assign(keywords=[[k for k in own if text_statistics.stems(k) & stems] for own in clips["keywords"]])


ours, theirs = target(SEED), text_statistics.clotho("development")
told = iter(zip([text for own in ours["captions"] for text in own], written(ours)))
with_variants = ours.assign(captions=[
    [text for _ in own for caption, more in [next(told)] for text in (caption, *more)] for own in ours["captions"]])

# %%
sets = {"ours": ours, "ours, keywords that name a sound": sounds_only(ours)} | ({} if theirs is None else {"Clotho": theirs})
HELD = {name: [coverage(clips, k) for k in (1, 2, 5)] for name, clips in sets.items() if any(map(len, clips["keywords"]))}
for name, held in HELD.items():
    for k, share in zip((1, 2, 5), held):
        metric(f"12.coverage.{name.partition(',')[0].lower()}{'.sounds' * (',' in name)}.{k}", share)
if theirs is None:
    print("not available here: Clotho's texts (see data_scripts/)")
if HELD:
    metric("12.coverage.ours.variants", coverage(with_variants, 30))
    metric("12.coverage.ours.variants.sounds", coverage(sounds_only(with_variants), 30))

# %%
fig, (ax,) = plots.figure(8, 3.6)
for (name, held), colour, marker in zip(HELD.items(), (plots.BLUE, plots.SKY, plots.ORANGE), "osD"):
    ax.plot((1, 2, 5), held, marker + "-", color=colour, label=name)
ax.set(xlabel="captions of a clip", ylabel="share of its keywords\nthat occur in them", xticks=(1, 2, 5), ylim=(0, 1))
if HELD:
    ax.legend(loc="upper left")
plots.show(fig, alt="Share of keywords that occur in the first 1, 2 or 5 captions of a clip. " + "; ".join(
    f"{name}: " + ", ".join(f"{share:.2f}" for share in held) for name, held in HELD.items()) + ".")

# %% [markdown]
# Of Clotho's keywords **10 %**<!--m:12.coverage.clotho.1--> occur in the first caption and
# **21 %**<!--m:12.coverage.clotho.5--> in all five together. So five captions hold twice as many as one, and four of five
# keywords are *not* in them. Read literally, the explanation fails. But "the most relevant"? Most keywords name
# the place, the machine, the mood. Of our clips' keywords **21 %**<!--m:12.coverage.ours.5--> are covered; of those that name
# a sound, **33 %**<!--m:12.coverage.ours.sounds.5-->. With all variants it is **77 %**<!--m:12.coverage.ours.variants.sounds-->.
# (Of Clotho's we cannot say which name a sound that is there.)
#
# Counting words does not settle it. The explanation makes a prediction that does: *with fewer captions a clip, augmentation must
# help more*. Section 8 takes it at its word.
#
# ## 5. The arms
#
# The paper's three, in Table 3: pretrained on everything; then fine-tuned on Clotho; then fine-tuned with augmentation. For
# "everything" we take what stood in for it in notebook 09, section 10: human captions of another world (the shifted split),
# synthetic ones (uploads at the lowest noise) and the target.
#
# Around them stand arms that differ in one thing. *Others' variants* swaps captions for variants of another clip's: it must do
# harm, and if our test did not see that, its silence about everything else would mean nothing. *No keywords* and *met words*
# say what the paraphraser's knowledge is worth: the first is not shown the keywords, the second knows only wordings
# that occur in training captions.


# %% tags=["recipes"]
def everything(seed):
    """One table: what is asked, the target set in all its guises, and the sets to pretrain on."""
    own, usual = target(seed), uploads[seed][USUAL]
    rest = data.of_split(tables[seed], "train").iloc[n:]
    few = rest.assign(captions=[own[:1] for own in rest["captions"]]).head(len(usual) // 16)
    parts = [tables[seed][tables[seed]["split"] != "train"], own.assign(split="train")]
    parts += [target(seed, k).assign(split=f"{k} caption{'s' * (k > 1)}") for k in (1, 2)]
    parts += [own.assign(split=name) for name in ("no keywords", "met words", "others' variants")]
    parts += [few.assign(split="few human"), usual.head(len(few)).assign(split="few noisy")]
    parts += [usual.assign(split="many noisy"), uploads[seed][LEVELS[0]].assign(split="synthetic")]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def with_texts(seed):
    """The corpus, and the variants of each guise of the target set."""
    own, corpus = target(seed), retrieval.encode(everything(seed))
    mine = written(own)
    at = np.cumsum([0, *map(len, own["captions"])])
    first = {k: [mine[i] for a, b in zip(at, at[1:]) for i in range(a, min(b, a + k))] for k in (1, 2)}
    half = at[len(own) // 2]
    told = {"train": mine, "1 caption": first[1], "2 captions": first[2], "others' variants": mine[half:] + mine[:half]}
    told |= {"no keywords": written(own, keywords=False)}
    told |= {"met words": written(own, writer=partial(paraphrases, words="met"))}
    return corpus.with_variants(told)


# %% tags=["recipes"]
corpora = {seed: with_texts(seed) for seed in seeds}
print({name: (len(split), len(split.groups)) for name, split in corpora[SEED].splits.items()})

# %% tags=["recipes"]
def cosine(rate, epochs, **more):
    """A tenth of the time up, then a cosine down to zero; nothing stops it early."""
    return train.Settings(rate, max_epochs=epochs, warmup_epochs=epochs / 10, stop_after=epochs, **more)


rate, few = 1e-4 * profile.batch_size / 64, max(1, round(profile.max_epochs / 15))  # 2 epochs at laptop
EVERYTHING = train.Settings(2 * rate, schedule="plateau", patience=2, stop_after=4, max_epochs=2 * profile.max_epochs)
TUNING = cosine(0.4 * EVERYTHING.learning_rate, 40)  # 0.4 of the rate, as in the paper
LEARNING = cosine(rate, few, encoder_scale=0.3)
ALONE = cosine(5 * rate, 80)
P = 0.3  # the paper's

# %% [markdown]
# Four schedules: to pretrain on everything (until the stopping rule of notebook 09), to fine-tune adapters, to fine-tune a text
# encoder, and to train adapters on the target set alone, from random weights. A *stage* is one training; an *arm* is a list
# of stages, each from the weights of the one before.


# %% tags=["recipes"]
def stage(*sets, swap=0.0, training=ALONE, captions_per_clip=1, tune=()):
    """One training on these sets, from the weights of the stage before, if there is one."""
    return Recipe("nt_xent", {}, profile.batch_size, captions_per_clip, profile.dim, hidden=2 * profile.dim, on=sets,
                  swap=swap, tune=tune, training=training)


def tuned(on="train", swap=0.0):
    """Pretrained on everything there is, then fine-tuned on the target set, or a guise of it."""
    return [PRETRAINED, stage(on, swap=swap, training=TUNING)]


def text_tuned(swap=0.0):
    """The same with the text encoder learning in fine-tuning: each caption once an epoch, for few epochs."""
    return [PRETRAINED, stage("train", swap=swap, training=LEARNING, captions_per_clip=None, tune=("text",))]


# %% tags=["recipes"]
SETS = tuple(name for name in ("train", "synthetic", "shifted") if name in corpora[SEED].splits)
PRETRAINED = stage(*SETS, training=EVERYTHING, captions_per_clip=None)
ARMS = {
    "pretrained": [PRETRAINED],
    "fine-tuned": tuned(),
    "augmented": tuned(swap=P),
    "others' variants": tuned("others' variants", swap=P),
    "no keywords": tuned("no keywords", swap=P),
    "met words": tuned("met words", swap=P),
}

# %% [markdown]
# Frozen encoders first: only the adapters learn. An epoch of fine-tuning shows each clip once, with one caption drawn. As in the
# paper the learning rate rises for a tenth of the time and then follows a cosine down to zero; so all arms of one kind take
# as many steps, and a difference between them is not one of stopping earlier or later. The weights of the epoch with the best validation
# score are kept. (The paper: five epochs, both encoders learn. Ours learn in section 7.) What takes long is replayed
# from `notebooks/logs/12.npz`, as in notebook 10; `make record NB=12` makes it anew.

# %%
outcomes = {}


def train_all(arms):
    """Train these arms on each seed, or replay them from the log, and score the test split."""
    outcomes.update(retrieval.compare(corpora, arms, log="12"))


train_all(ARMS)

# %% [markdown]
# ## 6. Three arms, two questions
#
# Primus et al. report two things of augmentation, and they are different things: "overfitting was slightly reduced", and mAP@10 rose
# by .56. For the first they show neither a curve nor a number. So each gets a test of its own here.
#
# **First question: does it overfit less?** Overfitting is a *gap*: how much better a model knows what it learnt from
# than what is new to it. Training's own loss will not do: an augmented arm is given harder text, so its loss is higher, and the
# gap looks small though nothing was gained. So the same loss, NT-Xent, is taken of both sets after training, on as many clips
# of each, one plain caption a clip, nothing swapped.
#
# **Predict:** draw two bars a side for the three arms, the loss on clips learnt from and on validation clips. Which of
# the six does augmentation move?

# %%
THREE = ("pretrained", "fine-tuned", "augmented")


def losses_of(arm):
    """NT-Xent on clips that it learnt from and on validation clips, one value a seed."""
    return {told: np.array([outcomes[arm][seed].losses[told] for seed in seeds]) for told in ("learnt", "validation")}


fig, (ax,) = plots.figure(9, 3.8)
for shift, told, colour in ((-0.2, "learnt", plots.SKY), (0.2, "validation", plots.VERMILION)):
    values = [losses_of(arm)[told] for arm in THREE]
    spread = [value.std(ddof=1) if len(seeds) > 1 else 0.0 for value in values]
    ax.bar(np.arange(3) + shift, [value.mean() for value in values], 0.36, yerr=spread, capsize=5, color=colour,
           label={"learnt": "clips it learnt from", "validation": "validation clips"}[told])
ax.set(xticks=range(3), xticklabels=THREE, ylabel="NT-Xent, plain captions", ylim=(0, None))
fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
plots.show(fig, alt="NT-Xent on clips learnt from and on validation clips, mean and deviation over seeds. " + "; ".join(
    f"{arm}: {losses_of(arm)['learnt'].mean():.2f} and {losses_of(arm)['validation'].mean():.2f}" for arm in THREE) + ".")

# %%
for arm in THREE:
    both = losses_of(arm)
    metric(f"12.gap.{arm}", (both["validation"] - both["learnt"]).mean())

# %% [markdown]
# **Second question: does it rank better?** Paired over seeds and queries, as ever. The margin was stated before the runs: a
# difference below 0.01 would change nobody's mind.

# %%
MARGIN = 0.01
of_clip = [corpora[seed].rows["test"]["clip"].to_numpy() for seed in seeds]


def scores(arm):
    return [outcomes[arm][seed].scores["AP@10"].to_numpy() for seed in seeds]


def gain(a, b):
    """Mean difference of two arms' scores with its interval."""
    return stats.paired(scores(a), scores(b), of_clip, resamples=profile.resamples, rng=np.random.default_rng(SEED))


def compare(key, sentence, a, b, expect="greater", paper="-"):
    claim(key, sentence, scores(a), scores(b), clusters=of_clip, margin=MARGIN, expect=expect, paper=paper,
          resamples=profile.resamples, seed=SEED)


def compare_gaps(key, sentence, a, b, paper="-"):
    """Is a's gap larger than b's? One value a training, so one seed cannot tell."""
    if len(seeds) > 1:
        sides = [[np.array([own]) for own in losses_of(arm)["validation"] - losses_of(arm)["learnt"]] for arm in (a, b)]
        claim(key, sentence, *sides, paper=paper, unit="trainings", seed=SEED)


# %%
PAPER = {"pretrained": 0.3665, "fine-tuned": 0.3800, "augmented": 0.3856}
means = {arm: stats.mean(scores(arm), of_clip, rng=np.random.default_rng(SEED)) for arm in ARMS}
fig, (left, right) = plots.figure(13, 4, columns=2)
colours = [plots.BLUE if arm in THREE else plots.GREY for arm in ARMS]
plots.bars(left, means, chance=metrics.chance(len(corpora[SEED].splits["test"])), oracle=data.oracle(tables[SEED]), colours=colours)
plots.bars(right, PAPER, chance=metrics.chance(1045))
left.set_xlabel(f"mAP@10, {DATA}, target set of {n} clips")
right.set_xlabel("mAP@10, Clotho, Primus et al. 2023, Table 3")
plots.show(fig, alt="mAP@10 on the test split, ours left: " + ", ".join(f"{arm} {mean.value:.3f}" for arm, mean in means.items())
           + ". The paper's right: " + ", ".join(f"{arm} {value:.4f}" for arm, value in PAPER.items()) + ".")
for arm, mean in means.items():
    metric("12.map10." + arm.replace("'", "").replace(" ", "-"), mean)

# %%
compare("12.P5", "Fine-tuning on the target set after pretraining helps", "fine-tuned", "pretrained",
        paper="Primus 2023, Table 3: 36.65 to 38.00")
compare("P6.soundscapes", "Augmentation with a paraphraser's variants gains nothing", "augmented", "fine-tuned",
        expect="equal", paper="Primus 2023, Table 3: 38.56 against 38.00")
compare_gaps("P6.soundscapes.gap", "Augmentation makes the gap between the two losses smaller", "fine-tuned", "augmented",
             paper='Primus 2023, 3.5: "overfitting was slightly reduced"')

# %% [markdown]
# A verdict "equivalent" is worth as much as the test behind it. So here are the arms around those three. The first is the positive
# control: a fault planted on purpose, which the same test, with the same seeds, queries and margin, must find. The others take the
# paraphraser apart: the same swapping, with variants made without keywords, or with fewer words.

# %%
compare("12.others", "Variants of other clips' captions do harm", "fine-tuned", "others' variants")
compare("12.keywords", "Variants made with keywords are worth more than those made without", "augmented", "no keywords")
compare("12.words", "A paraphraser that knows words which no training caption has is worth more", "augmented", "met words")
compare("12.met", "One that knows only words of training captions gains nothing", "met words", "fine-tuned", expect="equal")

# %% [markdown]
# ## 7. When the text encoder learns
#
# An adapter of a few layers has little to overfit with. The paper tunes both encoders, millions of weights, on a few thousand
# clips. So the two arms once more, with MiniLM learning in the last stage. **Predict:** is the gap larger than with frozen
# encoders? Is there more for augmentation to lessen?

# %% tags=["recipes"]
TEXT = {
    "text learns": text_tuned(),
    "text learns, augmented": text_tuned(swap=P),
}

# %%
train_all(TEXT)
for arm in TEXT:
    both, name = losses_of(arm), arm.replace(",", "").replace(" ", "-")
    metric(f"12.map10.{name}", stats.mean(scores(arm), of_clip, rng=np.random.default_rng(SEED)))
    metric(f"12.gap.{name}", (both["validation"] - both["learnt"]).mean())
compare("12.text", "With the text encoder learning, augmentation gains nothing", "text learns, augmented", "text learns",
        expect="equal", paper="Primus 2023, Table 3: 38.56 against 38.00")
compare_gaps("12.text.gap", "With the text encoder learning, augmentation makes the gap smaller", "text learns",
             "text learns, augmented", paper='Primus 2023, 3.5: "overfitting was slightly reduced"')
compare_gaps("12.text.overfits", "A text encoder that learns overfits more than adapters alone", "text learns", "fine-tuned")

# %% [markdown]
# ## 8. Fewer captions
#
# Now the explanation: five captions "are likely to contain the most relevant keywords already; adding further captions
# increases the variety only marginally". An explanation earns its keep by what it forbids. This one forbids that
# augmentation gains as little with one caption a clip as with five: one person's caption holds half as many keywords
# (section 4), and a fifth of the variety. So take captions away. The same clips with one, two or five captions each; an
# epoch has as many pairs in all three, since one caption a clip is drawn. And all of it twice: fine-tuned after pretraining,
# as in the paper, and trained on nothing but the target set, where there is more left to learn.
#
# **Predict:** if the explanation holds, how does the gain by augmentation run from 1 to 5? And which of the two is the clean
# test? (Think of what pretraining has read.)

# %% tags=["recipes"]
FEWER = {1: "1 caption", 2: "2 captions", 5: "train"}
PLAIN = {k: f"{k} plain" for k in FEWER}
AUGMENTED = {k: f"{k} augmented" for k in FEWER}
CURVE = {PLAIN[k]: tuned(on) for k, on in FEWER.items()} | {AUGMENTED[k]: tuned(on, swap=P) for k, on in FEWER.items()}
SCRATCH = {f"{PLAIN[k]}, target alone": [stage(on)] for k, on in FEWER.items()}
SCRATCH |= {f"{AUGMENTED[k]}, target alone": [stage(on, swap=P)] for k, on in FEWER.items()}
SCRATCH |= {f"{on}, target alone": [stage(on, swap=P)] for on in ("others' variants", "no keywords", "met words")}

# %%
train_all(CURVE)
train_all(SCRATCH)
STARTS = {"pretrained first": "", "target set alone": ", target alone"}
fig, axes = plots.figure(11, 3.8, columns=2)
told = []
for ax, (start, end) in zip(axes, STARTS.items()):
    found = [gain(AUGMENTED[k] + end, PLAIN[k] + end) for k in FEWER]
    ends = [[each.value - each.low for each in found], [each.high - each.value for each in found]]
    ax.errorbar(list(FEWER), [each.value for each in found], yerr=ends, marker="o", color=plots.BLUE, capsize=5)
    ax.axhline(0, color=plots.BLACK, linewidth=1)
    ax.axhspan(-MARGIN, MARGIN, color="#EEEEEE", zorder=0)
    ax.set(title=start, xlabel="captions of a clip", xticks=list(FEWER))
    told.append(f"{start}: " + ", ".join(f"{each.value:+.3f} with {k}" for k, each in zip(FEWER, found)))
axes[0].set_ylabel("gain by augmentation, mAP@10")
plots.show(fig, alt="Gain in mAP@10 by augmentation with 1, 2 and 5 captions a clip, with 95 % intervals; the grey band is "
           "the margin. " + "; ".join(told) + ".")


# %% [markdown]
# The claim must be about the *difference of the gains* (an interaction). That one is sure and the other is not would not do: a difference
# between "sure" and "not sure" need not be sure itself.

# %%
def interaction(key, sentence, few, many, end=""):
    """Is augmentation worth more with few captions than with many? Query by query: a gain against a gain."""
    sides = [[a - b for a, b in zip(scores(AUGMENTED[k] + end), scores(PLAIN[k] + end))] for k in (few, many)]
    claim(key, sentence, *sides, clusters=of_clip, margin=MARGIN, resamples=profile.resamples, seed=SEED,
          paper="Primus 2023, section 4: five captions are likely to hold the keywords already")


interaction("12.fewer-captions", "Augmentation gains more with one caption a clip than with five", 1, 5)
interaction("12.fewer-captions.two", "Augmentation gains more with two captions a clip than with five", 2, 5)
interaction("12.fewer-captions.alone", "Trained on the target set alone, augmentation gains more with one than with five",
            1, 5, STARTS["target set alone"])

# %%
end = STARTS["target set alone"]
compare("12.alone", "Trained on the target set alone, augmentation gains", AUGMENTED[5] + end, PLAIN[5] + end)
compare_gaps("12.alone.gap", "Trained on the target set alone, augmentation makes the gap smaller", PLAIN[5] + end,
             AUGMENTED[5] + end)
compare("12.others.alone", "There too, variants of other clips' captions do harm", PLAIN[5] + end, "others' variants" + end)
compare("12.keywords.alone", "There too, keywords are worth something", AUGMENTED[5] + end, "no keywords" + end)
compare("12.words.alone", "There too, words that no training caption has are worth something", AUGMENTED[5] + end,
        "met words" + end)
compare("12.met.alone", "With words of training captions alone, augmentation gains too", "met words" + end, PLAIN[5] + end)

# %%
compare("12.five-human", "Five captions by people beat one, without augmentation", PLAIN[5], PLAIN[1])
compare("12.one-augmented", "Five captions by people beat one and its five variants", PLAIN[5], AUGMENTED[1])

# %% [markdown]
# ## 9. Written captions in place of people's
#
# Munakata et al. 2024 go further (Table 2, rows 1 and 2): they train on ClothoV2-GPT *as a data set*, nothing else, and find
# 27.36 against 27.30. In our terms: $p = 1$, every caption is a variant and no human one is read. (The row says 19k samples,
# so it cannot be all variants at once; the paper does not say how they are drawn.) "In combination" is a caption and its
# five variants on equal terms, $p = 5/6$. From random adapters, as in those rows, and after pretraining. **Predict** the signs.

# %% tags=["recipes"]
M11 = {
    "human alone": [stage("train")],
    "written alone": [stage("train", swap=1.0)],
    "human and written": [stage("train", swap=5 / 6)],
    "written, fine-tuned": tuned(swap=1.0),
}

# %%
train_all(M11)
TABLE2 = "Munakata 2024, Table 2: 27.36 against 27.30"
compare("M11.soundscapes", "Written captions in place of people's make no difference", "written alone", "human alone",
        expect="equal", paper=TABLE2)
compare("M11.soundscapes.both", "Written captions beside people's make no difference", "human and written", "human alone",
        expect="equal", paper=TABLE2)
compare("12.M11.tuned", "After pretraining, fine-tuning on written captions alone makes no difference", "written, fine-tuned",
        "fine-tuned", expect="equal")
for arm in M11:
    metric("12.map10." + arm.replace(",", "").replace(" ", "-"), np.mean([own.mean() for own in scores(arm)]))

# %% [markdown]
# ## 10. Few good captions, or many poor ones
#
# The same table: to their training sets they add 11k pairs with human captions (MACS) and gain as much as from 178k pairs
# that a machine captioned (Auto-ACD): 38.80 and 38.88, over 38.40. So quality counts more than quantity, they say. Our stand-in,
# defined before the runs:
#
# | theirs | ours |
# |---|---|
# | quality: 11k pairs, MACS | other clips of the training split, one human caption each, a sixteenth of the uploads' number |
# | quantity: 178k pairs, Auto-ACD | all uploads, with their uploaders' texts at the usual noise |
# | over: Clotho, AudioCaps, WavCaps | over: the target set |
#
# Two things are unlike. Auto-ACD's captions are sentences by a model that saw the video; our uploaders' texts are tags and
# chatter. And MACS is of another world (street scenes), our human captions are not. The paper's other evidence compares sets
# alone: Clotho (19k, 27.30) and AudioCaps (46k, 23.59) against Auto-ACD (185k, 21.79). Sets of different size need different
# times, so here each training goes on until its stopping rule ends it (notebook 09). **Predict** both comparisons.

# %% tags=["recipes"]
SETTLED = train.Settings(5 * rate, schedule="plateau", patience=5, stop_after=10, max_epochs=120)
M2 = {
    "target alone": [stage("train", training=SETTLED)],
    "and few human": [stage("train", "few human", training=SETTLED)],
    "and few noisy": [stage("train", "few noisy", training=SETTLED)],
    "and many noisy": [stage("train", "many noisy", training=SETTLED)],
    "one human caption a clip": [stage("1 caption", training=SETTLED)],
    "many noisy alone": [stage("many noisy", training=SETTLED)],
}

# %%
if "few human" in corpora[SEED].splits:
    train_all(M2)
    means = {arm: stats.mean(scores(arm), of_clip, rng=np.random.default_rng(SEED)) for arm in M2}
    sizes = {arm: sum(len(corpora[SEED].splits[name]) for name in stages[0].on) for arm, stages in M2.items()}
    fig, (ax,) = plots.figure(9, 3.8)
    plots.bars(ax, {f"{arm} ({sizes[arm]:,} clips)": mean for arm, mean in means.items()},
               chance=metrics.chance(len(corpora[SEED].splits["test"])), oracle=data.oracle(tables[SEED]))
    plots.show(fig, alt="mAP@10 on the test split: " + ", ".join(f"{arm} {mean.value:.3f}" for arm, mean in means.items()) + ".")

# %%
if "few human" in corpora[SEED].splits:
    compare("M2.soundscapes", "Added to the target set, a few human captions are worth as much as sixteen times as many noisy "
            "texts", "and few human", "and many noisy", expect="equal", paper="Munakata 2024, Table 2: 38.80 against 38.88")
    compare("M2.soundscapes.alone", "Alone, one human caption a clip teaches more than the noisy texts of five times as many clips",
            "one human caption a clip", "many noisy alone", paper="Munakata 2024, Table 2: 23.59 against 21.79")
    compare("12.M2.quality", "As many human captions are worth more than as many noisy texts", "and few human", "and few noisy")
    compare("12.M2.human", "A few human captions of other clips help", "and few human", "target alone")
    compare("12.M2.noisy", "Many noisy texts of other clips help", "and many noisy", "target alone")
    for arm, mean in means.items():
        metric("12.M2." + arm.replace(" ", "-"), mean)

# %% [markdown]
# **What the runs say**
#
# - *Fine-tuning (P5)* brings **+0.008**<!--m:claim.12.P5-->; in the paper .0135. (Notebook 09 has the control.)
# - *Overfitting (P6, first half).* The gap between the two losses shrinks by **+0.064**<!--m:claim.P6.soundscapes.gap-->, from
#   **1.086**<!--m:12.gap.fine-tuned--> to **1.022**<!--m:12.gap.augmented-->: surely, and slightly, as the paper says. Look at the
#   picture which bar moved: the loss on clips learnt from. Validation loss hardly did. A smaller gap says that less was learnt by
#   heart; it does not say that more was understood.
# - *Ranking (P6, second half).* **+0.007**<!--m:claim.P6.soundscapes-->. We had claimed "nothing", and the interval just
#   excludes that; the paper's own gain, .0056, is as large. "Little" is right in both. The control is found: variants of other clips
#   cost **+0.009**<!--m:claim.12.others-->.
# - *When the text encoder learns* augmentation is worth **+0.010**<!--m:claim.12.text-->, and of the gap we see no change
#   (**+0.005**<!--m:claim.12.text.gap-->). Nor do we see a text encoder overfit more than adapters: its gap less theirs
#   is **-0.108**<!--m:claim.12.text.overfits-->. But it learnt for two epochs and the adapters for forty. A true comparison
#   of the two would have taken more hours than we had.
# - *The explanation.* After pretraining the gain with one caption less that with five is
#   **-0.001**<!--m:claim.12.fewer-captions-->, within the margin. Which looks like a refutation, and is none: *pretraining had read all five captions
#   already*, of the target set too, here as in the paper. (That is why five human captions bring no more than one there,
#   **+0.001**<!--m:claim.12.five-human-->.) The clean test is the other one. On the target set alone the gain is
#   **+0.037**<!--m:claim.12.alone--> with five captions and larger by **+0.027**<!--m:claim.12.fewer-captions.alone--> with one. So
#   variety does wear off, as the explanation says. But five captions leave a good deal to gain, and it is no matter of keywords:
# - *Keywords* bring nothing we can see: **-0.000**<!--m:claim.12.keywords--> after pretraining, within the margin, and
#   **-0.004**<!--m:claim.12.keywords.alone--> on the target set alone. Though with them the variants cover
#   **77 %**<!--m:12.coverage.ours.variants.sounds--> of the keywords that name a sound. *Words* do: a paraphraser
#   that knows words which no training caption has is worth **+0.027**<!--m:claim.12.words.alone--> more there; other
#   orders and combinations of known words **+0.010**<!--m:claim.12.met.alone-->.
# - *Written captions as training text (M11).* On the target set alone they are *better* than people's by
#   **+0.041**<!--m:claim.M11.soundscapes-->, both together by **+0.043**<!--m:claim.M11.soundscapes.both-->. That is no
#   surprise, and no news of GPT: our writer never errs, and knows the words of the test captions. Fine-tuning on them
#   alone brings **+0.015**<!--m:claim.12.M11.tuned--> over people's.
# - *Quality and quantity (M2).* A few human captions of other clips beat sixteen times as many noisy texts by
#   **+0.024**<!--m:claim.M2.soundscapes-->. The paper has them level. Few human captions help
#   (**+0.018**<!--m:claim.12.M2.human-->); of many noisy ones, mixed in, we cannot even say that
#   (**-0.006**<!--m:claim.12.M2.noisy-->). Alone, one human caption a clip is ahead of five times as many uploads by
#   **+0.016**<!--m:claim.M2.soundscapes.alone-->, too little to be sure. With fewer clips the scales tip: at the profile smoke it
#   is the noisy texts that win, clearly. "Quality counts more" is not a law; it depends on how much of either you have. (And
#   on the order: noisy first, then clean, is notebook 09.)
#
# Do not take it on trust. Set `DATA = "soundscapes!shuffled"` in the profile smoke, and the claims fall; a test gives the
# paraphraser other clips' captions to return, and they fall too.
#
# ## Exercises
#
# Replace each `...`, run the cell and the one below it. Nothing breaks when you are wrong: you get a hint.
#
# ### Exercise 1: how many texts (10 minutes, easy)
#
# A clip has `captions` captions, each with `variants` variants. In each epoch one caption is drawn, all equally likely, and with
# the chance `p` one of its variants stands in for it, all equally likely. Give the *expected* number of different texts of
# that clip that training has read after `epochs` epochs.


# %% tags=["exercise"]
def texts_read(epochs, captions, variants, p):
    return ...


# %% tags=["check"]
def read_by_count(epochs, captions, variants, p):
    chances = captions * [(1 - p) / captions] + captions * variants * [p / (captions * max(variants, 1))]
    return sum(1 - (1 - chance) ** epochs for chance in chances)


checks.check(texts_read, [
    Case("one epoch", (1, 5, 5, 0.3), 1.0, "one epoch, one text",
         traps=((30, "that many there are; how many are read?"), (30.0, "that many there are; how many are read?"))),
    Case("two epochs", (2, 2, 1, 0.5), read_by_count(2, 2, 1, 0.5), "a text is read unless it is missed in every epoch",
         traps=((2.0, "the second epoch may draw the same text again"), (1.5, "variants are texts too"))),
    Case("no swapping", (40, 5, 5, 0.0), read_by_count(40, 5, 5, 0.0), "with p = 0 only captions are read",
         traps=((read_by_count(40, 30, 0, 0.0), "captions and variants are not equally likely: look at p"),)),
    Case("the paper's", (10, 5, 5, 0.3), read_by_count(10, 5, 5, 0.3), "sum, over all texts, the chance to be read",
         traps=((read_by_count(10, 30, 0, 0.0), "captions and variants are not equally likely: look at p"),
                (read_by_count(10, 5, 5, 0.7), "p is the chance of a variant, not of the caption"),
                (5 * (1 - (1 - 0.14) ** 10) + 25 * (1 - (1 - 0.3 / 5) ** 10), "a variant's own caption must be drawn first"))),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def texts_read(epochs, captions, variants, p):
#     caption = (1 - p) / captions  # the chance that one epoch reads this caption, and this variant
#     variant = p / (captions * variants)
#     return captions * (1 - (1 - caption) ** epochs) + captions * variants * (1 - (1 - variant) ** epochs)
# ```
# </details>

# %% [markdown]
# ### Exercise 2: does it help more? (15 minutes, medium)
#
# `few` and `many` hold two lists each: the mAP@10 of an arm with and without augmentation, one value a seed, with few captions
# a clip and with many. Does augmentation gain more with few? Give the ends (low, high) of the 95 % interval of that
# difference of gains: paired by seed, mean plus and minus $t \, s / \sqrt{n}$. `quantile(n)` gives $t$ for $n$ seeds.


# %% tags=["for-exercises"]
def quantile(n):
    """The 97.5 % point of Student's t with n - 1 degrees of freedom."""
    return {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}[n]


# %% tags=["exercise"]
def more_with_few(few, many):
    return ...


# %% tags=["check"]
few2 = ([0.31, 0.36, 0.28, 0.35, 0.33], [0.28, 0.34, 0.27, 0.31, 0.30])
many2 = ([0.39, 0.43, 0.37, 0.44, 0.41], [0.38, 0.43, 0.36, 0.42, 0.41])


def around(values, n=None):
    half = quantile(n or len(values)) * np.std(values, ddof=1) / np.sqrt(len(values))
    return (np.mean(values) - half, np.mean(values) + half)


gains2 = [np.subtract(*each) for each in (few2, many2)]
checks.check(more_with_few, [
    Case("five seeds", (few2, many2), around(gains2[0] - gains2[1]), "a gain minus a gain, seed by seed",
         traps=((around(gains2[0]), "that is the gain with few; what of the gain with many?"),
                (around(gains2[1] - gains2[0]), "the other way round: few minus many"),
                (around(np.subtract(few2[0], many2[0])), "compare gains, not scores: each list has a list without augmentation"),
                ((np.mean(gains2[0] - gains2[1]) - 2.776 * np.std(gains2[0] - gains2[1]) / np.sqrt(5),
                  np.mean(gains2[0] - gains2[1]) + 2.776 * np.std(gains2[0] - gains2[1]) / np.sqrt(5)),
                 "the sample deviation divides by n - 1 (ddof=1)"))),
    Case("gains alike", (many2, many2), (0.0, 0.0), "gains that are the same in each seed differ by nothing"),
    Case("two seeds", (([0.3, 0.4], [0.2, 0.2]), ([0.5, 0.5], [0.45, 0.4])), around(np.array([0.05, 0.1])),
         "`quantile(len(...))`, of the seeds"),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def more_with_few(few, many):
#     gains = [np.subtract(augmented, plain) for augmented, plain in (few, many)]
#     difference = gains[0] - gains[1]
#     half = quantile(len(difference)) * difference.std(ddof=1) / np.sqrt(len(difference))
#     return difference.mean() - half, difference.mean() + half
# ```
# </details>

# %% [markdown]
# ### Exercise 3: mend the answer (20 minutes, hard)
#
# Our `parse` refuses a polite model. Write one that reads a list out of any prose. A line that begins with a number, then one of
# `.` `)` `:`, then white space, begins a caption. A line that does not, follows a caption's line at once and begins with
# a small letter, goes on with it (joined by one space). All other lines count for nothing. White space at either end of a line
# counts for nothing, too. Give the captions if their numbers are 1 to `n` in this order and no other, else an empty list.


# %% tags=["exercise"]
def mended(answer, n=5):
    return ...


# %% tags=["check"]
polite3, torn3 = "Sure!\n\n1. A dog barks.\n2. A cat meows.\n\nAnything else?", "1) A dog barks\n  and a cat meows.\n2) Rain falls."
checks.check(mended, [
    Case("polite", (polite3, 2), ["A dog barks.", "A cat meows."], "lines without a number are left out",
         traps=(([], "prose around the list is no reason to refuse"),
                (["A dog barks.", "A cat meows. Anything else?"], "a blank line stands between; and it begins with a capital"),
                (["1. A dog barks.", "2. A cat meows."], "leave the numbers out"))),
    Case("torn", (torn3, 2), ["A dog barks and a cat meows.", "Rain falls."], "a line with a small letter goes on",
         traps=((["A dog barks", "Rain falls."], "the second line belongs to the first caption"),
                ([], "a bracket may follow the number"),
                (["A dog barks   and a cat meows.", "Rain falls."], "joined by one space"))),
    Case("ten and more", ("\n".join(f"{k}: Rain {k}." for k in range(1, 11)), 10), [f"Rain {k}." for k in range(1, 11)],
         "a number may have two digits", traps=(([], "a number may have two digits, and a colon behind it"),)),
    Case("a number in the text", ("1. Wind blows.\n3 dogs bark.\n2. Rain falls.", 2), ["Wind blows.", "Rain falls."],
         "a number without a sign behind it begins no caption",
         traps=(([], "\"3 dogs\" is no numbering: a sign must follow the number"),)),
    Case("too few", ("1. A dog barks.", 2), [], "with fewer than n give an empty list"),
    Case("too many", ("1. Rain.\n2. Wind.\n3. Surf.", 2), [], "more than n: which two did you want?",
         traps=((["Rain.", "Wind."], "the numbers must be 1 to n and no other"),)),
    Case("out of order", ("2. Rain.\n1. Wind.", 2), [], "the numbers must rise from 1",
         traps=((["Wind.", "Rain."], "do not sort: an answer out of order is none"),
                (["Rain.", "Wind."], "the numbers must rise from 1"))),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def mended(answer, n=5):
#     numbers, captions, going_on = [], [], False
#     for line in map(str.strip, answer.splitlines()):
#         if begins := re.match(r"(\d+)[.):]\s+(.*)", line):
#             numbers.append(int(begins[1]))
#             captions.append(begins[2])
#         elif going_on and line[:1].islower():
#             captions[-1] += f" {line}"
#         going_on = bool(begins) or (going_on and line[:1].islower())
#     return captions if numbers == list(range(1, n + 1)) else []
# ```
# </details>

# %% [markdown]
# ## Recap
#
# - An answer of a language model is text. Check it against what you asked for, and count what you threw away.
# - Swapping adds no step and no pair; it changes which words are read, a few more with every epoch.
# - Overfitting is a gap between two losses on the *same* task; a training loss on swapped text is another task.
# - Augmentation lessened the gap and gained little (P6). What gains is words that were not there, not keywords (12.words.alone).
# - The paper's explanation says what must happen with fewer captions. It happens, where pretraining has not read the others.
# - Written captions are as good as their writer (M11); a few good captions can outweigh many poor ones (M2).
#
# **What we did not show:** what GPT, or any language model, would write for Clotho's captions, and what that is worth there; the
# audio encoder learning too; other chances than 0.3, 5/6 and 1; answers that are wrong about the sound, which a model may give and our
# paraphraser does not. With Clotho and a model of your own: notebook 19. Paraphrases at query time: notebook 14.
#
# ## Further reading
#
# - P. Primus, K. Koutini, G. Widmer: *Advancing natural-language based audio retrieval with PaSST and large audio-caption data
#   sets* (2023), sections 2.4.4 and 3.5.
# - H. Munakata et al.: *Pre-trained models, datasets, data augmentation for language-based audio retrieval* (2024),
#   Table 2.
# - X. Mei et al.: *WavCaps: a ChatGPT-assisted weakly-labelled audio captioning dataset* (2023): captions from uploaders' texts.
# - L. Fan et al.: *Improving CLIP training with language rewrites* (2023): the same idea for pictures, at scale.
# - A. Gelman, H. Stern: *The difference between "significant" and "not significant" is not itself statistically significant*
#   (2006).
