"""One experiment from clip table to scores, on sounds and words so plain that the right answer is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from lib import audio, cache, metrics, retrieval, train
from lib.data import SourceError, table
from lib.encoders.interface import AudioEncoder, TextEncoder

RECIPE = retrieval.Recipe(
    batch_size=16, dim=16, hidden=32, training=train.Settings(learning_rate=3e-3, max_epochs=12, stop_after=12)
)


class Tones(AudioEncoder):
    """Four frames a clip: the size of the sound at sixteen frequencies."""

    def __init__(self):
        super().__init__("tones", 800, 16, None)

    def forward(self, waveforms, lengths):
        frames = waveforms.unflatten(1, (-1, 200)).abs().matmul(torch.eye(200)[:, :16])
        return frames, torch.ones(frames.shape[:2], dtype=torch.bool)


class Letters(TextEncoder):
    """One token a letter."""

    def __init__(self):
        super().__init__("letters", 26, None)

    def forward(self, captions):
        longest = max(map(len, captions))
        values, mask = torch.zeros(len(captions), longest, 26), torch.zeros(len(captions), longest, dtype=torch.bool)
        for row, caption in enumerate(captions):
            for place, letter in enumerate(caption):
                values[row, place, (ord(letter) - ord("a")) % 26] = 1
                mask[row, place] = True
        return values, mask


def meaning(path):
    return np.random.default_rng([ord(c) for c in path]).integers(0, 2, 16)


def render(path, sample_rate):
    noise = np.random.default_rng(len(path)).normal(0, 0.01, 800)
    wave = noise.reshape(4, 200)
    wave[:, :16] += meaning(path)
    return wave.reshape(-1).astype(np.float32)


def caption(path, rng):
    """The letters of what sounds, in any order."""
    letters = [chr(ord("a") + i) for i in np.flatnonzero(meaning(path))] or ["z"]
    return "".join(rng.permutation(letters))


def clips(n=(100, 30, 40)):
    rng, rows = np.random.default_rng(0), []
    for split, count in zip(("train", "validation", "test"), n):
        for i in range(count):
            path = f"retrieval-test://{split}/{i}"
            texts = [caption(path, rng) for _ in range(2)]
            rows.append(dict(clip_id=f"{split}{i}", split=split, path=path, captions=texts, duration_s=1.0))
    return table.build(rows, source="toy")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    monkeypatch.setitem(audio._RENDERERS, "retrieval-test", render)


def encode(**named):
    return retrieval.encode(
        named.pop("clips", None) if "clips" in named else clips(), audio=Tones(), text=Letters(), **named
    )


def test_it_encodes_each_split_with_its_queries():
    corpus = encode()
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 100, "validation": 30, "test": 40}
    split, rows = corpus.splits["test"], corpus.rows["test"]
    assert split.audio.shape == (40, 1, 16) and split.text.shape == (80, 1, 26)
    assert rows["clip"].tolist() == split.groups.tolist()
    one = Tones()(torch.as_tensor(render("retrieval-test://test/7", 800))[None], torch.tensor([800]))[0]
    torch.testing.assert_close(split.audio[7], one.mean(1), atol=1e-3, rtol=1e-2)  # stored in half precision
    word = Letters()([rows["caption"][15]])[0]
    torch.testing.assert_close(split.text[15], word.mean(1), atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("there", [["fold1", "fold2", "fold3"], ["test"]])
def test_missing_splits_are_told_in_one_sentence(there):
    other = clips((4, 4, 4))
    other["split"] = [there[i % len(there)] for i in range(len(other))]
    with pytest.raises(SourceError, match=f"train, validation, test; got {', '.join(there)}, without .*soundscapes"):
        encode(clips=other, splits=("train", "validation", "test"))


def test_splits_that_were_not_asked_for_change_nothing():
    some = clips((6, 4, 5))
    more = clips((6, 4, 5)).assign(split="shifted", clip_id=lambda table: table["clip_id"] + "-shifted")
    both = pd.concat([some, more], ignore_index=True)
    assert encode(clips=both, splits=("train", "validation", "test")).key == encode(clips=some).key


def test_pooled_beforehand_or_not_the_adapter_says_the_same():
    few, many = encode(), encode(pool=None, text_pool=None)
    assert many.splits["test"].audio.shape == (40, 4, 16) and many.key != few.key
    model = retrieval.untrained(few, RECIPE, torch.Generator().manual_seed(0))
    a, b = (retrieval.similarity(model, corpus.splits["test"]) for corpus in (few, many))
    np.testing.assert_allclose(a, b, atol=2e-3)


def test_it_learns_reuses_what_it_trained_and_tells(capsys):
    corpus = encode()
    first = retrieval.compare({0: corpus}, {"plain": RECIPE})
    assert first["plain"][0].scores["AP@10"].mean() > 5 * metrics.chance(40)
    again = retrieval.compare({0: encode()}, {"plain": RECIPE})
    pd.testing.assert_frame_equal(first["plain"][0].scores, again["plain"][0].scores, check_exact=True)
    pd.testing.assert_frame_equal(first["plain"][0].history, again["plain"][0].history, check_exact=True)
    told = capsys.readouterr().out
    assert "trained: 1 now, 0 from cache" in told and "trained: 0 now, 1 from cache" in told
    assert "frames: 170 encoded, 0 from cache" in told and "frames: 0 encoded, 170 from cache" in told


def test_recipe_seed_and_corpus_each_make_a_run_of_its_own():
    corpus, short = encode(), replace(RECIPE, training=replace(RECIPE.training, max_epochs=2))
    runs = [
        retrieval.fit(corpus, short, seed=0),
        retrieval.fit(corpus, short, seed=1),
        retrieval.fit(corpus, replace(short, options={"temperature": 0.5}), seed=0),
        retrieval.fit(corpus, replace(short, captions_per_clip=2), seed=0),
        retrieval.fit(encode(clips=clips((99, 30, 40))), short, seed=0),
    ]
    losses = [run.history.loss.iloc[-1] for run in runs]
    assert len(set(losses)) == 5


def test_a_model_of_constants_scores_chance():
    corpus = encode()
    model = retrieval.untrained(corpus, RECIPE, torch.Generator())
    for tower in (model.audio, model.text):
        torch.nn.init.zeros_(tower.adapter.layers[-1].weight)
        torch.nn.init.ones_(tower.adapter.layers[-1].bias)
    assert retrieval.scores(model, corpus.splits["test"])["AP@10"].mean() == pytest.approx(metrics.chance(40))


def test_shuffled_captions_score_chance():
    """Teeth: nothing but the pairing of clip and caption can raise a score."""
    wrong = clips((100, 30, 200))
    training = wrong["split"] != "test"
    order = np.random.default_rng(1).permutation(training.sum())
    wrong.loc[training, "captions"] = pd.Series(
        wrong.loc[training, "captions"].to_numpy()[order], wrong.index[training]
    )
    scores = retrieval.compare({0: encode(clips=wrong)}, {"shuffled": RECIPE})["shuffled"][0].scores
    assert scores["AP@10"].mean() < 3 * metrics.chance(200)


def test_frames_from_a_file_are_pooled_without_encoding():
    class Stored(Tones):
        def lookup(self, paths):
            return torch.ones(len(paths), 3, 16), torch.ones(len(paths), 3, dtype=torch.bool)

    corpus = retrieval.encode(clips((4, 4, 4)), audio=Stored(), text=Letters())
    assert corpus.splits["train"].audio.shape == (4, 1, 16)
    assert not list((cache.store.root() / "frames").glob("*/*.safetensors"))
