"""What the cards say, against the networks themselves."""

import re
from pathlib import Path

import pytest
import torch

from lib import encoders
from lib.encoders import cards, texts
from lib.encoders.cards import CARDS
from lib.encoders.checkpoints import CHECKPOINTS
from lib.encoders.signatures import SIGNATURES, identify

ROOT = Path(__file__).resolve().parents[2]
BUILT = [name for name in CARDS if name in encoders.AUDIO or name.startswith("hf:")]
AS_PASST_N = ("passt_s", "passt_l", "passt_s20")  # by the same code, and slower


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_every_encoder_has_a_card():
    lacking = [name for name in (*encoders.AUDIO, *encoders.TEXT) if name not in CARDS]
    assert not lacking, f"no card for {', '.join(lacking)}: write one in lib/encoders/cards.py"


def test_every_card_has_an_encoder():
    there = {*encoders.AUDIO, *encoders.TEXT}
    lacking = [name for name in CARDS if name not in there and not name.startswith("hf:")]
    assert not lacking, f"cards of encoders that cannot be asked for by name: {', '.join(lacking)}"


@pytest.mark.parametrize("name", BUILT)
def test_a_card_has_the_networks_numbers(name):
    card, generator = CARDS[name], torch.Generator().manual_seed(0)
    encoder = encoders.audio(name, pretrained=False, generator=generator)
    assert (encoder.sample_rate, encoder.feature_dim) == (card.sample_rate, card.features)
    assert count(encoder) == card.parameters
    if name in CHECKPOINTS:  # its own weights are not taken for another's
        found = identify(encoder.state_dict())
        assert found is None or found.model == {"vast": "beats"}.get(name, CHECKPOINTS[name].fills)
    if name not in AS_PASST_N:
        seconds = 10 if "10" in card.length else 2  # those that fill a shorter clip up get a full one
        samples = seconds * card.sample_rate
        _, mask = encoder(0.1 * torch.randn(1, samples, generator=generator), torch.tensor([samples]))
        assert abs(int(mask.sum()) - seconds * card.frames_per_second) <= 1


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_complete(name):
    card = CARDS[name]
    assert card.name == name and card.side in ("audio", "text")
    texts = (card.title, card.front_end, card.length, card.frames, card.licence, card.pretrained_on, card.source)
    assert all(texts) and card.checked and card.weights
    assert card.features > 0 and card.parameters > 0
    assert (card.frames_per_second > 0) == (card.hop_ms > 0) == (card.side == "audio")
    assert all(re.match("(Xie|Weck|Takeuchi) 2022: |Primus 2023: |Munakata 2024: ", paper) for paper in card.papers)
    if name in CHECKPOINTS:
        assert CHECKPOINTS[name].sample_rate == card.sample_rate


def test_titles_are_unique():
    assert len({card.title for card in CARDS.values()}) == len(CARDS)


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.parity])
def test_a_card_that_claims_parity_names_the_test_and_its_commit(name):
    test = ROOT / CARDS[name].parity
    assert test.is_file(), f"{name}'s card claims {CARDS[name].parity}, which is not there"
    commits = re.findall(r"\b[0-9a-f]{7}\b", f"{CARDS[name].source} {CARDS[name].checked}")
    assert any(commit in test.read_text() for commit in commits), f"{test.name} names none of {commits}"


@pytest.mark.parametrize("name", texts.PRESETS)
def test_a_text_card_has_the_networks_numbers(name):
    with torch.device("meta"):  # no memory, no time
        network = texts.architecture(name)
    assert (count(network), network.config.hidden_size) == (CARDS[name].parameters, CARDS[name].features)
    assert CARDS[name].source.endswith(texts.PRESETS[name].hub)
    assert ("before the last" in CARDS[name].frames) == (texts.PRESETS[name].layer == -2)


def test_word2vecs_count():
    card = CARDS["word2vec"]
    assert card.parameters == (3_000_000 + 1) * card.features  # three million words, and one vector for all others


@pytest.mark.parametrize("side", ["audio", "text"])
def test_the_table_has_a_row_for_each_card(side):
    table = cards.table(side)
    assert list(table.index) == [card.title for card in CARDS.values() if card.side == side]
    assert not table.isna().any().any() and not (table == "").any().any()


def test_signatures_are_of_known_names():
    relatives = {"cnn14_16k", "cnn14_8k", "cnn6"}
    assert {s.model for s in SIGNATURES if s.exact} <= relatives | set(CHECKPOINTS) | {"a BEATs tokenizer"}
