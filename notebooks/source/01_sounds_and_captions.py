# %% [markdown]
# # 01 Sounds and captions
#
# {{badge}}
#
# **The question:** what do clean and noisy text about a sound look like, and what does a sound look like to a network?

# %% tags=["parameters"]
PROFILE = "laptop"
DATA = "soundscapes"
SEED = 0

# %%
import numpy as np
import pandas as pd
import torch
from IPython.display import display
from sklearn.feature_extraction.text import CountVectorizer

from lib import audio, data, metrics, profiles, stats
from lib.data import grading, grammar, shared, soundscapes, table, text_statistics
from lib.show import checks, listen, plots
from lib.show.checks import Case
from lib.show.claims import claim, metric
from lib.show.pipeline import pipeline

profile = profiles.get(PROFILE)
seeds = [SEED + seed for seed in profile.seeds]
corpora = {seed: data.load(DATA, profile=profile, seed=seed, needs=("captions", "noisy", "graded", "events")) for seed in seeds}
clips = corpora[SEED]
print(f"profile {profile.name}, data {DATA}, seeds {seeds}: {len(clips):,} clips a seed")

# %%
pipeline("data")

# %% [markdown]
# We stand at the very left: nothing is learnt here. But a retrieval system can only be as good as the pairs of sound and
# text it learns from, so it pays to know them.
#
# **After this you can**
# - compute a log-mel spectrogram from its definition, and say what each step throws away;
# - tell clean captions from noisy titles, keywords and descriptions, in numbers;
# - say what a caption leaves out, and what that costs the best system there can be;
# - split clips so that every word is shared out fairly and no recording leaks into the test.
#
# **Before:** a little numpy. No machine learning yet.
#
# **In class (90 minutes):** sections 1 to 4 and exercise 1. **At home:** the rest. Reading all takes about half an hour,
# the exercises 40 minutes.
#
# <!--runtimes-->

# %% [markdown]
# ## 1. Listen
#
# Two clips. **Predict** while you listen: are they of the same scene? If not, what differs?

# %%
test = data.of_split(clips, "test")
scenes = [soundscapes.from_locator(path) for path in test["path"]]
twin = next(scene for scene in scenes if scene.changed in ("count", "order", "pitch"))
pair = [test.iloc[twin.index - 1], test.iloc[twin.index]]
listen.play_row(pair, labels=["clip A", "clip B"], seconds=5)

# %%
print(f"They differ in one fact: {twin.changed}.\n")
for name, clip in zip("AB", pair):
    print(f"{name}, by five people:", *clip["captions"], sep="\n    ")

# %% [markdown]
# These sounds are made by formula: `lib/data/events.py` knows 24 kinds of event and 8 backgrounds, `lib/data/soundscapes.py`
# draws scenes from them. So for every clip we know the truth: which events, how high, how many, near or far, and in which
# order. Some clips are *near-twins*: another recording of the scene before, in which exactly one fact is changed.
#
# Each clip is one row of a **clip table**, with the same columns for every source of this workbook, toy or real.

# %%
example = test.drop(columns=["path", "licence", "source"]).head(3).T
with pd.option_context("display.max_colwidth", 90):
    display(example.map(lambda value: " / ".join(value) if isinstance(value, list) else value))

# %% [markdown]
# ## 2. From waveform to log-mel
#
# A clip reaches us as *samples*: the pressure at the microphone, 16,000 times a second, full scale being 1. Here is one with its events marked.

# %%
front_end = audio.FRONT_ENDS["small_cnn"]
rate = front_end.sample_rate
scene = next(s for s in scenes if len(s.events) == 2 and s.relations == ("then",) and s.background)
samples = audio.load(scene.locator, rate)
seconds = np.arange(len(samples)) / rate
fig, (ax,) = plots.figure(9, 2.6)
ax.plot(seconds, samples, linewidth=0.4)
for event, colour in zip(scene.events, (plots.VERMILION, plots.GREEN)):
    ax.axvspan(event.onset_s, event.onset_s + event.duration_s, color=colour, alpha=0.25, label=event.kind.replace("_", " "))
ax.set(xlabel="time (s)", ylabel="sample value")
ax.legend(fontsize=11, loc="lower center")
what = " then ".join(event.kind.replace("_", " ") for event in scene.events)
plots.show(fig, alt=f"Waveform of five seconds: {what} over {scene.background}. The events stand out a little from the "
           "background; what they are cannot be read from the curve.")
listen.play(samples, rate, what, seconds=5)

# %% [markdown]
# You hear at once what it is, and see nothing. Networks share your eyes' trouble, so we first ask each moment: *which
# frequencies are in you?* Cut the samples into overlapping frames of `n_fft` samples, one each `hop`, fade each frame
# in and out with a window $w$, and take its spectrum. Of the result only the power is kept; the phase is thrown away.
#
# $$ P_{t,f} = \Big| \sum_{n} w_n \, x_{t \cdot \text{hop} + n - n_\text{fft}/2} \, e^{-2\pi i f n / n_\text{fft}} \Big|^2 $$
#
# Frame $t$ has its middle at sample $t \cdot \text{hop}$; beyond the clip's ends $x$ is 0. $f$ counts frequencies: the $f$-th
# is $f \cdot \text{rate} / n_\text{fft}$ hertz.

# %%
def power_spectrogram(x, n_fft, hop):
    """Power of each frequency (n_fft / 2 + 1 of them) in each frame; zeros stand before and after the clip."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)  # Hann's
    padded = np.pad(x, n_fft // 2)  # so that frame t is centred on sample t * hop
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    return np.abs(np.fft.rfft(frames * window)) ** 2


power = power_spectrogram(samples, front_end.n_fft, front_end.hop)
print(f"{len(samples):,} samples -> {power.shape[0]} frames of {power.shape[1]} frequencies, "
      f"a frame each {1000 * front_end.hop / rate:.0f} ms, a frequency each {rate / front_end.n_fft:.1f} Hz")

# %% [markdown]
# Ears do not hear in hertz: the step from 200 to 400 Hz is as large to us as that from 2,000 to 4,000. The **mel scale** is
# a ruler closer to hearing. There are several; ours is Slaney's, straight below 1 kHz and logarithmic above:
#
# $$ m(\nu) = \begin{cases} \dfrac{3\nu}{200} & \nu < 1000 \\[2mm] 15 + 27\,\dfrac{\ln(\nu/1000)}{\ln 6.4} & \nu \ge 1000 \end{cases} $$
#
# with $\nu$ in hertz.
#
# A **filterbank** of 64 triangles, equally wide on that ruler, sums the power in each band. **Predict:** which triangles are
# wider in hertz, the low or the high ones?


# %% tags=["for-exercises"]
def mel(f):
    """Hertz to mel (Slaney)."""
    f = np.asarray(f, dtype=float)
    return np.where(f < 1000, 3 * f / 200, 15 + 27 * np.log(np.maximum(f, 1000) / 1000) / np.log(6.4))


def hertz(m):
    """Mel to hertz."""
    m = np.asarray(m, dtype=float)
    return np.where(m < 15, 200 * m / 3, 1000 * np.exp(np.log(6.4) * np.maximum(m - 15, 0) / 27))


def mel_filters(n_freqs, n_mels, f_min, f_max, rate):
    """Triangles (frequency, mel): each rises from its left neighbour's centre and falls to its right one's; area 1."""
    f = np.linspace(0, rate / 2, n_freqs)[:, None]
    corners = hertz(np.linspace(mel(f_min), mel(f_max), n_mels + 2))
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    triangles = np.minimum((f - left) / (centre - left), (right - f) / (right - centre))
    return np.maximum(0, triangles) * 2 / (right - left)


# %%
filters = mel_filters(power.shape[1], front_end.n_mels, front_end.f_min, front_end.f_max, rate)
fig, (ax,) = plots.figure(9, 2.6)
fine = mel_filters(8193, front_end.n_mels, front_end.f_min, front_end.f_max, rate)  # 257 points would miss the tips
for band in range(3, front_end.n_mels, 6):
    ax.plot(np.linspace(0, rate / 2000, len(fine)), fine[:, band])
ax.set(xlabel="frequency (kHz)", ylabel="weight (1/Hz)")
plots.show(fig, alt="Every sixth of the 64 mel filters: narrow, tall triangles close together at low frequencies, wide and "
           "flat ones at high frequencies, all of the same area.")

# %% [markdown]
# The high ones are wider, and flatter: each has area 1. (Those below 1 kHz are all alike, the ruler being straight there.)
#
# Last, loudness is felt in ratios too, so we take the logarithm, with a floor under it: decibels. All in all
#
# $$ L_{t,b} = 10 \log_{10} \max\Big(\sum_f P_{t,f} M_{f,b},\ \text{floor}\Big) $$
#
# and that is all. The library's `LogMel` does the same on batches; the two must agree.

# %%
log_mel = 10 * np.log10(np.maximum(power @ filters, front_end.floor))

library = audio.LogMel(front_end)
batch, lengths = audio.pad([samples, samples[: 2 * rate]])  # a long clip and a short one, padded with zeros
decibels, mask = library(batch, lengths)
assert np.allclose(decibels[0], log_mel, atol=1e-2), "ours against the library's"
alone, _ = library(*audio.pad([samples[: 2 * rate]]))
assert torch.allclose(decibels[1, mask[1]], alone[0]), "a clip alone equals the same clip padded in a batch"
print(f"{len(samples):,} samples -> {log_mel.shape} decibels; largest difference {np.abs(decibels[0].numpy() - log_mel).max():.4f} dB")

# %% [markdown]
# The second `assert` is worth a pause: in a batch the short clip is padded, and the padding must not change what the
# network sees of it. In one published system it does; we come back to it in notebook 03.
#
# Below, four clips. **Predict**, before you listen, from the pictures alone: which one rings, which one knocks?

# %%
wanted = {"church_bell": 2, "door_knock": 2, "siren": 1, "bird_chirp": 2}  # kind, at least so many


def clear_example(kind, least):
    """The first training clip of one such event: near, not too high, well above its background, over in 4 s."""
    for scene in (soundscapes.scene(SEED, "train", i) for i in range(100_000)):
        only = scene.events[0]
        plain = len(scene.events) == 1 and only.kind == kind and only.count >= least and only.distance == "near"
        if plain and only.pitch != "high" and scene.snr_db > 12 and only.onset_s + only.duration_s < 4:
            return scene


heard = [soundscapes.render(clear_example(kind, least), rate) for kind, least in wanted.items()]
decibels, _ = library(*audio.pad(heard))
fig, axes = plots.figure(10.5, 6, rows=2, columns=2)
ends = {"f_min": front_end.f_min, "f_max": front_end.f_max, "low": -70, "high": 10}  # hertz and decibels
for ax, values, letter in zip(axes, decibels, "ABCD"):
    coarse = values[:250].reshape(125, 2, -1).mean(dim=1)  # two frames to a column: the picture need not be finer
    plots.log_mel(ax, coarse.round() // 3 * 3, 5.0, title=letter, **ends)
plots.decibels_bar(fig, axes)
plots.show(fig, alt="Log-mel spectrograms of four clips. A has long horizontal lines that fade, B a few short vertical "
           "strokes, C lines that sweep up and down, D a few short sweeps.")
listen.play_row(heard, rate, [f"clip {letter}" for letter in "ABCD"], seconds=5)

# %% [markdown]
# <details><summary>Which is which?</summary>A is a church bell, B a knock on a door, C a siren, D a bird.</details>
#
# Read the pictures: a **pitch** is a horizontal line with its overtones above it, an **impact** a vertical stroke, a **sweep**
# a slope, a **background** a haze over everything. Count and order lie open to the eye, left to right. That is why networks
# for images work on sound.
#
# ## 3. Clean text, and what it leaves out
#
# Captions are written by people who listen and describe; *clean* text. Clotho asked five people for each clip. In our world
# a grammar plays the people, and it notes which **facts** each sentence states. So we can draw what each leaves out:

# %%
clip = next(s for s in scenes if len(s.events) == 2 and s.background and len(grading.facts(s)) >= 8)
five = grammar.captions(clip)
facts = sorted(grading.facts(clip), key=lambda fact: (fact[0] != "event", str(fact)))
stated = np.array([[fact in caption.facts for caption in five] for fact in facts])
names = [" ".join(str(part).replace("_", " ") for part in fact) for fact in facts]
fig, (ax,) = plots.figure(8, 4.2)
ax.imshow(stated, cmap="cividis", aspect="auto", vmin=0, vmax=1.4)
for row, column in zip(*np.nonzero(stated)):
    ax.text(column, row, "said", ha="center", va="center", fontsize=10)
ax.set_xticks(range(len(five)), [f"caption {k + 1}" for k in range(len(five))])
ax.set_yticks(range(len(names)), names, fontsize=11)
plots.show(fig, alt=f"Which of {len(names)} facts of one clip each of {len(five)} captions states: none states all, and the "
           f"captions leave out different ones. Stated {stated.mean():.0%} of all.")
print(*[f"{k + 1}. {caption.text}" for k, caption in enumerate(five)], sep="\n")
listen.play(soundscapes.render(clip), 16000, "the clip they describe", seconds=5)

# %%
said = [[caption.facts for caption in grammar.captions(s)] for s in scenes]
true = [grading.facts(s) for s in scenes]
by_one = [np.mean([len(one) / len(all_) for one in own]) for own, all_ in zip(said, true)]
by_five = [len(frozenset().union(*own)) / len(all_) for own, all_ in zip(said, true)]
metric("01.said.by-one", stats.bootstrap(by_one, resamples=profile.resamples, rng=np.random.default_rng(SEED)))
metric("01.said.by-five", stats.bootstrap(by_five, resamples=profile.resamples, rng=np.random.default_rng(SEED)))

# %% [markdown]
# One person states **52 %**<!--m:01.said.by-one--> of what there is to say, five together **87 %**<!--m:01.said.by-five-->. What is left
# out is not wrong, but it is lost: if a caption is silent about the count, a clip with two barks and one with three are
# equally good answers.
#
# That gives a *graded* relevance of any clip $c$ to any caption $q$: the share of the facts stated in the caption, $F(q)$, that
# hold in the clip, $F(c)$:
#
# $$ g(q, c) = \frac{|F(q) \cap F(c)|}{|F(q)|} $$
#
# and a best possible system, the **oracle**, which ranks by it. It knows every scene, but of a query only what it says.

# %%
def relevance(stated, true):
    """Share of the stated facts that hold."""
    return len(stated & true) / len(stated)


queries = data.caption_rows(clips, "test")  # caption, clip (row in `test`), clip_id
graded = data.graded(clips, "test")  # (caption, clip): the library's, for all pairs
assert np.isclose(graded[0, 0], relevance(said[0][0], true[0]))
assert np.isclose(graded[0, 5], relevance(said[0][0], true[5]))
best = metrics.average_precision(graded, queries["clip"].to_numpy())
metric("01.oracle.map10", stats.bootstrap(best, queries["clip"], resamples=profile.resamples, rng=np.random.default_rng(SEED)))
metric("01.oracle.chance", metrics.chance(len(test)))
metric("01.oracle.fully-true", np.mean((graded > 1 - 1e-6).sum(axis=1)), n=len(queries))

# %% [markdown]
# With one right answer per caption, the oracle's mAP@10 is **0.81**<!--m:01.oracle.map10-->, not 1; chance is
# **0.003**<!--m:01.oracle.chance-->. A caption is fully true of **4.4**<!--m:01.oracle.fully-true--> clips on average, and a
# system that takes it at its word cannot tell these apart. (One could only do better by guessing from what people tend to
# leave out.) The two numbers frame every plot of this workbook. (How mAP@10 works, and how the ties are scored, is notebook 02.)
#
# ## 4. Noisy text
#
# Captions cost money. *Noisy* text costs nothing: millions of recordings lie on the web with whatever their uploaders wrote.
# Freesound, where Clotho's and FSD50K's clips come from, has a title, a description and keywords (tags) for each. Ours are
# invented, in that manner:

# %%
noisy = test.iloc[[0, 3, 4, 8, 11, 14]]
shown = pd.DataFrame({
    "what happens": [", ".join(e.kind.replace("_", " ") for e in scenes[i].events) for i in noisy.index - test.index[0]],
    "title": noisy["title"].to_list(),
    "keywords": [", ".join(keywords) for keywords in noisy["keywords"]],
    "description": noisy["description"].to_list(),
})
with pd.option_context("display.max_colwidth", 110):
    display(shown)

# %% [markdown]
# **Predict:** in what share of the titles is a true event named at all?
#
# Descriptions are full of HTML. A reader never sees it, so a model should not either; but cleaning must not turn
# "3 < 5" into nothing, nor lose an emoji:

# %%
for text in ["<b>My dog</b><br/>barks &amp; howls <!-- take 2 -->", "3 < 5 &#128512; <a href='https://example.org'>me</a>"]:
    print(f"{text!r}\n    -> {table.clean(text)!r}")

# %% [markdown]
# Now measure it: of the events that happen in a clip, what share does each kind of text *name*? We count an event as named if
# one of the words that people or uploaders use for it, and for no other kind, stands in the text; what also says where or how
# ("rings", "in the rain") does not count. (A crude ruler, the same for all texts.)

# %%
NAMES = text_statistics.names()  # kind -> first four letters of the words that name it, and it alone
print("dog_bark:", *sorted(NAMES["dog_bark"]))
print("thunder:", *sorted(NAMES["thunder"]))

# %%
def named(text, scene):
    """Share of the scene's events that the text names."""
    found = text_statistics.stems(text)
    return np.mean([bool(NAMES[event.kind] & found) for event in scene.events])


kinds_of_text = {
    "caption": lambda clip: clip["captions"][0],
    "keywords": lambda clip: " ".join(clip["keywords"]).replace("-", " "),
    "description": lambda clip: table.clean(clip["description"]),
    "title": lambda clip: clip["title"].replace("_", " ").replace("-", " "),
}

# %%
def naming_scores(corpus, text):
    """For each test clip: the share of its events that its text names, and the share of another clip's events."""
    part = data.of_split(corpus, "test")
    happens = [soundscapes.from_locator(path) for path in part["path"]]
    elsewhere = np.roll(np.arange(len(part)), len(part) // 2)
    texts = [text(clip) for _, clip in part.iterrows()]
    return (np.array([named(t, scene) for t, scene in zip(texts, happens)]),
            np.array([named(t, happens[other]) for t, other in zip(texts, elsewhere)]))


naming = {kind: [naming_scores(corpus, text) for corpus in corpora.values()] for kind, text in kinds_of_text.items()}

# %%
rng = np.random.default_rng(SEED)
shares = {kind: stats.bootstrap(np.concatenate([own for own, _ in x]), resamples=profile.resamples, rng=rng)
          for kind, x in naming.items()}
for kind, share in shares.items():
    metric(f"01.named.{kind}", share)
fig, (ax,) = plots.figure(9, 2.8)
plots.bars(ax, shares, label="share of the events of a clip that the text names", colours=[plots.BLUE] + [plots.ORANGE] * 3)
plots.show(fig, alt="Share of a clip's events that each kind of text names: " + ", ".join(
    f"{kind} {share.value:.2f}" for kind, share in shares.items()) + ". Captions are far ahead of the noisy texts.")

# %% [markdown]
# A text could also score here by naming *everything*. So for the claim we take off what the same text names of another clip's
# events: that is luck.

# %%
lift = {kind: [own - other for own, other in x] for kind, x in naming.items()}
metric("01.luck.caption", np.mean([other.mean() for _, other in naming["caption"]]))
claim("01.title", "In soundscapes, a caption names more of what happens in a clip than its uploader's title does",
      lift["caption"], lift["title"], paper="-", unit="clips")

# %% [markdown]
# A caption names **91 %**<!--m:01.named.caption--> of the events, a title **26 %**<!--m:01.named.title-->. This measures our
# settings, not the world: we wrote the uploaders, so that they come near real ones (section 5 holds the two side by side).
# Noisy text is not worthless: there is far more of it. Whether to learn from it, and when, is the question of Weck et al.
# (notebook 09).
#
# ## 5. Is our noise like real noise?
#
# The grammar and the uploaders of our world have settings. They were chosen once, so that these statistics come near real
# ones, and then frozen (`lib/data/world.py`). The real ones are Clotho's: captions, keywords and titles of 3,839 clips.

# %%
real = text_statistics.clotho("development")
train_clips = data.of_split(clips, "train")
frame = pd.DataFrame({"soundscapes": text_statistics.describe(train_clips)})
if real is not None:
    frame["Clotho"] = text_statistics.describe(real)
    shown = ["words of a caption", "distinct words of a clip's captions", "keywords of a clip",
             "share of keywords that occur in a caption", "words of a title", "titles that share a word with a caption"]
    fig, (ax,) = plots.figure(9, 3)
    ratio = (frame["soundscapes"] / frame["Clotho"])[shown]
    ax.barh(range(len(shown)), ratio, height=0.6)
    ax.axvline(1, color=plots.BLACK, linestyle="--")
    ax.set(yticks=range(len(shown)), yticklabels=shown, xlabel="soundscapes / Clotho")
    ax.invert_yaxis()
    plots.show(fig, alt=f"Ratios of generated to real statistics, from {ratio.min():.2f} to {ratio.max():.2f}: " + ", ".join(
        f"{name} {value:.2f}" for name, value in ratio.items()))
else:
    print("not available here: Clotho's texts (see data_scripts/)")
frame.round(3)

# %% [markdown]
# One line is *not* near: real captions have more than ten times as many different words. Our world has 24 kinds of event and a few
# ways to name each; the real one has no end. Expect real text to be harder, and to reward better text encoders (notebook 04).
#
# And titles? Clotho's share a word with a caption a little more often than ours. But how noisy text is depends on how the data
# was gathered: ESC-10's recordings were found by *searching* for their category. **Predict:** how many of their titles name it?

# %%
meta, titles = (shared.find(f"esc10/meta/{name}.csv") for name in ("esc50", "freesound_titles"))
if meta and titles:
    both = pd.read_csv(meta, dtype=str).merge(pd.read_csv(titles, dtype=str), on="filename").drop_duplicates("src_file")
    named_category = [bool(text_statistics.stems(category.replace("_", " ")) & text_statistics.stems(title))
                      for category, title in zip(both["category"], both["title"])]
    metric("01.esc10.titles-naming", stats.jackknife(np.array(named_category, dtype=float)))
else:
    print("not available here: the titles of ESC-10's recordings")

# %% [markdown]
# **83 %**<!--m:01.esc10.titles-naming--> of them do, where our soundscapes' titles name
# **26 %**<!--m:01.named.title--> of the events. (Not quite the same ruler: a recording there has one category, a clip here up to
# three events.)
#
# ## 6. Splits: fair to every word, no leaks
#
# A test must ask for things that training had a chance to learn. Shuffle clips and cut at 60 and 80 %: common words are shared
# out well by luck alone, rare ones less evenly; one that two clips have must miss a split. **Stratified** splitting helps. Clips have many
# words each, so one cannot simply sort by class. The *iterative* method (Sechidis et al. 2011): take the rarest word that is
# still to be shared out, hand each of its clips to the split that still wants that word most, and repeat. Clotho's authors
# had the same aim: every word in every split, in proportion (Drossos et al. 2020).


# %%
SHARES = np.array([0.6, 0.2, 0.2])


def stratify(has, shares, rng):
    """The split of each clip; `has` (clip, word) is True where a clip's captions hold a word."""
    split = np.full(len(has), -1)
    wants = shares[:, None] * has.sum(axis=0)  # (split, word): how many clips with the word it should get
    room = shares * len(has)  # how many clips at all
    for _ in range(has.shape[1]):
        left = has[split < 0].sum(axis=0)
        word = np.argmin(np.where(left > 0, left, len(has)))  # the rarest that is left
        for clip in rng.permutation(np.flatnonzero((split < 0) & has[:, word])):
            split[clip] = np.lexsort((rng.random(len(shares)), room, wants[:, word]))[-1]  # wants it most, then has most room (the last key decides first)
            wants[split[clip]] -= has[clip]
            room[split[clip]] -= 1
    rest = np.flatnonzero(split < 0)  # clips without any of the words
    split[rest] = rng.choice(len(shares), size=len(rest), p=np.maximum(room, 0.01) / np.maximum(room, 0.01).sum())
    return split


def strays(has, split, shares):
    """For each word: how far its clips are from being shared out as planned (total variation, 0 is perfect)."""
    got = np.stack([has[split == k].sum(axis=0) for k in range(len(shares))]) / has.sum(axis=0)
    return np.abs(got - shares[:, None]).sum(axis=0) / 2


# %%
random_strays, fair_strays, missing = [], [], []
for seed, corpus in corpora.items():
    rng = np.random.default_rng(seed)
    texts = [" ".join(captions) for captions in data.of_split(corpus, "train")["captions"]]
    has = CountVectorizer(binary=True, token_pattern=r"[a-z]{3,}", min_df=5).fit_transform(texts).toarray().astype(bool)
    by_luck = rng.permutation(np.repeat(np.arange(3), np.diff(np.round(np.cumsum([0, *SHARES]) * len(has)).astype(int))))
    fair = stratify(has, SHARES, rng)
    random_strays.append(strays(has, by_luck, SHARES))
    fair_strays.append(strays(has, fair, SHARES))
    missing.append([sum(int((has[split == k].sum(axis=0) == 0).sum()) for k in range(3)) for split in (by_luck, fair)])
metric("01.strays.random", np.mean([x.mean() for x in random_strays]), n=sum(map(len, random_strays)))
metric("01.strays.stratified", np.mean([x.mean() for x in fair_strays]), n=sum(map(len, fair_strays)))
print("words missing from a split, at random and stratified, per seed:", missing)
claim("01.stratified", "A random split strays further from 60/20/20, word for word, than a stratified one", random_strays,
      fair_strays, paper="-", unit="words")

# %%
fig, (ax,) = plots.figure(9, 3)
counts = has.sum(axis=0)
order, window = np.argsort(counts, kind="stable"), min(25, len(counts))
means = np.ones(window) / window  # a running mean over words that are about as common
for values, name, colour, marker, line in ((random_strays[-1], "random", plots.ORANGE, "o", "-"),
                                           (fair_strays[-1], "stratified", plots.BLUE, "^", "--")):
    ax.scatter(counts, values, s=14, alpha=0.4, color=colour, marker=marker)
    ax.plot(np.convolve(counts[order], means, "valid"), np.convolve(values[order], means, "valid"), line, color=colour,
            label=f"{name} (line: mean of {window} words)")
ax.set(xscale="log", xlabel="clips with the word", ylabel="share of its clips\nin the wrong split")
ax.legend(fontsize=11)
plots.show(fig, alt="How far each word strays from 60/20/20 against how many clips have it. At random, rare words stray "
           "most; stratified, the mean lies lower, most of all for rare words.")

# %% [markdown]
# Of a word's clips, **6 %**<!--m:01.strays.random--> are in the wrong split at random, **3 %**<!--m:01.strays.stratified-->
# when stratified. That is the gain: *evenness*, and the plot shows that it goes to the rarer words. Whether a word is missing
# from a split altogether depends on how rare it is: at profile laptop, where the rarest word has ten clips or more, luck alone
# hardly ever does it (the list above: at random, stratified); at profile smoke, with a tenth of the clips, it does so often.
#
# Fair to words is half of it. The other half is **leakage**: clips cut from one recording, or one recording under two names, must
# fall into one split, else the test asks what training has memorised. Near-twins in one split are fine, across splits they
# would leak. ESC-50's folds keep recordings together; Clotho's test clips occur in WavCaps and FSD50K and must be taken out
# (exercise 3; notebook 19 asserts it).
#
# Our own test split does one more thing on purpose: some of its wordings never occur in training, as with real users.

# %%
known = set().union(*(text_statistics.words(" ".join(captions)) for captions in train_clips["captions"]))
for split in ("validation", "test", "shifted"):
    asked = [caption for captions in data.of_split(clips, split)["captions"] for caption in captions]
    new = np.array([bool(set(text_statistics.words(caption)) - known) for caption in asked], dtype=float)
    metric(f"01.unseen-words.{split}", new.mean(), n=len(new))

# %% [markdown]
# **51 %**<!--m:01.unseen-words.test--> of the test captions hold a word that no training caption had, of the validation captions
# **0 %**<!--m:01.unseen-words.validation-->. So choose by validation, and be ready to lose a little on the test.
#
# ## 7. Experiment: what do five people know together?
#
# If leaving out is the oracle's only trouble, then more people should help it. Let it read all five captions of a clip as
# one query (the mean of their relevances), and compare, clip by clip, with reading one.

# %%
one, together = [], []
for corpus in corpora.values():
    rows, relevances = data.caption_rows(corpus, "test")["clip"].to_numpy(), data.graded(corpus, "test")
    n = relevances.shape[1]
    per_caption = metrics.average_precision(relevances, rows)
    one.append(np.bincount(rows, weights=per_caption) / np.bincount(rows))  # mean over the captions of a clip
    pooled = np.stack([relevances[rows == clip].mean(axis=0) for clip in range(n)])
    together.append(metrics.average_precision(pooled.round(6), np.arange(n)))  # equal but for rounding errors is a tie
claim("01.five", "Five captions read together find their clip more often than one alone", together, one,
      paper="-", unit="clips")
metric("01.five.together", np.mean([x.mean() for x in together]))

# %% [markdown]
# Together they bring the oracle to **0.95**<!--m:01.five.together-->. So the ceiling of one-caption retrieval is a matter of *text*, not of
# ears. Keep it in mind when papers augment captions with language models (notebook 12): rewording what was said adds
# nothing that was left out.

# %% [markdown]
# ## Exercises
#
# Replace each `...`, run the cell and the one below it. Nothing breaks when you are wrong: you get a hint.
#
# ### Exercise 1: what a caption gets right (10 minutes, easy)
#
# `caption` and `clip` are sets of facts. Give the relevance of the clip to the caption. A caption that states nothing is true
# of every clip.


# %% tags=["exercise"]
def relevance_of(caption, clip):
    return ...


# %% tags=["check"]
dog, two, rain, bell = ("event", "dog_bark"), ("count", "dog_bark", 2), ("background", "rain"), ("event", "church_bell")
checks.check(relevance_of, [
    Case("both facts hold, the clip has more", ({dog, two}, {dog, two, rain, bell}), 1.0, "what the caption leaves out is no fault",
         traps=((0.5, "divide by what the caption states, not by what the clip holds (nor by either)"),)),
    Case("a dog, but not twice", ({dog, two}, {dog, rain}), 0.5, "one of two stated facts holds",
         traps=((1 / 3, "divide by the facts stated, not by those in either set"), (0.0, "partly true counts in part"))),
    Case("nothing holds", ({bell}, {dog}), 0.0, "no stated fact holds"),
    Case("a caption that states nothing", (set(), {dog}), 1.0, "beware of 0 / 0: see the last sentence of the exercise"),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def relevance_of(caption, clip):
#     return len(caption & clip) / len(caption) if caption else 1.0
# ```
# </details>

# %% [markdown]
# ### Exercise 2: another ruler (15 minutes, medium)
#
# HTK's mel scale has no straight part: $m(f) = 2595 \log_{10}(1 + f/700)$. Give the centre frequencies, in hertz, of `n_mels`
# triangles between `f_min` and `f_max`: equally spaced on *this* ruler, both ends being corners of triangles, not centres.


# %% tags=["exercise"]
def htk_centres(n_mels, f_min, f_max):
    return ...


# %% tags=["check"]
def _htk(n, a, b, inner=slice(1, -1), extra=2):
    m = np.linspace(2595 * np.log10(1 + a / 700), 2595 * np.log10(1 + b / 700), n + extra)[inner]
    return 700 * (10 ** (m / 2595) - 1)


def _slips(n, a, b):
    in_mel = 2595 * np.log10(1 + _htk(n, a, b) / 700)
    return ((hertz(np.linspace(mel(a), mel(b), n + 2))[1:-1], "that is Slaney's ruler, from above; here it is HTK's"),
            (in_mel, "you gave mel, not hertz: go back"),
            (np.linspace(a, b, n + 2)[1:-1], "equally spaced in hertz; go to mel and back"),
            (_htk(n, a, b, slice(None), 0), "the ends are corners, not centres: make n_mels + 2 points"))


def _case(name, n, a, b, hint, traps=()):
    return Case(name, (n, a, b), _htk(n, a, b), hint, tolerance=1e-3, traps=(*_slips(n, a, b), *traps))


checks.check(htk_centres, [
    _case("one triangle", 1, 0.0, 8000.0, "its centre is half way, on HTK's ruler, between the two ends"),
    _case("four triangles", 4, 0.0, 8000.0, "n_mels + 2 equally spaced corners; the centres are those within"),
    _case("from 50 Hz to 4 kHz", 3, 50.0, 4000.0, "the three centres lie between f_min and f_max, on HTK's ruler",
          ((_htk(3, 0, 4000), "start at f_min, not at 0"), (_htk(3, 50, 8000), "end at f_max"))),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def htk_centres(n_mels, f_min, f_max):
#     to_mel = lambda f: 2595 * np.log10(1 + f / 700)
#     corners = np.linspace(to_mel(f_min), to_mel(f_max), n_mels + 2)
#     return 700 * (10 ** (corners[1:-1] / 2595) - 1)
# ```
# </details>

# %% [markdown]
# ### Exercise 3: find the leak (15 minutes, medium)
#
# Each clip has the id of the recording it was cut from and the split it was put into. Give the recordings that are in more
# than one split, sorted. Ids are *text*: "0042" and "42" are two recordings.


# %% tags=["exercise"]
def leaking(recordings, splits):
    return ...


# %% tags=["check"]
checks.check(leaking, [
    Case("one leaks", (["a", "a", "b", "c"], ["train", "test", "train", "test"]), ["a"], "a has clips in train and in test"),
    Case("twice in one split is no leak", (["a", "a", "b"], ["train", "train", "test"]), [], "count splits, not clips",
         traps=((["a"], "two clips of one recording may share a split; look for two *splits*"),)),
    Case("sorted, each once", (["z", "b", "z", "b", "z"], ["test", "train", "train", "validation", "test"]), ["b", "z"],
         "sort, and name each once", traps=((["z", "b"], "sort them"), (["b"], "test is not the only split that leaks"),
                                            (["z"], "from train to validation is a leak too"))),
    Case("without train", (["v", "v"], ["validation", "test"]), ["v"], "any two splits leak, not only those with train"),
    Case("zeros count", (["0042", "42"], ["train", "test"]), [], "ids are text; as numbers these two would be one",
         traps=(([42], "ids are text: leave them as they are"), (["42"], "ids are text: leave them as they are"))),
])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def leaking(recordings, splits):
#     places = {}
#     for recording, split in zip(recordings, splits):
#         places.setdefault(recording, set()).add(split)
#     return sorted(recording for recording, own in places.items() if len(own) > 1)
# ```
# </details>

# %% [markdown]
# ## Recap
#
# - A log-mel spectrogram is a windowed Fourier transform, triangles on a ruler of hearing, a logarithm. A clip alone and in a
#   batch must give the same one.
# - In our world, as in what it was set to resemble, captions name far more of what happens than uploaders' titles do (claim
#   01.title); random splits share words out less evenly than stratified ones (claim 01.stratified).
# - Captions leave facts out. That alone holds a listener who knows everything, and takes a caption at its word, to
#   **0.81**<!--m:01.oracle.map10--> (claim 01.five).
#
# ## What we did not show
#
# The sounds are formulas: no cell here says how real dogs differ from ours (notebook 00 searches real recordings, notebook 04
# measures encoders on them). Other front ends (16 to 128 mels, PCEN, raw waveform) are not compared. The truth that makes
# graded relevance exact exists for no real data set; notebook 02 shows what listeners' ratings do instead.
#
# ## Further reading
#
# - K. Drossos, S. Lipping, T. Virtanen: *Clotho: an audio captioning dataset*, ICASSP (2020).
# - E. Fonseca, X. Favory, J. Pons, F. Font, X. Serra: *FSD50K: an open dataset of human-labeled sound events*, TASLP (2022).
# - K. Sechidis, G. Tsoumakas, I. Vlahavas: *On the stratification of multi-label data*, ECML PKDD (2011).
# - B. Weck, M. Pérez Fernández, H. Kirchhoff, X. Serra: *Matching text and audio embeddings* (2022): titles and tags as noisy captions.
