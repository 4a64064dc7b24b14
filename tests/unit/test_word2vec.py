"""Word vectors: how a word is found, how vectors are learnt and read, what a caption becomes."""

import copy
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from lib import encoders
from lib.encoders import checkpoints, word2vec
from lib.encoders.word2vec import UNKNOWN, Vectors, Word2Vec

DOGS = ["A dog barks twice.", "Two dogs bark at a car.", "The small dog barks as rain falls.", "Cars honk in the rain."]
RAIN = ["Rain falls on a roof.", "Heavy rain falls, then a car passes.", "Rain patters on the small roof."]


def some_vectors(words="dog barks rain", dim=6, lower=True, seed=0):
    words = tuple(words.split())
    values = np.random.default_rng(seed).normal(size=(len(words), dim)).astype(np.float32)
    return Vectors(words, values, lower, "word2vec", "made up")


@pytest.fixture(scope="module")
def trained():
    return Word2Vec(word2vec.train(20 * (DOGS + RAIN), dim=16, epochs=5)).frozen()


@pytest.mark.parametrize(
    "word, known, found",
    [
        ("dogs", "dogs dog", "dogs"),  # as it is written, first
        ("dogs", "dog", "dog"),  # the lemma
        ("sliding", "slide", "slide"),
        ("knocked", "knock", "knock"),
        ("babies", "baby", "baby"),
        ("women", "woman", "woman"),
        ("loudest", "loud", "loud"),
        ("Dogs", "dog", "dog"),
        ("running", "run", "run"),  # the stem
        ("rhythmically", "rhythmic", "rhythmic"),
        ("barked", "barks barking", UNKNOWN),  # a vocabulary of inflected forms alone is no help
        ("thing", "the", UNKNOWN),
        ("s", "", UNKNOWN),
        ("geese", "goose", UNKNOWN),
    ],
)
def test_word_then_lemma_then_stem_then_unknown(word, known, found):
    assert word2vec.look_up(word, set(known.split())) == found


@pytest.mark.parametrize(
    "caption, words",
    [
        ("It's a high-pitched bell, isn't it?", "It is a high pitched bell is not it"),
        ("The dog’s owners can't hear; they've left", "The dog owners can not hear they have left"),
        ("WON'T stop", "will not stop"),
        ("3.5 seconds at 10:30 o'clock...", "3.5 seconds at 10:30 o'clock"),
        ("<b>rain</b> &amp; wind_noise/hum", "b rain b amp wind noise hum"),
        ("🐕🔊 barks", "barks"),
        ("Glöckchen läuten 雷", "Glöckchen läuten 雷"),
        ("... !", ""),
    ],
)
def test_words_of_a_caption(caption, words):
    assert [w.lower() for w in word2vec.words_of(caption)] == words.lower().split()


def test_case_is_kept_unless_the_vocabulary_has_none():
    assert Word2Vec(some_vectors("Rain rain", lower=False)).look_up("Rain rain") == ["Rain", "rain"]
    assert Word2Vec(some_vectors("barking bark")).look_up("Barking") == ["barking"]
    assert Word2Vec(some_vectors("barking bark", lower=False)).look_up("Barking") == ["bark"]  # a capital hides it


@torch.inference_mode()
def test_a_caption_becomes_the_vectors_of_its_words():
    vectors = some_vectors()
    tokens, mask = Word2Vec(vectors)(["A dog barks!", "rain"])
    assert mask.tolist() == [[True] * 3, [True, False, False]] and (tokens[~mask] == 0).all()
    unknown = word2vec.unknown(vectors.values, np.random.default_rng(0))
    np.testing.assert_array_equal(tokens[0].numpy(), np.stack([unknown, *vectors.values[:2]]))
    np.testing.assert_array_equal(tokens[1, 0].numpy(), vectors.values[2])


@torch.inference_mode()
def test_caption_alone_equals_padded(trained):
    captions = ["rain", "a small dog barks twice, then thunder rolls far away", "..."]
    tokens, mask = trained(captions)
    for row, caption in enumerate(captions):
        torch.testing.assert_close(trained([caption])[0][0], tokens[row][mask[row]], atol=0, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("caption", ["...", "🐕🔊", "雷が鳴る", "Schlüsselbund"])
def test_a_caption_without_a_known_word_is_one_unknown(trained, caption):
    tokens, mask = trained([caption])
    assert mask.tolist() == [[True]] and tokens[0, 0].equal(trained.embedding.weight[0]) and tokens.any()


@torch.inference_mode()
def test_ten_thousand_words_are_cut_at_the_limit(trained):
    tokens, mask = trained(["bark " * 10_000])
    assert tokens.shape == (1, 512, 16) and mask.all() and trained.settings.max_words == 512


@pytest.mark.parametrize("bad", ["", "  \n "])
def test_empty_caption_is_named(trained, bad):
    with pytest.raises(ValueError, match="as caption 1 of 3"):
        trained(["a dog", bad, "a cat"])


@pytest.mark.parametrize("bad", ["a dog barks", [None], [float("nan")]])
def test_what_is_no_list_of_texts_is_refused(trained, bad):
    with pytest.raises((ValueError, TypeError), match="list of captions|expected text|captions"):
        trained(bad)


def test_words_that_keep_company_lie_close():
    """What training is for; untrained vectors would not do this."""
    captions = ["a bell rings", "the bell rings loudly", "one bell chimes", "a church bell chimes"]
    captions += ["rain falls hard", "rain pours hard", "heavy rain pours"]
    vectors = word2vec.train(150 * captions, dim=20, epochs=40)
    unit = vectors.values / np.linalg.norm(vectors.values, axis=1, keepdims=True)
    near = {(a, b): unit[vectors.words.index(a)] @ unit[vectors.words.index(b)] for a, b in
            [("rings", "chimes"), ("rings", "pours"), ("falls", "pours"), ("falls", "chimes")]}  # fmt: skip
    assert near["rings", "chimes"] > near["rings", "pours"] + 0.2
    assert near["falls", "pours"] > near["falls", "chimes"] + 0.2


def test_the_same_seed_gives_the_same_vectors_whatever_pythons_hash():
    code = f"from lib.encoders.word2vec import *; print(Word2Vec(train({DOGS + RAIN!r}, dim=8, min_count=1)).born)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                         env=os.environ | {"PYTHONHASHSEED": "12345"})  # fmt: skip
    here = [Word2Vec(word2vec.train(DOGS + RAIN, dim=8, min_count=1, seed=seed)) for seed in (0, 0, 1)]
    assert here[0].born == here[1].born == ran.stdout.strip() != here[2].born
    assert here[0].key == here[1].key != here[2].key


def test_vectors_learnt_here_are_known_by_their_captions_until_they_learn_on():
    """Another machine rounds them otherwise and must find the same run log; other numbers must not pass for them."""
    vectors = word2vec.train(DOGS + RAIN, dim=8, min_count=1)
    rounded = replace(vectors, values=vectors.values * np.float32(1 + 1e-7))
    one, elsewhere = Word2Vec(vectors), Word2Vec(rounded)
    assert one.key == elsewhere.key and one.born != elsewhere.born
    others = [Word2Vec(word2vec.train(DOGS + RAIN[:-1], dim=8, min_count=1)), Word2Vec(vectors, seed=1)]
    assert len({one.key, *(other.key for other in others)}) == 3
    with torch.no_grad():
        elsewhere.embedding.weight.add_(1)
    assert elsewhere.key != one.key


def test_rare_words_get_no_vector_and_words_are_lower_case():
    vectors = word2vec.train([*DOGS, "Rain"], dim=4, epochs=1)
    assert "dog" in vectors.words and "honk" not in vectors.words and all(w == w.lower() for w in vectors.words)
    assert "honk" in word2vec.train(DOGS, dim=4, epochs=1, min_count=1).words
    with pytest.raises(ValueError, match="a word that is there 2 times, got 1 without"):
        word2vec.train(["dog"])
    with pytest.raises(ValueError, match="as caption 1 of 2"):
        word2vec.train(["dog", " "])


def test_unknown_is_at_right_angles_to_a_word_or_the_nearest_of_many_draws():
    values = np.random.default_rng(3).normal(size=(5, 12)).astype(np.float32)
    first = values.mean(0) + values.std(0) * np.random.default_rng(0).standard_normal(12)
    assert np.abs(values @ first).min() > 0.01  # a draw that is refused
    assert np.abs(values @ word2vec.unknown(values, np.random.default_rng(0))).min() <= 0.0101
    same = np.ones((2, 4), np.float32)  # no spread: every draw is the mean, and the loop must end
    np.testing.assert_array_equal(word2vec.unknown(same, np.random.default_rng(0), draws=3), np.ones(4))


def test_key_follows_vectors_vocabulary_and_case():
    one = Word2Vec(some_vectors())
    others = [some_vectors(seed=1), some_vectors("dog barks hail"), some_vectors(lower=False)]
    assert one.key == Word2Vec(some_vectors()).key
    assert len({one.key, *(Word2Vec(v).key for v in others), Word2Vec(some_vectors(), seed=1).key}) == 5


def test_it_can_be_copied_and_sent_to_another_process(trained):
    for other in (copy.deepcopy(trained), pickle.loads(pickle.dumps(trained))):
        assert other.key == trained.key and other.look_up("Dogs bark") == trained.look_up("Dogs bark")


def test_frozen_or_learning(trained):
    assert not any(p.requires_grad for p in trained.parameters())
    learns = copy.deepcopy(trained).requires_grad_(True)
    learns(["a dog barks"])[0].square().mean().backward()
    moved = learns.embedding.weight.grad.abs().sum(1) > 0
    assert sorted(np.flatnonzero(moved)) == sorted(trained.rows[w] for w in trained.look_up("a dog barks"))


@pytest.fixture
def google(tmp_path, monkeypatch):
    """A file in the format of the Google News vectors, found where the reader would have it."""
    from gensim.models import KeyedVectors

    vectors = some_vectors("in for Dog dog barks rain", dim=300, lower=False)
    keyed = KeyedVectors(300)
    keyed.add_vectors(list(vectors.words), vectors.values)
    path = tmp_path / checkpoints.CHECKPOINTS["word2vec"].file
    keyed.save_word2vec_format(str(path), binary=True)
    monkeypatch.setenv("HEARSAY_CHECKPOINTS", str(tmp_path))
    return path, vectors


def test_published_vectors_are_found_and_read(google):
    path, vectors = google
    encoder = encoders.text("word2vec")
    assert encoder.feature_dim == 300 and "6 words of word2vec-google-news-300.gz" in repr(encoder)
    np.testing.assert_array_equal(encoder(["Dog dogs"])[0][0].numpy(), vectors.values[2:4])
    few = word2vec.read(path, limit=4)
    assert few.words == vectors.words[:4] and Word2Vec(few).look_up("dog rain") == ["dog", UNKNOWN]


def test_the_missing_the_damaged_and_the_random_are_explained(google):
    path, _ = google
    path.with_name("cut.bin").write_bytes(b"6 300\nin ")
    path.with_name("words.bin").write_text("no vectors here")
    for name in ("cut.bin", "words.bin"):
        with pytest.raises(checkpoints.CheckpointError, match=f"{name} is no file of word vectors"):
            word2vec.read(path.with_name(name))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(checkpoints.CheckpointError, match="no file of word vectors"):
        encoders.text("word2vec")
    path.unlink()
    with pytest.raises(checkpoints.CheckpointMissing, match="fetch_checkpoints.py word2vec"):
        encoders.text("word2vec")
    with pytest.raises(ValueError, match=r"train\(captions\)"):
        word2vec.build(pretrained=False)
