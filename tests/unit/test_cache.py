"""The caches: nothing is computed twice, a kill costs one chunk, two processes share the work, the size is capped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from lib import audio, cache, fingerprint, runs, store
from lib.data import table
from lib.encoders.interface import AudioEncoder, TextEncoder

RATE = 1000


class Ears(AudioEncoder):
    """A frame per tenth of a second: mean and largest sample. It counts the clips it hears and can be slow."""

    def __init__(self, gain=1.0, wait_s=0.0):
        super().__init__("ears", RATE, 2, {"gain": gain})
        self.gain, self.wait_s, self.heard, self.batches = gain, wait_s, 0, []

    def forward(self, waveforms, lengths):
        time.sleep(self.wait_s)
        self.heard += len(waveforms)
        self.batches.append(tuple(waveforms.shape))
        pieces = waveforms[:, : waveforms.shape[1] // 100 * 100].unflatten(1, (-1, 100))
        values = torch.stack([pieces.mean(2), pieces.amax(2)], 2) * self.gain
        mask = audio.length_mask(lengths // 100, values.shape[1])
        return values.masked_fill(~mask[..., None], 0.0), mask


class Eyes(TextEncoder):
    """A token per word: its length and its first letter."""

    def __init__(self):
        super().__init__("eyes", 2, {})
        self.batches = []

    def forward(self, captions):
        self.batches.append(list(captions))
        words = [torch.tensor([[len(w), ord(w[0]) % 256] for w in text.split()]).float() for text in captions]
        values = torch.nn.utils.rnn.pad_sequence(words, batch_first=True)
        return values, audio.length_mask(torch.tensor([len(w) for w in words]), values.shape[1])


def render(locator, sample_rate):
    """toy://SECONDS/LEVEL: a ramp."""
    seconds, level = (float(part) for part in locator.removeprefix("toy://").split("/"))
    return np.linspace(0, level, int(seconds * sample_rate), dtype=np.float32)


audio.register("toy", render)


def clips(levels, seconds=0.5):
    rows = [
        {"clip_id": str(i), "split": "test", "path": f"toy://{seconds}/{level}", "duration_s": seconds}
        for i, level in enumerate(levels)
    ]
    return table.build(rows, source="toy")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HEARSAY_CACHE_GIB", raising=False)
    monkeypatch.setattr(cache, "CHUNK", 4)
    return tmp_path / "cache"


def chunks(folder):
    return sorted(folder.glob("frames/*/*.safetensors"))


# Frames


def test_a_second_call_encodes_nothing_says_so_and_gives_the_same(capsys):
    encoder, levels = Ears(), np.arange(1, 11) / 10
    first = cache.frames(encoder, clips(levels))
    assert capsys.readouterr().out == "frames: 10 encoded, 0 from cache\n" and encoder.heard == 10
    second = cache.frames(encoder, clips(levels))
    assert capsys.readouterr().out == "frames: 0 encoded, 10 from cache\n" and encoder.heard == 10
    assert torch.equal(first.values, second.values) and torch.equal(first.mask, second.mask)
    assert first.values.shape == (10, 5, 2) and first.values.dtype == torch.float32 and len(first) == 10
    direct = torch.stack([encoder(*audio.pad([audio.load(p, RATE)]))[0][0] for p in clips(levels).path])
    assert torch.allclose(first.values, direct, atol=1e-3)


def test_only_what_is_new_is_encoded_and_order_is_kept(capsys):
    encoder = Ears()
    some = cache.frames(encoder, clips([0.1, 0.2, 0.3]))
    more = cache.frames(encoder, clips([0.4, 0.2, 0.5, 0.1, 0.2]))  # one of them twice
    assert encoder.heard == 5
    assert capsys.readouterr().out.endswith("frames: 2 encoded, 3 from cache\n")
    assert torch.equal(more.values[[3, 1, 4]], some.values[[0, 1, 1]])
    assert more.values[:, -1, 1].tolist() == pytest.approx([0.4, 0.2, 0.5, 0.1, 0.2], abs=1e-3)


def test_clips_of_unequal_length_are_padded_and_masked():
    lengths = [0.3, 1.2, 0.7]
    unequal = pd.concat([clips([1.0], s) for s in lengths]).assign(clip_id=["a", "b", "c"])
    result = cache.frames(Ears(), unequal)
    assert result.mask.sum(1).tolist() == [3, 12, 7]
    assert (result.values[~result.mask] == 0).all() and (result.values[result.mask][:, 1] > 0).all()
    again = cache.frames(Ears(), unequal.iloc[::-1])
    assert torch.equal(again.values.flip(0), result.values)


def test_long_clips_go_in_small_batches():
    encoder = Ears()
    cache.frames(encoder, clips([1, 2, 3, 4], seconds=200.0))
    assert [n for n, _ in encoder.batches] == [2, 2]


def test_weights_settings_crop_and_code_are_in_the_key(monkeypatch):
    table_ = clips([1.0], seconds=2.0)
    for gain, seconds in ((1.0, None), (2.0, None), (1.0, 1.0), (1.0, 0.5)):
        encoder = Ears(gain)
        cache.frames(encoder, table_, seconds=seconds)
        assert encoder.heard == 1
    monkeypatch.setattr(cache, "code", lambda *things: "other code")
    encoder = Ears()
    cache.frames(encoder, table_)
    assert encoder.heard == 1


def test_a_crop_is_the_middle():
    result = cache.frames(Ears(), clips([1.0], seconds=3.0), seconds=1.0)
    assert result.values.shape[1] == 10
    assert result.values[0, :, 0].mean() == pytest.approx(0.5, abs=0.01)


def test_a_file_that_changes_is_encoded_again(tmp_path):
    file = tmp_path / "a.wav"
    rows = table.build([{"clip_id": "a", "split": "test", "path": str(file)}], source="toy")  # of unknown duration
    results = []
    for level in (0.25, 0.25, 0.5):
        if not results or level == 0.5:
            soundfile.write(file, np.full(500, level), RATE)
            os.utime(file, ns=(1, int(level * 100)))
        encoder = Ears()
        results.append((encoder, cache.frames(encoder, rows).values[0, 0, 0].item()))
    assert [encoder.heard for encoder, _ in results] == [1, 0, 1]
    assert [value for _, value in results] == pytest.approx([0.25, 0.25, 0.5])
    file.unlink()
    with pytest.raises(audio.AudioError, match="there is no such file"):
        cache.frames(Ears(), rows)


def test_frames_computed_elsewhere_pass_through(capsys, tmp_path):
    from lib.encoders.frames import PrecomputedFrames

    np.savez(tmp_path / "mine.npz", filenames=["a.wav", "b.wav"], frames=np.ones((2, 3, 4), np.float16))
    rows = table.build([{"clip_id": "b", "split": "test", "path": "x/b.wav"}], source="toy")
    assert cache.frames(PrecomputedFrames(tmp_path / "mine.npz"), rows).values.shape == (1, 3, 4)
    assert capsys.readouterr().out == "frames: 0 encoded, 1 looked up\n"


def test_no_clips_at_all():
    assert cache.frames(Ears(), clips([1.0]).iloc[:0]).values.shape == (0, 0, 2)


@pytest.mark.parametrize("level", [np.nan, 1e6])
def test_what_half_precision_cannot_hold_is_refused_and_not_stored(folder, level):
    with pytest.raises(ValueError, match="expected finite frames of at most 65504"):
        cache.frames(Ears(), clips([level]))
    assert not chunks(folder)


def test_training_mode_is_put_back_and_no_gradient_is_kept():
    encoder = Ears().train()
    result = cache.frames(encoder, clips([1.0]))
    assert encoder.training and not result.values.requires_grad
    (result.values * torch.ones(2, requires_grad=True)).sum().backward()  # not an inference tensor


# Trouble


def test_a_damaged_chunk_is_made_again_and_that_is_told(folder, capsys):
    cache.frames(Ears(), clips(range(1, 9)))
    chunks(folder)[0].write_bytes(b"half a chu")
    encoder = Ears()
    cache.frames(encoder, clips(range(1, 9)))
    assert encoder.heard == 4
    assert "cannot be read" in capsys.readouterr().out


def test_a_chunk_is_opened_once_to_know_what_it_holds(folder, monkeypatch):
    cache.frames(Ears(), clips(range(1, 9)))
    opened, opening = [], store.safe_open
    monkeypatch.setattr(store, "safe_open", lambda path, kind: opened.append(path) or opening(path, kind))
    store._contents.cache_clear()
    (kept,) = {path.parent.name for path in chunks(folder)}
    chunked = store.Store("frames", kept.removesuffix(f"-{store.FORMAT}"))
    assert len(chunked.index()) == 8 and chunked.index() == chunked.index() and opened == chunks(folder)


def test_an_error_halfway_keeps_finished_chunks(folder):
    with pytest.raises(audio.AudioError):
        cache.frames(Ears(), pd.concat([clips([1, 2, 3, 4, 5]), clips([6]).assign(path="absent://x")]))
    broken = pd.concat([clips([1, 2, 3, 4, 5]), clips([6]).assign(path="toy://0.5/nan")])
    with pytest.raises(ValueError):
        cache.frames(Ears(), broken)
    encoder = Ears()
    cache.frames(encoder, clips([1, 2, 3, 4, 5]))
    assert encoder.heard == 1 and not list(folder.glob("frames/*/*.part"))


def test_a_full_disk_is_explained(monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device. Free some space, or set HEARSAY_CACHE"):
        cache.frames(Ears(), clips([1.0]))


def test_the_least_recently_used_go_first(folder, monkeypatch):
    for level in (1, 2, 3):
        cache.frames(Ears(), clips([level]))
    for age, path in zip((1, 3, 2), chunks(folder)):
        os.utime(path, ns=(10**18 - age, 10**18 - age))
    names = chunks(folder)
    size = names[0].stat().st_size
    assert store.trim(limit=2 * size) == size
    assert chunks(folder) == [names[0], names[2]]
    monkeypatch.setenv("HEARSAY_CACHE_GIB", str(size / 2**30))
    cache.frames(Ears(), clips([4]))
    assert len(chunks(folder)) == 1
    encoder = Ears()
    cache.frames(encoder, clips([4]))  # the newest stayed
    assert encoder.heard == 0


def test_a_wrong_limit_is_explained(monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE_GIB", "lots")
    with pytest.raises(ValueError, match="HEARSAY_CACHE_GIB to be a number of GiB; got 'lots'"):
        store.limit_bytes()


def test_leftovers_of_killed_processes_are_removed(folder):
    cache.frames(Ears(), clips([1]))
    old, new = (chunks(folder)[0].with_name(name) for name in ("x.1.part", "y.2.part"))
    old.touch(), new.touch()
    os.utime(old, (0, 0))
    store.trim()
    assert not old.exists() and new.exists() and len(chunks(folder)) == 1


def test_a_chunk_that_vanishes_while_reading_is_made_again(folder, monkeypatch):
    cache.frames(Ears(), clips([1, 2]))
    read, encoder = store.Store.read, Ears()

    def vanish(self, path):
        monkeypatch.setattr(store.Store, "read", read)
        path.unlink()
        return read(self, path)

    monkeypatch.setattr(store.Store, "read", vanish)
    assert len(cache.frames(encoder, clips([1, 2]))) == 2 and encoder.heard == 2


# Other processes


def in_background(call, folder):
    """Run a call of this module in another process, with the same cache."""
    here = Path(__file__).parent
    script = f"import sys; sys.path[:0] = {[str(here.parents[1]), str(here)]}; import test_cache as t; t.{call}"
    environment = {**os.environ, "HEARSAY_CACHE": str(folder)}
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)


def encode_slowly(n, wait_s):
    cache.CHUNK = 4
    encoder = Ears(wait_s=wait_s)
    print("ready", flush=True)
    cache.frames(encoder, clips(range(1, n + 1)), progress=False)
    print(encoder.heard, flush=True)


def wait_until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_a_kill_costs_no_finished_chunk(folder):
    process = in_background("encode_slowly(40, 0.2)", folder)
    wait_until(lambda: len(chunks(folder)) >= 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished, encoder = len(chunks(folder)), Ears()
    assert finished < 10
    result = cache.frames(encoder, clips(range(1, 41)))
    assert encoder.heard == 40 - 4 * finished
    assert result.values[:, -1, 1].tolist() == pytest.approx(list(range(1, 41)), rel=1e-3)


def test_two_processes_share_the_work(folder):
    process = in_background("encode_slowly(80, 0.05)", folder)
    assert process.stdout.readline() == "ready\n"
    wait_until(lambda: chunks(folder))
    encoder = Ears(wait_s=0.05)
    result = cache.frames(encoder, clips(range(1, 81)))
    other = int(process.communicate(timeout=60)[0].splitlines()[-1])
    assert encoder.heard + other == 80 and encoder.heard > 0 and other > 0
    assert result.values[:, -1, 1].tolist() == pytest.approx(list(range(1, 81)), rel=1e-3)
    assert not list(folder.glob("frames/*/*.lock"))


# Tokens


def test_tokens_are_cached_and_batched_by_length(capsys, monkeypatch):
    monkeypatch.setitem(cache.BATCH, "tokens", 2)
    encoder, texts = Eyes(), ["a long text of six words", "rain", "two words", "rain", "🐶 bellt"]
    result = cache.tokens(encoder, texts)
    assert [len(batch) for batch in encoder.batches] == [2, 2]
    assert encoder.batches[0] == ["rain", "🐶 bellt"]
    assert result.mask.sum(1).tolist() == [6, 1, 2, 1, 2]
    assert result.values[2, :2, 0].tolist() == [3.0, 5.0] and torch.equal(result.values[1], result.values[3])
    cache.tokens(encoder, texts[::-1])
    assert len(encoder.batches) == 2
    assert capsys.readouterr().out == "tokens: 5 encoded, 0 from cache\ntokens: 0 encoded, 5 from cache\n"
    assert len(result[[0, 1]]) == 2 and result[1:3].mask.sum().item() == 3


# Trained runs


def a_run(calls, loss=0.25):
    def train(checkpoint):
        calls.append(checkpoint)
        history = pd.DataFrame({"epoch": [0, 1], "loss": [1 / 3, loss], "score": [np.nan, 1.0]})
        return cache.Run({"w": torch.arange(3.0).requires_grad_()}, history, {"best": 1})

    return train


def test_a_run_is_trained_once_and_read_back_exactly(capsys):
    calls, settings = [], {"name": "toy", "seed": 0, "sizes": [1, 2]}
    first, second = (cache.trained(settings, a_run(calls)) for _ in range(2))
    assert len(calls) == 1
    assert capsys.readouterr().out == "trained: toy now\ntrained: toy from cache\n"
    for run in (first, second):
        assert torch.equal(run.weights["w"], torch.arange(3.0)) and run.extras == {"best": 1}
        expected = pd.DataFrame({"epoch": [0, 1], "loss": [1 / 3, 0.25], "score": [np.nan, 1.0]})
        pd.testing.assert_frame_equal(run.history, expected, check_exact=True)


def test_settings_and_code_tell_runs_apart(monkeypatch):
    calls = []

    def loss_one(x):
        return x

    def loss_two(x):
        return x * 2

    for seed, uses in ((0, ()), (1, ()), (0, (loss_one,)), (0, (loss_two,))):
        cache.trained({"seed": seed}, a_run(calls), uses=uses)
    assert len(calls) == 4
    monkeypatch.setattr(runs, "code", lambda *things: "other code")
    cache.trained({"seed": 0}, a_run(calls))
    assert len(calls) == 5


def test_settings_that_json_cannot_hold_are_refused():
    with pytest.raises(TypeError, match="expected settings of numbers, text.*Path is not JSON"):
        cache.trained({"path": Path("x")}, a_run([]))


def test_a_run_that_fails_leaves_nothing_but_its_checkpoint(folder):
    def fail(checkpoint):
        checkpoint.write_text("epoch 3")
        raise RuntimeError("loss is NaN")

    with pytest.raises(RuntimeError, match="loss is NaN"):
        cache.trained({"seed": 0}, fail)
    calls = []
    cache.trained({"seed": 0}, a_run(calls))
    assert calls[0].read_text() == "epoch 3"  # `fit` would go on from here


def train_slowly(wait_s):
    def train(checkpoint):
        print("training", flush=True)
        time.sleep(wait_s)
        return a_run([])(checkpoint)

    cache.trained({"name": "slow"}, train)


def test_two_processes_never_train_the_same(folder, capsys):
    process = in_background("train_slowly(1.0)", folder)
    assert process.stdout.readline() == "training\n"
    calls = []
    cache.trained({"name": "slow"}, a_run(calls))
    assert process.wait(60) == 0 and calls == []
    assert "waiting for another process that is training slow\ntrained: slow from cache" in capsys.readouterr().out


def test_a_killed_trainer_blocks_nobody(folder):
    process = in_background("train_slowly(60)", folder)
    assert process.stdout.readline() == "training\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    calls = []
    cache.trained({"name": "slow"}, a_run(calls))
    assert len(calls) == 1


# Fingerprints


def test_code_follows_imports_and_ignores_comments(tmp_path, monkeypatch):
    (tmp_path / "outer.py").write_text("from lib import inner\nx = 1\n")
    (tmp_path / "inner.py").write_text("y = 1\n")
    monkeypatch.setattr(fingerprint, "LIB", tmp_path)
    first = fingerprint.code("lib.outer")
    (tmp_path / "outer.py").write_text("# a comment\nfrom lib import inner\n\n\nx = 1  # another\n")
    assert fingerprint.code("lib.outer") == first
    (tmp_path / "inner.py").write_text("y = 22\n")
    assert fingerprint.code("lib.outer") != first


def test_code_counts_library_versions(monkeypatch):
    first = fingerprint.code("lib.audio")
    monkeypatch.setattr(fingerprint, "version", lambda name: "9.9")
    assert fingerprint.code("lib.audio") != first


def test_frames_depend_on_pooling_and_encoder_and_on_no_adapter_or_bookkeeping():
    """Notebook 05 will add adapters: that must cost nobody a cached frame. A change of the pooling must."""
    from lib.encoders.small_cnn import SmallCNN
    from lib.pooled import Pooled

    hashed = {name for name, _ in fingerprint._sources(Pooled)} | {name for name, _ in fingerprint._sources(SmallCNN)}
    assert {"pooling.py", "audio.py", "encoders/small_cnn.py"} <= hashed
    assert not hashed & {"adapters.py", "losses.py", "store.py", "cache.py", "runs.py", "fingerprint.py"}
