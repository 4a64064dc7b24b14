"""A text encoder that masks tokens while it learns: which, how many, with what, and never at inference."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

from lib import encoders, train
from lib.encoders import texts

CAPTIONS = ["rain", "a small dog barks twice, then thunder rolls far away over the hills", "two birds sing"]
FAMILIES = {  # what each model's own tokenizer calls its special tokens, and how it frames a caption
    "roberta": ({"mask_token": "<mask>", "bos_token": "<s>", "eos_token": "</s>"}, "<s> $A </s>"),
    "t5": ({"eos_token": "</s>"}, "$A </s>"),
    "gpt2": ({"eos_token": "</s>"}, "$A"),
}


@pytest.fixture
def minilm():
    return encoders.text("minilm", trainable=True)


def seen(encoder, captions=CAPTIONS):
    """The token numbers that reach the transformer, and what comes out."""
    ids = []
    hook = encoder.model.register_forward_pre_hook(
        lambda module, args, named: ids.append(named["input_ids"].clone()), with_kwargs=True
    )
    with torch.no_grad():
        tokens, mask = encoder(captions)
    hook.remove()
    return ids[0], tokens, mask


def stand_in(family):
    """A tiny model whose tokenizer has that family's special tokens, as no such tokenizer comes with the workbook."""
    special, frame = FAMILIES[family]
    names = ["<pad>", "<unk>", *special.values(), *(["<extra_id_0>"] if family == "t5" else [])]
    words = sorted({word for caption in CAPTIONS for word in caption.replace(",", " ,").split()})
    vocabulary = {word: number for number, word in enumerate([*names, *words])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    framed = [(each, vocabulary[each]) for each in special.values()]
    raw.post_processor = processors.TemplateProcessing(single=frame, special_tokens=framed)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", unk_token="<unk>", **special)
    shape = {"vocab_size": len(vocabulary), "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 2}
    small = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    narrow = {"t5": {"d_model": 24, "d_kv": 12, "d_ff": 48, "num_layers": 2, "num_heads": 2}}.get(family, small)
    model = AutoModel.from_config(AutoConfig.for_model(family, **shape, **narrow))
    return texts.TransformerText(family, tokenizer, model), vocabulary


def test_nothing_is_masked_unless_asked(minilm):
    assert minilm.training and minilm.masking == 0.0
    minilm.eval()
    plain = seen(minilm)[0]
    minilm.train()
    assert torch.equal(seen(minilm)[0], plain)


def test_masks_words_and_spares_special_tokens_and_padding(minilm):
    plain, _, mask = seen(minilm)
    minilm.masking = 1.0
    masked, _, same_mask = seen(minilm)
    tokenizer = minilm.tokenizer
    special = torch.isin(plain, torch.tensor([tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id]))
    assert torch.equal(mask, same_mask) and mask.sum(1).tolist() == [3, mask.shape[1], 5]
    assert torch.equal(masked[special], plain[special])
    assert (masked[~special] == tokenizer.convert_tokens_to_ids("[MASK]")).all()


def test_the_share_is_kept_on_average(minilm):
    captions = [CAPTIONS[1]] * 300
    plain, _, mask = seen(minilm, captions)
    minilm.masking = 0.15
    with train.lend_chance(torch.Generator().manual_seed(0)):
        masked = seen(minilm, captions)[0]
    maskable = int(mask.sum()) - 2 * len(captions)
    assert int((masked != plain).sum()) / maskable == pytest.approx(0.15, abs=4 * (0.15 * 0.85 / maskable) ** 0.5)


def test_off_at_inference(minilm):
    minilm.masking = 0.15
    minilm.eval()
    plain, tokens, _ = seen(minilm)
    fresh = encoders.text("minilm")
    assert torch.equal(plain, seen(fresh)[0]) and torch.equal(tokens, seen(fresh)[1])


def test_masking_at_inference_would_be_seen(minilm):
    """The teeth of the test above: were it left on, tokens and vectors would differ."""
    minilm.masking = 0.5
    (ids, tokens, _), fresh = seen(minilm), seen(encoders.text("minilm"))
    assert not torch.equal(ids, fresh[0]) and (tokens - fresh[1]).abs().max() > 0.1


def test_the_lent_generator_decides(minilm):
    minilm.masking, found = 0.3, []
    for seed in (1, 1, 2):
        with train.lend_chance(torch.Generator().manual_seed(seed)):
            found.append(seen(minilm)[0])
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_masking_is_no_setting(minilm):
    key = minilm.key
    minilm.masking = 0.15
    assert minilm.key == key and "masking" not in minilm.settings and texts.TransformerText.masking == 0.0


@pytest.mark.parametrize("family, token", [("roberta", "<mask>"), ("t5", "<extra_id_0>")])
def test_every_model_has_its_own_mask_token(family, token):
    encoder, vocabulary = stand_in(family)
    encoder.eval()
    plain = seen(encoder)[0]
    encoder.train().masking = 1.0
    masked = seen(encoder)[0]
    words = plain > max(number for name, number in vocabulary.items() if name.startswith("<"))
    assert (masked[words] == vocabulary[token]).all() and torch.equal(masked[~words], plain[~words])


def test_a_tokenizer_without_a_mask_token_is_named():
    encoder, _ = stand_in("gpt2")
    encoder.train().masking = 0.15
    with pytest.raises(ValueError, match="a mask token or <extra_id_0>; .* has neither"):
        encoder(CAPTIONS)
    encoder.eval()
    assert encoder(CAPTIONS)[1].shape[0] == 3
