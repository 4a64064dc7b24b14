# ---
# jupyter:
#   hearsay:
#     budget_s: {laptop: 120, smoke: 60}
# ---

# %% [markdown]
# # 15 Audio difference
#
# {{badge}}
#
# **The question:** you have found a sound that is almost right. Can you say "like this, but with thunder", and have the
# sound that you mean?

# %% tags=["parameters"]
PROFILE = "laptop"
DATA = "soundscapes"
SEED = 0

# %%
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from lib import audio, difference_runs, encoders, losses, metrics, mix, profiles, stats, train
from lib.data import difference_scenes, difference_texts, pairs, shared
from lib.difference import siblings, similarity
from lib.difference_runs import Recipe
from lib.show import checks, listen, plots, tables
from lib.show.checks import Case
from lib.show.claims import claim, metric
from lib.show.pipeline import pipeline

profile = profiles.get(PROFILE)
seeds = [SEED + seed for seed in profile.seeds]
sizes = {"develop": profile.n_train, "evaluate": profile.n_test // 5}  # pairs

# %%
pipeline(["similarity", "loss"])

# %% [markdown]
# So far a query was a sentence. Takeuchi et al. 2022 ask with a *sound and a sentence* together: the sound says most of
# it, the sentence says what should be otherwise. Nothing new is needed but an addition.
#
# **After this you can**
# - build a data set of pairs that differ in what you decide, and check that its levels are what you asked for;
# - write the query as a sum of embeddings, and say what that asks of the space;
# - say which loss values a temperature can never reach;
# - tell apart what the sound, the words and the pair of them contribute to a hit;
# - name what a paper leaves open, and report both readings.
#
# **In class (90 minutes):** sections 1 to 6 and exercise 2. **At home:** the rest.
#
# **Before:** notebooks 02 (recall), 05 (projection block), 08 (NT-Xent, temperature).
#
# <!--runtimes-->

# %% [markdown]
# ## 1. Before, after, and the words
#
# A *pair* is two sounds that are alike but for one or two things, and an imperative that says how to get from the first
# to the second. Listen:

# %%
RAIN, TRAFFIC = pairs.SCENES["rain"], pairs.SCENES["traffic"]
shown = [pairs.locator("rain", SEED, "develop", 0, side, pairs.Settings(operations="c")) for side in pairs.SIDES]
example = pairs.draw(RAIN, SEED, "develop", 0, pairs.Settings(operations="c"))
listen.play_row([audio.load(path, 16000) for path in shown], 16000, ["before", "after"], seconds=6)
print(f"the words: {example.text}")

# %% [markdown]
# Both sides have the same background recordings, but each has *crops of its own*: not one sample of the two is equal.
# That is the point of the exercise. A subtraction of waveforms finds nothing here; what is the same must be recognised
# as the same.
#
# The paper sets pairs in two scenes, *Rain* and *Traffic*, with four kinds of event each, and makes six kinds of
# difference:


# %%
rows = [{"": f"({letter})", "operation": name, "as an imperative": wordings[0].format(x="…")}
        for name, (letter, wordings) in difference_texts.OPERATIONS.items()]
for scene in (RAIN, TRAFFIC):
    print(f"{scene.name}: background {scene.background}; events {', '.join(scene.events)}")
pd.DataFrame(rows).set_index("")

# %% [markdown]
# (b), (d) and (f) are (a), (c) and (e) with the two sides exchanged: nobody can take a dog out of a recording, but one
# can add it to the side *before*. In (e) and (f) two *different* recordings of one kind are used, a loud one and a soft
# one: it is another dog that is louder. And in (a), more rain means *one more* rain, a third recording over the two.
# (The paper's text has one background recording under a pair. Its released annotations have two, and so have we.) Keep
# that in mind until section 8. A pair has one operation or two. Draw some:

# %%
for index in range(4):
    pair = pairs.draw(TRAFFIC, SEED, "develop", index)
    print(f"{', '.join(f'({o.letter})' for o in pair.operations):9s} {pair.text}")
    for side in pairs.SIDES:
        over = [f"{p.label} {p.level_db:+.1f} dB" for p in pair.events[side]]
        beds = [part.number for part in pair.beds[side]]
        print(f"          {side}: recordings {beds}, over them {', '.join(over) or 'nothing'}")

# %% [markdown]
# ## 2. How loud is 9 decibels over the rain?
#
# Levels are the whole of operations (a), (b), (e) and (f), so they had better be right. A background recording is
# brought to a *loudness* in LUFS (the broadcasters' measure, which weighs frequencies as ears do); an event is placed
# at a signal-to-noise ratio (SNR): its RMS (root mean square) over its own span against the background's over that same
# span.
#
# $$ \text{SNR} = 20 \log_{10} \frac{\text{RMS}(\text{event})}{\text{RMS}(\text{background where it sounds})} $$
#
# Why two measures? LUFS is for a whole recording that goes on and on, such as rain. A bark lasts a fifth of a second,
# and what counts is how far it stands out of the rain *at that moment*.
#
# The paper states neither. The values here are those that its released annotations show: backgrounds at -36 to -29
# LUFS, events 6 to 12 dB over them, the softer one of (e) about at the background's level. Do not believe that a mixer
# does what it is told. Take the mix, subtract the background, and measure:


# %%
def measured_snr(scene, pair, side):
    """(asked, measured) in dB for each event over the background of one side."""
    bed, placed = pairs.parts(scene, pair, "develop", side, 16000)
    for samples, onset_s, asked in placed:
        first = round(onset_s * 16000)
        span = slice(first, first + len(samples))
        event = mix.add(bed, [(samples, onset_s, asked)], 16000)[span] - bed[span]
        yield asked, 20 * math.log10(mix.rms(event) / mix.rms(bed[span]))


snrs = np.array([found for index in range(20) for side in pairs.SIDES
                 for found in measured_snr(RAIN, pairs.draw(RAIN, SEED, "develop", index), side)])
metric("15.snr.error", float(np.abs(snrs[:, 0] - snrs[:, 1]).max()))
print(f"{len(snrs)} events, asked for {snrs[:, 0].min():.1f} to {snrs[:, 0].max():.1f} dB")

# %% [markdown]
# The largest error, to three decimals, is **0.000**<!--m:15.snr.error--> dB. (Where a mix gets louder than full scale,
# *both* sides are turned down by the same factor: turned down alone, the louder side would lose the very difference
# that the words name.)
#
# ## 3. The query is a sum
#
# Equations 1 to 3. With A the audio tower (one, shared by all sounds) and T the text tower, the target is
#
# $$ \max_b \; \cos\big( A(a) + T(t), \; A(b) \big) $$
#
# The first thing to notice is what is *not* there: no layer that mixes sound and words, no attention of one to the
# other. A query is two vectors, added. That is why a collection can be indexed once, and why the same words can be
# added to any sound.
#
# Read it as geography. A(a) is where you stand, A(b) where you want to be, and T(t) must be the *way*: the same arrow,
# wherever you start. "Add thunder" has to lead from any rain to the same rain with thunder. Here it is in two
# dimensions:

# %% tags=["for-exercises"]
def query(sound, words):
    """A(a) + T(t) (Takeuchi et al. 2022, equation 2); embeddings (..., dim)."""
    return sound + words


# %%
stand = torch.tensor([[1.0, 0.3], [0.6, 0.9], [1.3, 0.8]])  # three rains
arrow = torch.tensor([[-0.5, 0.9]])  # "add thunder"
goal = stand + arrow + torch.tensor([[0.1, 0.0], [-0.1, 0.1], [0.0, -0.12]])
fig, (ax,) = plots.figure(7, 4)
for start, end, target in zip(stand, query(stand, arrow), goal):
    ax.annotate("", end.tolist(), start.tolist(), arrowprops={"arrowstyle": "->", "color": plots.GREEN, "linewidth": 2})
    ax.plot(*start, "o", color=plots.BLUE, markersize=10)
    ax.plot(*target, "s", color=plots.VERMILION, markersize=9)
ax.plot([], [], "o", color=plots.BLUE, label="A(a): a rain")
ax.plot([], [], "s", color=plots.VERMILION, label="A(b): that rain, with thunder")
ax.plot([], [], color=plots.GREEN, label="T(add thunder)")
ax.set(xlim=(-0.2, 2.6), ylim=(0, 2.2), xticks=[], yticks=[])
ax.legend(loc="upper right")
plots.show(fig, alt="A sketch. Three points, rains; from each the same arrow, the words; near their tips the targets.")
print("cosine of query and target:", ", ".join(f"{c:.3f}" for c in F.cosine_similarity(query(stand, arrow), goal)))

# %% [markdown]
# The cosine forgets how long the sum is, but not how long its two parts are against each other. A T(t) ten times as
# long as A(a) would leave nothing of the sound, a tenth as long nothing of the words. Here both projection blocks end
# in a layer norm, so both start at a length of about $\sqrt{256} = 16$; training may move it (section 10 measures where
# to).
#
# Encoders are frozen; what learns is a *projection block* on each side (notebook 05), a linear classifier, and nothing
# else. A sound comes in as the sum of the maximum and the mean of its frames over time, a text as the mean of its
# tokens. (The paper has VGGish and DistilBERT's CLS token; we have the small CNN and MiniLM.)
#
# **Predict:** the baseline asks with the sound alone, and is *trained* to do so. What can it learn from pairs, without
# words?

# %%
towers = encoders.audio("small_cnn"), encoders.text("minilm")
develop = difference_runs.encode(pairs.build("rain", {"develop": sizes["develop"]}, SEED), *towers, RAIN.events)
print(f"profile {profile.name}, data {DATA}: pairs to {', '.join(f'{name} on {n:,}' for name, n in sizes.items())}; "
      f"sounds {tuple(develop.before.shape)}, words {tuple(develop.text.shape)}")

# %% [markdown]
# ## 4. Two losses
#
# *Contrastive* (equations 4 and 5). In a batch, each query should find its own target among all targets, and each
# target its query. That is NT-Xent (notebook 08) between queries and targets:
#
# $$ z_{kl} = e^{\tau} \cos\big(A(a_k) + T(t_k), A(b_l)\big), \qquad
#    L_\text{cont} = -\tfrac{1}{2B} \Big( \sum_i \log \frac{e^{z_{ii}}}{\sum_j e^{z_{ij}}}
#    + \sum_i \log \frac{e^{z_{ii}}}{\sum_j e^{z_{ji}}} \Big) $$
#
# *Classification* (equation 6). A linear layer C must tell from A(a) alone which kinds of event sound in a, and
# likewise for b:
#
# $$ L_\text{classif} = \tfrac{1}{B} \sum_i \text{BCE}(C(A(a_i)), v_i) + \text{BCE}(C(A(b_i)), w_i), \qquad
#    L = L_\text{cont} + \rho \, L_\text{classif} $$
#
# Here B is the number of pairs in the batch, $v$ and $w$ are the labels of the events in a and b, $\rho$ (rho) weighs
# the second loss (0 or 1 in the paper), and $e^{-\tau}$ is the temperature of notebook 08. BCE is binary cross entropy.
#
# The paper sums over the batch where we divide by B (so that batches of all sizes have losses of one size), and it
# fixes $\tau = 0$ "for simplicity": section 6 looks at what that costs. (For the baseline it puts its cosine into "Eq.
# (6)"; it must mean equation 4.) In code:


# %% tags=["for-exercises"]
def contrastive(queries, targets, tau=0.0):
    """Equations 4 and 5, a mean over the batch."""
    z = F.normalize(queries, dim=1) @ F.normalize(targets, dim=1).T * math.exp(tau)
    own = torch.arange(len(z))
    return (F.cross_entropy(z, own) + F.cross_entropy(z.T, own)) / 2


def classification(said_before, said_after, before, after):
    """Equation 6; logits and labels (batch, kind)."""
    bce = F.binary_cross_entropy_with_logits
    return bce(said_before, before) + bce(said_after, after)


# %%
batch = develop[:64]
model = difference_runs.untrained(develop, Recipe(), torch.Generator().manual_seed(SEED)).eval()
with torch.no_grad():
    queries, targets, said_before, said_after = model(batch)
    L = contrastive(queries, targets)
    C = classification(said_before, said_after, batch.before_labels, batch.after_labels)
    assert torch.isclose(L, losses.nt_xent(queries, targets, temperature=1.0))
metric("15.loss.untrained", L.item())
print(f"chance is log 64 = {math.log(64):.3f}; the classification loss is {C:.3f}")

# %% [markdown]
# Note what the contrastive loss does with words at all: in a batch of 64 pairs a few add thunder, a few remove it, most
# do something else. A query that ignores its words loses against every target of a like rain. And note what it cannot
# see: it never compares T(t) with anything directly. Where A(b) - A(a) points one way for all thunder, T(t) may point
# there too; where it does not, nothing helps.
#
# An untrained model starts near chance in the first loss, and near $2 \log 2 = 1.386$ in the second, where each kind is
# as likely as not.
#
# ## 5. Experiment
#
# Three rows, as in the paper's Table 2: the baseline, words without and words with the classification loss. And further
# rows with a temperature $e^{-\tau}$ other than 1, for section 6. Several seeds, each with pairs of its own; 60 epochs,
# of which the one with the lowest loss on a tenth of the pairs is kept (section 4.2; the paper trains 300).
#
# Batch size, learning rate, dropout and the size of the embedding are not in the paper: 64, 0.001, 0.1 and 256 are this
# workbook's usual values, the same for all arms, and were not tuned. How the pairs are made was settled on pilot seeds
# (100 and up), and left alone after that.
#
# A model trains in seconds, but its pairs take minutes to make and encode. So the outcomes are replayed from
# `notebooks/logs/15.npz` (`make record NB=15` makes it anew); section 10 trains one of the models before your eyes.
# With one seed (profile smoke) there is one scene: 127 recordings of passing cars take half a minute to make.

# %% tags=["recipes"]
epochs = max(4, 2 * profile.max_epochs)
plain = Recipe(classify=0.0, training=train.Settings(learning_rate=1e-3, max_epochs=epochs, stop_after=epochs))
both = replace(plain, classify=1.0)
ARMS = {
    "baseline": replace(plain, words=False), "words": plain, "words, classification": both,
    "words, t = 0.3": replace(plain, temperature=0.3), "words, t = 0.07": replace(plain, temperature=0.07),
    "words, t = 0.02": replace(plain, temperature=0.02),
    "baseline, t = 0.07": replace(plain, words=False, temperature=0.07),
    "words, classification, t = 0.07": replace(both, temperature=0.07),
}
usual = pairs.Settings()
one = replace(usual, two=0.0)
event, background = (replace(one, operations=letters) for letters in ("cdef", "ab"))
TESTS = {"all": (usual,), "one": (one,), "two": (replace(usual, two=1.0),)}
TESTS["usual level"] = event, background
for level in (-12.0, 0.0, 18.0):
    TESTS[f"{level:g} dB"] = event, replace(background, added_db=(level, level))
REAL_TESTS = dict(TESTS)
for few in (4, 10):
    TESTS[f"{few} recordings"] = tuple(replace(each, recordings=(124, few)) for each in (event, background))

# %%
scenes = ["rain", "traffic"][: len(seeds)]
outcomes = difference_runs.compare(scenes, ARMS, seeds, sizes, TESTS, log="15")
given = {"margin": 0.01, "resamples": profile.resamples, "seed": SEED}


def of(scene, arm, split="all targets", column="AP@10"):
    """One score per query, one array per seed; of several scenes, those of each seed in a row."""
    if isinstance(scene, list):
        return [np.concatenate(each) for each in zip(*(of(one_of, arm, split, column) for one_of in scene))]
    return [outcomes[scene, arm][seed].splits[split][column].to_numpy() for seed in seeds]


def average(scores):
    return stats.mean(scores, rng=np.random.default_rng(SEED))


def short(name):
    return name.replace(" = ", "").replace(", ", "-").replace(" ", "-")


# %%
PAPER = {("rain", "baseline"): ".256 .611 .699", ("rain", "words"): ".388 .681 .745",
         ("rain", "words, classification"): ".445 .721 .769", ("traffic", "baseline"): ".260 .500 .593",
         ("traffic", "words"): ".361 .590 .675", ("traffic", "words, classification"): ".391 .622 .695"}


def table_2(scene, arms):
    """R@1, R@5 and R@10 with 95 % intervals, a row an arm, and the paper's Table 2."""
    rows = []
    for arm in arms:
        found = {k: average(of(scene, arm, column=f"R@{k}")) for k in (1, 5, 10)}
        rows.append({"scene": scene, "arm": arm, "paper: R@1, 5, 10": PAPER.get((scene, arm), "")})
        rows[-1] |= {f"R@{k}": f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]" for k, value in found.items()}
        metric(f"15.{scene.split('-')[0]}.{short(arm)}.r10", found[10])
    return pd.DataFrame(rows).set_index(["scene", "arm"])


THREE = list(ARMS)[:3]
pd.concat([table_2(scene, [*THREE, "baseline, t = 0.07", "words, t = 0.07"]) for scene in scenes])

# %% [markdown]
# Do not compare the columns with the paper's: we evaluate on 200 pairs and they on 1,000, we develop on 1,200 and they
# on 50,000, with a small CNN and with VGGish. Compare the *rows* among themselves.
#
# Before we do, what was in the gallery? The paper does not say. Three readings: the sounds after (*targets*); these and
# the sounds before of all *other* queries; *all* sounds, the query's own among them. **Predict:** what is the
# baseline's R@1 in the third?

# %%
readings = {(arm, gallery): average(of(scenes, arm, f"all {gallery}", "R@1"))
            for gallery in ("targets", "others", "all") for arm in ("baseline", "words", "words, t = 0.07")}
fig, (ax,) = plots.figure(9, 4.2)
colours = [colour for colour in (plots.BLUE, plots.ORANGE, plots.GREEN) for _ in range(3)]
plots.bars(ax, {f"{gallery}: {arm}": value for (arm, gallery), value in readings.items()}, label="R@1", colours=colours)
plots.show(fig, alt="R@1 of three arms in three galleries: " + "; ".join(
    f"{gallery}, {arm} {value.value:.3f}" for (arm, gallery), value in readings.items()) + ".")
for (arm, gallery), value in readings.items():
    metric(f"15.gallery.{gallery}.{short(arm)}", value)

# %% [markdown]
# With its own clip in the gallery, the baseline finds that clip first, always: R@1 is
# **0.000**<!--m:15.gallery.all.baseline-->. The paper's baseline has .256, so this was not its gallery. Between the
# other two we cannot decide, and report both.
#
# Look also at what the other two readings do to the numbers. Nothing about the models has changed, only the number of
# wrong answers on offer, and in *others* they are sounds that no words were meant to lead to. Whoever compares two
# papers by their R@1 compares galleries first.
#
# A gallery is also a matter of how alike its clips are. Count for each query its *siblings*: other clips that are cut
# from the same two background recordings. The fewer recordings there are, the more clips share one; section 8 turns
# their number down.

# %%
rows = []
for scene in scenes:
    table = pairs.build(scene, {"evaluate": sizes["evaluate"]}, SEED)
    half = np.mean([sum(bool({*mine} & {*other}) for other in table["beds"]) - 1 for mine in table["beds"]])
    for gallery, times in (("targets", 1), ("others", 2)):
        rows.append({
            "scene": scene, "gallery": gallery, "clips": len(table) * times - (times - 1),
            "background recordings": len({number for beds in table["beds"] for number in beds}),
            "recordings of each event": usual.takes[1], "siblings per query": siblings(table, gallery).mean(),
            "clips with one of its two": half * times})
pd.DataFrame(rows).set_index(["scene", "gallery"]).round(2)

# %%
claim("T1", "Sound and words together ask better than the sound alone", of(scenes, "words"), of(scenes, "baseline"),
      paper="Takeuchi 2022, Table 2: Rain R@1 .388 against .256, Traffic .361 against .260", **given)
claim("T2", "The classification loss adds to it", of(scenes, "words, classification"), of(scenes, "words"),
      paper="Takeuchi 2022, Table 2: Rain R@1 .445 against .388, Traffic .391 against .361", **given)
for scene in scenes:
    claim(f"15.T1.{scene}", f"In {scene}: words help", of(scene, "words"), of(scene, "baseline"), **given)
    claim(f"15.T2.{scene}", f"In {scene}: the classification loss helps", of(scene, "words, classification"),
          of(scene, "words"), **given)
claim("15.T1.others", "Words help with the other sounds before in the gallery, too", of(scenes, "words", "all others"),
      of(scenes, "baseline", "all others"), **given)
claim("15.T2.others", "So does the classification loss", of(scenes, "words, classification", "all others"),
      of(scenes, "words", "all others"), **given)

# %% [markdown]
# ## 6. A temperature fixed at one
#
# With $\tau = 0$ the numbers z lie between -1 and 1. Suppose everything were perfect: each query on top of its target,
# all others as far away as can be. B vectors cannot all point away from each other; the best they can do is the corners
# of a simplex, where each cosine is $-1/(B-1)$. Even then
#
# $$ L_\text{cont} \ge \log\Big(1 + (B - 1) \, e^{-B/(B-1)}\Big) $$
#
# Why? Own target at cosine 1, the B - 1 others at $-1/(B-1)$: they differ by $B/(B-1)$. By convexity no other
# arrangement does better. Do not believe it: let gradient descent move B free vectors wherever it likes.


# %% tags=["for-exercises"]
def floor(batch, tau=0.0):
    """The lowest contrastive loss that any embeddings can reach."""
    return math.log1p((batch - 1) * math.exp(-math.exp(tau) * batch / (batch - 1)))


# %%
def lowest(batch, dim=128, steps=400):
    """What free queries and targets come to."""
    free = torch.randn(2, batch, dim, generator=torch.Generator().manual_seed(SEED)).requires_grad_()
    optimizer = torch.optim.Adam([free], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        value = contrastive(*free)
        value.backward()
        optimizer.step()
    return value.item()


for n in (16, 60, 64):
    metric(f"15.floor.{n}", floor(n))
    print(f"batch {n}: chance {math.log(n):.3f}, gradient descent reaches {lowest(n):.3f}; "
          f"with a temperature of 0.07 the floor is {floor(n, -math.log(0.07)):.5f}")

# %% [markdown]
# Between the floor and chance lies about **one** nat (the unit of a loss in natural logarithms), whatever the batch.
# All that a model can earn is in that nat. And what asks for it? In the gradient each negative counts in proportion to
# $e^z$. At temperature 1 one at cosine 0.9 counts $e^{0.9} = 2.5$ times as much as one at cosine 0, which is hopeless
# anyway; at 0.07 it counts 380,000 times as much. A low temperature lets the loss care about the few clips that are
# nearly right.
#
# There is a price. The clips that are nearly right include those that are right by accident: siblings, or pairs with
# the same words. And a model that can tell 64 pairs apart in its sleep begins to learn them by heart.
#
# **Predict:** which curve stops falling first, and where is the epoch that is kept?

# %%
fig, axes = plots.figure(11, 3.6, columns=2)
for ax, arm, tau in zip(axes, ("words", "words, t = 0.07"), (0.0, -math.log(0.07))):
    history = outcomes["rain", arm][SEED].history
    ax.plot(history["epoch"] + 1, history["loss"], color=plots.BLUE, label="training")
    ax.plot(history["epoch"] + 1, -history["score"], color=plots.ORANGE, label="validation")
    ax.plot(history["score"].idxmax() + 1, -history["score"].max(), "o", color=plots.BLACK, label="kept")
    ax.axhline(floor(64, tau), color=plots.GREY, linestyle="--", label="floor")
    ax.set(xlabel="epoch", ylabel="contrastive loss", title=f"temperature {math.exp(-tau):.2f}", ylim=(0, None))
    ax.legend()
plots.show(fig, alt="Contrastive loss by epoch in the rain, training and validation. Left, temperature 1: both come "
           "down slowly, close to each other, far above 0 and near their floor. Right, temperature 0.07: training "
           "falls towards 0, validation turns early, and an early epoch is kept.")
kept = [outcomes[scene, "words"][seed].history["score"].max() for scene in scenes for seed in seeds]
metric("15.temperature.loss", -float(np.mean(kept)))

# %%
WARMTH = {1.0: "words", 0.3: "words, t = 0.3", 0.07: "words, t = 0.07", 0.02: "words, t = 0.02"}
fig, (ax,) = plots.figure(8, 3.6)
for scene in scenes:
    plots.curve(ax, list(WARMTH), [average(of(scene, arm)) for arm in WARMTH.values()], scene)
plots.frame(ax, chance=metrics.chance(sizes["evaluate"]))
ax.set(xscale="log", xlabel="temperature", ylabel="mAP@10", xticks=list(WARMTH), xticklabels=list(WARMTH))
ax.legend()
told = "; ".join(f"{t:g} {average(of(scenes, arm)).value:.3f}" for t, arm in WARMTH.items())
plots.show(fig, alt=f"mAP@10 by temperature, all scenes together: {told}.")
for temperature, arm in WARMTH.items():
    metric(f"15.temperature.{temperature:g}", average(of(scenes, arm)))

# %%
claim("15.temperature", "A temperature of 0.07 asks better than the fixed 1", of(scenes, "words, t = 0.07"),
      of(scenes, "words"), **given)
claim("15.temperature.baseline", "So does the baseline", of(scenes, "baseline, t = 0.07"), of(scenes, "baseline"),
      **given)
claim("15.T1.temperature", "Words help with a temperature of 0.07, too", of(scenes, "words, t = 0.07"),
      of(scenes, "baseline, t = 0.07"), **given)
claim("15.T2.temperature", "With a temperature of 0.07 the classification loss adds",
      of(scenes, "words, classification, t = 0.07"), of(scenes, "words, t = 0.07"), **given)

# %% [markdown]
# ## 7. What did the words do?
#
# A gain over the sound alone can have dull reasons. Is it the words *alone* that find the target? Would any words do?
# And is the sum really an arrow that can be carried from place to place? Four more ways to ask the same trained model,
# with pairs of one operation:
#
# - *sound*: A(a), the words left out (the baseline was trained for that, this model was not);
# - *words*: T(t) alone;
# - *wrong words*: A(a) plus the words of another pair, which asks for something else;
# - *another pair's difference*: A(a) plus A(b') - A(a') of a pair that was changed in the same way over other
#   background. No words.
#
# **Predict:** order them.

# %%
ARM = "words, t = 0.07"
WAYS = {"sound and words": "targets", "sound": "sound", "words": "words", "wrong words": "wrong words",
        "another pair's difference": "difference"}
asked = {way: average(of(scenes, ARM, f"one {split}")) for way, split in WAYS.items()}
asked["the baseline"] = average(of(scenes, "baseline, t = 0.07", "one targets"))
fig, (ax,) = plots.figure(9, 3.8)
plots.bars(ax, asked, chance=metrics.chance(sizes["evaluate"]))
plots.show(fig, alt="mAP@10 by the way to ask: " + "; ".join(f"{w} {v.value:.3f}" for w, v in asked.items()) + ".")
for way, value in asked.items():
    metric(f"15.asked.{short(way).replace(chr(39), '')}", value)

# %%
claim("15.words-alone", "Sound and words together ask better than the words alone", of(scenes, ARM, "one targets"),
      of(scenes, ARM, "one words"), **given)
for scene in scenes:
    claim(f"15.words-alone.{scene}", f"So they do in {scene}", of(scene, ARM, "one targets"),
          of(scene, ARM, "one words"), **given)
claim("15.wrong-words", "The right words ask better than wrong ones", of(scenes, ARM, "one targets"),
      of(scenes, ARM, "one wrong words"), **given)
claim("15.carried", "Another pair's difference in place of words asks better than the sound alone",
      of(scenes, ARM, "one difference"), of(scenes, ARM, "one sound"), **given)
claim("15.carried.words", "The words ask better than another pair's difference", of(scenes, ARM, "one targets"),
      of(scenes, ARM, "one difference"), **given)
claim("15.two", "Two differences at once are as easy as the first of them alone", of(scenes, ARM, "two targets"),
      of(scenes, ARM, "one targets"), expect="equal", **given)

# %% [markdown]
# The first claim asks whether the sound is needed at all: with words alone one finds *a* clip to which a dog was added,
# not *this* one. The right words against wrong ones is the plainest test that words are read. And "carried" is about
# the arrow: as far as the difference of another pair can stand in for T(t), "add a dog" is the same thing everywhere,
# and a person without words could ask by showing a before and an after.
#
# Look at the bars again. Words alone (**0.121**<!--m:15.asked.words-->) reach three times what the sound alone reaches
# (**0.040**<!--m:15.asked.sound-->). The paper has no such row. Without it, "words help" would leave open how much of
# the gain is the *pair* of the two.
#
# The last claim compares matched pairs: the same recordings and crops, the same first operation, and in one of the two
# a second.
#
# ## 8. Which differences are hard?
#
# Table 3 has R@1 for each sound that was changed. Ours, for pairs with one operation:


# %%
def labels_of(scene, seed):
    """What was changed in each pair of the test "one"."""
    table = pairs.build(scene, {"evaluate": sizes["evaluate"]}, seed, one)
    return np.array([operations[0].label for operations in table["operations"]])


changed = {scene: [labels_of(scene, seed) for seed in seeds] for scene in scenes}


PAPER_3 = {("rain", "baseline"): ".035 .304 .205 .346 .295", ("rain", "words"): ".061 .448 .360 .490 .450",
           ("rain", "words, classification"): ".061 .538 .438 .534 .522",
           ("traffic", "baseline"): ".056 .327 .164 .369 .294", ("traffic", "words"): ".092 .429 .298 .470 .396",
           ("traffic", "words, classification"): ".115 .502 .327 .495 .435"}


# %%
def table_3(scene, arms, column="R@1"):
    """By the sound that was changed: all seeds together with 95 % intervals, and the paper's Table 3."""
    labels = np.concatenate(changed[scene])
    sounds = pairs.SCENES[scene].background, *pairs.SCENES[scene].events
    rows = {"pairs": [str(np.sum(labels == sound)) for sound in sounds]}
    for arm in arms:
        hits = np.concatenate(of(scene, arm, "one targets", column))
        found = [stats.jackknife(hits[labels == sound]) if np.sum(labels == sound) > 1 else None for sound in sounds]
        rows[arm] = [f"{each.value:.3f} [{max(0, each.low):.2f}, {each.high:.2f}]" if each else "" for each in found]
        if (scene, arm) in PAPER_3:
            rows[f"the paper's {arm}"] = PAPER_3[scene, arm].split()
    return pd.DataFrame.from_dict(rows, orient="index", columns=sounds)


for scene in scenes:
    tables.show(table_3(scene, [*THREE, ARM]), f"R@1 by what was changed, {scene}")

# %% [markdown]
# The paper finds the background the hardest by far: .061 (Rain) and .115 (Traffic) against .33 to .54 for events, and
# in the rain the classification loss adds nothing to it. So that we can test it, each background pair is set against
# the mean of a few event pairs of the same run (there are four times as many).


# %%
def events_and_background(scene, arm, split="one targets"):
    """AP@10 of event pairs, a mean of a few to each background pair; and of the background pairs."""
    sides = [], []
    for scores, labels in zip(of(scene, arm, split), changed[scene]):
        is_background = labels == pairs.SCENES[scene].background
        sides[1].append(scores[is_background])
        sides[0].append(np.array([few.mean() for few in np.array_split(scores[~is_background], is_background.sum())]))
    return sides


def of_all(measure, *args):
    """Of all scenes, both sides, seed by seed."""
    found = [measure(scene, *args) for scene in scenes]
    return [[np.concatenate(each) for each in zip(*side)] for side in zip(*found)]


table_three = "Takeuchi 2022, Table 3: R@1 .061 (Rain), .115 (Traffic), against .33 to .54"
claim("T3", "Differences of the background are harder than those of events",
      *of_all(events_and_background, "words, classification"), paper=table_three, unit="background pairs", **given)
claim("15.T3.temperature", "So they are with a temperature of 0.07", *of_all(events_and_background, ARM),
      unit="background pairs", **given)

# %% [markdown]
# But is it *background*? Three other reasons suggest themselves.
#
# 1. *More clips are alike.* "Add thunder" is true of few clips in the gallery; of two operations on the background
#    either is true of many more. So let each target stand against seven others **of its own kind** ("alike"): then the
#    words give nothing away, and chance is the same for all.
# 2. *The level.* One more rain, 6 to 12 dB over two others, hides them: what is left of the rain you asked with?
# 3. *Few recordings.* Where many clips share their background, where you stand tells little.
#
# Each of the three would make background hard without background being anything special. The first is dealt with by the
# gallery of eight; the second and the third can be turned up and down. Pairs are matched again: the same background
# recordings and crops, and one operation, on an event or on the background. The event side is the same at every level.
# **Predict:** where do the lines meet?


# %%
def matched(scene, arm, test, view="alike"):
    """AP@10 of pairs whose event was changed, and of the same with the background changed instead."""
    scores, n = of(scene, arm, f"{test} {view}"), sizes["evaluate"]
    return [each[:n] for each in scores], [each[n:] for each in scores]


CURVES = {"decibels of the added background over the others": {-12: "-12 dB", 0: "0 dB", 9: "usual level", 18: "18 dB"},
          "background recordings to evaluate on": {4: "4 recordings", 10: "10 recordings", 30: "usual level"}}


def draw_curve(ax, scene, axis):
    """Both lines of one scene; what the picture shows, in words."""
    tests, told = CURVES[axis], []
    for side, name in enumerate(("event", "background")):
        values = [average(matched(scene, ARM, test)[side]) for test in tests.values()]
        plots.curve(ax, list(tests), values, name)
        told.append(f"{scene}, {axis}, {name}: " + ", ".join(f"{x} {v.value:.3f}" for x, v in zip(tests, values)))
    plots.frame(ax, chance=metrics.chance(8))
    ax.set(title=scene, xlabel=axis, ylabel="mAP@10 of eight alike", ylim=(0.2, 0.75), xticks=list(tests))
    ax.set_xticklabels([{9: "6 to 12", 30: "all"}.get(x, x) for x in tests])
    ax.legend()
    return "; ".join(told)


# %%
fig, axes = plots.figure(11, 3.7 * len(scenes), rows=len(scenes), columns=2)
panels = [(scene, axis) for scene in scenes for axis in CURVES]
said = [draw_curve(ax, *panel) for ax, panel in zip(axes, panels)]
plots.show(fig, alt="mAP@10 among eight clips of one kind. " + "; ".join(said) + ".")

# %%
TURNED = {"-12 dB": ("faint", "12 dB below the others"), "0 dB": ("equal", "as loud as the others"),
          "usual level": ("usual", "6 to 12 dB over the others"), "18 dB": ("loud", "18 dB over the others"),
          "4 recordings": ("four", "one of four recordings"), "10 recordings": ("ten", "one of ten recordings")}
for test, (key, words) in TURNED.items():
    claim(f"15.T3.alike.{key}", f"Among clips of a kind, the background is harder where the added one is {words}",
          *of_all(matched, ARM, test), **given)
    metric(f"15.alike.{key}.event", average(of_all(matched, ARM, test)[0]))
    metric(f"15.alike.{key}.background", average(of_all(matched, ARM, test)[1]))
metric("15.alike.chance", metrics.chance(8))
for scene in scenes:
    for side, values in zip(("event", "background"), matched(scene, ARM, "usual level")):
        metric(f"15.alike.{scene}.{side}", average(values))

# %% [markdown]
# Look at the rain, on the left, and there at the right ends of the lines. Where the added background is loud, the
# target is no easier to tell from seven others than by rolling dice. That is no fault of the model's: such a target is
# mostly the added recording, and the one thing that the query knows about it is that it is *none* of the two you ask
# with. "Increase the sound of rain" does not say which rain. Where recordings are few (on the right), it is even worse
# than dice: what was added to another pair may well be one of your two. Turn the added one down, and the line climbs:
# what you asked with can be heard again. (In the traffic all lines lie near chance; the end of the notebook says more.)
#
# ## 9. Real sounds
#
# The scenes above are made by formula. ESC-10 is real, but has no thunder, birds, footsteps, horns or bells, and its
# rains last five seconds. So we set a *third* scene on it, under a name of its own: rain **laid end to end**, and over
# it a dog, a rooster, a crying baby and a sneeze; fold 4 evaluates (eight recordings of each), the others develop. It
# shares no recording with the first two, and no formula. (The small CNN heard folds 1 to 3 in its pretraining, never
# fold 4.)
#
# If you have ESC-10 or ESC-50, set `DATA = "esc50:PATH"`; with files of your own this takes a quarter of an hour. To
# hear a pair, call `hear_real(2)` in a new cell: we may not put its recordings into this page.

# %%
REAL = "esc10-rain-faa7c3cd"  # the digits tell the files apart
folder = DATA.removeprefix("esc50:") if DATA.startswith("esc50:") else shared.find("esc10")
kinds = "dog", "rooster", "crying_baby", "sneezing"
found = difference_scenes.esc50(folder, "esc10-rain", "rain", kinds) if folder else None
real = found.name if found else REAL
try:
    outcomes |= difference_runs.compare([real], ARMS, seeds, sizes, REAL_TESTS, log="15")
    there = True
except difference_runs.AbsentScene:
    print("not available here: ESC-10's recordings, and outcomes of these sizes in the run log")
    there = False


def hear_real(index):
    """Pair `index` of the real scene, where its recordings are on this machine."""
    pair = [pairs.locator(real, SEED, "evaluate", index, side) for side in pairs.SIDES]
    listen.play_row([audio.load(path, 16000) for path in pair], 16000, ["before", "after"], seconds=6)
    print(pairs.draw(found, SEED, "evaluate", index).text)


# %%
if there:
    claim("15.real.T1", "Real sounds: words help", of(real, "words"), of(real, "baseline"), **given)
    claim("15.real.T2", "Real sounds: the classification loss adds", of(real, "words, classification"),
          of(real, "words"), **given)
    claim("15.real.T3", "Real sounds: differences of the background are harder than those of events",
          *matched(real, "words, classification", "usual level", "targets"), **given)
    claim("15.real.T3.alike", "Real sounds: they are among clips of one kind", *matched(real, ARM, "usual level"),
          **given)
    claim("15.real.T3.faint", "Real sounds: they are where the added background is 12 dB below the others",
          *matched(real, ARM, "-12 dB"), **given)
    claim("15.real.temperature", "Real sounds: a temperature of 0.07 asks better than the fixed 1", of(real, ARM),
          of(real, "words"), **given)
    claim("15.real.T1.temperature", "Real sounds: words help with a temperature of 0.07", of(real, ARM),
          of(real, "baseline, t = 0.07"), **given)
    claim("15.real.words-alone", "Real sounds: sound and words ask better than the words alone",
          of(real, ARM, "one targets"), of(real, ARM, "one words"), **given)

# %%
if there:
    fig, (ax,) = plots.figure(7, 3.7)
    said = draw_curve(ax, real, list(CURVES)[0])
    ax.set_title("rain of ESC-10")
    plots.show(fig, alt=f"mAP@10 among eight clips of one kind. {said}.")
    tables.show(table_2(real, [*THREE, "baseline, t = 0.07", ARM]).reset_index("scene", drop=True), "Rain of ESC-10")

# %% [markdown]
# ## 10. Ask it
#
# Now hear what such a query finds. The model with words and a temperature of 0.07 is trained here, on rain; we take the
# first pair of the evaluation that adds a dog, and then the same rain with other words. (At profile smoke there may be
# none, and you hear another.)

# %%
model, _ = difference_runs.fit(develop, ARMS[ARM], seed=SEED)
table = pairs.build("rain", {"evaluate": sizes["evaluate"]}, SEED, one)
evaluate = difference_runs.encode(table, *towers, RAIN.events)
wanted = [operations[0] for operations in table["operations"]]
index = next((i for i, done in enumerate(wanted) if (done.letter, done.label) == ("c", "dog_bark")), 0)
found_at = np.argsort(-similarity(model, evaluate)[index])
print(f"{table['text'][index]}: the target has rank {1 + int(np.flatnonzero(found_at == index)[0])} of {len(table)}")
heard = [table["before"][index], *table["after"][found_at[:3]]]
names = ["the query's sound", *(f"{place}{' (the target)' if clip == index else ''}: was to {table['text'][clip]}"
                                for place, clip in enumerate(found_at[:3], start=1))]
listen.play_row([audio.load(path, 16000) for path in heard], 16000, names, seconds=5)

# %%
thunder = next((i for i, done in enumerate(wanted) if (done.letter, done.label) == ("c", "thunder")), 1)
with torch.no_grad():
    asked_for = query(model.hear(evaluate.before[[index]]), model.read(evaluate.text[[thunder]]))
    order = losses.cosine(asked_for, model.hear(evaluate.after))[0].argsort(descending=True)[:3].tolist()
labels = [", ".join(table["after_labels"][clip]) or "rain alone" for clip in order]
print(f"the same sound, and the words: {table['text'][thunder]}")
listen.play_row([audio.load(table["after"][clip], 16000) for clip in order], 16000, labels, seconds=5)
with torch.no_grad():
    for name, vectors in (("sound", model.hear(evaluate.before)), ("words", model.read(evaluate.text))):
        metric(f"15.length.{name}", vectors.norm(dim=1).mean().item())

# %% [markdown]
# **What the runs say**
#
# (All effects are in mAP@10.)
#
# - *Words help (T1).* To the baseline they add **+0.079**<!--m:claim.T1-->: in the rain
#   **+0.066**<!--m:claim.15.T1.rain-->, in traffic **+0.092**<!--m:claim.15.T1.traffic-->, on ESC-10
#   **+0.062**<!--m:claim.15.real.T1-->, and in the larger gallery **+0.048**<!--m:claim.15.T1.others-->. The paper's
#   finding stands. Its level of R@1 we do not reach, with other encoders and a fortieth of its pairs.
# - *The classification loss (T2) does not show.* **-0.007**<!--m:claim.T2-->, between **-0.023**<!--m:claim.T2.low-->
#   and **+0.010**<!--m:claim.T2.high-->; on ESC-10 **-0.003**<!--m:claim.15.real.T2-->; at 0.07
#   **+0.003**<!--m:claim.15.T2.temperature-->. The verdict is *underpowered*: a small gain could have been missed. (Do
#   not hold the paper's .03 to .06 in R@1 against it as they stand: they are 8 to 15 % of a level that is not ours.)
#   The loss may need encoders that do not hear the kinds of event so well to begin with, or 50,000 pairs.
# - *The temperature.* At 1 the validation loss comes to **3.360**<!--m:15.temperature.loss-->, with a floor at
#   **3.106**<!--m:15.floor.60--> (its batches have 60 pairs): three quarters of the one nat are earned, and the ranking
#   is still poor. At 0.07 mAP@10 is higher by **+0.047**<!--m:claim.15.temperature--> (ESC-10
#   **+0.053**<!--m:claim.15.real.temperature-->). Nothing singles 0.07 out: 0.3 comes to
#   **0.207**<!--m:15.temperature.0.3-->, 0.02 to **0.192**<!--m:15.temperature.0.02-->, 0.07 itself to
#   **0.186**<!--m:15.temperature.0.07-->. What matters is to leave 1. To the baseline no gain shows
#   (**-0.003**<!--m:claim.15.temperature.baseline-->), so that of the words grows, to
#   **+0.129**<!--m:claim.15.T1.temperature-->.
# - *What the words do.* They are read (**+0.140**<!--m:claim.15.wrong-words--> over wrong ones), and the arrow can be
#   carried, in part: another pair's difference adds **+0.056**<!--m:claim.15.carried--> to the sound, less than half of
#   what words add. Both together beat the words alone by **+0.041**<!--m:claim.15.words-alone-->. But look at the
#   scenes apart. In the rain the sound is needed (**+0.091**<!--m:claim.15.words-alone.rain-->; on ESC-10
#   **+0.105**<!--m:claim.15.real.words-alone-->); in traffic no use of it shows
#   (**-0.010**<!--m:claim.15.words-alone.traffic-->). "Query by example" is there a query by words. (The lengths have
#   stayed close: **14.626**<!--m:15.length.sound--> of a sound, **17.597**<!--m:15.length.words--> of the words.)
# - *Two differences* differ from one by **+0.002**<!--m:claim.15.two-->, and the interval is too wide for a verdict.
# - *Background is harder (T3)*: **+0.031**<!--m:claim.T3--> in a mixed gallery,
#   **+0.080**<!--m:claim.15.T3.temperature--> at a temperature of 0.07, **+0.095**<!--m:claim.15.real.T3--> on ESC-10.
#   Among clips of one kind it is so, too (**+0.068**<!--m:claim.15.T3.alike.usual-->), so it is not only for want of
#   distinct words. What turns it is the *level*: the gap is **+0.083**<!--m:claim.15.T3.alike.loud--> at 18 dB,
#   **+0.033**<!--m:claim.15.T3.alike.equal--> at 0 dB, and none that we could see at -12 dB
#   (**+0.001**<!--m:claim.15.T3.alike.faint-->); on ESC-10 it is turned over there
#   (**-0.044**<!--m:claim.15.real.T3.faint-->). That is where T3 stops being so: where one more rain does not hide the
#   rain that you asked with. The number of recordings changes the gap little: with four it is
#   **+0.074**<!--m:claim.15.T3.alike.four-->.
# - *And a warning about our own traffic.* There both lines lie at chance, **0.341**<!--m:15.alike.traffic.event--> and
#   **0.345**<!--m:15.alike.traffic.background-->, where chance is **0.340**<!--m:15.alike.chance-->: so the gaps of all
#   scenes together are the rain's, halved. To this model, it seems, two crops of one traffic, made by formula, are
#   hardly more alike than crops of two, and what is found there is found by kind. The real rain is told apart best of
#   all, as the last figure has it.
#
# Do not take it on trust: shuffle the words of the pairs to develop on, and no gain of the words is left standing;
# exchange the sides, and "add" and "remove" lead the wrong way (two tests do that).
#
# ## Exercises
#
# Replace each `...`, run the cell and the one below it. Nothing breaks when you are wrong: you get a hint.
#
# ### Exercise 1: exchange the sides (5 minutes, easy)
#
# Operations (b), (d) and (f) are made by exchanging before and after. `pair` is a dictionary with the keys `"before"`,
# `"after"` and `"letter"`. Give the pair with its sides exchanged and the letter of the operation that it now is.


# %% tags=["exercise"]
def exchanged(pair):
    return ...


# %% tags=["check"]
checks.check(exchanged, [
    Case("thunder added", ({"before": 1, "after": 2, "letter": "c"},), {"before": 2, "after": 1, "letter": "d"},
         "what was added is now removed",
         traps=(({"before": 2, "after": 1, "letter": "c"}, "the sides are exchanged, so it is another operation"),
                ({"before": 1, "after": 2, "letter": "d"}, "the letter says so, but the sides are as before"))),
    Case("rain turned down", ({"before": 5, "after": 3, "letter": "b"},), {"before": 3, "after": 5, "letter": "a"},
         "it works both ways: (a) and (b), (c) and (d), (e) and (f)"),
    Case("dog made louder", ({"before": 0, "after": 9, "letter": "e"},), {"before": 9, "after": 0, "letter": "f"},
         "louder, with the sides exchanged, is lower: (e) and (f)"),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def exchanged(pair):
#     other = dict(zip("abcdef", "badcfe"))
#     return {"before": pair["after"], "after": pair["before"], "letter": other[pair["letter"]]}
# ```
# </details>

# %% [markdown]
# ### Exercise 2: the gain of an event (15 minutes, medium)
#
# `event` and `background` are samples (numpy arrays) of one length. By what factor must the event be multiplied so that
# it stands `snr_db` decibels over the background, RMS against RMS?


# %% tags=["exercise"]
def gain(event, background, snr_db):
    return ...


# %% tags=["check"]
loud2, soft2 = np.array([0.5, -0.5, 0.5, -0.5]), np.array([0.1, 0.1, -0.1, -0.1])
checks.check(gain, [
    Case("as loud as the background", (loud2, soft2, 0.0), 0.2, "0 dB: equal RMS",
         traps=((5.0, "the other way round: the event is too loud"),
                (0.04, "RMS is a root; you compare mean squares"))),
    Case("20 dB over it", (soft2, soft2, 20.0), 10.0, "20 dB is a factor of ten in amplitude",
         traps=((100.0, "that is ten to the dB over ten: power, not amplitude"),)),
    Case("6 dB below", (soft2, loud2, -6.0), 5 * 10 ** (-0.3), "a negative SNR makes it softer",
         traps=((5 * 10 ** (-0.6), "ten to the dB over ten is a ratio of powers, not of amplitudes"),)),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def gain(event, background, snr_db):
#     rms = lambda x: np.sqrt(np.mean(x**2))
#     return rms(background) / rms(event) * 10 ** (snr_db / 20)
# ```
# </details>

# %% [markdown]
# ### Exercise 3: ask with a sum (15 minutes, hard)
#
# Given embeddings of sounds before (n, dim), of words (n, dim) and of a gallery (m, dim), whose first n rows are the
# targets in order: give the recall at k, the share of queries whose target is among the k clips with the highest cosine
# to the sum.


# %% tags=["exercise"]
def recall(before, words, gallery, k):
    return ...


# %% tags=["check"]
draw3 = torch.Generator().manual_seed(819)
before3, words3 = torch.randn(2, 10, 3, generator=draw3)
noise3 = torch.randn(16, 3, generator=draw3)
lengths3 = 0.5 + 2 * torch.rand(16, 1, generator=draw3)
gallery3 = torch.cat([before3 + words3, torch.zeros(6, 3)]) * lengths3 + 0.9 * noise3
checks.check(recall, [
    Case("10 queries, 16 clips, at 2", (before3, words3, gallery3, 2), 0.9, "the sum first, then cosines, then ranks",
         traps=((0.6, "you ask with the sound alone"), (0.5, "you ask with the words alone"),
                (0.7, "cosines, not dot products: a long vector is not a near one"),
                (1.0, "all 16 clips compete, the six that are nobody's target, too"),
                (0.4, "a target in place k counts"), (9.0, "a share: divide by the number of queries"))),
    Case("at 16", (before3, words3, gallery3, 16), 1.0, "all m clips compete, and one of them is the target",
         traps=((10.0, "a share: divide by the number of queries"),)),
    Case("words that say nothing", (before3, 0 * words3, gallery3, 2), 0.6, "the sum is then the sound alone"),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def recall(before, words, gallery, k):
#     cosines = F.normalize(before + words, dim=1) @ F.normalize(gallery, dim=1).T
#     own = cosines.diagonal()[:, None]
#     rank = (cosines > own).sum(dim=1) + 1
#     return (rank <= k).float().mean().item()
# ```
# </details>

# %% [markdown]
# ## Recap
#
# - A pair, its words, and a query that is a sum: A(a) + T(t).
# - Levels decide what can be heard; measure them.
# - A gallery that nobody states changes every number.
# - A temperature fixed at 1 leaves about one nat to earn.
# - "Hard" may mean: alike, hidden, or not in the query at all. Turn one thing at a time.
#
# **What we did not show:** VGGish, DistilBERT, 50,000 pairs; recordings of FSD50K; differences that people describe in
# their own words (AudioDiffCaps). Notebook 16 looks at the arrows themselves, and 17 asks your own sounds.
#
# ## Further reading
#
# - D. Takeuchi et al.: *Introducing auxiliary text query-modifier to content-based audio retrieval* (2022).
# - J. Salamon et al.: *Scaper: a library for soundscape synthesis and augmentation* (2017): the tool behind the pairs.
# - N. Vo et al.: *Composing text and image for image retrieval* (2019): the same question for pictures.
