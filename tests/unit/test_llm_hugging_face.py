"""A local Hugging Face model: loaded once, asked by its own chat template, greedy; what is wrong is one sentence."""

import pytest
import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from lib import llm
from lib.encoders.texts import minilm_folder
from lib.llm import writers
from lib.llm.instruction import Reason
from tests.unit import llm_server

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model of random weights with MiniLM's tokenizer; its cache is its own."""
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path / "cache"))
    tokenizer = AutoTokenizer.from_pretrained(minilm_folder(), local_files_only=True)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(tmp_path / "model")
    torch.manual_seed(0)
    shape = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 2048}
    ends = {"bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **shape, **ends)).save_pretrained(tmp_path / "model")
    writers._loaded.cache_clear()
    return tmp_path / "model"


def test_its_answer_is_five_captions_asked_by_its_own_template(folder, monkeypatch):
    given, tokenizer = [], AutoTokenizer.from_pretrained(folder)

    def generate(self, input_ids, attention_mask, do_sample, max_new_tokens, pad_token_id):
        """What a model that has learnt something would say."""
        assert not do_sample and max_new_tokens > 200 and attention_mask.all()
        given.append(tokenizer.decode(input_ids[0]))
        words = tokenizer(llm_server.good("a dog barks."), add_special_tokens=False, return_tensors="pt")["input_ids"]
        return torch.cat([input_ids, words], dim=1)

    monkeypatch.setattr(GPT2LMHeadModel, "generate", generate)
    monkeypatch.setenv("HEARSAY_LLM", f"hf:{folder}")
    for _ in range(2):
        (found,) = llm.variants(["A dog barks."], [["yard"]], progress=False)
        assert [text.split(",")[0] for text in found] == [start.lower() for start in llm_server.STARTS]
    assert len(given) == 1 and given[0].startswith("user : you will get") and given[0].endswith("[ yard ] assistant :")


def test_what_cannot_be_used_is_asked_again_and_dropped_with_a_reason(folder):
    (found,) = llm.outcomes(["A dog barks."], writer=f"hf:{folder}", progress=False)  # whatever random weights say
    assert found.variants == () and isinstance(found.reason, Reason) and found.requests == 3


def test_it_says_the_same_twice_and_is_loaded_once(folder):
    writer = llm.HuggingFace(str(folder))
    messages = llm.request("A dog barks.")
    first = writer.reply(messages)
    assert first == writer.reply(messages) and writers._loaded.cache_info().misses == 1
    assert first.finish == "length"  # it never ends by itself


def test_a_model_that_is_not_there_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    told = "'nobody/nothing' from Hugging Face .*HF_HUB_OFFLINE.*unset HEARSAY_LLM"
    with pytest.raises(llm.LLMError, match=told) as raised:
        llm.variants(["A dog barks."], writer="hf:nobody/nothing", progress=False)
    assert "\n" not in str(raised.value)


def test_a_model_that_takes_no_instructions_is_told_apart(folder):
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(llm.LLMError, match="no chat template"):
        llm.variants(["A dog barks."], writer=f"hf:{folder}", progress=False)
