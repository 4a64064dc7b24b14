"""Captions to word vectors: the text encoder of the 2022 baseline (Xie et al. 2022, section 3.2).

A word has one vector, whatever stands around it. It is looked up as it is written, then by its lemma, then by its
Snowball stem; what is in none of these places shares one vector, <UNK>. `read` takes the published Google News vectors
(three million words and phrases, 300 features); `train` makes vectors from the captions at hand, offline, in seconds.

The rules follow xieh97/dcase2022-audio-retrieval, commit f6fad50. The official code also loads models that cannot be
had offline, so ours differs: named entities are words like others (there, <UNK>); a lemma is found by WordNet's endings
without its list of exceptions (geese) and without parts of speech; contractions by a short list; whatever is no letter
or digit parts words and is dropped (there, quotation marks and emoji are <UNK>). <UNK> is drawn from the mean and
spread of all words read, not of the data set's. On Clotho's captions 99.8 % of the words agree (tests/parity).
Taught in notebook 03.
"""

import hashlib
import re
import zlib
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from lib.encoders import checkpoints
from lib.encoders.interface import TextEncoder, checked

UNKNOWN = "<UNK>"
CONTRACTIONS = (
    (r"\b(ca|wo)n't\b", lambda found: {"ca": "can", "wo": "will"}[found[1].lower()] + " not"),
    (r"n't\b", " not"), (r"'re\b", " are"), (r"'ve\b", " have"), (r"'ll\b", " will"), (r"'m\b", " am"),
    (r"'d\b", " would"), (r"\b(it|that|there|here|what|where|who|he|she)'s\b", r"\1 is"), (r"'s\b", ""),
)  # fmt: skip
WORD = re.compile(r"\d+(?:[.,:]\d+)+|[^\W_]+(?:'[^\W_]+)*")
# The endings that WordNet's own look-up exchanges, of nouns, verbs and adjectives; the vocabulary is the dictionary.
ENDINGS = (
    ("s", ""), ("ses", "s"), ("ves", "f"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man"),
    ("ies", "y"), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""), ("est", "e"), ("est", ""),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Vectors:
    """A vocabulary and its vectors."""

    words: tuple[str, ...]
    values: Float[np.ndarray, "word dim"]  # float32
    lower: bool  # the vocabulary is in lower case, so that a capital must not hide a word
    name: str  # of the encoder made of them
    source: str  # where they come from, for a reader
    recipe: str = ""  # of vectors learnt here: sha256 of the captions and settings that they were learnt from


@dataclass(frozen=True)
class Settings:
    """What decides, beside the vectors themselves, which rows a caption gets."""

    vocabulary: str  # sha256 of the words in their order
    lower: bool
    max_words: int = 512  # captions past that are cut there


class Word2Vec(TextEncoder):
    """A table of word vectors, <UNK> in its first row; the mean over a caption's words is Xie's caption embedding."""

    def __init__(self, vectors: Vectors, *, seed: int = 0):
        digest = hashlib.sha256("\n".join(vectors.words).encode()).hexdigest()
        super().__init__(vectors.name, vectors.values.shape[1], Settings(digest, vectors.lower))
        self.source = vectors.source
        self.rows = {word: row for row, word in enumerate((UNKNOWN, *vectors.words))}
        first = unknown(vectors.values, np.random.default_rng(seed))
        table = torch.from_numpy(np.vstack([first, vectors.values]).astype(np.float32, copy=False))
        self.embedding = nn.Embedding.from_pretrained(table, freeze=False)
        self.recipe = vectors.recipe and hashlib.sha256(f"{vectors.recipe} {seed}".encode()).hexdigest()
        self.born = super().key

    @property
    def key(self) -> str:
        """As of any encoder; but vectors learnt here, as they came, are known by what they were learnt from: another
        machine rounds them otherwise, and is to find the same run log."""
        now = super().key
        return self.recipe if self.recipe and now == self.born else now

    def forward(self, captions: list[str]) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """The vectors of each caption's words and the mask of those that are real; the padding holds zeros.

        Raises:
            ValueError: a caption is empty, or is no text. (One without a word, such as "...", is one <UNK>.)
        """
        rows = [torch.tensor([self.rows[word] for word in self.look_up(caption)]) for caption in checked(captions)]
        mask = pad_sequence([torch.ones_like(r, dtype=torch.bool) for r in rows], batch_first=True)
        where = self.embedding.weight.device
        padded, mask = pad_sequence(rows, batch_first=True).to(where), mask.to(where)
        return self.embedding(padded).masked_fill(~mask[..., None], 0.0), mask

    def look_up(self, caption: str) -> list[str]:
        """The words whose vectors stand for this caption; at least one."""
        words = words_of(caption.lower() if self.settings.lower else caption)[: self.settings.max_words]
        return [look_up(word, self.rows) for word in words] or [UNKNOWN]

    def extra_repr(self) -> str:
        return f"{self.name}: {self.source}"


def words_of(caption: str) -> list[str]:
    """Contractions in full, words parted at dashes, punctuation and a possessive 's dropped; the case is kept."""
    caption = caption.replace("\u2019", "'")
    for pattern, full in CONTRACTIONS:
        caption = re.sub(pattern, full, caption, flags=re.IGNORECASE)
    return WORD.findall(caption)


def look_up(word: str, known: Container[str]) -> str:
    """Under which word of the vocabulary a caption's word is found: itself, its lemma, its stem, else <UNK>."""
    if word in known:
        return word
    if lemmas := [lemma for lemma in _lemmas(word.lower()) if lemma in known]:
        return min(lemmas, key=len)
    stem = _stemmer().stem(word)  # in lower case
    return stem if stem in known else UNKNOWN


def _lemmas(word: str) -> list[str]:
    parts = [(word.removesuffix(ending), base) for ending, base in ENDINGS if word.endswith(ending)]
    return [word] + [s + base for s, base in parts if re.search("[aeiouy]", s + base.rstrip("e"))]  # thing is no "the"


@cache
def _stemmer():
    from nltk.stem.snowball import SnowballStemmer  # here, since it takes a second and known words do without

    return SnowballStemmer("english")


def unknown(
    values: Float[np.ndarray, "word dim"], generator: np.random.Generator, draws: int = 1000
) -> Float[np.ndarray, "dim"]:
    """The vector of <UNK>: random, with each feature's mean and spread, at right angles to at least one word.

    The official script draws again while the dot product with every word is above 0.01 in size: one word below it
    is enough, so with thousands of words the first draw passes. We stop after `draws` and keep the nearest.
    """
    mean, spread = values.mean(0), values.std(0)
    best, nearest = mean, np.inf
    for _ in range(draws):
        drawn = mean + spread * generator.standard_normal(values.shape[1])
        smallest = np.abs(values @ drawn).min()
        if smallest < nearest:
            best, nearest = drawn, smallest
        if nearest <= 0.01:
            break
    return best.astype(np.float32)


def train(
    captions: Sequence[str], *, dim: int = 300, window: int = 5, epochs: int = 20, min_count: int = 2, seed: int = 0
) -> Vectors:
    """Skip-gram vectors (Mikolov et al. 2013) of the words of these captions, in lower case, by gensim.

    Give it the training captions alone: words that only the test captions have are to be <UNK>.

    Args:
        window: how many words on either side count as neighbours.
        min_count: words seen less often get no vector.
        seed: the same seed gives the same vectors on one machine (one thread, no salted hash).

    Raises:
        ValueError: no word is there `min_count` times.
    """
    from gensim.models import Word2Vec as SkipGram

    sentences = [words_of(caption.lower()) for caption in checked(list(captions))]
    model = SkipGram(
        vector_size=dim, window=window, epochs=epochs, min_count=min_count, sg=1, negative=5, seed=seed, workers=1,
        sorted_vocab=0, hashfxn=lambda text: zlib.crc32(text.encode()),
    )  # fmt: skip
    model.build_vocab(sentences)
    if not model.wv.index_to_key:
        raise ValueError(f"expected captions with a word that is there {min_count} times, got {len(sentences)} without")
    model.train(sentences, total_examples=len(sentences), epochs=epochs)
    source = f"skip-gram trained on {len(sentences)} captions: {len(model.wv)} words, {epochs} epochs, seed {seed}"
    recipe = hashlib.sha256(repr((sentences, dim, window, epochs, min_count, seed)).encode()).hexdigest()
    return Vectors(tuple(model.wv.index_to_key), model.wv.vectors.copy(), True, "word2vec_captions", source, recipe)


def read(path: Path, *, limit: int | None = 200_000) -> Vectors:
    """Published vectors in word2vec's own format (.bin or .bin.gz; .txt for the readable one).

    Args:
        limit: the first so many words; files are ordered by frequency. 200,000 of 300 features take 240 MB, the three
            million of Google News 3.6 GB.

    Raises:
        CheckpointError: the file is not in that format.
    """
    from gensim.models import KeyedVectors

    try:
        found = KeyedVectors.load_word2vec_format(str(path), binary=".txt" not in Path(path).suffixes, limit=limit)
    except (ValueError, EOFError, OSError) as error:
        raise checkpoints.CheckpointError(
            f"{Path(path).name} is no file of word vectors in word2vec's format ({str(error)[:100]}); expected "
            f"{checkpoints.CHECKPOINTS['word2vec'].file} or one like it."
        ) from error
    source = f"the first {len(found):,} words of {Path(path).name}"
    return Vectors(tuple(found.index_to_key), found.vectors, False, "word2vec", source)


def build(
    name: str = "word2vec", *, pretrained: bool = True, generator: torch.Generator | None = None, layer: int = -1
) -> Word2Vec:
    """The Google News vectors, where the reader has the file.

    Raises:
        CheckpointMissing: there is no such file here; the message has the command that fetches it.
        ValueError: random vectors, or another layer than the only one, were asked for.
    """
    if layer != -1:
        raise ValueError(f"word2vec has one layer, -1; got layer={layer}")
    if not pretrained:
        raise ValueError("word vectors without a text to learn them from mean nothing; expected pretrained=True, or "
                         "train them: word2vec.Word2Vec(word2vec.train(captions)).frozen()")
    return Word2Vec(read(checkpoints.find("word2vec")))
