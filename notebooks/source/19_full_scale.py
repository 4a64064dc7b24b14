# ---
# jupyter:
#   hearsay:
#     corpora: [clean, noisy]
# ---

# %% [markdown]
# # 19 Full scale
#
# {{badge}}
#
# **The question:** so far everything ran on a laptop, in a world of our own. What does it take to get the papers' numbers, on their
# data, with their encoders: how many hours, how much memory, and which of the numbers may one trust?

# %% tags=["parameters"]
PROFILE = "laptop"
DATA = "soundscapes"
SEED = 0

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from IPython.display import display

from lib import arms, costs, data, full_scale, profiles, retrieval, stats, systems, train
from lib.departures import cut_short, departures, in_its_precision, lacking
from lib.show import checks, plots
from lib.show.checks import Case
from lib.show.claims import claim, metric
from lib.show.pipeline import pipeline

profile = profiles.get(PROFILE)
seeds = [SEED + seed for seed in profile.seeds]
REAL = not DATA.startswith("soundscapes")  # "clotho", "clotho:PATH" or "frames:FILE": then section 5 is done as in the paper
LESSON = "soundscapes" if REAL else DATA  # what sections 3 and 4 try things on

# %%
pipeline(["audio encoder", "text encoder", "loss"])

# %% [markdown]
# The boxes are those of all notebooks. What grows is what is in them: an encoder of 86 million weights on the left, one of 355
# million below it, and 473,000 pairs instead of 1,200.
#
# **After this you can**
# - say what each of the papers' systems needs, and how such a number is estimated;
# - train with a batch that does not fit into your GPU, and get the gradient of the whole batch nevertheless;
# - say what 16 bits save, and which 16 bits;
# - go on with a training that was broken off, on another machine if need be;
# - put your number beside a paper's, with what speaks against comparing the two.
#
# **In class (50 minutes):** sections 1 to 4 and exercise 1. **At home:** the rest; on a GPU, section 5 with a system of your choice.
#
# **Before:** notebooks 08 (NT-Xent, negatives) and 09 (stages). Helpful: 04 (encoders), 11 (patchout), 13 (mixing, masking).
#
# <!--runtimes-->

# %% [markdown]
# ## 1. Nine systems by name
#
# `lib/systems.py` holds the settings of nine systems of the five papers, each number the paper's own: batch, epochs, schedule, losses,
# augmentation, stages, and the value that came out. A test looks them up in the papers' texts. Where a paper is silent, or its code
# does something else, a note says what we do (section 5 prints the notes).


# %%
def settings(system):
    """One row: what its stages say, with "then" where they differ."""

    def of(value):
        return ", then ".join(dict.fromkeys(str(value(stage)) for stage in system.stages))

    changes = ("swap", "mask_tokens", "mixco")
    return {
        "encoders": f"{system.audio}, {system.text}",
        "learns from": of(lambda stage: " + ".join(system.part(name).data for name in stage.on)),
        "encoders that learn": of(lambda stage: " + ".join(stage.tune) or "none"),
        "loss": of(lambda stage: stage.loss),
        "batch": of(lambda stage: stage.batch_size),
        "epochs, at most": of(lambda stage: stage.training.max_epochs),
        "learning rate": of(lambda stage: f"{stage.training.learning_rate:g}, {stage.training.schedule}"),
        "augmented": of(lambda stage: ", ".join(name for name in changes if getattr(stage, name)) or "no"),
    }


trained = [system for system in systems.SYSTEMS.values() if system.stages]
display(pd.DataFrame([settings(system) for system in trained], index=[system.name for system in trained]))

# %% [markdown]
# The ninth, `takeuchi_2022`, compares sounds with sounds: notebook 15. `swap`: another wording stands in for a caption (notebook 12).
# `mask_tokens` and `mixco`: notebook 13. "200" is ours: Weck's schedule ends when the validation score has not risen for ten epochs, long
# before.
#
# **Predict:** which three take days on a T4, and which four take minutes?

# %%
needs = costs.table()
display(needs.drop(columns=["title", "target", "source", "possible leakage", "weights on the GPU, GiB"]).round(1))
noisy = systems.named("weck_np_f")
metric("19.frames.weck", needs.loc["weck_np_f", "frames in memory, GiB"])
metric("19.frames.sound", costs.frames_gib(replace(noisy, text_pool="mean")))
metric("19.frames.pooled", costs.frames_gib(replace(noisy, pool="mean", text_pool="mean")))

# %% [markdown]
# All of these are *estimates*. None was measured here; section 2 shows what the hours are made of. Three guesses are in them: "x 50",
# since no paper says when its schedule stopped; that a T4 reaches half of its peak; and that a clip of WavCaps, cut to 30 s, has 20 s on
# average. One T4 is what Colab lends for nothing, an A100 or an H200 costs money.
#
# The four systems of Weck's Table 2 keep both encoders frozen: what these hand over is computed once and kept, and the rest is two
# small adapters. Their price is memory. The adapter reads every frame and every token before it pools, and all are padded to the longest:
# **19**<!--m:19.frames.sound--> GiB of sound with half of FSD50K. With its texts it may be **122**<!--m:19.frames.weck-->: one uploader's
# 500 characters in another script take all the 512 tokens that a text can have. (Nearly twice that where both sets are learnt from
# together: they are copied.) Pooled at once (`pool="mean"`, `text_pool="mean"`) it is
# **0.4**<!--m:19.frames.pooled--> GiB, and another system, by a little: notebook 05.
#
# What should come out, and what may have helped:

# %%
with pd.option_context("display.max_colwidth", None):
    display(needs[["target", "source", "possible leakage"]])

# %% [markdown]
# *Possible leakage* means: clips of the test split may have been among those learnt from. WavCaps and FSD50K come from Freesound, as
# Clotho does. Whoever trains on all of WavCaps has heard most of the test clips before, with another caption. Our readers of these sets
# leave such clips out, by Freesound's id, and the table of all clips is checked once more before training. So a value below the paper's
# may be the honest one.
#
# ## 2. Where the hours come from
#
# An hour of a GPU is arithmetic. Count the multiplications and additions of a forward pass (torch counts them for us), take three
# times that for a training step (the backward pass, which brings the gradient, costs twice the forward), times pairs, times epochs:
#
# $$\text{hours} = \frac{3 \times \text{operations of a pair} \times \text{pairs} \times \text{epochs}}
# {\text{peak of the GPU} \times \text{share of it that is reached} \times 3600}$$
#
# The share is the unknown. No GPU reaches its maker's number. So we take a run whose authors print its hours: the baseline of
# DCASE 2025, the same two encoders as `primus_2023`, twenty epochs of Clotho in 2 hours and 16 minutes on an A40.


# %% tags=["for-exercises"]
SEGMENT, CAPTION = 51.5, 9.69  # 1e9 operations forward: ten seconds in PaSST with patchout, a caption in RoBERTa-large


def work(segments, pairs, epochs):
    """Operations of a training: a pair is a clip of so many segments of ten seconds, and a caption."""
    return 3 * (segments * SEGMENT + CAPTION) * 1e9 * pairs * epochs


# %%
A40 = 149.7e12  # peak, operations a second in 16 bits
hours = 2 + 16 / 60
share = work(3, 19_195, 20) / (hours * 3600 * A40)
metric("19.published.share", share)
with_all = work(3, 19_195, 20) + work(1, 48_548, 20) + work(2, 401_195, 20)  # and AudioCaps, and WavCaps
told = with_all / (A40 * share) / 3600
metric("19.published.hours", told)
assert np.isclose(share, costs.ON_CLOTHO.share)
print(f"{share:.1%} of the peak on Clotho; so all three sets should take {told:.1f} hours. Their README: 34 hours 44 minutes.")

# %% [markdown]
# A share of **15.5 %**<!--m:19.published.share-->. That sounds wasteful, and holds the reading of sounds, validation and all else. It
# may be luck, so we ask it for a run that it was not fitted to: the same authors' run with AudioCaps and WavCaps. Our formula says
# **36.9**<!--m:19.published.hours--> hours, they say 34.7. Good enough to plan with. (The mean length of a WavCaps clip, cut to 30 s, is
# our guess: 20 s.)
#
# One thing the formula leaves out: *our* loop reads sound in the same process that trains. Decoding and resampling a second of sound
# took 1.3 ms on one core here. **Predict:** on the fastest GPU, what does `primus_2023` spend more time on, arithmetic or reading?

# %%
names = [system.name for system in trained]
fig, axes = plots.figure(11, 4.2, columns=3)
for ax, machine in zip(axes, costs.MACHINES):
    each = [costs.hours(systems.SYSTEMS[name], machine) for name in names]
    left = np.zeros(len(names))
    for part, colour in (("encoding", plots.SKY), ("training", plots.BLUE), ("reading", plots.ORANGE)):
        width = np.array([getattr(one, part) for one in each])
        ax.barh(names, width, left=left, color=colour, label=part)
        left += width
    for y, total in enumerate(left):
        ax.text(total, y, f" {total:.1f}", va="center", fontsize=10)
    ax.set(xlim=(0, 1.18 * left.max()), title=machine.name, xlabel="hours (estimate)")
    ax.invert_yaxis()
    if ax is not axes[0]:
        ax.set_yticks([])
axes[0].legend()
plots.show(fig, alt="Estimated hours of eight systems on a T4, an A100 and an H200, each bar made of encoding once, training and "
           "reading. Only those of weck_best, primus_2023 and munakata_2024 are long. On the T4 training fills most of each bar, on the "
           "H200 reading does.")
primus = costs.hours(systems.named("primus_2023"), costs.MACHINES[-1])
metric("19.primus.reading", primus.reading / primus.total)

# %% [markdown]
# Reading: **91 %**<!--m:19.primus.reading--> of it. The faster the GPU, the longer it waits. That is why the original codes read with
# many processes side by side, and why frozen encoders whose frames are kept are such a bargain. Mind the three scales of the axes.
#
# ## 3. A batch that does not fit
#
# NT-Xent compares each clip with all captions of its batch, so a batch of 128 is another task than one of 8. On a GPU of 16 GB, PaSST and
# RoBERTa-large with 128 pairs do not fit: not the weights, but what each layer must remember until the gradient comes back.
#
# The usual trick is *gradient accumulation*: a piece of the batch at a time, add up the gradients, then step. For a classifier that is
# exact, since each example has its own loss. **Predict:** is it exact here?
#
# It is not: a clip meets the negatives of its own piece alone. But there is a way (Gao et al. 2021, *GradCache*). The loss needs the
# *embeddings* of all, and these are small. So: embed all pieces and remember nothing else; take the loss of the whole batch and its
# gradient for each embedding; then embed each piece once more, and send its part of the gradient through.


# %% tags=["for-exercises"]
def cached_backward(embed, loss, x, size):
    """Leaves the gradients of the whole batch's loss in the weights, `size` rows at a time."""
    pieces = x.split(size)
    with torch.no_grad():
        embeddings = torch.cat([embed(piece) for piece in pieces])  # first pass: nothing remembered
    embeddings.requires_grad_()
    value = loss(embeddings)  # of all pairs
    value.backward()
    for piece, gradient in zip(pieces, embeddings.grad.split(size)):
        embed(piece).backward(gradient)  # second pass: remembers one piece
    return value.detach()


# %% [markdown]
# We try it on sounds of our own: 64 clips, a network of three layers in place of the encoder, and their captions' (frozen) embeddings.
# For each size of pieces: how far is the gradient from that of the whole batch, and how many bytes does torch remember at once?

# %%
tables = {seed: data.load(LESSON, profile=profile, seed=seed) for seed in seeds}
corpora = {seed: retrieval.encode(table, splits=["train", "validation", "test"]) for seed, table in tables.items()}
print(f"profile {profile.name}, data {DATA}, seeds {seeds}; here and in section 4: {LESSON}")
some = corpora[SEED].splits["train"].batch(torch.arange(64) * 5)
x, words = some.audio[0][:, 0], torch.nn.functional.normalize(some.text[0][:, 0], dim=-1)
torch.manual_seed(SEED)
network = torch.nn.Sequential(torch.nn.Linear(x.shape[1], 512), torch.nn.GELU(), torch.nn.Linear(512, 512), torch.nn.GELU(),
                              torch.nn.Linear(512, words.shape[1]))


def nt_xent(embeddings, rows=slice(None), temperature=0.07):
    """Audio to text alone, which is enough to see it."""
    logits = torch.nn.functional.normalize(embeddings, dim=-1) @ words[rows].T / temperature
    return torch.nn.functional.cross_entropy(logits, torch.arange(len(logits)))


# %%
def gradient(fill, size):
    """All gradients as one vector, and the bytes that torch kept for the way back, the weights themselves apart."""
    network.zero_grad()
    weights, kept = {p.untyped_storage().data_ptr() for p in network.parameters()}, []

    def note(tensor):
        kept.append(0 if tensor.untyped_storage().data_ptr() in weights else tensor.nbytes)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        fill(size)
    return torch.cat([p.grad.flatten() for p in network.parameters()]), sum(kept)


# %%
def accumulated(size):
    for start in range(0, len(x), size):
        rows = slice(start, start + size)
        (nt_xent(network(x[rows]), rows) * size / len(x)).backward()  # each piece by itself


def cached(size):
    cached_backward(network, nt_xent, x, size)


def one_piece(size):
    network(x[:size]).sum().backward()


whole, _ = gradient(accumulated, len(x))
sizes = [2, 4, 8, 16, 32, 64]
far = {fill.__name__: [float((gradient(fill, size)[0] - whole).norm() / whole.norm()) for size in sizes]
       for fill in (accumulated, cached)}
memory = np.array([gradient(one_piece, size)[1] for size in sizes])
metric("19.accumulated.far", far["accumulated"][2])
metric("19.cached.far", max(far["cached"]))
assert max(far["cached"]) < 1e-5

# %%
fig, (left, right) = plots.figure(10, 4, columns=2)
for name, colour, marker in (("accumulated", plots.VERMILION, "o"), ("cached", plots.BLUE, "s")):
    left.plot(sizes, far[name], marker=marker, color=colour, label=name)
left.set(xscale="log", xlabel="clips in a piece", ylabel="off by, share of its length", title="the gradient", ylim=(-0.05, None))
left.legend()
right.plot(sizes, memory / memory[-1], marker="s", color=plots.BLUE)
right.set(xscale="log", xlabel="clips in a piece", ylabel="remembered at once, share", title="the memory", ylim=(0, None))
for ax in (left, right):
    ax.set_xticks(sizes, sizes)
    ax.minorticks_off()
plots.show(fig, alt="Left: the relative distance from the whole batch's gradient by size of the pieces. Accumulated gradients are far off "
           "in small pieces and meet it at 64 alone; cached ones lie on zero. Right: what torch remembers at once grows with the "
           "piece, in proportion: at two clips next to nothing, at 64 all of it.")

# %% [markdown]
# In pieces of eight, accumulated gradients are off by **0.36**<!--m:19.accumulated.far--> of the gradient's length. Cached ones differ by
# **0.000000**<!--m:19.cached.far-->, which is rounding. The price is a second forward pass: about a third more arithmetic.
#
# In `lib` one line does it, `in_pieces(encoder, 8)`: from then on the encoder learns eight clips at a time, whatever the loss. (It leans
# on `torch.utils.checkpoint`, which also brings the random state back for the second pass. Why must it? Think of dropout.) How many fit
# is the column "pairs at once, T4" of section 1, which is counted as our memory curve is.
#
# ### Does it matter?
#
# A wrong gradient need not be a bad one. So we train both ways: two adapters, frozen encoders, 64 pairs a batch, the loss of the whole
# batch against the mean of the losses of its pieces of four.


# %%
RECIPE = retrieval.Recipe("nt_xent", {}, profile.batch_size, 1, profile.dim, training=train.Settings(
    max_epochs=max(2, profile.max_epochs // 2), stop_after=profile.max_epochs))
whole_batch = retrieval.batch_loss(RECIPE)


def in_fours(model, batch):
    """Each piece of four pairs by itself: what plain accumulation makes of the loss."""
    audio, text = (tuple(part.split(4) for part in side) for side in (batch.audio, batch.text))
    pieces = zip(zip(*audio), zip(*text), batch.groups.split(4))
    return torch.stack([whole_batch(model, type(batch)(*piece)) for piece in pieces]).mean()


def scored(corpus, loss, seed):
    generator = torch.Generator().manual_seed(seed)
    model, known = retrieval.untrained(corpus, RECIPE, generator), corpus.splits
    train.fit(model, lambda g: known["train"].batches(g, RECIPE.batch_size), loss,
              lambda m: retrieval.scores(m, known["validation"])["AP@10"].mean(), RECIPE.training, generator=generator, progress=False)
    return retrieval.scores(model, known["test"])["AP@10"].to_numpy()


# %%
scores = {name: [scored(corpora[seed], loss, seed) for seed in seeds] for name, loss in (("whole", whole_batch), ("fours", in_fours))}
claim("19.negatives", "The loss of the whole batch beats the mean of the losses of its pieces of four", scores["whole"], scores["fours"],
      clusters=[corpora[seed].splits["test"].groups.numpy() for seed in seeds], resamples=profile.resamples)

# %% [markdown]
# The same clips, the same number of steps, other negatives: **+0.07**<!--m:claim.19.negatives--> mAP@10. Who accumulates without
# thinking trains another system than the paper's, and will not be told.
#
# ### Half the bits
#
# *Mixed precision* is the other saving: the weights stay in 32 bits, the forward pass computes in 16. That saves up to half of what is
# remembered, and an A100, by its maker's numbers, is sixteen times as fast. Two formats have 16 bits. **Predict:** which of them can hold
# a small gradient, and which a fine step?

# %%
kinds = {"32 bits": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
display(pd.DataFrame({name: {"1e-8": float(torch.tensor(1e-8).to(kind)), "1.001": float(torch.tensor(1.001).to(kind)),
                             "70000": float(torch.tensor(7e4).to(kind))} for name, kind in kinds.items()}))

# %% [markdown]
# fp16 loses the small gradient and the large number: whoever uses it must multiply the loss by some thousands, and divide the gradients
# (the code of Primus et al. does). bf16 keeps the range of 32 bits and pays with digits: 1.001 is 1. It needs no scaling, so `lib` has it
# alone: `train.Settings(precision="bf16")`. A T4 has no bf16; there we stay in 32 bits, and its hours are reckoned so.
#
# ## 4. When the connection is gone
#
# Colab ends a session when it likes. Every training of `lib` keeps a checkpoint: weights, optimiser, history, and the state of its
# chance. Run the same cell again, and it goes on after the last epoch that was done. **Predict:** are the weights in the end those of a
# training that nobody broke off, nearly, or to the last bit?


# %%
def run(checkpoint, stop_at=None):
    """Three epochs; the connection is gone after so many batches."""
    count, generator = [0], torch.Generator().manual_seed(SEED)

    def loss(model, batch):
        count[0] += 1
        if count[0] == stop_at:
            raise ConnectionError("gone")
        return whole_batch(model, batch)

    model, known = retrieval.untrained(corpora[SEED], RECIPE, generator), corpora[SEED].splits
    train.fit(model, lambda g: known["train"].batches(g, RECIPE.batch_size), loss, lambda m: 0.0, replace(RECIPE.training, max_epochs=3),
              generator=generator, checkpoint=checkpoint, checkpoint_s=0, progress=False)
    return torch.cat([p.detach().flatten() for p in model.parameters()]), count[0]


with tempfile.TemporaryDirectory() as folder:
    unbroken, steps = run(Path(folder) / "one")
    try:
        run(Path(folder) / "two", stop_at=steps - 1)
    except ConnectionError:
        print("broken off one step before the end")
    resumed, again = run(Path(folder) / "two")
print(f"then {again} of {steps} steps; equal to the last bit: {torch.equal(unbroken, resumed)}")
assert torch.equal(unbroken, resumed) and again < steps

# %% [markdown]
# To the last bit. (We also killed the command below, which fine-tuned our small encoders on four clips of Clotho, and ran it again: the
# same file of weights, byte by byte.) On Colab, put the cache where it outlives the session, before anything is imported:
#
# ```
# from google.colab import drive
# drive.mount("/gdrive")
# %env HEARSAY_CACHE=/gdrive/MyDrive/hearsay
# ```
#
# (We had no Colab to try these three lines on.) Two limits, before you trust in it:

# %%
lost = {name: costs.epoch_hours(systems.named(name), costs.MACHINES[0]) for name in ("weck_best", "primus_2023", "munakata_2024")}
metric("19.epoch.primus", lost["primus_2023"])
metric("19.checkpoint.munakata", costs.checkpoint_gib(systems.named("munakata_2024")))
for name, hours in lost.items():
    file = costs.checkpoint_gib(systems.named(name))
    print(f"{name}: {hours:.1f} hours an epoch on a T4, a checkpoint of {file:.1f} GiB (estimates)")

# %% [markdown]
# Only whole epochs are kept. One of `primus_2023` takes a T4 **14**<!--m:19.epoch.primus--> hours: longer than a free session lasts, so it
# would begin again each day and never end. And the checkpoint of `munakata_2024`, with the ten sets of weights that it will average, takes
# **21**<!--m:19.checkpoint.munakata--> GiB: more than the 15 of a free Drive. Those two want a rented GPU; three of
# Weck's want the memory of section 1 instead, or `--pooled`, which is another system.
#
# Without a notebook, and with several GPUs (each takes a share of every batch, the negatives are gathered; what two processes began one
# can finish):
#
# ```
# python -m lib.full_scale primus_2023 --data clotho --pieces 8
# python -m lib.full_scale primus_2023 --data clotho --epochs 1
# torchrun --nproc-per-node 4 -m lib.full_scale primus_2023 --data clotho
# ```
#
# ## 5. One of them, by name
#
# Choose. With `DATA = "soundscapes"` you get a **stand-in**: the system's stages, losses and augmentation, on soundscapes, with our small
# encoders, **cut short after one epoch** a stage. It shows that the settings run, and no more: its number says nothing about the paper's.
# With `DATA = "clotho"` (and the other sets fetched by `data_scripts/`), the real thing is trained; `EPOCHS = 1` cuts that short, too, and
# the result is labelled so. Captions said anew come from the language model that `HEARSAY_LLM` names (notebook 12), or from rules, which
# hardly know Clotho's words.

# %%
SYSTEM = "weck_np_f"  # any name of the first table, but takeuchi_2022 (notebook 15); or of the last one, "P2.bert_large"
PIECES = 8  # clips that an encoder learns from at a time: fewer on a smaller GPU
EPOCHS = None  # with real data: so many in each stage, instead of the paper's
system = full_scale.named(SYSTEM)
print(f"{system.title} ({system.paper}); it should come to {system.target.told} ({system.target.source})")
print(*(f"- note: {note}" for note in system.notes), *(f"- lib cannot: {gap}" for gap in system.gaps), sep="\n")

# %%
chosen = in_its_precision(cut_short(system, EPOCHS)) if REAL else full_scale.stand_in(system, profile)
if REAL:
    table = full_scale.clips(system, profile=profile, seed=SEED, target=DATA)
    said = [f"cut short after {EPOCHS} epochs a stage"] * bool(EPOCHS) + lacking(system, table)
else:
    table = full_scale.soundscapes(chosen, profile=profile, seed=SEED, data_name=DATA)
    said = ["stand-in, other data, cut short"]
changed = departures(system, chosen)
if len(changed):
    print("It departs from the paper in:")
    display(changed)
corpus = full_scale.encoded(chosen, table, pieces=PIECES)
print("pairs:", ", ".join(f"{name} {len(split.groups):,}" for name, split in corpus.splits.items()))

# %%
stages = retrieval.fit_stages(corpus, chosen.stages, seed=SEED)
found = retrieval.scores(stages[-1].model, corpus.examples(["test"], chosen.stages[-1].tune), views=chosen.views)
ours = stats.jackknife(found["AP@10"].to_numpy())
by_clip = stats.bootstrap(found["AP@10"].to_numpy(), corpus.splits["test"].groups.numpy(), resamples=profile.resamples,
                          rng=np.random.default_rng(SEED))
metric("19.chosen", by_clip)
target, here = system.target, "; ".join(["here", *said])
beside = {f"the paper, {target.source}": (target.value, target.low, target.high, target.interval),
          here: (ours.value, ours.low, ours.high, systems.JACKKNIFE),
          "the same, by clip": (by_clip.value, by_clip.low, by_clip.high, "95 %, bootstrap over clips")}
columns = ["mAP@10", "low", "high", "low and high are"]
display(pd.DataFrame.from_dict(beside, orient="index", columns=columns).astype(dict.fromkeys(columns[:3], float)).round(3))
print(f"Not comparable: {'; '.join(said)}." if said else "Trained as the notes say.", target.leakage and "Possible leakage in the paper's.")

# %% [markdown]
# Read such a pair of rows with five questions. Same clips (Clotho's test split has 1,045; some papers print 1,043)? Same data learnt
# from (AudioCaps loses clips every year)? Anything leaked? One run or the mean of several? And whose interval: the challenge's takes the
# five captions of a clip for independent, the one by clip does not (notebook 02).
#
# And mind the last column: a deviation of three runs says how much the training's chance matters, an interval over queries how much
# another test set might. The first may be small where the second is not: neither stands for the other.
#
# ### What the ledger could not measure
#
# Thirteen of the papers' findings need encoders or data sets that cannot be had offline (the ledger, `LEDGER.md`, has them in words). What
# would measure eleven of them stands in `lib/arms.py`: the systems to compare, and what the paper has for them. They run by name, as
# `SYSTEM` above. (A: AudioCaps, W: WavCaps, C: Clotho.)

# %%
rows = {}
for key, compared in arms.ARMS.items():
    values = [f"{arm.name.partition('.')[2]} {arm.target.value:.4g}".replace("nan", "unprinted") for arm in compared]
    hours = sum({str((a.audio, a.text, a.stages)): costs.hours(a, costs.MACHINES[1]).total for a in compared}.values())
    rows[key] = {"paper": compared[0].paper, "compared, with the paper's values": ", ".join(values), "A100, hours": hours}
with pd.option_context("display.max_colwidth", None):
    display(pd.DataFrame.from_dict(rows, orient="index").round(0))
print(*(f"{key}: {reason}" for key, reason in arms.REASONS.items()), sep="\n")

# %% [markdown]
# Look twice at which system was compared. P1, P2, P3 and P7 are of pretraining alone, not of the winning system: Table 3 changes the
# encoders before any fine-tuning, Table 4 the data sets with BERT base. M2 is without mixing, masking and GPT's captions, M11 without the
# first two. Who exchanges one thing in the best system compares with a row that the paper does not have.

# %% [markdown]
# ## Exercises
#
# Each has a stub and a check. "Not tried yet" is no error.
#
# ### Exercise 1: what will it cost? (10 minutes, easy)
#
# `forward` is the number of operations of one pair's forward pass, `peak` what the GPU's maker promises in a second, `share` what of it is
# reached. Give the hours of a training: the backward pass costs twice the forward.


# %% tags=["exercise"]
def hours_of(forward, pairs, epochs, peak, share):
    return ...


# %% tags=["check"]
checks.check(hours_of, [
    Case("an hour", (1e9, 1200, 1000, 1e12, 1.0), 1.0, "3 x forward x pairs x epochs, over peak x share, over 3600",
         traps=((1 / 3, "forward once, and backward costs twice that: three in all"), (2 / 3, "forward and backward: three, not two"),
                (3600.0, "these are seconds"))),
    Case("half of the peak", (1e9, 1200, 1000, 1e12, 0.5), 2.0, "at half of the peak it takes twice as long",
         traps=((0.5, "divide by the share; you multiply"), (1.0, "the share has no effect"))),
    Case("Clotho on an A100", (164.2e9, 19195, 20, 312e12, 0.155), 3 * 164.2e9 * 19195 * 20 / (312e12 * 0.155 * 3600),
         "the same formula with real numbers", tolerance=1e-4),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def hours_of(forward, pairs, epochs, peak, share):
#     return 3 * forward * pairs * epochs / (peak * share) / 3600
# ```
# </details>

# %% [markdown]
# ### Exercise 2: the whole batch's gradient (20 minutes, hard)
#
# The encoder is a matrix: embeddings $E = XW$. `of_embeddings(E)` gives the gradient of the loss for the embeddings of the *whole* batch.
# Give the gradient for $W$, but multiply at most `size` rows of `X` with anything at a time. (For a piece: its rows, transposed, times
# its rows of the gradient.)


# %% tags=["exercise"]
def gradient_of(W, X, of_embeddings, size):
    return ...


# %% tags=["check"]
Narrow = type("Narrow", (np.ndarray,), {  # two rows at a time may be multiplied; of more, nothing comes out
    "__matmul__": lambda self, other: np.asarray(self) @ np.asarray(other) * (max(self.shape) <= 2)})
X2, W2 = np.arange(12.0).reshape(6, 2) / 10, np.array([[0.5, -1.0], [1.0, 0.25]])


def centred(E):
    """Every row is pushed away from the mean of the batch: a gradient that knows all rows."""
    return E - E.mean(axis=0)


def by_pieces(size, join=sum, whole=True):
    rows = [slice(start, start + size) for start in range(0, 6, size)]
    return join([X2[r].T @ (centred(X2 @ W2)[r] if whole else centred(X2[r] @ W2)) for r in rows])


checks.check(gradient_of, [
    Case("pieces of two", (W2, X2, centred, 2), by_pieces(2), "embed all, one gradient for all embeddings, then piece by piece, and add",
         traps=((by_pieces(2, whole=False), "that is accumulation: each piece asked for a gradient of its own"),
                (by_pieces(2, lambda parts: sum(parts) / len(parts)), "add the pieces' gradients; you average"),
                (by_pieces(2).T, "rows of X transposed, times the gradient: in this order"))),
    Case("pieces of four", (W2, X2, centred, 4), by_pieces(4), "the last piece may be smaller",
         traps=((by_pieces(4, lambda parts: parts[0]), "the last piece, which is smaller, is missing"),)),
    Case("all at once", (W2, X2, centred, 100), X2.T @ centred(X2 @ W2), "a piece may be larger than the batch"),
    Case("no more than two rows", (W2, X2.view(Narrow), centred, 2), by_pieces(2), "multiply `size` rows of X at a time, both times"),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def gradient_of(W, X, of_embeddings, size):
#     pieces = [X[start:start + size] for start in range(0, len(X), size)]
#     G = of_embeddings(np.concatenate([piece @ W for piece in pieces]))
#     return sum(piece.T @ G[i * size:i * size + len(piece)] for i, piece in enumerate(pieces))
# ```
# </details>

# %% [markdown]
# ### Exercise 3: has the test set been heard? (10 minutes, medium)
#
# Both lists hold Freesound ids as they were found in files: text, sometimes a number, sometimes with `.wav` behind it, and "Not found"
# where nobody knows. Give the positions (from 0) of the training clips that are in the test set. Of "Not found" nothing can be said: it is
# no match.


# %% tags=["exercise"]
def heard_before(training, test):
    return ...


# %% tags=["check"]
checks.check(heard_before, [
    Case("as text", (["137692", "5", "86163"], ["86163", "137692"]), [0, 2], "positions of training clips whose id is in the test set",
         traps=((["137692", "86163"], "positions, not ids"), ([1], "those that are in the test set, not the others"))),
    Case("a number among them", ([137692, "5"], ["137692"]), [0], "bring every id to text first",
         traps=(([], "137692 and \"137692\" are never equal: nothing matches, and nobody is told"),)),
    Case("a file's name", (["137692.wav", "5"], ["137692"]), [0], "take .wav off", traps=(([], "\"137692.wav\" is the same sound"),)),
    Case("Not found", (["Not found", "5"], ["Not found", "5"]), [1], "two unknown sounds need not be one",
         traps=(([0, 1], "\"Not found\" is no id: two of them are no match"),)),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def heard_before(training, test):
#     ids = lambda found: [str(id).removesuffix(".wav") for id in found]
#     known = set(ids(test)) - {"Not found"}
#     return [i for i, id in enumerate(ids(training)) if id in known]
# ```
# </details>

# %% [markdown]
# ## Recap
#
# - Nine systems of the papers by name, every number of theirs checked, every silence noted. Hours are estimates with a formula behind them
#   that told a published run to within a tenth.
# - Frozen encoders cost minutes, and much memory; fine-tuned ones days, of which on a fast GPU most is reading.
# - Contrastive losses live on the batch. Accumulating pieces changes the task (19.negatives); caching the embeddings does not.
# - A broken training goes on to the same bits, from its last whole epoch. A paper's value has a split, a number of runs, an interval of
#   some kind, and perhaps a leak.
#
# **What we did not show:** a single one of these systems at its full size: that takes a GPU, the data and the hours above. The fp16 of the
# original codes, a checkpoint within an epoch, and reading sound in several processes are not in `lib`.
#
# ## Further reading
#
# - L. Gao et al.: *Scaling deep contrastive learning batch size under memory limited setup* (2021): GradCache.
# - T. Chen et al.: *Training deep nets with sublinear memory cost* (2016): what checkpointing is.
# - X. Zhai et al.: *Sigmoid loss for language image pre-training* (2023): a loss that needs no large batch.
# - The challenge's pages and code: dcase.community, tasks 6 and 6b of 2022 to 2025.
