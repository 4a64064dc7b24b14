"""AST and CLAP of Hugging Face: windows, masks, the same frames at each call, the official output, what is refused."""

import io
import json
import logging
from math import ceil

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTForAudioClassification,
    ClapAudioConfig,
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    HubertConfig,
)

from lib import audio, encoders
from lib.encoders import hf_audio
from tests.promises import alone_equals_together, what_follows_is_not_heard

SMALL_AST = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
             "initializer_range": 0.2}  # fmt: skip  # ten times the usual: else all sounds are nearly the same to it
SMALL_CLAP = {"patch_embeds_hidden_size": 8, "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2],
              "hidden_size": 64, "projection_dim": 16}  # fmt: skip


def ast(seed=0):
    generator = torch.Generator().manual_seed(seed)
    model = hf_audio.from_config("ast", ASTConfig(**SMALL_AST), ASTFeatureExtractor(), generator)
    torch.nn.init.normal_(model.model.embeddings.position_embeddings, generator=generator)  # zeros in a fresh model
    return model.frozen()


def clap(fused=False, truncation=None):
    extractor = ClapFeatureExtractor(truncation=truncation or ("fusion" if fused else "rand_trunc"))
    config = ClapAudioConfig(**SMALL_CLAP, enable_fusion=fused, fusion_type=None)
    return hf_audio.from_config("clap", config, extractor, torch.Generator().manual_seed(0)).frozen()


@pytest.fixture(scope="module", params=[ast, clap])
def model(request):
    return request.param()


def noise(seconds, rate, seed=0):
    n = max(1, round(seconds * rate))
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)


@pytest.fixture(scope="module")
def clips(model):
    """29.7 s, one sample, 0.5 s, 10 s, and silence."""
    clips = [noise(seconds, model.sample_rate) for seconds in (29.7, 0, 0.5, 10, 2)]
    clips[4] *= 0
    return clips


def test_a_clip_alone_equals_the_clip_padded_in_a_batch(model, clips):
    steps = 1 if isinstance(model, hf_audio.ASTAudio) else 32
    alone_equals_together(model, clips, [3 * steps, steps, steps, steps, steps])


def test_what_lies_behind_a_clips_end_is_not_heard(model, clips):
    what_follows_is_not_heard(model, clips[1:4])


@torch.inference_mode()
def test_without_its_length_a_clips_padding_would_be_heard(model, clips):
    short = torch.from_numpy(clips[2])[None]
    known, _ = model(short, torch.tensor([short.shape[1]]))
    frames, mask = model(torch.nn.functional.pad(short, (0, 1000)), torch.tensor([short.shape[1] + 1000]))
    assert mask.all() and (frames[0, 0] - known[0, 0]).abs().max() > 1e-3


def test_windows_are_full_evenly_spread_and_as_few_as_can_be():
    model, seconds = clap(), (9.9, 10, 10.001, 20.1, 30)
    waveforms, lengths = audio.pad([np.arange(round(s * 48_000), dtype=np.float32) for s in seconds])
    windows, real = model.windows(waveforms, lengths)
    assert real.sum(1).tolist() == [ceil(s / 10) for s in seconds]
    assert [len(window) for window in windows] == [475_200] + 9 * [480_000]
    assert [int(window[0]) for window in windows[4:7]] == [0, 242_400, 484_800]
    assert windows[6][-1] == 20.1 * 48_000 - 1 and not windows[6].flags.owndata


@torch.inference_mode()
@pytest.mark.parametrize("seconds", [0.5, 10.0])
def test_clap_gives_the_official_embedding(seconds):
    model, clip = clap(), noise(seconds, 48_000)
    inputs = model.extractor(clip, sampling_rate=48_000, return_tensors="pt")
    official = model.model(**inputs)
    pooled = model.model.audio_model(**inputs).pooler_output
    frames, _ = model(*audio.pad([clip]))
    torch.testing.assert_close(frames.mean(1), pooled, atol=1e-5, rtol=1e-5)
    expected = torch.nn.functional.normalize(official.audio_embeds, dim=-1)
    torch.testing.assert_close(model.embedding(*audio.pad([clip])), expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("seconds", [0.5, 10.2])
def test_ast_gives_the_official_output(seconds):
    model, clip = ast(), noise(seconds, 16_000)
    inputs = model.extractor(clip, sampling_rate=16_000, return_tensors="pt")
    torch.testing.assert_close(model(*audio.pad([clip]))[0][:, 0], model.model(**inputs).pooler_output)


@torch.inference_mode()
def test_a_long_clip_is_the_mean_of_its_windows():
    for model in (ast(), clap()):
        clip = noise(12, model.sample_rate)
        starts = [0, len(clip) - model.window]
        each = [model(*audio.pad([clip[start : start + model.window]]))[0].mean(1) for start in starts]
        got, _ = model(*audio.pad([clip]))
        torch.testing.assert_close(got.mean(1), torch.stack(each).mean(0), atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_claps_frames_are_in_the_order_of_time():
    model, quiet = clap(), 0.01 * noise(10, 48_000)
    for part in (1, 3):
        clip = quiet.copy()
        clip[part * 120_000 : (part + 1) * 120_000] += noise(2.5, 48_000, seed=1)
        change = (model(*audio.pad([clip]))[0] - model(*audio.pad([quiet]))[0])[0].norm(dim=-1)
        assert int(change.view(4, 8).sum(1).argmax()) == part


@torch.inference_mode()
@pytest.mark.parametrize("fused", [False, True])
def test_the_same_sound_has_the_same_frames_where_the_official_crop_is_random(fused):
    model, clip = clap(fused), noise(11, 48_000)
    assert torch.equal(*(model(*audio.pad([clip]))[0] for _ in range(2)))
    official = []
    for seed in (0, 1):  # teeth: what the extractor does by itself
        np.random.seed(seed)  # noqa: NPY002
        official.append(model.extractor(clip, sampling_rate=48_000, return_tensors="pt")["input_features"])
    assert not torch.equal(*official)


@torch.inference_mode()
def test_a_fused_model_would_fuse_one_short_clip_at_random(monkeypatch):
    model, clips = clap(fused=True), [noise(2, 48_000, seed) for seed in range(2)]
    assert torch.equal(*(model(*audio.pad(clips))[0] for _ in range(2)))
    fused = []
    monkeypatch.setattr(torch, "zeros_like", lambda x: x)  # teeth: the extractor's own choice
    for seed in (0, 1):
        np.random.seed(seed)  # noqa: NPY002
        fused.append(model(*audio.pad(clips))[0])
    assert not torch.equal(*fused)


def test_an_extractor_of_the_other_clap_is_refused():
    with pytest.raises(ValueError, match='expected truncation="rand_trunc" of hf:clap.*got \'fusion\''):
        clap(truncation="fusion")
    with pytest.raises(ValueError, match='expected truncation="fusion"'):
        clap(fused=True, truncation="rand_trunc")


def test_an_extractor_of_another_length_is_refused():
    generator = torch.Generator().manual_seed(0)
    with pytest.raises(ValueError, match="got 512 frames; the model wants 1024"):
        hf_audio.from_config("ast", ASTConfig(**SMALL_AST), ASTFeatureExtractor(max_length=512), generator)


def test_key_follows_the_extractor_and_the_weights():
    one, same, other = ast(), ast(), ast(seed=1)
    assert one.key == same.key != other.key
    extractor = ASTFeatureExtractor(mean=-4.0)
    changed = hf_audio.ASTAudio("hf:ast", extractor, one.model)
    assert changed.key != one.key and len(json.dumps(one.settings)) < 5000


@pytest.mark.parametrize("name, rate, millions", [(hf_audio.AST, 16_000, 86.19), (hf_audio.CLAP, 48_000, 28.19)])
def test_random_weights_of_the_published_size(name, rate, millions):
    generator = torch.Generator().manual_seed(0)
    model = encoders.audio(f"hf:{name}", pretrained=False, generator=generator)
    assert (model.name, model.sample_rate, model.feature_dim) == (f"hf:{name}", rate, 768) and not model.training
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)


def test_random_weights_need_a_generator_and_a_known_name():
    with pytest.raises(ValueError, match="random weights need generator="):
        hf_audio.build(hf_audio.AST, pretrained=False)
    with pytest.raises(ValueError, match="random weights without a network: expected MIT/ast.* or laion/clap"):
        hf_audio.build("laion/larger_clap_general", pretrained=False, generator=torch.Generator())


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders as the hub has them: an AST with its classifier, a CLAP with its text tower, a HuBERT."""
    folder = tmp_path_factory.mktemp("hub")
    ASTForAudioClassification(ASTConfig(**SMALL_AST)).save_pretrained(folder / "ast")
    ASTFeatureExtractor().save_pretrained(folder / "ast")
    text = {"vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = ClapConfig(text_config=text, audio_config=SMALL_CLAP, projection_dim=16)
    ClapModel(config).save_pretrained(folder / "clap")
    ClapFeatureExtractor(truncation="rand_trunc").save_pretrained(folder / "clap")
    HubertConfig().save_pretrained(folder / "hubert")
    return folder


@torch.inference_mode()
def test_saved_models_load_with_their_weights_and_without_a_word(saved):
    said = io.StringIO()
    transformers.utils.logging.add_handler(handler := logging.StreamHandler(said))
    model = encoders.audio(f"hf:{saved / 'ast'}")
    transformers.utils.logging.remove_handler(handler)
    assert said.getvalue() == ""
    whole = ASTForAudioClassification.from_pretrained(saved / "ast").audio_spectrogram_transformer.state_dict()
    assert model.model.state_dict().keys() == whole.keys()
    assert all(torch.equal(value, whole[key]) for key, value in model.model.state_dict().items())
    model, whole = encoders.audio(f"hf:{saved / 'clap'}"), ClapModel.from_pretrained(saved / "clap").eval()
    inputs = model.extractor(clip := noise(3, 48_000), sampling_rate=48_000, return_tensors="pt")
    features = whole.get_audio_features(**inputs)
    features = features if isinstance(features, torch.Tensor) else features.pooler_output
    torch.testing.assert_close(model.embedding(*audio.pad([clip])), features, atol=1e-5, rtol=1e-5)


def test_weights_that_lack_some_are_refused(saved, tmp_path):
    for file in (saved / "ast").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    state = safetensors.torch.load_file(tmp_path / "model.safetensors")
    kept = {key: value for key, value in state.items() if "cls_token" not in key}
    safetensors.torch.save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RuntimeError, match="its weights lack .*cls_token"):
        hf_audio.build(str(tmp_path))


def test_another_kind_of_model_is_refused(saved):
    with pytest.raises(ValueError, match="expected an AST or a CLAP, as hf:MIT/ast.* is of type hubert"):
        encoders.audio(f"hf:{saved / 'hubert'}")


def test_offline_without_a_copy():
    with pytest.raises(RuntimeError, match="cannot load the audio model 'laion/clap.*HF_HUB_OFFLINE is set"):
        encoders.audio("hf:laion/clap-htsat-unfused")


def test_it_can_be_trained():
    model = hf_audio.from_config("ast", ASTConfig(**SMALL_AST), ASTFeatureExtractor(), torch.Generator().manual_seed(0))
    model(torch.randn(1, 16_000), torch.tensor([16_000]))[0].square().mean().backward()
    assert model.model.embeddings.patch_embeddings.projection.weight.grad.abs().sum() > 0
