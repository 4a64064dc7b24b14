# ---
# jupyter:
#   hearsay:
#     corpora: [clean, noisy]
#     alone: true
#     budget_s: {laptop: 240, smoke: 90}
# ---

# %% [markdown]
# # 14 Many views, one ranking
#
# {{badge}}
#
# **The question:** a query can be said in other words. A model can be trained once more. A training run leaves a hundred
# checkpoints behind. When do several opinions, averaged, rank better than the best of them?

# %% tags=["parameters"]
PROFILE = "laptop"
DATA = "soundscapes"
SEED = 0

# %%
import contextlib
import io
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np
import pandas as pd
import torch

from lib import adapters, data, encoders, llm, losses, metrics, profiles, retrieval, run_log, stats, store, train
from lib.data import long_scenes, sources
from lib.data.text_statistics import words
from lib.encoders import word2vec
from lib.paraphrase import paraphrases
from lib.retrieval import Recipe
from lib.show import checks, listen, plots
from lib.show.checks import Case
from lib.show.claims import claim, metric
from lib.show.pipeline import pipeline

profile = profiles.get(PROFILE)
seeds = [SEED + seed for seed in profile.seeds]

# %%
pipeline(["text", "similarity", "ranking"])

# %% [markdown]
# Munakata et al. 2024 built on parts that you know by now: encoders, adapters, NT-Xent. Much of what they added comes *after* the
# towers, or around the training: five paraphrases of each query, batches from one data set at a time, ten checkpoints averaged,
# five models averaged. Mostly the idea is one: ask several, take the mean.
#
# **After this you can**
# - average the views of a query, and say why ranking by the mean embedding is ranking by the mean cosine;
# - average the checkpoints of one run, and show why two runs cannot be averaged that way;
# - build an ensemble, and tell what it owes to luck's spread from what it owes to different kinds of members;
# - test whether a gain carries over to a hidden set, with an interval, and say what the paper's own numbers show of that;
# - teach a single model with the probabilities of an ensemble.
#
# **In class (90 minutes):** sections 1, 2, 6, 7 and exercise 1. **At home:** the rest.
#
# **Before:** notebooks 02 (intervals), 08 (NT-Xent, temperature). Helpful: 10 (controls), 12 (paraphrases).
#
# <!--runtimes-->

# %% [markdown]
# ## 1. One query, six ways to say it
#
# Encoders are frozen throughout, so that a model trains in seconds; what learns is the two adapters. Clean clips are those of
# every notebook; the noisy ones (notebook 09) are needed in section 3.

# %%
tables = {}
for seed in seeds:
    clean = data.load(DATA, profile=profile, seed=seed, needs=("captions",))
    tables[seed] = pd.concat([clean, data.load_noisy(DATA, profile=profile, seed=seed)], ignore_index=True)
scored = [split for split in ("test", "shifted") if split in set(tables[SEED]["split"])]
used = ["train", "noisy", "validation", *scored]
told = io.StringIO()
with contextlib.redirect_stdout(told):
    plain = {seed: retrieval.encode(table, splits=used) for seed, table in tables.items()}
corpus = plain[SEED]
sizes = {name: len(split) for name, split in corpus.splits.items()}
clips = {split: [plain[seed].rows[split]["clip"].to_numpy() for seed in seeds] for split in scored}
print(f"profile {profile.name}, data {DATA}, seeds {seeds}, clips {sizes}")

# %% tags=["recipes"]
EPOCHS = max(4, profile.max_epochs * 2 // 3)  # over all clips, with one caption each
MOST = 5  # paraphrases of a query


def recipe(loss="nt_xent", options=None, *, on=("train",), validations=1, average=1, **changes):
    """Adapters trained for EPOCHS epochs; the arms of this notebook differ in what is named here."""
    schedule = train.Settings(1e-3, max_epochs=EPOCHS, warmup_epochs=EPOCHS / 10, stop_after=EPOCHS,
                              validations=validations, average=average)
    return Recipe(loss, options or {"temperature": 0.07}, profile.batch_size, dim=profile.dim, on=on, training=schedule,
                  **changes)


STANDARD = recipe()

# %% [markdown]
# The paper asks GPT for five captions of each query, with notebook 12's instruction but *without keywords*: at query time nobody
# knows the sound. Ours come from the same place as there, `lib.llm`: an offline paraphraser unless you name a server. It knows
# every wording of our soundscapes' language, as a large model would know them, and it never sees the scene.


# %%
def reworded(corpus, split, every=1, writer=None):
    """Up to five paraphrases of each query of a split (of one in `every`; nothing for the others)."""
    queries = corpus.rows[split]["caption"].tolist()
    found = llm.variants(queries[::every], n=MOST, writer=writer, progress=False)
    return [found[i // every] if i % every == 0 else () for i in range(len(queries))]


with contextlib.redirect_stdout(told):
    variants = {seed: {split: reworded(plain[seed], split) for split in scored} for seed in seeds}
print(told.getvalue().splitlines()[-1])
corpora = {seed: plain[seed].with_variants(variants[seed]) for seed in seeds}
met = set().union(*(words(caption) for caption in corpus.rows["train"]["caption"]))
ASKED = next((i for i, q in enumerate(corpus.rows["test"]["caption"]) if set(words(q)) - met), 0)
texts = [corpus.rows["test"]["caption"][ASKED], *variants[SEED]["test"][ASKED]]
print("\n".join(texts))
listen.play(data.of_split(tables[SEED], "test").iloc[corpus.rows["test"]["clip"][ASKED]], seconds=5)

# %% [markdown]
# The first line is the query, the first of the test split with a word that no training caption has. Read the five below it:
# each keeps the facts, some exchange the very word.
#
# Now the average. The paper says no more than "the embeddings of each query are averaged". An embedding's *length* is an
# accident of the adapter, and would weigh the views, so we bring each to length 1 first:
#
# $$ \bar t = \frac{1}{V} \sum_{v=1}^{V} \frac{t_v}{\lVert t_v \rVert} $$


# %% tags=["for-exercises"]
def average(views):
    """One embedding (dim,) from the views of one query (view, dim)."""
    return (views / views.norm(dim=1, keepdim=True)).mean(dim=0)


# %%
standard = retrieval.fit(corpus, STANDARD, seed=SEED, progress=False)
minilm = encoders.text("minilm")
with torch.no_grad():
    views = standard.model.text(*minilm(texts))  # (view, dim)
    sounds, _ = retrieval.embed(standard.model, corpus.examples(["test"]).first(sizes["test"]))
    S = losses.cosine(views, sounds)  # (view, clip)
    together = losses.cosine(average(views)[None], sounds)[0]
assert torch.equal(S.mean(dim=0).argsort(), together.argsort()) or torch.allclose(
    S.mean(dim=0) / average(views).norm(), together, atol=1e-6)
target = corpus.rows["test"]["clip"][ASKED]
for name, row in [*zip(["own words", *(f"paraphrase {k}" for k in range(1, len(texts)))], S), ("average", together)]:
    print(f"{name:13s} cosine {row[target]:.3f}, rank {int((row > row[target]).sum()) + 1}")
metric("14.view.length", average(views).norm().item())

# %% [markdown]
# The `assert` is worth a thought. For one query the mean vector has one length, here **0.88**<!--m:14.view.length-->, and to divide
# all cosines by it moves no rank. So *ranking by the mean embedding is ranking by the mean cosine*, exactly. Keep that: section 6
# takes the mean cosine of several models, whose embeddings could not be averaged at all.
#
# One query proves nothing. Here are twelve. **Predict:** will the average (star) be better than the best of its views, or than
# most of them?

# %%
with torch.no_grad():
    fig, (ax,) = plots.figure(10, 4)
    for place, row in enumerate(range(0, 60, 5)):  # the first caption of twelve clips
        said = [corpus.rows["test"]["caption"][row], *variants[SEED]["test"][row]]
        views, target = standard.model.text(*minilm(said)), corpus.rows["test"]["clip"][row]
        S = losses.cosine(torch.cat([views, average(views)[None]]), sounds)
        ranks = (S > S[:, target : target + 1]).sum(dim=1) + 1
        looks = [("o", plots.BLUE, "own words"), ("_", plots.ORANGE, "a paraphrase"), ("*", plots.GREEN, "average of all")]
        for rank, (marker, colour, label) in zip((ranks[:1], ranks[1:-1], ranks[-1:]), looks):
            ax.plot([place] * len(rank), rank, marker, color=colour, markersize=11, label=None if place else label)
    ax.set(yscale="log", xlabel="query", ylabel="rank of its clip", xticks=range(12), yticks=[1, 10, 100],
           yticklabels=["1", "10", "100"])
    ax.invert_yaxis()
    ax.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
plots.show(fig, alt="Ranks of the right clip for twelve queries: by the query's own words, by each of five paraphrases, and by "
           "the average of all six. The average mostly lies near the better ones of its views.")

# %% [markdown]
# (The axis is upside down: high is good.) The best view is not known beforehand; the average is had without knowing. It is a hedge,
# as when you ask several people for the way: what they get wrong differs from one to the next, and partly cancels; what they get
# right they share. Look for a query whose own words rank badly, while most of its paraphrases do well: it probably holds a word
# that training never met. Look for one whose own words were best, too. There, averaging costs something.
#
# What does it cost in time? The clips' embeddings are there before anybody asks. A query needs six texts encoded instead of one, and
# a language model's answer before that, which takes far longer than all the rest.
#
# ## 2. How many paraphrases? (Fig. 2)
#
# The paper's curve on Clotho falls for one additional query, then rises, and is highest for five; on AudioCaps it only falls.
# The explanation offered: "the additional query supplements the missing information in the original query". But a paraphraser
# that has not heard the sound has no information to add. What it can do is say the same in words that the text tower knows
# better. So we take a control: a paraphraser who only knows the wordings *met* in the training captions, and leaves others as
# they are. **Predict:** which of the two helps more?

# %%
def compare(corpora, arms, splits=tuple(scored), views=(0,)):
    """What each arm comes to on each seed; replayed from notebooks/logs/14.npz where it stands there."""
    return retrieval.compare(corpora, arms, splits=splits, views=views, log="14")


def of(outcome, split="test"):
    """AP@10 of each query, one array per seed."""
    return [outcome[seed].splits[split]["AP@10"].to_numpy() for seed in seeds]


MARGIN = 0.01
given = {"margin": MARGIN, "resamples": profile.resamples, "seed": SEED}
counts = range(MOST + 1)
by_count = compare(corpora, {"standard": STANDARD}, views=counts)["standard"]
cautious = {seed: plain[seed].with_variants(
    {"test": reworded(plain[seed], "test", 5, partial(paraphrases, words="met"))}) for seed in seeds}
knows_less = compare(cautious, {"standard, words met": STANDARD}, ("test",), (MOST,))["standard, words met"]

# %% [markdown]
# As in every notebook, the margin stands before the runs: a difference below 0.01 would change nobody's mind. Whatever trains
# longer than you would wait is replayed from a log (notebook 10, section 5, says how); `make record NB=14` makes it anew.


# %%
def named(split, n):
    return f"{split} +{n}" if n else split


curves = {split: [stats.mean(of(by_count, named(split, n)), clips[split], rng=np.random.default_rng(SEED)) for n in counts]
          for split in scored}
gained = {split: [stats.paired(of(by_count, named(split, n)), of(by_count, split), clips[split],
                              rng=np.random.default_rng(SEED)) for n in counts] for split in scored}
fig, axes = plots.figure(12, 4.2, columns=2)
for split, colour in zip(scored, (plots.BLUE, plots.ORANGE)):
    plots.curve(axes[0], counts, curves[split], split, colour)
    plots.curve(axes[1], counts, gained[split], split, colour)
axes[0].set(xlabel="paraphrases beside the query", ylabel="mAP@10", ylim=(0, None))
axes[1].set(xlabel="paraphrases beside the query", ylabel="gain, paired")
axes[1].axhline(0, color=plots.GREY, linewidth=1)
axes[0].legend()
plots.show(fig, alt="mAP@10, and its paired gain, by the number of paraphrases averaged with the query. " + "; ".join(
    f"{split}: " + ", ".join(f"{n} {gained[split][n].value:+.3f}" for n in counts) for split in scored) + ".")
for split in scored:
    for n in counts:
        metric(f"14.views.{split}.{n}", curves[split][n])

# %%
claim("M6.soundscapes", "Five paraphrases by our grammar, averaged with the query, help", of(by_count, "test +5"), of(by_count),
      clusters=clips["test"], paper="Munakata 2024, Fig. 2a: a curve, highest at five", **given)
claim("14.one-paraphrase", "One paraphrase hurts", of(by_count), of(by_count, "test +1"), clusters=clips["test"],
      paper="Munakata 2024, Fig. 2a: below none", **given)
every = [np.arange(0, len(rows), 5) for rows in clips["test"]]  # the queries that the second paraphraser rewrote
claim("14.words-met", "A paraphraser who knows wordings that training never met helps more than one who does not",
      [s[i] for s, i in zip(of(by_count, "test +5"), every)], [s[i] for s, i in zip(of(knows_less, "test +5"), every)],
      clusters=[c[i] for c, i in zip(clips["test"], every)], **given)
if "shifted" in scored:
    claim("14.shifted.paraphrases", "On the shifted split: five paraphrases help", of(by_count, "shifted +5"),
          of(by_count, "shifted"), clusters=clips["shifted"], **given)

# %% [markdown]
# Which queries gain? Notebook 10 parted them by whether every word of theirs occurs in some training caption:

# %%
def all_met(seed):
    said, asked = ([set(words(c)) for c in plain[seed].rows[split]["caption"]] for split in ("train", "test"))
    known = set().union(*said)
    return np.array([each <= known for each in asked])


familiar = [all_met(seed) for seed in seeds]
for label, chosen in (("all words met", familiar), ("some word new", [~m for m in familiar])):
    if all(m.any() for m in chosen):
        sides = ([s[m] for s, m in zip(of(by_count, split), chosen)] for split in ("test +5", "test"))
        gain = stats.paired(*sides, [c[m] for c, m in zip(clips["test"], chosen)], rng=np.random.default_rng(SEED))
        print(f"{label}: {gain}, {sum(m.sum() for m in chosen):,} queries")
        metric("14.gain." + label.replace(" ", "-"), gain)

# %% [markdown]
# Keep this table in mind when you read that paraphrases "make a query robust". Where the text tower knows every word, there is little
# to make robust.
#
# ## 3. Batches from one data set at a time
#
# "To avoid learning unexpected relationships caused by the difference among the datasets, we generate each batch from the same
# dataset." Which relationships? Put a batch together from captions and from uploaders' tags. Half of a caption's wrong partners
# are clips of the *other* data set. If those sound otherwise (another microphone, other files), the model can push them all away
# by learning which data set a clip is from, and need not listen to what happens in it.
#
# Our two data sets, clean and noisy, differ in their texts only: their clips come from one world. So nothing could be learnt
# that way. To see the danger we *plant* it: in a second version every noisy clip was heard by another microphone, one constant
# vector added to all its frames.


# %% tags=["recipes"]
MIXED = {"mixed batches": recipe(on=("train", "noisy")), "one data set a batch": recipe(on=("train", "noisy"), one_source=True)}


def with_microphone(corpus):
    """The same corpus, but something is added to the frames of its noisy clips: to all the same."""
    noisy = corpus.splits["noisy"]
    colour = torch.randn(noisy.audio.shape[-1], generator=torch.Generator().manual_seed(0)) * noisy.audio.std()
    splits = corpus.splits | {"noisy": replace(noisy, audio=noisy.audio + colour)}
    notes = corpus.notes | {"identity": store.digest(corpus.notes["identity"], "microphone")}
    return replace(corpus, splits=splits, notes=notes, key=store.digest(corpus.key, "microphone"))


# %%
planted = {seed: with_microphone(plain[seed]) for seed in seeds}
as_is, other_microphone = compare(plain, MIXED | {"clean clips alone": STANDARD}), compare(planted, MIXED)


def prefers_its_own(corpus, how):
    """How much nearer texts of the noisy set are to other noisy clips than to clean clips: mean difference of cosines."""
    model = retrieval.fit(corpus, how, seed=SEED, progress=False).model
    noisy, clean = (corpus.examples([name]) for name in ("noisy", "train"))
    with torch.no_grad():
        there, told = retrieval.embed(model, noisy)
        here, _ = retrieval.embed(model, clean)
        own = losses.cosine(told, there).numpy()
    own[np.arange(len(own)), noisy.groups] = np.nan  # not the clip that the text is about
    return np.nanmean(own) - losses.cosine(told, here).mean().item()


rows = {name: {"as they are": prefers_its_own(corpus, how), "another microphone": prefers_its_own(planted[SEED], how)}
        for name, how in MIXED.items()}
for name, short in zip(MIXED, ("mixed", "one-source")):
    metric(f"14.source.{short}", rows[name]["as they are"])
    metric(f"14.source.{short}.microphone", rows[name]["another microphone"])
pd.DataFrame(rows).round(3)

# %% [markdown]
# A number above 0 says: a text of the noisy set is drawn to noisy clips because they are noisy clips, whatever happens in them.
# With the microphone, mixed batches teach that (**0.16**<!--m:14.source.mixed.microphone-->), batches of one data set do not
# (**0.00**<!--m:14.source.one-source.microphone-->): within a batch all clips have the same microphone, so it tells nothing apart. As
# the clips are, there is next to nothing to learn (**0.013**<!--m:14.source.mixed--> and **-0.001**<!--m:14.source.one-source-->). So
# the paper's worry is real, and its remedy works. **Predict:** does the shortcut harm retrieval, on clean test clips that were all
# heard by one microphone? And if there is no shortcut, is it all the same how batches are put together?

# %%
for name, short in zip(MIXED, ("mixed", "one-source")):
    metric(f"14.map10.{short}", np.mean([s.mean() for s in of(as_is[name])]))
    metric(f"14.map10.{short}.microphone", np.mean([s.mean() for s in of(other_microphone[name])]))
metric("14.map10.clean", np.mean([s.mean() for s in of(as_is["clean clips alone"])]))
claim("14.one-source", "Batches of one data set beat mixed batches", of(as_is["one data set a batch"]), of(as_is["mixed batches"]),
      clusters=clips["test"], paper="Munakata 2024, section 5.1: used, never ablated", **given)
claim("14.one-source.microphone", "Where the data sets sound otherwise, batches of one data set beat mixed batches",
      of(other_microphone["one data set a batch"]), of(other_microphone["mixed batches"]), clusters=clips["test"], **given)

# %% [markdown]
# ## 4. A temperature that learns
#
# The paper's temperature starts at 0.02 and is trained with everything else, as a logarithm, so that it stays positive. Notebook
# 08 fixed it. Where does it go? Before you look: Adam moves a number by at most about the learning rate in each step. So $\log
# \tau$ travels no further than the *sum of all learning rates*, whatever the loss would like. **Predict:** with 1e-3 at the peak
# and some hundred steps, can it get from 0.02 to 0.07?


# %%
def watched(start):
    """The temperature after each epoch, when it starts there and learns; and the sum of the learning rates so far."""
    how, draw, path = recipe(options={"temperature": start}, trainable_temperature=True), torch.Generator().manual_seed(SEED), [start]
    examples, held_out = corpus.examples(["train"]), corpus.examples(["validation"])
    model = retrieval.untrained(corpus, how, draw)

    def validate(model):
        path.append(model.log_temperature.exp().item())
        return retrieval.scores(model, held_out)["AP@10"].mean()

    train.fit(model, lambda g: examples.batches(g, how.batch_size), retrieval.batch_loss(how), validate, how.training,
              generator=draw, progress=False)
    steps = len(examples.batches(draw, how.batch_size))
    rates = [train.cosine_rate(how.training, k / steps, []) for k in range(1, steps * (len(path) - 1) + 1)]
    return path, np.cumsum([0, *rates])[::steps]


# %%
fig, (ax,) = plots.figure(9, 4)
for start, colour in ((0.02, plots.BLUE), (0.2, plots.ORANGE)):
    path, reach = watched(start)
    ax.fill_between(range(len(path)), start * np.exp(-reach), start * np.exp(reach), color=colour, alpha=0.15)
    ax.plot(range(len(path)), path, "o-", color=colour, markersize=4, label=f"from {start:g} (shaded: within reach)")
    metric(f"14.temperature.from.{start:g}", path[-1])
metric("14.temperature.reach", 0.02 * np.exp(reach[-1]))
ax.axhline(0.07, color=plots.GREY, linestyle="--", linewidth=1.6)
ax.set(yscale="log", xlabel="epoch", ylabel="temperature", xticks=range(0, EPOCHS + 1, 4), yticks=[0.02, 0.07, 0.2], yticklabels=["0.02", "0.07", "0.2"])
ax.minorticks_off()
ax.legend()
plots.show(fig, alt="The temperature by epoch, learnt from 0.02 and from 0.2, with the range that it can reach shaded. It falls or "
           "rises by a fraction of that range; a dashed line marks 0.07.")

# %% tags=["recipes"]
TEMPERATURES = {
    "fixed at 0.07": STANDARD,
    "fixed at 0.02": recipe(options={"temperature": 0.02}),
    "learnt from 0.02": recipe(options={"temperature": 0.02}, trainable_temperature=True),
    "learnt from 0.07": recipe(trainable_temperature=True),
}

# %%
warm = compare(plain, TEMPERATURES)
claim("14.temperature.learnt", "A temperature that learns from 0.02 beats one fixed there", of(warm["learnt from 0.02"]),
      of(warm["fixed at 0.02"]), clusters=clips["test"], **given)
claim("14.temperature.start", "A temperature that learns does better from 0.07 than from 0.02", of(warm["learnt from 0.07"]),
      of(warm["learnt from 0.02"]), clusters=clips["test"], **given)

# %% [markdown]
# It ends at **0.020**<!--m:14.temperature.from.0.02-->, and could have reached **0.024**<!--m:14.temperature.reach--> at most; from 0.2 it
# ends at **0.16**<!--m:14.temperature.from.0.2-->. The paper's learning rate is 1e-5. On its Clotho alone (19k pairs, batches of 128, 15
# epochs: 2,200 steps) the sum of rates is about 0.011: its "trainable parameter" could move by one per cent. On all 670k pairs it
# is 0.4, a factor of 1.5. A temperature that may learn is still a temperature that somebody chose.
#
# The shaded ranges say it for any loss: they follow from the schedule alone. Notebook 08 found that the temperature mattered most of
# all that it tried. So it is worth trying two or three starts, each with a training of its own, and worth a suspicious look when a
# paper calls its temperature trainable and its learning rate is small.
#
# ## 5. Ten checkpoints
#
# "In the training, we conducted validation by 20% of each epoch and saved the model weight. After training, the weights of the
# models that achieved the top 10 [...] are averaged." No run without it is reported. Averaging *weights* sounds rash: a network
# is not a linear thing. The code is one line:


# %%
def averaged(checkpoints):
    """Each weight by itself: its mean over the checkpoints, each a dictionary from name to weights."""
    return {name: torch.stack([each[name] for each in checkpoints]).mean(dim=0) for name in checkpoints[0]}


# %% [markdown]
# Take the standard model and shuffle the hidden units of its audio adapter: rows of the first layer, and columns of the second in
# the same way. No output changes. **Predict:** what does the mean of the two models score? And the mean of two models from
# different seeds?

# %%
weights = standard.model.state_dict()
order = torch.randperm(STANDARD.hidden, generator=torch.Generator().manual_seed(SEED))
moved = dict(weights)
for name, value in weights.items():
    if name.startswith("audio.adapter.layers.0."):
        moved[name] = value[order]
    elif name == "audio.adapter.layers.2.weight":
        moved[name] = value[:, order]
another = retrieval.fit(corpus, STANDARD, seed=SEED + 1000, progress=False).model.state_dict()
once_more, held_out = retrieval.untrained(corpus, STANDARD, torch.Generator()).eval(), corpus.examples(["validation"])
pairs = {"itself": [weights], "itself, shuffled": [moved], "mean of itself and itself": [weights, weights],
         "mean of itself and itself, shuffled": [weights, moved], "another seed": [another],
         "mean of two seeds": [weights, another]}
for name, checkpoints in pairs.items():
    once_more.load_state_dict(averaged(checkpoints))
    value = retrieval.scores(once_more, held_out)["AP@10"].mean()
    print(f"{name:36s} mAP@10 on validation {value:.3f}")
    metric("14.weights." + name.replace(", ", "-").replace(" ", "-"), value)

# %% [markdown]
# Two networks may do the same with their units in another order, and their mean is then neither: each unit of the mean does half of
# one thing and half of another. Two seeds have learnt different orders, so their mean is worse than either. (It is far from chance:
# the adapters are small, and the second layer can read some of it still.) The ten best checkpoints of *one* run have the order in
# common; they differ by where the last steps happened to leave them. There the mean is a hedge again, and unlike an ensemble it
# costs nothing at query time: the result is one model.
#
# How much there is to average depends on the schedule. With a cosine the rate falls to 0, the last checkpoints hardly differ, and
# their mean is close to each of them. With a rate that stays high they scatter around something better than any of them: there
# averaging is known to help most (Izmailov et al. 2018).
#
# The control is the same run, validated as often, with the one best checkpoint kept. (More validations alone are an advantage:
# the best of a hundred is chosen, not of twenty.)

# %% tags=["recipes"]
CHECKPOINTS = {
    "best of an epoch each": STANDARD,
    "best of five an epoch": recipe(validations=5),
    "mean of the ten best": recipe(validations=5, average=10),
}

# %%
kept = compare(plain, CHECKPOINTS)
history = kept["mean of the ten best"][SEED].history
best = history["score"].nlargest(10).index
fig, (ax,) = plots.figure(9, 4)
ax.plot((history.index + 1) / 5, history["score"], color=plots.BLUE)
ax.plot((best + 1) / 5, history["score"][best], "*", color=plots.VERMILION, markersize=12)
ax.set(xlabel="epoch", ylabel="mAP@10, validation", ylim=(0, None), xticks=range(0, EPOCHS + 1, 4))
plots.show(fig, alt=f"Validation mAP@10 five times an epoch; the ten best, starred, lie between epochs {(best.min() + 1) / 5:.1f} and "
           f"{(best.max() + 1) / 5:.1f}.")
claim("M8", "The mean of the ten best checkpoints beats the best one of the same run", of(kept["mean of the ten best"]),
      of(kept["best of five an epoch"]), clusters=clips["test"], paper="Munakata 2024, section 5.1: used, never ablated", **given)
claim("14.validations", "To validate five times an epoch beats once", of(kept["best of five an epoch"]),
      of(kept["best of an epoch each"]), clusters=clips["test"], **given)

# %% [markdown]
# ## 6. Five models
#
# Models whose embedding spaces have nothing to do with each other can still be averaged: not their embeddings, but their
# *opinions*. "We performed the model ensemble by averaging the cosine similarity calculated by each model." One line:


# %%
def ensemble(similarities):
    """Mean cosine over models (each query x clip)."""
    return np.mean(similarities, axis=0, dtype=float)  # in double precision: rounding must make no ties


# %% [markdown]
# The paper's five members have five audio encoders, large and pretrained. We have one such encoder, the small CNN. So our members
# differ in everything else: how its frames are pooled, what the adapters are made of, who reads the text, which loss. Keep in mind
# that this is less of a difference. Beside them five members of *one* kind, A again and again, each from another seed: the same
# clips, other first weights, other batches. What those five gain can only come from averaging the luck of training away. (The five
# kinds have a seed each too. With one and the same, A and E would begin at the same weights, and agree more than they should.)

# %% tags=["recipes"]
KINDS = {  # name: pooling of the frames, who reads the text, recipe, and what is added to the seed
    "A standard": ("mean", "minilm", STANDARD, 0),
    "B max+mean pooling": ("max+mean", "minilm", STANDARD, 6000),
    "C linear adapters": ("mean", "minilm", recipe(adapter="LinearAdapter", hidden=None), 7000),
    "D word vectors": ("mean", "word2vec", STANDARD, 8000),
    "E triplet loss": ("mean", "minilm", recipe("triplet", {"margin": 0.2, "imposters": "all"}), 9000),
}
AGAIN = {f"A, seed {k}": ("mean", "minilm", STANDARD, 1000 * k) for k in range(1, 6)}
MEMBERS = KINDS | AGAIN
TEAMS = {name: [name] for name in MEMBERS}  # a team of one is a member
FEW = min(profile.n_test, profile.n_shifted)
TEAMS |= {f"{n} {label}": list(names)[:n] for label, names in (("kinds", KINDS), ("seeds", AGAIN)) for n in range(2, 6)}


# %%
@lru_cache(maxsize=4)
def encoded(seed, pool, text):
    """A seed's corpus as these encoders hand it over."""
    if text == "word2vec":  # vectors learnt from this training split's captions
        captions = data.caption_rows(tables[seed], "train")["caption"].tolist()
        text = word2vec.Word2Vec(word2vec.train(captions, seed=seed)).frozen()
    return retrieval.encode(tables[seed], text=text, pool=pool, splits=used)


def similarities(seed, members=MEMBERS, views=(0, MOST), splits=tuple(scored)):
    """(member, split, paraphrases) -> similarity of each query with each clip."""
    found = {}
    for name, (pool, text, how, further) in members.items():
        mine = encoded(seed, pool, text)
        model = retrieval.fit(mine, how, seed=seed + further, progress=False).model
        mine = mine.with_variants(variants[seed])
        for split in splits:
            for n in views:
                found[name, split, n] = retrieval.similarity(model, mine.examples([split]), n)
    return found


# %%
with contextlib.redirect_stdout(told):
    S = similarities(SEED, KINDS, views=(0,), splits=("test",))
own = corpus.splits["test"].groups.numpy()
shown = {name: S[name, "test", 0] for name in KINDS}
shown |= {"five times A": ensemble([shown["A standard"]] * 5), "the mean of A to E": ensemble(list(shown.values()))}
found = {name: metrics.score(value, own)["AP@10"] for name, value in shown.items()}
assert found["five times A"].equals(found["A standard"])
for name, value in shown.items():
    print(f"{name:20s} mAP@10 {found[name].mean():.3f}, deviation of its cosines {value.std():.2f}")

# %% [markdown]
# (The `assert`: five times the same model ranks as that model, query by query.) Look at the last column before you average anything:
# a mean of cosines weighs each member by how far its cosines are spread, and one whose similarities all lie close together has hardly
# a vote. Here all five are spread alike, even E, whose loss knows no temperature. At the profile smoke they are not. Exercise 2 says
# what to do then.
#
# Now all seeds. Each team is scored on the queries' own words, with five paraphrases, and with the mean of both: "to increase the
# diversity of the ensemble without additional training, two embeddings are obtained from a single model with or without inference
# time augmentation".


# %%
def replayed(names, key, seed, make):
    """The scores of these names on one seed: from the log, or made now."""
    keys = {name: store.digest(key, name) for name in names}
    known = run_log.read("14")
    if not set(keys.values()) <= set(known):
        with contextlib.redirect_stdout(told):
            made = make(seed)
        known = {keys[name]: run_log.Outcome(name, seed, made[name], pd.DataFrame(), ()) for name in names}
        if run_log.recording():
            run_log.write("14", known)
    return {name: known[each] for name, each in keys.items()}


# %%
def score_teams(seed):
    S, found = similarities(seed), {team: {} for team in TEAMS}
    for split in scored:
        own = plain[seed].splits[split].groups.numpy()
        for label, views in ((split, (0,)), (f"{split} +5", (MOST,)), (f"{split} both", (0, MOST))):
            for team, names in TEAMS.items():
                mean = ensemble([S[name, split, n] for name in names for n in views])
                found[team][label] = metrics.score(mean, own)[["AP@10"]]
    few = plain[seed].splits["test"].first(FEW).groups.numpy()  # for section 7: no more clips to choose from than there
    for team, names in TEAMS.items():
        mean = ensemble([S[name, "test", 0][: len(few), :FEW] for name in names])
        found[team]["test, fewer clips"] = metrics.score(mean, few)[["AP@10"]]
    return found


# %%
described = [f"{pool} {text} {further}" for pool, text, _, further in MEMBERS.values()]
results = {team: {} for team in TEAMS}
for seed in seeds:
    key = run_log.key(corpora[seed], [how for *_, how, _ in MEMBERS.values()], seed, [*scored, *described])
    for team, outcome in replayed(TEAMS, key, seed, score_teams).items():
        results[team][seed] = outcome
means = {team: np.mean([s.mean() for s in of(results[team])]) for team in TEAMS}
BEST = max(KINDS, key=means.get)  # on the test split: the hardest to beat
table = {team: {split: np.mean([s.mean() for s in of(results[team], split)]) for split in results[team][SEED].splits}
         for team in [*KINDS, "5 kinds", "5 seeds"]}
pd.DataFrame(table).T.round(3)

# %%
fig, axes = plots.figure(12, 4.2, columns=2)
for label, first, colour in (("kinds", list(KINDS), plots.BLUE), ("seeds", list(AGAIN), plots.ORANGE)):
    teams = [first[0], *(f"{n} {label}" for n in range(2, 6))]
    values = [stats.mean(of(results[team]), clips["test"], rng=np.random.default_rng(SEED)) for team in teams]
    plots.curve(axes[0], range(1, 6), values, f"five {label}", colour)
    metric(f"14.ensemble.{label}", values[-1])
axes[0].set(xlabel="members", ylabel="mAP@10", xticks=range(1, 6))
axes[0].legend(loc="lower right")
chosen = [*KINDS, *list(AGAIN)[:3]]
alike = np.mean([np.corrcoef([of(results[name])[k] for name in chosen]) for k in range(len(seeds))], axis=0)
short = [name[0] if name in KINDS else "A" + name[-1] for name in chosen]
plots.matrix(axes[1], alike, short, short)
axes[1].set_title("correlation of AP@10, query by query", fontsize=12)
plots.show(fig, alt="Left: mAP@10 by the number of members, for members of five kinds and for five seeds of one kind. Right: the "
           "correlation of two members' AP@10 over queries; highest between seeds of kind A, lower between kinds.")
kinds = alike[:5, :5][np.triu_indices(5, 1)].mean()
metric("14.alike.kinds", kinds)
metric("14.alike.seeds", alike[5:, 5:][np.triu_indices(3, 1)].mean())

# %% [markdown]
# Left: look at how much the lines *rise*, not at where they begin. Right: two members of one kind agree, query by query, with a
# correlation of **0.75**<!--m:14.alike.seeds-->, two of different kinds with
# **0.63**<!--m:14.alike.kinds-->. Whoever agrees with you cannot correct you. For squared errors that is an identity (Krogh and
# Vedelsby 1995). With $\bar s$ the mean of $M$ members and $y$ what they should say,
#
# $$ (\bar s - y)^2 = \frac1M \sum_m (s_m - y)^2 - \frac1M \sum_m (s_m - \bar s)^2 $$
#
# in words: the ensemble's error is the mean error of its members *minus their disagreement*. It can never be worse than the mean
# member, whatever the members are. A ranking is no squared error, so for mAP@10 this is a promise without a guarantee; but it says
# where to look. Let us look, at $y = 1$, the cosine of each query with its own clip:

# %%
right = np.stack([S[name, "test", 0][np.arange(len(own)), own] for name in KINDS])  # (member, query)
error, members, apart = ((right.mean(axis=0) - 1) ** 2).mean(), ((right - 1) ** 2).mean(), right.var(axis=0).mean()
print(f"ensemble {error:.4f} = members {members:.4f} - disagreement {apart:.4f}")
assert np.isclose(error, members - apart, atol=1e-5)

# %% [markdown]
# Now the claims: against the *best* member, which is the paper's comparison (42.22 against 39.79), and against the mean of the members,
# which is what you would have had without knowing which is best. We call that member best which is best on the test split itself:
# the hardest to beat.


# %%
def team(key, sentence, better, worse, split="test", paper="-"):
    claim(key, sentence, better, worse, clusters=clips[split], paper=paper, **given)


def mean_of(names, split="test"):
    """The members' scores, averaged query by query: what a member drawn at random is worth."""
    return [np.mean(each, axis=0) for each in zip(*(of(results[name], split) for name in names))]


print("the best member on the test split:", BEST)
numbers = "Munakata 2024, Tables 1 and 4: 42.22 against 39.79"
team("M7", "The ensemble of five kinds beats its best member", of(results["5 kinds"]), of(results[BEST]), paper=numbers)
team("14.ensemble.mean", "The ensemble of five kinds beats the mean of its members", of(results["5 kinds"]), mean_of(KINDS))
team("14.ensemble.seeds", "Five seeds of one kind beat the mean of their members", of(results["5 seeds"]), mean_of(AGAIN))
team("14.ensemble.diversity", "Five kinds beat five seeds of one kind", of(results["5 kinds"]), of(results["5 seeds"]))
team("14.ensemble.paraphrases", "Five paraphrases still help the ensemble", of(results["5 kinds"], "test +5"), of(results["5 kinds"]))
team("14.ensemble.both", "The ensemble with both views beats the one with paraphrases", of(results["5 kinds"], "test both"),
     of(results["5 kinds"], "test +5"))

# %% [markdown]
# ## 7. The hidden set
#
# The paper's ensemble had 42.22 on Clotho's test split, a little more than the winner of that year's challenge (41.90), and 39.2 on
# the hidden set, where the winner had 41.6. "This result shows that we cannot avoid overfitting by merely using the large-scale
# dataset and encoders." Does it? It is one system against one other, once, without an interval; nobody knows what the *single* models
# would have had on the hidden set.
#
# We ask the question that the sentence is about: does the ensemble gain less on a hidden set? Ours is the *shifted* split: other
# rooms, levels and backgrounds. Two things must be the same on both sides before the gains can be compared. A gain over the *best*
# member would be tilted, since the best was chosen on the test split: so we take the gain over the mean of the members. And with
# fewer clips to choose from all scores are higher: so the test split is cut to as many clips as the shifted one has. Defined before
# the runs: the finding *replicates* if the interval of gain on test minus gain on shifted lies above 0.


# %%
def gains(team, names, split, parts):
    """Gain over the mean of the members, in so many parts of a split, one array per seed: queries of two splits are no pairs."""
    found = [t - m for t, m in zip(of(results[team], split), mean_of(names, split))]
    return [np.array([part.mean() for part in np.array_split(gain, parts)]) for gain in found]


if "shifted" in scored:
    here, there = (gains("5 kinds", KINDS, split, FEW) for split in ("test, fewer clips", "shifted"))
    claim("M10", "The ensemble gains more over its members on the test split than on the shifted one", here, there,
          paper="Munakata 2024, Table 4: 42.22, but 39.2 hidden; 2024's best 41.90 and 41.6", unit="parts of a split", **given)
    team("14.shifted.ensemble", "On the shifted split: the ensemble of five kinds beats the mean of its members",
         of(results["5 kinds"], "shifted"), mean_of(KINDS, "shifted"), split="shifted")
    team("14.shifted.ensemble.best", "On the shifted split: it beats the member that is best on the test split",
         of(results["5 kinds"], "shifted"), of(results[BEST], "shifted"), split="shifted")

# %% [markdown]
# ## 8. The first ten seconds
#
# "Audio clips are trimmed to 10 seconds if they are longer." Clotho's recordings have 15 to 30. Notebook 11 asked how long a
# *segment* should be; here the rest of the recording is thrown away. **Predict**, from the first line that the next cell prints:
# how much can that cost?

# %% tags=["recipes"]
LONG = {"train": profile.n_train // 8, "validation": profile.n_validation // 5, "test": profile.n_test * 3 // 20}
FRAMES_A_SECOND = 3.2  # of the small CNN
LENGTHS = {"whole": None, "first ten seconds": round(10 * FRAMES_A_SECOND)}  # in frames

# %%
heard = [long_scenes.from_locator(path)[0] for path in long_scenes.build({"test": LONG["test"]}, SEED)["path"]]
onsets = np.array([event.onset_s for scene in heard for event in scene.events])
lost = [sum(event.onset_s >= 10 for event in scene.events) / len(scene.events) for scene in heard]
print(f"{np.mean(onsets >= 10):.0%} of the events begin after ten seconds; "
      f"{np.mean(np.array(lost) == 1):.0%} of the recordings have none before")
metric("14.cut.events", np.mean(onsets >= 10), n=len(onsets))
metric("14.cut.all", np.mean(np.array(lost) == 1), n=len(lost))

# %% [markdown]
# Frozen frames make the experiment cheap: a recording is encoded once, and "the first ten seconds" are the first 32 of its frames.
# There are few long recordings, so both arms go on from the standard model of the short clips.


# %%
def long_corpora(seed):
    """Long recordings, the frames of each pooled over the whole of it, or over its first ten seconds."""
    table = long_scenes.build(LONG, seed)
    for fault in sources.resolve(DATA)[2]:  # DATA = "soundscapes!shuffled" shuffles these captions too
        table = sources.FAULTS[fault][0](table, seed)
    frames, found = retrieval.encode(table, pool=None), {}
    for name, end in LENGTHS.items():
        splits = {}
        for split, part in frames.splits.items():
            values, mask = adapters.pooled(part.audio[:, :end], part.audio_mask[:, :end])
            splits[split] = replace(part, audio=values, audio_mask=mask)
        found[name] = replace(frames, splits=splits, notes=frames.notes | {"pool": "mean"}, key=store.digest(frames.key, name))
    return found


def score_lengths(seed):
    """Each goes on from the standard model of the short clips, and is scored on long ones."""
    first, found = retrieval.fit(plain[seed], STANDARD, seed=seed, progress=False), {}
    for name, corpus in long_corpora(seed).items():
        done = retrieval.fit(corpus, STANDARD, seed=seed, start=first, progress=False)
        found[name] = {"test": retrieval.scores(done.model, corpus.examples(["test"]))}
    return found


# %%
by_length = {name: {} for name in LENGTHS}
for seed in seeds:
    key = run_log.key(plain[seed], (STANDARD, STANDARD), seed, [f"{split} {n}" for split, n in LONG.items()])
    for name, outcome in replayed(LENGTHS, key, seed, score_lengths).items():
        by_length[name][seed] = outcome
long_clips = [np.arange(len(s)) // (len(s) // LONG["test"]) for s in of(by_length["whole"])]
for name, short in zip(LENGTHS, ("whole", "trimmed")):
    metric(f"14.length.{short}", stats.mean(of(by_length[name]), long_clips, rng=np.random.default_rng(SEED)))
claim("14.ten-seconds", "Whole recordings of 15 to 30 s beat their first ten seconds", of(by_length["whole"]),
      of(by_length["first ten seconds"]), clusters=long_clips, **given)

# %% [markdown]
# ## 9. What an ensemble knows, in one model
#
# An ensemble costs five times a model's time at every query. Can one model learn what five know? NT-Xent tells it that of 64
# captions one is right and 63 are wrong, all equally. The ensemble says more: that one is right, *this* one nearly, that one not at
# all. DCASE 2024's winner (Primus et al. 2024) trained on exactly that: the mean cosine of several models, at a temperature, as
# probabilities; once along the rows, once along the columns.
#
# $$ P_{ij} = \frac{e^{\bar s_{ij}/\tau}}{\sum_k e^{\bar s_{ik}/\tau}}, \qquad
#    \mathcal{L} = \frac12 \big( H(P^{\text{row}}, S/\tau) + H(P^{\text{column}}, S/\tau) \big), \qquad
#    H(P, X) = -\frac1N \sum_{ij} P_{ij} \log \mathrm{softmax}_j(X_{ij}) $$


# %% tags=["for-exercises"]
def soft_targets(similarity, teacher, temperature=0.07):
    """`similarity` and `teacher`: cosines of the batch's clips (rows) and captions (columns)."""
    value = 0
    for ours, theirs in ((similarity, teacher), (similarity.T, teacher.T)):
        wanted = (theirs / temperature).softmax(dim=1)
        value += -(wanted * (ours / temperature).log_softmax(dim=1)).sum(dim=1).mean() / 2
    return value


# %%
batch = corpus.examples(["validation"]).batch(torch.arange(0, 5 * min(64, sizes["validation"]), 5))
with torch.no_grad():
    audio, text = standard.model(batch.audio, batch.text)
sure = torch.eye(len(audio)) * 9  # a teacher without doubts
print(f"sure teacher {soft_targets(losses.cosine(audio, text), sure):.4f}, NT-Xent {losses.nt_xent(audio, text):.4f}")
assert torch.isclose(soft_targets(losses.cosine(audio, text), sure), losses.nt_xent(audio, text), atol=1e-4)
audio, text = (torch.randn(64, 8, generator=torch.Generator().manual_seed(k)) for k in (1, 2))
S, T = losses.cosine(audio, text), losses.cosine(text, audio)
assert torch.isclose(soft_targets(S, T), losses.soft_targets(audio, text, teacher=T), atol=1e-5)

# %% [markdown]
# The paper wants to correct something besides. "One right, 63 wrong" is false wherever another caption of the batch is true of the
# sound too: section 3 of notebook 08 let you hear such cases. A teacher gives them a share.
#
# A teacher without doubts is NT-Xent; so soft targets change one thing only, the doubts. Our teachers are the five seeds of kind A
# (section 6). The pupil is A, trained as ever, which then goes on with soft targets. The control goes on just as long with hard
# ones: the README of the winner's code reports 28.20 before and 29.94 after, without such a control. And since it costs nothing, a
# pupil that learns from soft targets alone from its first step.

# %% tags=["recipes"]
SOFT = recipe("soft_targets", {"temperature": 0.07, "teacher_temperature": 0.07}, teachers=((STANDARD,),) * 5)
PUPILS = {"hard targets": (STANDARD,), "hard, then hard": (STANDARD, STANDARD), "hard, then soft": (STANDARD, SOFT), "soft targets": (SOFT,)}

# %%
pupils = compare(plain, PUPILS)
values = {name: stats.mean(of(pupils[name]), clips["test"], rng=np.random.default_rng(SEED)) for name in PUPILS}
values["the five teachers' ensemble"] = stats.mean(of(results["5 seeds"]), clips["test"], rng=np.random.default_rng(SEED))
fig, (ax,) = plots.figure(9, 3.6)
plots.bars(ax, values, chance=metrics.chance(sizes["test"]), oracle=data.oracle(tables[SEED]), colours=[plots.BLUE] * 4 + [plots.GREEN])
plots.show(fig, alt="mAP@10 on the test split: " + "; ".join(f"{name} {v.value:.3f}" for name, v in values.items()) + ".")
for name, v in values.items():
    metric("14.pupil." + name.replace(", ", "-").replace(" ", "-").replace("'", ""), v)
claim("14.soft-targets", "To go on with an ensemble's soft targets beats to go on with hard ones", of(pupils["hard, then soft"]),
      of(pupils["hard, then hard"]), clusters=clips["test"], paper="README of DCASE 2024's winner: 28.20 to 29.94, no such control", **given)
claim("14.soft-targets.first", "Soft targets from the first step beat hard ones", of(pupils["soft targets"]), of(pupils["hard targets"]),
      clusters=clips["test"], **given)
claim("14.soft-targets.teachers", "The teachers' ensemble still beats its pupil", of(results["5 seeds"]), of(pupils["soft targets"]),
      clusters=clips["test"], **given)
if "shifted" in scored:
    claim("14.shifted.soft-targets", "On the shifted split: soft targets from the first step beat hard ones",
          of(pupils["soft targets"], "shifted"), of(pupils["hard targets"], "shifted"), clusters=clips["shifted"], **given)

# %% [markdown]
# **What the runs say**
#
# - *Paraphrases (M6.soundscapes).* Five bring **+0.063**<!--m:claim.M6.soundscapes-->, from **0.403**<!--m:14.views.test.0--> to
#   **0.466**<!--m:14.views.test.5-->; on the shifted split **+0.042**<!--m:claim.14.shifted.paraphrases-->. One alone does not hurt, as on
#   Clotho, but brings half of it (query alone minus query and one: **-0.032**<!--m:claim.14.one-paraphrase-->). Where does it come from?
#   Queries with a word that training never met gain **+0.113**<!--m:14.gain.some-word-new-->, all others
#   **+0.010**<!--m:14.gain.all-words-met-->; and a paraphraser who knows no such words loses **+0.042**<!--m:claim.14.words-met--> against
#   the one who does. So here "missing information" is the wrong name. What a paraphrase supplies is another *wording* of the same
#   information. (It might explain AudioCaps, where they harm, if its queries are worded much as its training captions are. We have
#   not looked.) How much a paraphraser helps says as much about the training captions as about the paraphraser.
# - *One data set a batch.* As the clips are: **+0.025**<!--m:claim.14.one-source-->, although there is no shortcut to avoid. With
#   another microphone: **-0.003**<!--m:claim.14.one-source.microphone-->, within the margin, although there is one. The scores suggest
#   why. Clean clips alone reach **0.403**<!--m:14.map10.clean-->: the noisy texts *harm* (notebook 09), and most in mixed batches
#   (**0.360**<!--m:14.map10.mixed-->). Batches of one data set keep them away from the clean clips (**0.385**<!--m:14.map10.one-source-->).
#   The microphone does the same, in mixed batches too (**0.395**<!--m:14.map10.mixed.microphone-->): it tells the model which clips
#   have the odd texts. That is our reading, not a claim. What is sure: here the remedy helps for another reason than the paper's.
# - *The temperature.* Learnt from 0.02 or fixed there: **-0.003**<!--m:claim.14.temperature.learnt-->, undecided. Learnt from 0.07 rather
#   than from 0.02: **+0.031**<!--m:claim.14.temperature.start-->. What matters is the start.
# - *Ten checkpoints (M8).* Their mean minus the best: **+0.003**<!--m:claim.M8-->; five validations an epoch instead of one:
#   **-0.002**<!--m:claim.14.validations-->. Both intervals lie within the margin. Section 5 says why it could hardly be otherwise with a
#   schedule that ends at 0. The paper's is such a cosine, too.
# - *The ensemble (M7).* Over the mean of its members **+0.062**<!--m:claim.14.ensemble.mean-->, as much as five paraphrases bring;
#   over its best member **+0.007**<!--m:claim.M7-->, with an interval that five seeds cannot keep clear of 0. Both are true: our members
#   are very unequal, the paper's nearly equal (38.57 to 39.79), so that there the best is hardly above the mean. Luck averaged away
#   explains half of it: five seeds of one kind gain **+0.031**<!--m:claim.14.ensemble.seeds--> over theirs. Kinds beat seeds by
#   **+0.011**<!--m:claim.14.ensemble.diversity-->, although C, D and E are no better than A: the kinds disagree more. Paraphrases
#   still add **+0.061**<!--m:claim.14.ensemble.paraphrases--> to the ensemble, as much as to a single model: what they mend is not
#   mended by asking more models that do not know the word. And to mix in the views *without* paraphrases, the paper's last trick,
#   costs **-0.010**<!--m:claim.14.ensemble.both-->: it brings back the unknown words.
# - *The hidden set (M10).* Gain on the test split minus gain on the shifted one: **+0.004**<!--m:claim.M10-->, from
#   **-0.004**<!--m:claim.M10.low--> to **+0.013**<!--m:claim.M10.high-->. We cannot tell it from nothing, and more than a fifth of the gain
#   is hardly lost: on the shifted split the ensemble is **+0.058**<!--m:claim.14.shifted.ensemble--> above the mean of its members. What
#   does *not* carry over is the lead on the best member (**-0.003**<!--m:claim.14.shifted.ensemble.best-->, a hair behind it). So the
#   order of two systems may change on a hidden set though the ensemble has lost nothing of its gain. The paper's sentence rests on
#   such an order, of two systems by two teams.
# - *Ten seconds.* The whole recording is worth **+0.115**<!--m:claim.14.ten-seconds-->. Of all events
#   **47 %**<!--m:14.cut.events--> begin behind the cut, and a caption that tells of one asks for what is no longer there. Our world spreads
#   its events evenly; on Freesound the start of a recording may tell more than its end. Most of the paper's audio encoders learnt from
#   AudioSet's ten seconds, which is a reason for the cut; notebook 11 shows how to keep the rest: segment by segment.
# - *Soft targets.* To go on with soft targets instead of hard ones brings **+0.011**<!--m:claim.14.soft-targets-->. Without the control you
#   would have compared **0.420**<!--m:14.pupil.hard-then-soft--> with **0.403**<!--m:14.pupil.hard-targets-->; a part of that the further steps
#   give by themselves (**0.409**<!--m:14.pupil.hard-then-hard-->). Soft targets from the first step do no better than hard ones
#   (**+0.002**<!--m:claim.14.soft-targets.first-->, within the margin; on the shifted split
#   **+0.001**<!--m:claim.14.shifted.soft-targets-->, undecided). The teachers' ensemble, at **0.436**<!--m:14.pupil.the-five-teachers-ensemble-->,
#   stays ahead: by **+0.031**<!--m:claim.14.soft-targets.teachers--> of the pupil that had only soft targets. One model takes over a part of
#   what five know, not all.
#
# Do not take it on trust: with `DATA = "soundscapes!shuffled"` everything falls to chance (and is trained, which takes half an hour
# at laptop: use the profile smoke). And set `HEARSAY_LLM` (notebook 12) to have your own language model paraphrase the queries.
#
# ## Exercises
#
# Replace each `...`, run the cell and the one below it. Nothing breaks when you are wrong: you get a hint.
#
# ### Exercise 1: one query from many views (10 minutes, easy)
#
# `views` holds the embeddings of a query and its paraphrases, a list of lists. Give the embedding that stands for all of them, as a
# list: each view counts the same, however long its embedding, and the result has length 1.


# %% tags=["exercise"]
def one_query(views):
    return ...


# %% tags=["check"]
half = 0.5**0.5
checks.check(one_query, [
    Case("two views", ([[3.0, 0.0], [0.0, 1.0]],), [half, half], "each to length 1, then the mean, then to length 1",
         traps=(([3 / 10**0.5, 1 / 10**0.5], "the longer view counts more: bring each to length 1 first"),
                ([0.5, 0.5], "the mean of two unit vectors is shorter than 1: bring it to length 1 too"),
                ([1.5, 0.5], "bring each view to length 1 first, and the mean at the end"))),
    Case("one view", ([[0.0, -5.0]],), [0.0, -1.0], "a single view keeps its direction",
         traps=(([0.0, 1.0], "a length is positive; the direction keeps its sign"),)),
    Case("three views", ([[1.0, 0.0], [2.0, 0.0], [0.0, 9.0]],), [2 / 5**0.5, 1 / 5**0.5], "two views agree, so they weigh two to one",
         traps=(([half, half], "a direction that comes twice counts twice"),)),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def one_query(views):
#     views = np.array(views)
#     mean = (views / np.linalg.norm(views, axis=1, keepdims=True)).mean(axis=0)
#     return list(mean / np.linalg.norm(mean))
# ```
# </details>

# %% [markdown]
# ### Exercise 2: the same vote for all (15 minutes, medium)
#
# `similarities` is an array (member, query, clip). Members whose cosines are spread further outvote the others. Bring each member to
# the same footing first: subtract the mean of *all* its similarities, divide by their standard deviation (`np.std`); then average
# over the members. (Then try it on `S` from section 6. Does it help?)


# %% tags=["exercise"]
def same_vote(similarities):
    return ...


# %% tags=["check"]
S2 = np.array([[[0.9, 0.1, 0.2], [0.4, 0.8, 0.3]], [[0.55, 0.51, 0.50], [0.52, 0.53, 0.57]]])


def on_one_footing(S, axes=(1, 2), power=1, centred=True):
    moved = S - S.mean(axis=axes, keepdims=True) * centred
    return (moved / S.std(axis=axes, keepdims=True) ** power).mean(axis=0)


checks.check(same_vote, [
    Case("two members", (S2,), on_one_footing(S2), "(S - mean) / deviation for each member, then the mean over members",
         traps=((S2.mean(axis=0), "this is the plain mean: nobody's spread is changed"),
                (on_one_footing(S2, power=0), "you subtract the means but do not divide by the deviations"),
                (on_one_footing(S2, centred=False), "you divide, but do not subtract the means"),
                (on_one_footing(S2, power=2), "divide by the standard deviation, not by the variance"),
                (on_one_footing(S2, axes=(2,)), "one mean and one deviation for each member, not for each query"),
                (on_one_footing(S2, axes=(0, 1, 2)), "each member by itself; you take mean and deviation over all of them"),
                (2 * on_one_footing(S2), "the mean over the members, not the sum"))),
    Case("the second member shouts", (S2 * [[[1.0]], [[50.0]]],), on_one_footing(S2), "a factor on a member changes nothing"),
    Case("one member", (S2[:1],), on_one_footing(S2[:1]), "it works for any number of members",
         traps=((S2[0], "a single member is brought to the same footing too"),)),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def same_vote(similarities):
#     mean = similarities.mean(axis=(1, 2), keepdims=True)
#     deviation = similarities.std(axis=(1, 2), keepdims=True)
#     return ((similarities - mean) / deviation).mean(axis=0)
# ```
# </details>

# %% [markdown]
# ### Exercise 3: one row of soft targets (20 minutes, hard)
#
# `ours` holds the pupil's cosines of one sound with the captions of a batch, `theirs` the teachers'. Give the loss of this row: the
# cross entropy $-\sum_j P_j \log p_j$ with $P$ the softmax of `theirs` and $p$ that of `ours`, both at this temperature. It must
# survive a temperature of 0.0005.


# %% tags=["exercise"]
def row_loss(ours, theirs, temperature):
    return ...


# %% tags=["check"]
def log_softmax(row):
    return np.array(row) - np.logaddexp.reduce(row)


def crossed(ours, theirs, tau, tau_teacher=None):
    return -float(np.exp(log_softmax(np.array(theirs) / (tau_teacher or tau))) @ log_softmax(np.array(ours) / tau))


ours3, theirs3, flat3 = [0.7, 0.2, 0.4], [0.8, 0.1, 0.6], [0.3, 0.3, 0.3]
checks.check(row_loss, [
    Case("three captions, temperature 0.2", (ours3, theirs3, 0.2), crossed(ours3, theirs3, 0.2), "P from theirs, log p from ours",
         traps=((crossed(theirs3, ours3, 0.2), "the teachers say what is wanted: you have exchanged the two"),
                (crossed(ours3, theirs3, 0.2) - crossed(theirs3, theirs3, 0.2), "you subtract the teachers' own entropy; asked is the cross entropy"),
                (-crossed(ours3, theirs3, 0.2), "a loss is not negative: minus the sum"),
                (crossed(ours3, theirs3, 0.2, 1.0), "the teachers' cosines are divided by the temperature too"),
                (crossed(ours3, theirs3, 1.0), "the temperature has no effect on your answer"),
                (crossed(ours3, theirs3, 5.0), "divide by the temperature; you multiply"),
                (-float(log_softmax(np.array(ours3) / 0.2)[0]), "that is NT-Xent: only the teachers' first choice counts"),
                (crossed(ours3, theirs3, 0.2) / 3, "the sum over the captions, not the mean"))),
    Case("teachers that know nothing", (ours3, flat3, 0.2), crossed(ours3, flat3, 0.2), "then every caption is wanted alike"),
    Case("temperature 0.0005", ([0.1, 0.9], [0.2, 0.8], 0.0005), crossed([0.1, 0.9], [0.2, 0.8], 0.0005),
         "exp(1800) is infinite: subtract the largest number before exp, and never take log of a softmax"),
    Case("and the pupil is wrong", ([0.9, 0.1], [0.2, 0.8], 0.0005), crossed([0.9, 0.1], [0.2, 0.8], 0.0005),
         "log p is -1600, not the logarithm of 0"),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def row_loss(ours, theirs, temperature):
#     log_p = [np.array(row) / temperature for row in (ours, theirs)]
#     log_p = [row - row.max() - np.log(np.exp(row - row.max()).sum()) for row in log_p]
#     return -np.sum(np.exp(log_p[1]) * log_p[0])
# ```
# </details>

# %% [markdown]
# ## Recap
#
# - Ranking by the mean of a query's views is ranking by their mean cosine; an ensemble takes the same mean over models.
# - Paraphrases help where they replace words that the text tower does not know (M6.soundscapes, 14.words-met). They add no facts.
# - Weights may be averaged within one run, not across runs. With a rate that falls to 0 there is little left to average (M8).
# - An ensemble owes its gain to disagreement. Part of it is luck averaged away, which five seeds of one kind give you too
#   (14.ensemble.seeds). Always ask for that control.
# - Whether a gain carries over to a hidden set is a difference of differences: give it an interval (M10).
# - A temperature, or any number, learns no further than the sum of its learning rates.
# - One model can take over part of what an ensemble knows, after it has learnt from hard targets (14.soft-targets).
#
# **What we did not show:** members with different audio encoders, the paper's main difference; encoders that learn, whose checkpoints
# move further; a language model's paraphrases; distillation over several rounds. With Clotho and real encoders: notebook 19.
#
# ## Further reading
#
# - H. Munakata, T. Nishimura, S. Nakada, T. Komatsu (2024), sections 4.3 and 5: the paper of this notebook. (Its abstract has the
#   ensemble at 42.22, its introduction at 42.26, which in Table 4 is another system; its introduction names PaSST the best single
#   model, its Table 1 VAST.)
# - P. Primus, F. Schmid, G. Widmer: *Estimated audio-caption correspondences improve language-based audio retrieval* (2024).
# - M. Wortsman et al.: *Model soups* (2022): when weights may be averaged; P. Izmailov et al.: *Averaging weights leads to wider
#   optima* (2018).
# - A. Krogh, J. Vedelsby: *Neural network ensembles, cross validation, and active learning* (1995): the identity of section 6.
# - B. Lakshminarayanan, A. Pritzel, C. Blundell: *Simple and scalable predictive uncertainty estimation using deep ensembles* (2017).
# - G. Hinton, O. Vinyals, J. Dean: *Distilling the knowledge in a neural network* (2015): where soft targets come from.
