# %% [markdown]
# # 00 Listen first
#
# {{badge}}
#
# **The question:** what is *language-based audio retrieval*? Type what you want to hear, and hear it.

# %% tags=["parameters"]
PROFILE = "laptop"
DATA = "soundscapes"
SEED = 0

# %%
from textwrap import fill, shorten

import numpy as np
import torch

from lib import adapters, cache, data, metrics, profiles, stats, towers
from lib.data import events, shared, soundscapes
from lib.search import Index
from lib.show import ask, checks, listen, plots
from lib.show.checks import Case
from lib.show.claims import claim, metric
from lib.show.pipeline import pipeline

# %%
pipeline("ranking")

# %% [markdown]
# A sound and a text take separate roads to the same place: a list of numbers each. There they can be compared, and whatever
# lies nearest to your words is played to you. You are at the end of that road; the other notebooks walk it from the start.
#
# **After this you can**
# - search a collection of sounds with words of your own, and say what happens when you press Enter;
# - read the symbols that all twenty notebooks share;
# - tell a good search from a lucky one: chance below it, an oracle above it, an interval around it;
# - point the same search at a folder of your own recordings.
#
# **Before:** a little Python; what you cannot read yet (NumPy, PyTorch) the text says in words. Sound on!
#
# **Time:** sections 1 and 2 take five minutes; all of it about half an hour to read, and the exercises 20 minutes more.
# *In class:* sections 1 to 4 and exercise 1. *At home:* the rest.
#
# <!--runtimes-->

# %% [markdown]
# ## 1. A collection that nobody has labelled
#
# With `DATA = "soundscapes"` the collection is made by formula: five seconds each, one to three sounds (dogs, doors,
# thunder, sirens ...) over rain, surf, traffic or nothing at all. The search below is not told what is in them. It listens.

# %%
profile = profiles.get(PROFILE)
clips = data.load(DATA, profile=profile, seed=SEED, needs=("audio",))
split = "test" if "test" in set(clips["split"]) else max(clips["split"])  # clips that no training has heard
sounds = data.of_split(clips, split)
print(f"profile {profile.name}, data {DATA.partition(':')[0]}, seed {SEED}: {len(sounds):,} clips of the split {split}")

# %% [markdown]
# Now the two towers. Both encoders have been trained before, on other things: a small network that tells sounds apart (from
# sounds made by formula and some real recordings: section 6), and MiniLM, which reads sentences. All that was trained for
# *this* task are two small adapters, on captions of 8,000 other soundscapes. They come with the workbook, and
# `data_scripts/train_listen_first.py` makes them again.

# %%
model = towers.load(towers.COMMITTED / "listen_first")
heard = cache.frames(model.audio.encoder, sounds)  # every clip, once: a frame for every 0.32 s
with torch.no_grad():
    z_audio = model.audio.adapter(heard.values, heard.mask)  # (clip, dim)
index = Index(z_audio, sounds)
print(f"frames {tuple(heard.values.shape)} (clip, time, feature) -> embeddings {tuple(z_audio.shape)} (clip, dim)")

# %% [markdown]
# ## 2. Ask
#
# Your words go through the text tower and come out as one embedding, too. Then the search is one line: the clips whose
# embeddings point most nearly in the same direction, best first.


# %%
def find(query, k=5):
    """The k clips nearest to a text."""
    with torch.no_grad():
        z_text = model.text([query])  # (1, dim)
    return index.query(z_text, k)


find("a small dog barks twice, then thunder")[["rank", "score", "clip_id"]]

# %% [markdown]
# Numbers do not sound. Three questions, then: two that this collection can answer, and after them a harder one, the one we
# just asked. **Predict**, before you scroll on: will its first answer have a *small* dog? Bark *twice*? And the thunder
# *after* it? Below each player stands a caption of that clip and, for soundscapes, what is in truth in it, in order. The
# search never saw either. (A small dog is one with a *high* voice.) A caption leaves things out: "a faucet drips" may do so
# beside the sea.

# %%
for query in ("a baby cries, then a train whistle", "waves on a beach", "a small dog barks twice, then thunder"):
    ask.show(query, find(query, 3))

# %% [markdown]
# Your turn. Type, press Enter, listen. (The box works while the notebook runs, in JupyterLab or Colab. On a page without a
# kernel the three searches above play all the same. `ask.show("your words", find("your words"))` is the box without a box.)
#
# Things to try: a sound that is surely not there ("a violin"); words that no caption uses ("a chopper"); the same sounds in
# the other order; "no rain". And the third search above was a trap: in our collection (profile laptop, seed 0) no clip has a
# dog *before* its thunder. A search always offers something, and never says "there is none".

# %%
ask.Search(find, "a train in the distance while it rains")

# %% [markdown]
# ## 3. What just happened
#
# $$ \text{clip} \xrightarrow{\text{encoder}} \text{frames} \xrightarrow{\text{adapter}} z^a \qquad
#    \text{text} \xrightarrow{\text{encoder}} \text{tokens} \xrightarrow{\text{adapter}} z^t \qquad
#    S = \frac{z^t \cdot z^a}{\lVert z^t \rVert \, \lVert z^a \rVert} $$
#
# $S$, the *similarity*, is the cosine of the angle between two embeddings: 1 if they point the same way, 0 if they have
# nothing to do with each other. Ranking means sorting by $S$. These names and symbols stay the same in all notebooks:
#
# | symbol | is | shape |
# |---|---|---|
# | $x$ | a clip: its samples | (samples) |
# | frames, tokens | what the encoder hands over, piece by piece | (time, feature), in the picture $(T, F)$ |
# | $z^a, z^t$ | embedding of a clip, of a text; in a batch $a_i$, $t_j$ for short | (dim), in the picture $(D)$ |
# | $S$, $s_{ij}$ | similarity of each text with each clip; one entry of it | (text, clip); in a loss (clip, text), as the papers do |
# | $\tau$ | temperature: how sharply the training loss looks at $S$ (notebook 08) | number |
# | $\mathcal{L}$, $\ell_i$ | loss: what training makes small; the part of one row | number |
# | $N$, $n$ | pairs in a batch; clips in a ranking | number |
# | $r$, $k$ | the rank of an answer, from 1; how many answers we look at, mostly 10 | number |
# | $g$ | graded relevance: the share of a caption's facts that hold in a clip (notebook 02) | 0 to 1 |
# | AP@10, mAP@10 | average precision of one query; its mean over all queries | 0 to 1 |
# | R@$k$ | recall: is a right answer among the first $k$? | 0 to 1 |
#
# A line like "00.map10.sound = 0.5 [0.4, 0.6], n = 999" is a number that a cell has measured: its name, its value, its *95 %
# interval* (how far it might move with other clips; notebook 02 builds such intervals) and
# how many queries are behind it.
#
# One thing is lost on the way: the frames are averaged over time, so the embedding of a clip says *what* sounded and hardly
# *when*. And the text? **Predict** the cosine of the two orders of one sentence.

# %%
with torch.no_grad():
    one, other = model.text(["a dog barks, then thunder", "thunder, then a dog barks"])
    third = model.text(["someone knocks, and a siren goes past"])[0]
metric("00.order.swapped", torch.cosine_similarity(one, other, dim=0).item())
metric("00.order.other-sounds", torch.cosine_similarity(one, third, dim=0).item())

# %% [markdown]
# **0.96**<!--m:00.order.swapped-->, against **0.05**<!--m:00.order.other-sounds--> for a sentence about other sounds. To this
# search, both orders are nearly the same question. The two clips of our collection with a dog and thunder both have the
# thunder first; the search offers one of them as its best answer all the same. Notebook 18 measures such things.
#
# Now look at $S$ itself: five clips and a caption of each. **Predict:** where should the large values stand?

# %%
captioned = sounds[sounds["captions"].map(len) > 0]
if len(captioned):
    few = captioned[~captioned["captions"].str[0].duplicated()].head(5)
    captions, names = [texts[0] for texts in few["captions"]], [f"clip {i}" for i in range(1, len(few) + 1)]
    with torch.no_grad():
        S = index.similarity(model.text(captions))[:, few.index]
    listen.play_row([clip for _, clip in few.iterrows()], labels=names, seconds=5)
    fig, (ax,) = plots.figure(9, 3.6)
    plots.matrix(ax, S, [fill(shorten(caption, 84, placeholder=" …"), 44) for caption in captions], names,
                 marked=[(i, i) for i in range(len(few))])
    ax.set_title("cosine of caption (row) and clip (column)")
    plots.show(fig, alt="Similarities of five captions (rows) with five clips (columns). The framed diagonal holds each "
               "caption's own clip, which should have the largest value of its row.")
else:
    print("Not available here: these recordings have no captions.")

# %% [markdown]
# ## 4. Is it any good?
#
# Three pleasing answers prove nothing. So ask many questions whose answer is known: a caption of every clip. The clip it
# was written for should come first. If it does, the query earns 1; at rank 2 it earns 1/2, at rank 10 it earns 1/10, and
# nothing after that. The mean over all queries is **mAP@10**, the number by which this field is judged (notebook 02).
#
# One number needs a frame. *Chance*: the clips in random order. *Oracle*: a listener who hears every fact about each clip,
# but reads only what the caption says; captions leave much out, so even it cannot be perfect. And a *rival* who cannot
# hear: it compares your words with the titles that uploaders gave their files, by the same MiniLM.
#
# At the end stands a *claim*: a sentence that compares two systems, query by query. *Effect* is the mean difference, and the
# *verdict* follows from its interval. It *holds* if the whole interval lies above 0 (*replicates*, where a paper states it,
# too; a dash under *paper*: none does), *does not hold here* if all of it lies below. *Equivalent*: all of it within a margin
# around 0 that was named beforehand. *Underpowered*: too wide to tell.


# %%
has_captions = len(captioned) > 0
if has_captions:
    queries = sorted({texts[0] for texts in captioned["captions"]})
    relevant = np.array([[query in texts for texts in sounds["captions"]] for query in queries])  # (text, clip)
    words, titles = (cache.tokens(model.text.encoder, texts) for texts in (queries, list(sounds["title"])))
    with torch.no_grad():
        by_sound = index.similarity(model.text.adapter(words.values, words.mask))
    by_title = Index(adapters.masked_mean(titles.values, titles.mask), sounds)
    by_title = by_title.similarity(adapters.masked_mean(words.values, words.mask))
    print(f"{len(queries):,} queries, {len(sounds):,} clips, {relevant.sum(axis=1).mean():.1f} right answers to each")


# %%
def interval(scores):
    """Mean and 95 % interval, were other clips drawn (notebook 02); queries for one clip stay together."""
    return stats.bootstrap(scores, relevant.argmax(axis=1), resamples=profile.resamples, rng=np.random.default_rng(SEED))


ap = {}
if has_captions:
    ap = {name: metrics.average_precision(S, relevant) for name, S in (("by sound", by_sound), ("by title", by_title))}
    chance = float(np.mean([metrics.chance(len(sounds), relevant=n) for n in relevant.sum(axis=1)]))
    metric("00.map10.sound", interval(ap["by sound"]))
    metric("00.map10.title", interval(ap["by title"]))
    metric("00.map10.chance", chance)

# %%
oracle = None
if has_captions and set(sounds["source"]) == {"soundscapes"}:
    captions = list(data.caption_rows(clips, split)["caption"])
    asked = [captions.index(query) for query in queries]
    facts = data.graded(clips, split)[asked]  # share of the facts in the caption that hold in the clip
    oracle = metrics.average_precision(facts, relevant).mean()
    metric("00.map10.oracle", oracle)
if ap:
    fig, (ax,) = plots.figure(8, 2.6)
    plots.bars(ax, {name: interval(scores) for name, scores in ap.items()}, chance=chance, oracle=oracle)
    plots.show(fig, alt="mAP@10 of the search by sound and of the search by title, with 95 % intervals, between chance near "
               "zero and, where every fact is known, the oracle.")
    claim("00.hearing", "Searching by sound finds more than searching the uploaders' titles", ap["by sound"],
          ap["by title"], clusters=relevant.argmax(axis=1))

# %% [markdown]
# The search by sound reaches an mAP@10 of **0.527**<!--m:00.map10.sound-->, 95 % interval
# **0.502**<!--m:00.map10.sound.low--> to **0.552**<!--m:00.map10.sound.high-->; by title it is
# **0.056**<!--m:00.map10.title-->, by chance **0.003**<!--m:00.map10.chance-->, and the oracle reaches
# **0.814**<!--m:00.map10.oracle-->. Many of the titles say nothing ("Rec_0412.wav"; notebook 01 counts them): this is why
# anyone wants to search by sound.
#
# The interval answers: *how much would this number move with other clips?* It says nothing about other adapters, trained
# from another seed; from notebook 08 on we train five times and count that, too.
#
# ## 5. Sounds it never learnt
#
# The audio encoder was pretrained on fifteen of the kinds of sound above, and never heard the other nine (thunder, glass,
# cats, frogs ...). The adapters met all of them, in other clips. **Predict:** are clips of unseen kinds harder to find?

# %%
if oracle is not None:
    scenes = [soundscapes.from_locator(path) for path in sounds["path"]]
    share = np.array([np.mean([events.KINDS[e.kind].seen for e in scene.events]) for scene in scenes])
    share = share[relevant.argmax(axis=1)]  # of the clip behind each query
    groups = {"all kinds seen": share == 1, "some unseen": (0 < share) & (share < 1), "none seen": share == 0}
    by_group = {}
    for name, members in groups.items():
        by_group[f"{name} ({members.sum()})"] = found = stats.jackknife(ap["by sound"][members])  # mean, interval
        metric(f"00.map10.{name.replace(' ', '-')}", found)
    seen, _, unseen = by_group.values()
    metric("00.map10.seen-minus-unseen", stats.difference(seen, unseen))
    fig, (ax,) = plots.figure(8, 3)
    plots.bars(ax, by_group, chance=chance)
    plots.show(fig, alt="mAP@10 of queries for clips whose kinds of sound the audio encoder has all met in its pretraining, "
               "met in part, or never met, with 95 % intervals and chance.")
else:
    print("Not available here: nobody wrote down which kinds of sound these recordings hold.")

# %% [markdown]
# Clips of kinds that were all seen: **0.579**<!--m:00.map10.all-kinds-seen-->; none of them seen:
# **0.505**<!--m:00.map10.none-seen-->. The difference is **0.074**<!--m:00.map10.seen-minus-unseen-->, and its interval,
# **-0.006**<!--m:00.map10.seen-minus-unseen.low--> to **0.154**<!--m:00.map10.seen-minus-unseen.high-->, tells you how far to
# trust it. These are different clips, not the same ones twice: thunder may be easier than a car horn for reasons of its own.
# Either way, what an encoder never met is still found far more often than by chance.
#
# ## 6. Real recordings
#
# All of this was sound by formula. ESC-10 holds real recordings of ten kinds of sound, in five folds (Piczak 2015). The
# audio encoder heard the first three folds in its pretraining, so we search the fourth, from the raw audio. Ten queries, the
# names of the kinds; right are all clips of that kind. One recording gives several clips, which are not independent: the
# interval draws whole recordings again and again, with replacement (a *bootstrap*: notebook 02).


# %%
def category_map10(S, kinds, captions):
    """mAP@10 where every clip of the kind that was asked for is right."""
    relevant = np.array([[kind == texts[0] for texts in captions] for kind in kinds])
    present = relevant.any(axis=1)  # a resampled collection may lack a kind
    return metrics.average_precision(S[present], relevant[present], divide_by="reachable").mean()


esc10 = shared.find("esc10")
if esc10:
    real = data.load(f"esc50:{esc10}", profile=profile, needs=("captions",))
    real = real[real["split"] == "fold4"].reset_index(drop=True)
    frames, kinds = cache.frames(model.audio.encoder, real), sorted(set(real["captions"].str[0]))
    with torch.no_grad():
        S = Index(model.audio.adapter(frames.values, frames.mask), real).similarity(model.text(kinds))
    print(f"{len(real)} clips of fold 4, {real['recording'].nunique()} recordings, {len(kinds)} kinds")
else:
    print("not available here: ESC-10, real recordings of ten kinds of sound")

# %%
if esc10:
    members, draws = list(real.groupby("recording").indices.values()), []
    rng = np.random.default_rng(SEED)
    for _ in range(min(profile.resamples, 500)):
        chosen = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        draws.append(category_map10(S[:, chosen], kinds, real["captions"].iloc[chosen]))
    value, chance_real = (category_map10(s, kinds, real["captions"]) for s in (S, np.zeros_like(S)))
    metric("00.esc10.map10", value, ci=np.quantile(draws, [0.025, 0.975]), n=len(kinds))
    metric("00.esc10.chance", chance_real)

# %% [markdown]
# On real sound, adapters that never heard any reach **0.636**<!--m:00.esc10.map10-->
# (**0.533**<!--m:00.esc10.map10.low--> to **0.788**<!--m:00.esc10.map10.high-->), where guessing gives
# **0.044**<!--m:00.esc10.chance-->. (Do not compare with section 4: many right answers to each query, fewer clips.)
#
# ## 7. Your own sounds
#
# Put recordings (wav, flac, ogg, mp3) into a folder, set `DATA = "folder:PATH"` in the parameters cell, and run all cells.
# Sections 1 to 3 need nothing else. With a `captions.csv` (columns `file_name`, `caption`) section 4 scores them as well.
# `DATA = "esc50:PATH"` searches real recordings of ESC-50, by category: only the last fold, which no training has touched.
#
# Expect less than above. The adapters have only ever heard soundscapes made by formula, and read captions of one grammar.
# What it takes to do this well on real sound is what the five papers, and the notebooks after this one, are about.
#
# ## Exercises
#
# Replace each `...`, run the cell and the one below it. Nothing breaks when you are wrong: you get a hint.
#
# ### Exercise 1: similarity (5 minutes, easy)
#
# Write $S$ for one text and one clip: the cosine of the angle between two embeddings, both numpy arrays.


# %% tags=["exercise"]
def similarity(z_text, z_audio):
    return ...


# %% tags=["check"]
checks.check(similarity, [
    Case("the same direction", (np.array([3.0, 4.0]), np.array([6.0, 8.0])), 1.0, "lengths must not matter",
         traps=((50.0, "that is the dot product: divide it by both lengths"),
                (50 / 2500, "divide by the lengths, not by their squares"),
                (10.0, "divide by both lengths, not just one"), (5.0, "divide by both lengths, not just one"))),
    Case("at a right angle", (np.array([1.0, 0.0]), np.array([0.0, 2.0])), 0.0, "nothing in common: 0"),
    Case("opposite", (np.array([1.0, 1.0]), np.array([-1.0, -1.0])), -1.0, "opposite directions give -1, not 1",
         traps=((1.0, "keep the sign: no absolute value"),)),
    Case("60 degrees apart", (np.array([1.0, 0.0]), np.array([1.0, 3**0.5])), 0.5, "the cosine itself, not its angle",
         traps=((1.0, "the sign alone is not enough"), (1 / 3, "that measures the angle; asked is its cosine"))),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def similarity(z_text, z_audio):
#     return z_text @ z_audio / (np.linalg.norm(z_text) * np.linalg.norm(z_audio))
# ```
# </details>

# %% [markdown]
# ### Exercise 2: best first (5 minutes, easy)
#
# Given the similarity of one text with each clip (a numpy array), return the positions of the `k` best clips, best first.
# Positions count from 0.


# %% tags=["exercise"]
def best_first(similarities, k):
    return ...


# %% tags=["check"]
checks.check(best_first, [
    Case("two of four", (np.array([0.1, 0.9, -0.3, 0.5]), 2), [1, 3], "np.argsort sorts upwards",
         traps=(([2, 0], "these are the worst: np.argsort sorts upwards"), ([3, 1], "the best must come first"),
                ([2, 4], "positions count from 0"),
                ([0.9, 0.5], "return the positions, not the similarities"))),
    Case("more than there are", (np.array([0.2, 0.4]), 10), [1, 0], "with fewer than k clips, return them all"),
    Case("all of three", (np.array([-0.5, -0.1, -0.9]), 3), [1, 0, 2], "negative similarities count, too",
         traps=(([2, 0, 1], "compare values, not sizes: -0.1 is more than -0.9"),)),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def best_first(similarities, k):
#     return np.argsort(-similarities)[:k]
# ```
# </details>

# %% [markdown]
# ### Exercise 3: what an answer earns (10 minutes, medium)
#
# One right clip per query. `ranks`, a numpy array, holds where it came out (1 is best). Return the mAP@10:
# what each query earns, averaged.


# %% tags=["exercise"]
def map10(ranks):
    return ...


# %% tags=["check"]
checks.check(map10, [
    Case("first and second", (np.array([1, 2]),), 0.75, "rank 1 earns 1, rank 2 earns 1/2",
         traps=((1.5, "average over the queries; you added them up"), (2 / 3, "take 1 / rank first, then the mean"))),
    Case("one too late", (np.array([1, 11]),), 0.5, "rank 11 earns nothing, but it is still a query",
         traps=((6 / 11, "after rank 10 a query earns nothing"), (1.0, "a query that earns nothing still counts in the mean"))),
    Case("just in time", (np.array([10]),), 0.1, "rank 10 is still among the first ten",
         traps=((0.0, "rank 10 is still among the first ten"),)),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def map10(ranks):
#     return np.where(ranks <= 10, 1 / ranks, 0.0).mean()
# ```
# </details>

# %% [markdown]
# ## Recap
#
# - Sound and text become embeddings of one space; searching means sorting by the cosine $S$ (00.map10.sound).
# - It finds what no title says, far above chance and well below an oracle (claim 00.hearing).
# - Kinds of sound that the encoder never met can still be found, through the adapters (00.map10.none-seen).
#
# **What we did not show:** how the adapters were trained (notebook 08), where the soundscapes come from and what their
# captions leave out (01), why we count mAP@10 and how sure we can be of it (02), whether it hears the *order* of events (18).
#
# ## Further reading
#
# - H. Xie, S. Lipping, T. Virtanen: *Language-based audio retrieval task in DCASE 2022 challenge* (2022): the task, and its
#   first baseline.
# - B. Weck, M. Pérez Fernández, H. Kirchhoff, X. Serra: *Matching text and audio embeddings: exploring transfer-learning
#   strategies for language-based audio retrieval* (2022): the two towers you have just used.
