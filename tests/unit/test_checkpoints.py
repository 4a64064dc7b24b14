"""Official weights: found or missed with a sentence, read without running code, filled in or refused by name."""

import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from lib.encoders import checkpoints
from lib.encoders.checkpoints import CHECKPOINTS, CheckpointError, CheckpointMissing
from lib.encoders.signatures import SIGNATURES, identify


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CHECKPOINTS", str(tmp_path / "checkpoints"))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def network():
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


# The registry


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_each_entry_says_what_a_reader_must_know(name):
    checkpoint = CHECKPOINTS[name]
    assert checkpoint.name == name and checkpoint.licence and checkpoint.source
    assert Path(checkpoint.file).name == checkpoint.file
    assert all(url.startswith("https://") for url in checkpoint.urls)
    assert checkpoint.urls or checkpoint.note  # where there is no address, why
    assert re.fullmatch("md5:[0-9a-f]{32}|sha256:([0-9a-f]{8}|[0-9a-f]{64})|None", str(checkpoint.hash))


def test_files_do_not_get_in_each_others_way():
    assert len({checkpoint.file for checkpoint in CHECKPOINTS.values()}) == len(CHECKPOINTS)


def test_a_signatures_rate_is_the_registrys():
    rates = {signature.model: signature.sample_rate for signature in SIGNATURES}
    audio = [checkpoint for checkpoint in CHECKPOINTS.values() if checkpoint.sample_rate]
    assert [rates[checkpoint.fills] for checkpoint in audio] == [checkpoint.sample_rate for checkpoint in audio]


# Where they lie


def test_a_file_that_is_there_is_found(folder):
    (folder / CHECKPOINTS["cnn14"].file).write_bytes(b"")
    assert checkpoints.find("cnn14") == folder / "Cnn14_mAP=0.431.pth"


def test_a_missing_one_says_how_to_fetch_it_and_where_to_put_it(folder):
    with pytest.raises(CheckpointMissing) as error:
        checkpoints.find("cnn14")
    for part in ("`python data_scripts/fetch_checkpoints.py cnn14`", "327 MB", "CC BY 4.0", "Cnn14_mAP=0.431.pth",
                 str(folder), "pretrained=False"):  # fmt: skip
        assert part in str(error.value)


def test_one_without_an_address_does_not_promise_a_command():
    with pytest.raises(CheckpointMissing, match="put vast.pt .*could verify no address") as error:
        checkpoints.find("vast")
    assert "fetch_checkpoints" not in str(error.value)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="among crnn, cnn10, cnn14.*got 'cnn15'"):
        checkpoints.find("cnn15")


def test_the_folder_follows_the_other_downloads(monkeypatch, tmp_path):
    from lib.data import shared

    monkeypatch.delenv("HEARSAY_CHECKPOINTS")
    assert checkpoints.folder() == shared.downloads() / "checkpoints"
    monkeypatch.setenv("HEARSAY_DATA", str(tmp_path))
    assert checkpoints.folder() == shared.downloads() / "checkpoints" == tmp_path / "checkpoints"


# Reading


class Evil:
    """What a pickle can do: run code when it is read."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('it ran')",))


def test_tensors_numbers_text_and_arrays_are_read(folder):
    content = {"model": network().state_dict(), "cfg": {"layers": 12}, "labels": {0: "dog"}, "sampler": np.arange(3),
               "best": np.float64(0.4)}  # fmt: skip
    torch.save(content, folder / "a.pth")
    got = checkpoints.read(folder / "a.pth")
    assert got["cfg"] == {"layers": 12} and got["labels"] == {0: "dog"} and got["sampler"].tolist() == [0, 1, 2]
    assert torch.equal(got["model"]["0.weight"], content["model"]["0.weight"])


def test_the_format_of_older_files_and_safetensors_are_read(folder):
    state = network().state_dict()
    torch.save(state, folder / "old.pth", _use_new_zipfile_serialization=False)
    safetensors.torch.save_file(state, folder / "new.safetensors")
    for name in ("old.pth", "new.safetensors"):
        assert checkpoints.read(folder / name).keys() == state.keys()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_would_run_code_is_refused(folder, zipped):
    torch.save({"model": Evil()}, folder / "evil.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"evil.pt would run code when read \(it asks for .*exec\)"):
        checkpoints.read(folder / "evil.pt")


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x03\x04" + bytes(100)])
def test_a_damaged_file_is_refused_with_a_sentence(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{name} cannot be read .*Fetch it again"):
        checkpoints.read(folder / name)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_short_is_refused(folder, zipped):
    """Of the older format (VGGish's file is one) the reader breaks in another way at each place."""
    torch.save(network().state_dict(), folder / "whole.pt", _use_new_zipfile_serialization=zipped)
    whole = (folder / "whole.pt").read_bytes()
    for size in {*range(0, len(whole), 37), len(whole) - 1}:
        (folder / "a.pt").write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="a.pt (cannot be read|would run code)"):
            checkpoints.read(folder / "a.pt")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("seed", range(20))
def test_noise_is_refused(folder, seed):
    (folder / "a.pt").write_bytes(np.random.default_rng(seed).bytes(40))
    with pytest.raises(CheckpointError, match="a.pt cannot be read"):
        checkpoints.read(folder / "a.pt")


def test_a_file_of_anything_but_a_dictionary_is_refused(folder):
    torch.save(torch.ones(2), folder / "a.pt")
    with pytest.raises(CheckpointError, match="expected a dictionary of weights, got Tensor"):
        checkpoints.read(folder / "a.pt")


def test_no_such_file(folder):
    with pytest.raises(CheckpointMissing, match="there is no such file"):
        checkpoints.read(folder / "a.pt")


# Filling


def test_every_weight_finds_its_place():
    theirs, ours = network(), network()
    checkpoints.fill(ours, theirs.state_dict(), name="toy")
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values()))


@pytest.mark.parametrize("wrapped", [
    lambda state: {"model": state, "cfg": {}}, lambda state: {f"module.{key}": value for key, value in state.items()},
    lambda state: {"epoch": 3, "model": {f"module.{key}": value for key, value in state.items()}},
])  # fmt: skip
def test_what_files_wrap_around_the_weights_is_taken_off(wrapped):
    theirs, ours = network(), network()
    checkpoints.fill(ours, wrapped(theirs.state_dict()), name="toy")
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values()))


def test_named_exceptions_are_allowed_and_no_others():
    theirs = network().state_dict() | {"head.0.weight": torch.ones(1), "header": torch.ones(1)}
    theirs.pop("1.num_batches_tracked")
    checkpoints.fill(network(), theirs, name="toy", ignore=("head.", "header"), optional=("1.num_batches_tracked",))
    with pytest.raises(CheckpointError, match="not those of toy: it has unknown header.$"):
        checkpoints.fill(network(), theirs, name="toy", ignore=("head",), optional=("1",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0.weight": None}, "it lacks 0.weight"),
        ({"extra": torch.ones(1)}, "it has unknown extra"),
        ({"0.bias": torch.ones(7)}, r"it has in another shape 0.bias \(7,\), not \(2,\)"),
        ({f"extra{n}": torch.ones(1) for n in range(9)}, "unknown extra0, extra1, extra2 and 6 more"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_copied(change, message):
    theirs = {key: value for key, value in (network().state_dict() | change).items() if value is not None}
    ours = network()
    before = {key: value.clone() for key, value in ours.state_dict().items()}
    with pytest.raises(CheckpointError, match=message):
        checkpoints.fill(ours, theirs, name="toy")
    assert all(torch.equal(before[key], value) for key, value in ours.state_dict().items())


# Whose weights


def weights(model):
    """A state with what marks a model and nothing else, without memory for it."""
    (signature,) = (signature for signature in SIGNATURES if signature.model == model)
    sizes = {key: [size or 3 for size in shape] for key, shape in signature.has.items()}
    return {key: torch.empty(shape, device="meta") for key, shape in sizes.items()}


@pytest.mark.parametrize("model", [signature.model for signature in SIGNATURES])
@pytest.mark.parametrize("wrapper", ["", "module."])
def test_each_model_is_known_by_its_marks(model, wrapper):
    assert identify({wrapper + key: value for key, value in weights(model).items()}).model == model


def test_other_weights_are_nobodys():
    assert identify(network().state_dict()) is None and identify({}) is None


class LikeCnn14(nn.Module):
    """The marks of Cnn14, and no more: its front end at 32 kHz is not among its weights, as where one computes it."""

    def __init__(self):
        super().__init__()
        self.fc1, self.conv_block6 = nn.Linear(2048, 2048, bias=False), nn.Module()
        self.conv_block6.conv2 = nn.Conv2d(2048, 2048, 3, bias=False)


@pytest.fixture(scope="module")
def like_cnn14():
    with torch.device("meta"):
        return LikeCnn14()


def test_another_sampling_rate_is_refused_though_every_shape_agrees(like_cnn14, monkeypatch):
    def fill():
        checkpoints.fill(like_cnn14, weights("cnn14_16k"), name="cnn14", ignore=("logmel_extractor",))

    both = "expected weights of cnn14 at 32,000 Hz; these are cnn14_16k's, for 16,000 Hz"
    with pytest.raises(CheckpointError, match=both):
        fill()
    checkpoints.fill(like_cnn14, weights("cnn14"), name="cnn14", ignore=("logmel_extractor",))
    monkeypatch.setattr(checkpoints, "identify", lambda state: None)
    fill()  # without the guard nothing would be said


@pytest.mark.parametrize("model", ["cnn10", "cnn6", "vggish", "passt_s20", "beats", "another PaSST"])
@pytest.mark.parametrize("wrapped", [lambda state: state, lambda state: {"cfg": {}, "model": state}])
def test_another_model_is_refused_by_name(like_cnn14, model, wrapped):
    with pytest.raises(CheckpointError, match=f"weights of cnn14 at 32,000 Hz; these are {model}'s.*431.pth"):
        checkpoints.fill(like_cnn14, wrapped(weights(model)), name="cnn14")


def test_a_family_alone_is_no_reason_to_refuse():
    ours = nn.Module()
    ours.time_new_pos_embed = nn.Parameter(torch.zeros(1, 8, 1, 5))  # a small PaSST, as we train here
    checkpoints.fill(ours, {"time_new_pos_embed": torch.ones(1, 8, 1, 5)}, name="passt_small")
    assert ours.time_new_pos_embed.sum() == 40


def test_another_use_of_the_same_weights_is_allowed():
    ours = nn.Module()
    ours.features, ours.embeddings = nn.Sequential(nn.Conv2d(1, 64, 3, bias=False)), nn.Module()
    ignore = ("embeddings.",)
    checkpoints.fill(ours, {key: torch.ones(value.shape) for key, value in weights("vggish").items()},
                     name="vggish_map", ignore=ignore)  # fmt: skip
    assert ours.features[0].weight.sum() == 576


# Building


def linear(*, pretrained=False, generator=None, load=None):
    return checkpoints.build(lambda: nn.Linear(3, 2), "cnn14", pretrained=pretrained, generator=generator, load=load)


def test_random_weights_come_from_the_generator_alone():
    def draw(seed):
        return linear(generator=torch.Generator().manual_seed(seed)).weight

    torch.manual_seed(1)
    first, state = draw(0), torch.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(first, draw(0)) and not torch.equal(first, draw(1))
    torch.manual_seed(1)
    assert torch.equal(state, torch.get_rng_state())  # nobody else's draws move


def test_one_generator_gives_one_network_after_another():
    generator = torch.Generator().manual_seed(0)
    assert not torch.equal(linear(generator=generator).weight, linear(generator=generator).weight)


def test_random_weights_need_a_generator():
    with pytest.raises(ValueError, match="random weights need generator=torch.Generator"):
        linear()


def test_official_weights_are_read_and_loaded(folder):
    torch.save({"model": {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}}, folder / CHECKPOINTS["cnn14"].file)
    before = torch.get_rng_state()

    def load(module, content):
        checkpoints.fill(module, content["model"], name="cnn14")

    assert linear(pretrained=True, load=load).weight.sum() == 6
    assert torch.equal(before, torch.get_rng_state())


def test_missing_weights_are_told_before_a_large_network_is_built():
    def never():
        raise AssertionError("built for nothing")

    with pytest.raises(CheckpointMissing):
        checkpoints.build(never, "cnn14", pretrained=True, generator=None, load=checkpoints.fill)
