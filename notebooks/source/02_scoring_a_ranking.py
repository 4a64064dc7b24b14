# %% [markdown]
# # 02 Scoring a ranking
#
# {{badge}}
#
# **The question:** a system has put a thousand clips in order for your query. How good is that order, and how sure can
# you be?

# %% tags=["parameters"]
PROFILE = "laptop"
DATA = "soundscapes"
SEED = 0

# %%
import math
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer

from lib import data, metrics, predictions, profiles, stats
from lib.data import shared
from lib.show import checks, plots
from lib.show.checks import Case
from lib.show.claims import claim, metric
from lib.show.pipeline import pipeline

profile = profiles.get(PROFILE)
clips = data.load(DATA, profile=profile, seed=SEED, needs=("captions", "noisy", "graded"))
print(f"profile {profile.name}, data {DATA}, seed {SEED}: {len(clips):,} clips")

# %%
pipeline(["ranking", "metrics"])

# %% [markdown]
# Everything here happens at the right end of that picture. What stands before the ranking may be anything.
#
# **After this you can**
# - compute average precision and recall of a ranking by hand, and say what guessing would score;
# - show how ties can make a useless model look perfect, and score them honestly;
# - put an interval around a score, and say which things you took as independent;
# - tell which neighbours of a published league table differ;
# - score any system's answers from a CSV, and compare two systems on the same queries.
#
# Prerequisites: a little numpy. There is no sound and no training here.
#
# **In class (90 minutes):** sections 1, 2, 3, 5, 6 and exercise 1 (run the cells of section 4 without reading them: section
# 5 needs their scores). **At home:** the rest.
#
# <!--runtimes-->

# %% [markdown]
# ## 1. Five queries, five clips
#
# A retrieval system gives each query and each clip a number, the *similarity* $S$. Sort a row of $S$, largest first, and
# you have its answer. Here query $i$ was written for clip $i$, so the right answers lie on the diagonal.
#
# **Predict:** which query is answered worst? Look at the rows, not at the columns.

# %%
S = np.array([
    [0.9, 0.3, 0.2, 0.1, 0.4],
    [0.2, 0.6, 0.1, 0.7, 0.3],
    [0.1, 0.2, 0.8, 0.3, 0.0],
    [0.7, 0.5, 0.6, 0.4, 0.1],
    [0.3, 0.8, 0.2, 0.6, 0.5],
])
fig, (ax,) = plots.figure(5.5, 4)
plots.matrix(ax, S, [f"query {i}" for i in range(5)], [f"clip {i}" for i in range(5)], digits=1,
             marked=[(i, i) for i in range(5)])
plots.show(fig, alt="Similarities of five queries (rows) and five clips (columns); the right clip of each query, on the "
           "diagonal, is framed. It is the largest of its row for queries 0 and 2, the fourth for query 3.")

# %% [markdown]
# The **rank** $r$ of the right clip is one more than the number of clips above it ($\#$ counts). No sorting is needed:
#
# $$ r_q = 1 + \#\{\, c : S_{qc} > S_{q,\text{right}} \,\} $$
#
# - **Recall at k**, $R@k$: the share of the right clips among the first $k$. With one right clip that is 0 or 1.
# - **Average precision at k**, $AP@k$: walk down the list; at each right clip within the first $k$ note the precision so
#   far (right ones / places walked); add up, divide by the number of right clips. With one right clip: $1/r$, or 0 when
#   $r > k$.
#
# The mean of $AP@10$ over the queries is **mAP@10**, by which the DCASE challenge ranks its systems.


# %%
def ranks(similarity, target):
    """Rank of the right clip in each row, from 1."""
    own = similarity[np.arange(len(similarity)), target]
    return 1 + (similarity > own[:, None]).sum(axis=1)


def average_precision(rank, k=10):
    """AP@k of queries with one right clip."""
    return np.where(rank <= k, 1 / rank, 0.0)


right = np.arange(5)
rank = ranks(S, right)
by_hand = pd.DataFrame({"rank": rank, "AP@10": average_precision(rank), "R@1": rank <= 1, "R@5": rank <= 5})
assert list(rank) == [1, 2, 1, 4, 3]
assert np.allclose(by_hand["AP@10"], metrics.average_precision(S, right))  # the library agrees
metric("02.by-hand.map10", by_hand["AP@10"].mean(), n=5)
by_hand

# %% [markdown]
# Read it: query 3 is answered worst, its clip stands fourth. All five clips are found among five, so $R@5$ says nothing
# here; $R@1$ says 2 of 5; mAP@10 rewards a second place with a half, a third with a third. It cares most about the top,
# as an impatient listener does.
#
# ## 2. Chance
#
# What does guessing score? The right clip is equally likely at each of the $n$ ranks, so ($\mathbb{E}$ is the mean over all
# that chance may do)
#
# $$ \mathbb{E}[AP@k] = \frac1n \sum_{r=1}^{k} \frac1r, \qquad \mathbb{E}[R@k] = \frac{k}{n}. $$
#
# **Predict:** for 1,000 clips, is chance mAP@10 nearer to 0.03, 0.003 or 0.0003?

# %%
def chance(n, k=10):
    return (1 / np.arange(1, k + 1)).sum() / n


rng = np.random.default_rng(SEED)
guesses = metrics.average_precision(rng.random((4000, 1000)), rng.integers(1000, size=4000))
guessed = stats.jackknife(guesses)
metric("02.chance.formula", chance(1000))
metric("02.chance.guessed", guessed)
assert np.isclose(chance(1000), metrics.chance(1000))

# %% [markdown]
# Chance is tiny, and it depends on $n$: a score means nothing until you know how many clips it chose from. Every plot of
# this workbook shows chance as a line.
#
# ## 3. Ties: how a useless model looks perfect
#
# Take a model that gives *every* pair the same similarity. It knows nothing, so it must score chance. But $r$ above counts
# only clips that are strictly better, and there are none:

# %%
n = 1000
constant, target = np.zeros((n, n)), np.arange(n)
print("optimistic rank of every query:", np.unique(ranks(constant, target)))

above = (constant > constant[target, target][:, None]).sum(axis=1)  # clips strictly above the right one
tied = (constant == constant[target, target][:, None]).sum(axis=1)  # clips level with it, itself included

order = np.argsort(-constant, axis=1, kind="stable")  # the answer to each query, best first
stored = 1 + order.argsort(axis=1)  # argsort of an argsort: the rank of each clip (query, clip)
policies = {
    "optimistic: ties count for you": average_precision(above + 1),
    "pessimistic: ties count against you": average_precision(above + tied),
    "as stored: argsort decides": average_precision(stored[target, target]),
}
for name, scores in policies.items():
    print(f"{name:38s} mAP@10 {scores.mean():.4f}")

# %% [markdown]
# Perfect, hopeless, or whatever the order of the files makes of it: three answers about one model. (The third looks
# harmless here. Store the right clip first in each list and it says "perfect" too.) Such models do occur: a network whose
# outputs have collapsed, half precision that rounds similarities together, words in common that can only be counted.
#
# The honest answer is the **expected value over all orders within the ties**. If $b$ clips are strictly better (`above`)
# and $m$ are level (`tied`, the right one included), the right clip is equally likely at each rank from $b+1$ to $b+m$:
#
# $$ \mathbb{E}[AP@k] = \frac1m \sum_{r=b+1}^{\min(b+m,\,k)} \frac1r, \qquad
# \mathbb{E}[R@k] = \frac{\min(\max(k-b,0),\,m)}{m}. $$


# %%
def expected_average_precision(above, tied, k=10):
    """AP@k of queries with one right clip, averaged over every order of the clips that tie with it."""
    rank = np.arange(1, k + 1)
    possible = (rank > above[:, None]) & (rank <= (above + tied)[:, None])  # (query, rank)
    return (possible / rank).sum(axis=1) / tied


policies["expected over all orders"] = expected_average_precision(above, tied)
assert np.allclose(policies["expected over all orders"], chance(n))
assert np.allclose(policies["expected over all orders"], metrics.average_precision(constant, target))
fig, (ax,) = plots.figure(9, 2.8)
plots.bars(ax, {name: scores.mean() for name, scores in policies.items()}, chance=chance(n))
plots.show(fig, alt="mAP@10 of a constant model under four policies for ties: optimistic 1, pessimistic 0, as stored and "
           "expected almost 0. Only the expected value equals chance, 0.003.")
metric("02.ties.optimistic", policies["optimistic: ties count for you"].mean(), n=n)
metric("02.ties.expected", policies["expected over all orders"].mean(), n=n)

# %% [markdown]
# The library scores ties this way everywhere, also for several right clips and for graded relevance
# (`lib/metrics.py`; a test compares it with brute force over every order). NaN is refused: a comparison with NaN is
# never true, so a broken model would have no clip above the right one and score full marks.
#
# ## 4. Three systems to score
#
# Now a real test set: clips of procedural sound with captions each, and what an "uploader" wrote about them. Three ways
# to rank without hearing anything:
#
# - **constant**: knows nothing;
# - **uploader's words**: counts the words a caption shares with a clip's title and keywords. Weak, and full of ties;
# - **oracle**: knows what truly happens in each clip, and what the caption states. It ranks by the share of stated facts
#   that hold. Captions leave facts out, so even the oracle cannot always tell two clips apart.


# %% tags=["for-exercises"]
def words_in_common(clips, queries, *, keywords=True):
    """Similarity: how many words of the query stand in the clip's title (and keywords)."""
    texts = [" ".join([title, *(words if keywords else [])]) for title, words in zip(clips["title"], clips["keywords"])]
    count = CountVectorizer(binary=True, token_pattern=r"[a-z]{3,}").fit(texts)
    return (count.transform(queries) @ count.transform(texts).T).toarray().astype(np.float32)


# %%
test = data.of_split(clips, "test")
queries = data.caption_rows(clips, "test")  # caption, clip (row in `test`), clip_id
target, n = queries["clip"].to_numpy(), len(test)
truth = data.graded(clips, "test")  # share of the caption's facts that hold in the clip (caption, clip)
systems = {
    "constant": np.zeros_like(truth),
    "uploader's words": words_in_common(test, queries["caption"]),
    "oracle": truth,
}
scored = {name: metrics.score(similarity, target) for name, similarity in systems.items()}
print(f"{len(queries):,} queries, {n:,} clips")
pd.DataFrame({name: scores.mean() for name, scores in scored.items()}).T.round(4)

# %%
fig, (ax,) = plots.figure(9, 2.4)
means = {name: scores["AP@10"].mean() for name, scores in scored.items()}
plots.bars(ax, means, chance=chance(n), oracle=means["oracle"])
plots.show(fig, alt=f"mAP@10 of a constant model, of counting the uploader's words and of the oracle: "
           f"{', '.join(f'{mean:.3f}' for mean in means.values())}. The constant model scores exactly chance.")
metric("02.oracle.map10", means["oracle"], n=len(queries))
assert np.isclose(means["constant"], chance(n))

# %%
weak, own = systems["uploader's words"], systems["uploader's words"][np.arange(len(queries)), target]
above = (weak > own[:, None]).sum(axis=1)
tied = (weak == own[:, None]).sum(axis=1)
flattered = average_precision(above + 1).mean()
honest = expected_average_precision(above, tied).mean()
assert np.isclose(honest, scored["uploader's words"]["AP@10"].mean())
metric("02.weak.flattered", flattered, n=len(queries))
metric("02.weak.honest", honest, n=len(queries))
metric("02.weak.tied", np.median(tied), n=len(queries))

# %% [markdown]
# The same ranking by words: **0.196**<!--m:02.weak.flattered--> when ties count for it, honestly
# **0.062**<!--m:02.weak.honest-->. With half of the queries, **192**<!--m:02.weak.tied--> clips or more stand level with
# the right one, itself included. Ties alone more than tripled a score.
#
# ## 5. How sure can you be?
#
# A test set is a sample. Other queries would have given another score. The challenge prints 95 % intervals from the
# **jackknife**: leave out one query at a time, watch how the mean moves.
#
# $$ \text{SE}^2 = \frac{n-1}{n} \sum_{i=1}^n (\bar v_{(i)} - \bar v)^2 $$
#
# where $v_1 \dots v_n$ are the scores (here $n$ counts the values averaged, not clips) and $\bar v_{(i)}$ is their mean
# without value $i$. **Predict:** must we run a loop over all queries?

# %%
x = scored["uploader's words"]["AP@10"].to_numpy()[:500]
left_out = (x.sum() - x) / (len(x) - 1)  # all leave-one-out means at once
error = math.sqrt((len(x) - 1) * left_out.var())
print(f"jackknife {error:.6f}   deviation / sqrt(n) {x.std(ddof=1) / np.sqrt(len(x)):.6f}")
assert np.isclose(error, x.std(ddof=1) / np.sqrt(len(x)))
print("interval:", stats.jackknife(x))

# %% [markdown]
# For a mean the jackknife *is* the textbook's $\bar v \pm 1.96\, \hat\sigma/\sqrt n$, where $\hat\sigma$ is the standard
# deviation of the values. And that formula assumes that the $n$ values are independent. Are they? Five captions describe one clip. If the clip is hard to find, it is hard for all five.
#
# The **bootstrap over clips** draws whole clips with replacement, each with all of its captions, and looks at how the
# mean moves:

# %%
def clip_bootstrap(x, clip, resamples, rng):
    """95 % interval of the mean of x when clips, not captions, are what chance has drawn."""
    sums, sizes = np.bincount(clip, weights=x), np.bincount(clip)  # a clip enters or leaves as a whole
    drawn = rng.integers(len(sums), size=(resamples, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return np.quantile(means, [0.025, 0.975])


widths = {}
for name in ("uploader's words", "oracle"):
    x = scored[name]["AP@10"].to_numpy()
    per_caption, per_clip = stats.jackknife(x), stats.bootstrap(x, target, resamples=profile.resamples, rng=rng)
    taught = clip_bootstrap(x, target, profile.resamples, rng)
    print(f"{name:17s} per caption {per_caption}   per clip {per_clip}   ours [{taught[0]:.3f}, {taught[1]:.3f}]")
    widths[name] = per_clip.half_width / per_caption.half_width
metric("02.width-ratio", widths["uploader's words"])

# %% [markdown]
# Wider, by a factor of **1.55**<!--m:02.width-ratio--> for the words. Which of the two is *right*? An interval of 95 % must hold the truth in 95 of 100 repetitions, and that can be
# measured: treat our test set as the whole world, draw many small test sets of clips from it, and count how often each
# interval holds the world's mean. We do that, with other seeds too, in section 10.
#
# ## 6. A league table, read with care
#
# The challenge of 2022 scored each team's best system on 1,000 hidden queries, one per clip, and printed these numbers
# with their intervals (Xie et al. 2022, Table 2: value, low, high of mAP@10, R@1, R@5, R@10).

# %%
TABLE_2 = """
Xu       .276 .254 .299  .176 .152 .200  .416 .385 .447  .536 .505 .567
Mei      .251 .229 .273  .153 .131 .175  .387 .357 .417  .504 .473 .535
Lamort   .221 .200 .242  .131 .110 .152  .343 .314 .372  .466 .435 .497
Pellegr. .216 .195 .237  .127 .106 .148  .321 .292 .350  .463 .432 .494
Lai      .215 .194 .235  .122 .102 .142  .328 .299 .357  .478 .447 .509
Wu       .188 .168 .207  .107 .088 .126  .303 .275 .331  .413 .382 .444
Weck     .128 .111 .145  .077 .060 .094  .188 .164 .212  .284 .256 .312
Xiao     .097 .083 .111  .043 .030 .056  .162 .139 .185  .267 .240 .294
Park     .075 .063 .088  .033 .022 .044  .127 .106 .148  .208 .183 .233
Baseline .061 .049 .072  .026 .016 .036  .102 .083 .121  .176 .152 .200
"""
rows = [line.split() for line in TABLE_2.strip().splitlines()]
teams, numbers = [row[0] for row in rows], np.array([row[1:] for row in rows], dtype=float).reshape(10, 4, 3)
recomputed = np.array([[(i.low, i.high) for i in (stats.proportion(p, 1000) for p in row)] for row in numbers[:, 1:, 0]])
agree = np.abs(recomputed - numbers[:, 1:, 1:]).max(axis=2) < 0.00051  # to the printed digit
metric("02.table2.agree", agree.mean(), n=agree.size)
print(f"{agree.sum()} of {agree.size} intervals of recalls follow from the recall and the number of queries alone")

# %% [markdown]
# All **30**<!--m:02.table2.agree.n--> of them. A recall $R$ is a share of $n$ queries answered, and 0/1 values with
# mean $R$ have variance $R(1-R)$. So its interval holds no further information: $R \pm 1.96\sqrt{R(1-R)/(n-1)}$. You can put an interval on any printed recall, in any
# paper. (Here each clip has *one* caption, so per caption and per clip are the same thing.)
#
# **Which neighbours differ?** That two intervals overlap does not mean that the difference is nothing. For two
# independent means the errors add as squares: $h = \sqrt{h_1^2 + h_2^2}$. A *p-value* says how often
# a difference at least as large would come by luck alone, if in truth there were none; below 5 % people call it real. But
# nine comparisons give chance nine tries: Holm's method divides the 5 % by the number of comparisons still open, smallest
# p-value first.

# %%
as_intervals = [stats.Interval(*row[0], 1000) for row in numbers]
pairs = [f"{a} - {b}" for a, b in zip(teams, teams[1:])]
gaps = [stats.difference(a, b) for a, b in zip(as_intervals, as_intervals[1:])]
p = np.array([stats.p_value(gap) for gap in gaps])
holm, order = np.zeros(len(p), dtype=bool), np.argsort(p)
for step, i in enumerate(order):
    if p[i] > 0.05 / (len(p) - step):
        break  # the first that fails ends it
    holm[i] = True
metric("02.table2.neighbours-differ", sum(gap.excludes(0) for gap in gaps), n=len(gaps))
metric("02.table2.neighbours-differ.holm", holm.sum(), n=len(gaps))
table = pd.DataFrame({"difference": [str(g) for g in gaps], "p": p.round(4), "alone": [g.excludes(0) for g in gaps], "Holm": holm})
table.index = pairs
table

# %%
fig, (ax,) = plots.figure(9, 4.4)
plots.bars(ax, dict(zip(teams, as_intervals)), chance=chance(1000),
           colours=[plots.BLUE if i % 2 else plots.SKY for i in range(10)])
for i in np.flatnonzero([g.excludes(0) for g in gaps]):
    ax.axhline(i + 0.5, color=plots.VERMILION, linewidth=1.5)
    ax.annotate("differ, also after Holm" if holm[i] else "differ, one test alone", (0.62, i + 0.5), va="center",
                xycoords=("axes fraction", "data"), color=plots.VERMILION, fontsize=11, backgroundcolor="white")
differ = [f"{pair} ({'also' if sure else 'not'} after Holm)" for pair, gap, sure in zip(pairs, gaps, holm) if gap.excludes(0)]
plots.show(fig, alt="mAP@10 of the ten systems of Table 2 with intervals, from .276 down to .061. Lines mark the "
           f"neighbours that differ: {', '.join(differ)}.")

# %% [markdown]
# Of nine pairs of neighbours **3**<!--m:02.table2.neighbours-differ--> differ, and **2**<!--m:02.table2.neighbours-differ.holm-->
# once Holm has had his say. The winner is not surely better than the second, nor the second than the third (but the first
# than the third: try it). The table falls into groups. One caveat makes this test careful
# rather than wrong: all systems answered the *same* queries, mostly finding the same ones hard, so the errors are not
# independent and the true uncertainty of a difference is smaller. With both systems' answers in hand one can do better:
# section 8.
#
# ## 7. The official predictions, rescored
#
# The challenge's baseline published its ten answers to each of the 5,225 captions of Clotho's test split. If our metrics
# are right they must give Table 3 of the paper: mAP@10 .068, R@1 .032, R@5 .109, R@10 .188. The files cannot be part of
# this repository; `python data_scripts/fetch_dcase2022_predictions.py` brings them.

# %%
TABLE_3 = {"AP@10": 0.068, "R@1": 0.032, "R@5": 0.109, "R@10": 0.188}
answers, captions = shared.find("clotho/dcase2022_baseline/test.output.csv"), shared.find("clotho/clotho_captions_evaluation.csv")
official = None
if answers and captions:
    asked = predictions.truth(pd.read_csv(captions, dtype=str, keep_default_na=False))  # caption -> its clip
    lists = predictions.load(answers, asked)
    official = predictions.score(lists, asked)
    for name, printed in TABLE_3.items():
        metric(f"02.x1.{name}", stats.jackknife(official[name].to_numpy()))
        assert f"{official[name].mean():.3f}" == f"{printed:.3f}"
    ours = [official[name].mean() for name in TABLE_3]
    claim("X1", "The official predictions, rescored, give the four numbers of Table 3", ours, list(TABLE_3.values()),
          expect="equal", margin=0.0005, paper="mAP@10 .068, R@1 .032, R@5 .109, R@10 .188", unit="numbers")
else:
    print("not available here: the official predictions of 2022 (run data_scripts/fetch_dcase2022_predictions.py)")

# %% [markdown]
# The margin of that claim is half a unit of the last printed digit. Nothing was drawn at random, so this is no test of
# a hypothesis but of our arithmetic. The intervals printed above are the challenge's jackknife over 5,225 captions; they
# take the five captions of a clip as independent. Here they are per clip:

# %%
if official is not None:
    for name in TABLE_3:
        x = official[name].to_numpy()
        per_clip = stats.bootstrap(x, official["clip"], resamples=profile.resamples, rng=rng)
        metric(f"02.x1.{name}.per-clip", per_clip)
        metric(f"02.x1.{name}.width-ratio", per_clip.half_width / stats.jackknife(x).half_width)
    firsts = lists["file_name_1"].value_counts()
    metric("02.x1.clips-ever-first", len(firsts), n=1045)
    metric("02.x1.most-often-first", firsts.iloc[0], n=5225)
else:
    print("not available here: the official predictions of 2022")

# %% [markdown]
# The interval of mAP@10 grows by a factor of **1.53**<!--m:02.x1.AP@10.width-ratio-->: five captions buy the certainty of
# two. The last two numbers show another illness: only **643**<!--m:02.x1.clips-ever-first--> of 1,045 clips ever come first,
# and one of them comes first for **88**<!--m:02.x1.most-often-first--> captions, though it has five. Such a clip is called a
# **hub**; notebook 18 goes after it.
#
# ## 8. Bring your predictions
#
# Any system can be scored, in whatever language it was written, if it writes the challenge's CSV: `caption` and
# `file_name_1` to `file_name_10`, best first. Put your file's path into `MINE` (and another one's into `THEIRS`) to compare
# on Clotho's test split; until then we write two files ourselves.

# %%
MINE = None  # "my_system.csv"
THEIRS = None  # "another_system.csv", or None

# %%
folder = tempfile.TemporaryDirectory()
if MINE:
    assert captions, "scoring on Clotho needs its captions: run data_scripts/fetch_dcase2022_predictions.py"
    files = [MINE, THEIRS or answers]
else:
    once = ~queries["caption"].duplicated(keep=False)  # a text that describes two clips cannot name one
    asked = dict(zip(queries["caption"][once], queries["clip_id"][once]))
    files = [Path(folder.name, name) for name in ("with_keywords.csv", "titles_only.csv")]
    for file, keywords in zip(files, (True, False)):
        similarity = words_in_common(test, list(asked), keywords=keywords)
        predictions.table(similarity, list(asked), list(test["clip_id"]), rng=rng).to_csv(file, index=False)
runs = [predictions.score(predictions.load(file, asked), asked) for file in files]
for file, run in zip(files, runs):
    print(f"{Path(file).name:20s} mAP@10 {stats.bootstrap(run['AP@10'].to_numpy(), run['clip'], rng=rng)}")

# %% [markdown]
# Do the two differ? Compare them **paired**: take the difference query by query, then put an interval on its mean,
# clips resampled. What makes a query hard for both cancels out. Against it, the test of section 6, which knows only the
# two means:

# %%
a, b = (run["AP@10"].to_numpy() for run in runs)
paired = stats.paired(a, b, runs[0]["clip"], resamples=profile.resamples, rng=rng)
apart = stats.difference(*(stats.bootstrap(x, runs[0]["clip"], resamples=profile.resamples, rng=rng) for x in (a, b)))
metric("02.compare.paired", paired)
metric("02.compare.independent", apart)
print("correlation of the two systems' scores:", np.corrcoef(a, b)[0, 1].round(2))

# %% [markdown]
# A file that cannot be scored is not scored: each way to be wrong has its own sentence. Two of them:

# %%
good = pd.read_csv(files[0], dtype=str)
broken = {
    "queries are left out": good[3:],
    "the same file twice": good.assign(file_name_2=good["file_name_1"]),
}
for what, table in broken.items():
    try:
        predictions.check(table, asked)
    except predictions.PredictionsError as error:
        print(f"{what}:\n    {str(error)[:150]}")

# %% [markdown]
# ## 9. One right clip, or many shades?
#
# The challenge takes the clip a caption was written for as right and all others as wrong. But "a dog barks, then
# thunder" may be true of other clips too. **Graded relevance** gives each clip its share: here, the fraction of the facts
# stated in the caption (event, pitch, count, order, background ...) that hold in the clip. In soundscapes we know it
# exactly. Its metric is **nDCG**, *normalised discounted cumulative gain*: gains $g$ count less the further down they stand.
#
# $$ \text{nDCG@}k = \frac{\sum_{r \le k} g_r / \log_2(r+1)}{\text{the same for the best possible order}} $$
#
# **Predict:** the oracle's mAP@10 was far below 1. What is its nDCG@10?

# %%
def ndcg(similarity, gain, k=10):
    """nDCG@k where no similarities tie (the library also handles ties)."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    first = np.argsort(-similarity, axis=1)[:, :k]
    best = -np.sort(-gain, axis=1)[:, :k]
    return (np.take_along_axis(gain, first, axis=1) @ discount) / (best @ discount)


untied = rng.random((50, n))  # any similarities without ties
assert np.allclose(ndcg(untied, truth[:50]), metrics.ndcg(untied, truth[:50]))
graded = {name: metrics.ndcg(similarity, truth) for name, similarity in systems.items()}
fully_true = (truth == 1).sum(axis=1)
metric("02.graded.fully-true", fully_true.mean(), n=len(queries))
for name in systems:
    metric(f"02.graded.ndcg10.{name.split()[0].replace(chr(39), '')}", graded[name].mean(), n=len(queries))

# %% [markdown]
# The oracle's nDCG is 1: by this ruler it makes no mistake, for it ranks by the very gains. What the metrics of one right
# clip took from it was not error but ambiguity: a caption is fully true of **4.4**<!--m:02.graded.fully-true--> clips on average, and only one
# of them counts. Note too that the constant model's nDCG is **0.08**<!--m:02.graded.ndcg10.constant-->, far more than its
# mAP@10 of 0.003: many clips share some fact with a caption. Two rulers, two zeros: compare systems on one, never across.
#
# And people? For 200 captions of Clotho's test split, listeners rated 17 clips each from 0 to 100: the paired clip, an
# unrelated one, and 15 that other systems found promising (Xie et al. 2023, TAU Audio-Text Graded Relevances).

# %%
ratings_file = shared.find("clotho/graded_relevance/evaluation_relevances.csv")
if ratings_file:
    ratings = pd.read_csv(ratings_file)
    kinds = {"TP": "the paired clip", "C15": "15 promising ones", "TN": "an unrelated one"}
    paired_rating = ratings[ratings["fid_group"] == "TP"].set_index("tid")["rating"]
    others = ratings[ratings["fid_group"] != "TP"].groupby("tid")["rating"].max().reindex(paired_rating.index)
    metric("02.ratings.another-higher", stats.jackknife((others > paired_rating).to_numpy(float)))
    fig, (ax,) = plots.figure(9, 3)
    for kind, colour in zip(kinds, (plots.BLUE, plots.ORANGE, plots.GREY)):
        values = ratings.loc[ratings["fid_group"] == kind, "rating"]
        at_least = [(values >= level).mean() for level in range(101)]
        ax.plot(range(101), at_least, color=colour, label=f"{kinds[kind]}, mean {values.mean():.0f}")
    ax.set(xlabel="listeners' rating", ylabel="share rated so or higher", ylim=(0, 1.02))
    ax.legend(fontsize=11)
    plots.show(fig, alt="Share of clips that listeners rated at least so high, against the rating: nearly all paired clips "
               "pass 40 and half pass 80; one in four of the 15 promising ones passes 20, few of them 80; unrelated ones none.")
else:
    print("not available here: listeners' ratings of Clotho (TAU Audio-Text Graded Relevances 2023)")

# %% [markdown]
# Listeners rate the paired clip high, and yet for **56 %**<!--m:02.ratings.another-higher--> of the captions some *other* clip
# was rated higher still. Clotho's one right clip is a convention, not the truth.
#
# ## 10. Experiment: two claims
#
# **First claim: taking captions as independent promises too much.** Our test set plays the world. Draw test sets of
# clips from it, compute both 95 % intervals, note 1 where the interval holds the world's mean, else 0.


# %%
def coverage(x, clip, repetitions, rng, size=100):
    """For each repetition: did the interval per clip hold the truth, did the one per caption?"""
    held = np.zeros((2, repetitions))
    by_clip = [np.flatnonzero(clip == c) for c in range(clip.max() + 1)]
    for i in range(repetitions):
        rows = [by_clip[c] for c in rng.integers(len(by_clip), size=size)]  # a test set of `size` clips
        drawn, group = x[np.concatenate(rows)], np.repeat(np.arange(size), [len(r) for r in rows])
        intervals = stats.bootstrap(drawn, group, resamples=400, rng=rng), stats.jackknife(drawn)
        held[:, i] = [not interval.excludes(x.mean()) for interval in intervals]
    return held


worlds = {}
for seed in [SEED + s for s in profile.seeds]:
    table = clips if seed == SEED else data.load(DATA, profile=profile, seed=seed, needs=("captions", "noisy", "graded"))
    rows, part = data.caption_rows(table, "test"), data.of_split(table, "test")
    both, titles = (words_in_common(part, rows["caption"], keywords=k) for k in (True, False))
    worlds[seed] = (rows["clip"].to_numpy(), both, titles, data.graded(table, "test"))
held = [coverage(metrics.average_precision(both, clip), clip, profile.resamples // 5, np.random.default_rng(seed))
        for seed, (clip, both, _, _) in worlds.items()]

# %%
claim("02.captions", "An interval that resamples clips holds the truth more often than one that takes captions as independent",
      [h[0] for h in held], [h[1] for h in held], unit="draws",
      paper="the challenge's intervals take captions as independent")
metric("02.coverage.per-clip", np.mean([h[0].mean() for h in held]))
metric("02.coverage.per-caption", np.mean([h[1].mean() for h in held]))

# %% [markdown]
# Of intervals that promise 95 %, those per caption held the truth in **80 %**<!--m:02.coverage.per-caption--> of our draws,
# those per clip in **92 %**<!--m:02.coverage.per-clip-->. Per clip is better, not perfect: with 100 clips and scores that
# are mostly 0, the distribution of the mean is still lopsided.
#
# **Second claim: shades tell two systems apart with fewer queries.** Reading titles and keywords is better than reading
# titles alone. Both rulers say so; which one says it more clearly? Divide the difference of each query by its standard
# deviation over the queries: the mean of that is the effect in units of noise. Twice the effect needs a quarter of the
# queries.

# %%
clear = {"graded": [], "single": []}
for clip, both, titles, gain in worlds.values():
    shades = metrics.ndcg(both, gain) - metrics.ndcg(titles, gain)
    single = metrics.average_precision(both, clip) - metrics.average_precision(titles, clip)
    clear["graded"].append(shades / shades.std())
    clear["single"].append(single / single.std())
for ruler, effects in clear.items():
    metric(f"02.effect.{ruler}", np.mean([x.mean() for x in effects]))
claim("02.graded", "On soundscapes, graded relevance tells two systems apart more clearly than one right clip",
      clear["graded"], clear["single"], clusters=[clip for clip, *_ in worlds.values()], paper="-")

# %% [markdown]
# It does: an effect of **0.79**<!--m:02.effect.graded--> standard deviations against **0.21**<!--m:02.effect.single-->. A
# system that finds a *nearly* right clip first earns something for it, so most queries have something to say; with one
# right clip most of them say next to nothing about either system. If your truth has shades, use them. (This holds for
# soundscapes, where our own grammar decides which facts captions share; people's shades may say less.)

# %% [markdown]
# ## Exercises
#
# Replace each `...`, run the cell and the one below it. Nothing breaks when you are wrong: you get a hint.
#
# ### Exercise 1: several right clips (10 minutes, easy)
#
# `hits` is a ranked list of True and False: True where the clip at that place is right. Give $AP@k$: the precision at each right clip within
# the first $k$, added up and divided by the number of right clips in the *whole* list.


# %% tags=["exercise"]
def average_precision_of(hits, k):
    return ...


# %% tags=["check"]
checks.check(average_precision_of, [
    Case("right clips at ranks 1 and 3", ([True, False, True, False], 10), 5 / 6, "at rank 3 two of three are right: 2/3",
         traps=((2 / 3, "you add up 1 / rank; the precision at rank 3 counts the hit at rank 1 too"),)),
    Case("one beyond the cut", ([False, True, False, False, True], 3), 0.25, "only rank 2 counts, and two clips are right",
         traps=((0.5, "divide by all right clips, not only by those found within k"),
                ((1 / 2 + 2 / 5) / 2, "stop at rank k"))),
    Case("more right clips than places", ([True, True, True, False], 1), 1 / 3,
         "divide by all right clips, even where they are more than k", traps=((1.0, "you divide by min(right clips, k)"),)),
    Case("none within the cut", ([False, False, True], 2), 0.0, "nothing found scores 0: beware of 0 / 0"),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def average_precision_of(hits, k):
#     found, total = 0, 0.0
#     for rank, hit in enumerate(hits[:k], start=1):
#         if hit:
#             found += 1
#             total += found / rank
#     return total / sum(hits)
# ```
# </details>

# %% [markdown]
# ### Exercise 2: at least one, with ties (25 minutes, hard)
#
# A query has `right` right clips, all of them in one group of `tied` level clips, with `above` clips strictly above the
# group. Over all orders of the group: what is the probability that the first `k` hold *at least one* right clip?
# `math.comb(total, chosen)` counts the ways to choose.


# %% tags=["exercise"]
def hit_probability(above, tied, right, k):
    return ...


# %% tags=["check"]
checks.check(hit_probability, [
    Case("one right of four, one place", (0, 4, 1, 1), 0.25, "each of the four is equally likely to come first",
         traps=((1.0, "you let the tie count for you"),)),
    Case("two right of four, two places", (0, 4, 2, 2), 5 / 6, "count the ways to fill both places with wrong clips",
         traps=((0.75, "places are filled without putting clips back: the second draw depends on the first"),
                (1.0, "the expected *number* of hits is 1; asked is the probability of at least one"))),
    Case("only one place left below three better clips", (3, 5, 2, 4), 0.4, "k - above places are left for the group"),
    Case("no place left", (10, 5, 2, 4), 0.0, "never fewer than 0 places"),
    Case("more places than clips", (0, 3, 1, 10), 1.0, "never more places than the group has clips"),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def hit_probability(above, tied, right, k):
#     places = min(max(k - above, 0), tied)
#     return 1 - math.comb(tied - right, places) / math.comb(tied, places)
# ```
# </details>

# %% [markdown]
# ### Exercise 3: paired, per clip (15 minutes, hard)
#
# Two systems answered the same queries; `a` and `b` hold their scores, `clip` the clip of each query, every clip with
# equally many. Give the mean difference and the half width of its 95 % interval (1.96 standard errors), with *clips* as the
# independent things.


# %% tags=["exercise"]
def paired_per_clip(a, b, clip):
    return ...


# %% tags=["check"]
a3 = np.array([1.0, 0.5, 0.5, 0.0, 0.2, 0.4, 0.9, 0.8])
b3 = np.array([0.5, 0.2, 0.1, 0.0, 0.3, 0.5, 0.1, 0.2])
c3, mixed = np.repeat(np.arange(4), 2), np.array([0, 2, 4, 6, 1, 3, 5, 7])
d3, m3 = a3 - b3, (a3 - b3).reshape(4, 2).mean(axis=1)
half3 = [float(1.96 * x.std(ddof=1) / len(x) ** 0.5)
         for x in (m3, d3, a3, b3, a3.reshape(4, 2).mean(axis=1), b3.reshape(4, 2).mean(axis=1))]
asked3 = (float(d3.mean()), half3[0])
checks.check(paired_per_clip, [
    Case("four clips, two captions each", (a3, b3, c3), asked3, "average the differences of each clip first",
         traps=(((d3.mean(), half3[1]), "you took the captions of a clip as independent"),
                ((-d3.mean(), half3[0]), "a minus b, not b minus a"),
                ((d3.mean(), half3[0] / 1.96), "that is one standard error: times 1.96"),
                ((d3.mean() - half3[0], d3.mean() + half3[0]), "give the mean and the half width, not low and high"),
                ((d3.mean(), np.hypot(*half3[4:])), "subtract before you look at the spread"),
                ((d3.mean(), np.hypot(*half3[2:4])), "take the difference query by query before looking at its spread"),
                ((d3.mean(), 1.96 * m3.std(ddof=1)), "that is the spread of clips; the mean of n is surer by sqrt(n)"),
                ((d3.mean(), 1.96 * m3.std() / 2), "four values have the sample deviation with ddof=1")), tolerance=1e-3),
    Case("clips in another order", (a3[mixed], b3[mixed], c3[mixed]), asked3, "group by `clip`", tolerance=1e-3),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def paired_per_clip(a, b, clip):
#     per_clip = pd.Series(a - b).groupby(clip).mean()
#     return per_clip.mean(), 1.96 * per_clip.std(ddof=1) / len(per_clip) ** 0.5
# ```
# </details>

# %% [markdown]
# ## Recap
#
# - A rank needs no sorting, a score needs its chance level, and ties need an expected value; our arithmetic gives the
#   challenge's own numbers (claim X1).
# - An interval is a statement about what is independent: five captions of one clip are not (claim 02.captions).
# - One right clip per caption is a convention that graded relevance can refine, on soundscapes at least (claim 02.graded).
#
# ## What we did not show
#
# Other directions (audio to text), other averages (by kind of sound, see notebook 18), and intervals that also cover training:
# those need several seeds, and begin in notebook 08. The hidden split of Table 2 cannot be rescored: its answers were never
# published.
#
# ## Further reading
#
# - H. Xie, S. Lipping, T. Virtanen: *Language-based audio retrieval task in DCASE 2022 challenge* (2022).
# - K. Järvelin, J. Kekäläinen: *Cumulated gain-based evaluation of IR techniques*, ACM TOIS 20 (2002).
# - B. Efron: *The jackknife, the bootstrap and other resampling plans*, SIAM (1982).
# - F. McSherry, M. Najork: *Computing information retrieval performance measures efficiently in the presence of tied
#   scores*, ECIR (2008).
# - H. Xie, K. Khorrami, O. Räsänen, T. Virtanen: *Crowdsourcing and evaluating text-based audio retrieval relevances*,
#   DCASE workshop (2023).
