"""The 2022 baseline's words, its <UNK> and its mean, against what the official code gives.

Expected values come from running xieh97/dcase2022-audio-retrieval, commit f6fad50: `utils/word_utils.py` on the
captions below, `scripts/word_embeddings.py` on the table below (its draws replaced by numpy's default_rng) and
`models/text_encoders.py`, then the L2 norm. Its contractions, part-of-speech tagger, tokenizer and stemmer were its
own; three models that could not be had stood aside: no named entities, each caption one sentence, and for WordNet's
nouns those of its frequency list. So run, on the first 2,500 evaluation captions of Clotho with the 1,237 words that
occur five times in that split (without a, and, of, to), official and ours agree on 99.8 % of the words.
"""

import numpy as np
import pytest
import torch

from lib.encoders import word2vec
from lib.pooling import masked_mean

VOCABULARY = tuple(
    "dog bark bell ring Rain rain fall glass knock door twice while man not it is can will be slide hiss box loud cri "
    "two New mouse".split()
)
U = word2vec.UNKNOWN
OFFICIAL = {
    "A dog barks twice while rain falls.": f"{U} dog bark twice while rain fall",
    "Dogs barking, bells ringing.": "dog bark bell ring",
    "RAIN falling on the man-made door": f"rain fall {U} {U} man {U} door",
    "It's raining and the dog isn't barking": f"it is rain {U} {U} dog is not bark",
    "The dog's bell can't ring; it won't slide.": f"{U} dog bell can not ring it will not slide",
    "Somebody knocks (twice) on two boxes": f"{U} knock twice {U} two box",
    "Babies crying": f"{U} cri",
    "Glasses": "glass",
    "a thing": f"{U} {U}",
}
EMBEDDINGS = [  # first four of twelve features of the normalised mean
    [0.58960944, 0.16636701, -0.50056219, -0.43283069],
    [0.30807975, 0.35364461, -0.36786950, 0.12572439],
    [0.43211636, 0.19373129, -0.34520441, -0.19794910],
]


def table():
    row, column = np.arange(len(VOCABULARY))[:, None], np.arange(12)
    return np.cos(1.7 * row + 0.9 * column**2).astype(np.float32)


@pytest.fixture(scope="module")
def encoder():
    return word2vec.Word2Vec(word2vec.Vectors(VOCABULARY, table(), False, "word2vec", "a formula")).frozen()


@pytest.mark.parametrize("caption", OFFICIAL)
def test_each_word_is_found_where_the_official_code_finds_it(encoder, caption):
    assert encoder.look_up(caption) == OFFICIAL[caption].split()


@pytest.mark.parametrize("caption, official", [("Mice", ["mouse"]), ("the bell slid", [U, "bell", "slide"])])
def test_what_needs_a_list_of_exceptions_is_unknown_here(encoder, caption, official):
    """The difference that the module names: WordNet knows irregular forms one by one."""
    ours = encoder.look_up(caption)
    assert ours != official and ours[-1] == U


@pytest.mark.parametrize(
    "seed, official",
    [
        (0, [0.688814087840027, 0.08744039900986435, -0.5630480875237545, -0.656908820675808]),  # the third draw
        (1, [-0.8039327179534517, 0.13377674166010128, -1.5551404722855635, -0.015114110946186069]),  # the 14th
        (2, [-1.304380982974934, 0.8130359272854668, 0.7022973101788235, -1.0035161540870554]),  # the fifth
    ],
)
def test_unknown_is_drawn_and_drawn_again_as_there(seed, official):
    np.testing.assert_allclose(word2vec.unknown(table(), np.random.default_rng(seed))[:4], official, rtol=1e-4)


@torch.inference_mode()
def test_the_mean_over_a_captions_words_points_where_the_official_one_points(encoder):
    """There the mean runs over the padding too, which the L2 norm undoes."""
    captions = ["A dog barks twice while rain falls.", "Dogs barking, bells ringing.", "mouse"]
    got = torch.nn.functional.normalize(masked_mean(*encoder(captions)), dim=-1)
    torch.testing.assert_close(got[:, :4], torch.tensor(EMBEDDINGS), rtol=1e-4, atol=1e-5)
