"""Loading, describing, padding and log-mel spectrograms, on good and on bad input."""

import librosa
import numpy as np
import pytest
import soundfile
import torch

from lib import audio

RATE = 16000
FRONT_END = audio.FRONT_ENDS["small_cnn"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def tone(seconds: float = 1.0, rate: int = RATE, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def written(folder, name: str, samples: np.ndarray, rate: int = RATE, **settings):
    soundfile.write(folder / name, samples, rate, **settings)
    return folder / name


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3"])
def test_every_format_gives_the_tone_that_was_written(tmp_path, extension):
    loaded = audio.load(written(tmp_path, f"tone.{extension}", tone()), RATE)
    assert loaded.dtype == np.float32 and loaded.ndim == 1
    assert abs(len(loaded) - RATE) <= 2400  # mp3 encoders may add silence at both ends
    strongest = np.abs(np.fft.rfft(loaded, RATE)).argmax()
    assert abs(strongest - 440) <= 1


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 192000])
def test_resampling_keeps_pitch_level_and_length(tmp_path, rate):
    loaded = audio.load(written(tmp_path, "tone.wav", tone(rate=rate), rate), RATE)
    assert abs(len(loaded) - RATE) <= 1
    np.testing.assert_allclose(loaded[200:-200], tone()[: len(loaded)][200:-200], atol=0.01)


def test_resampling_down_lets_nothing_fold_back():
    high = tone(rate=192000, hertz=60000)
    assert np.abs(audio.resample(high, 192000, RATE)[200:-200]).max() < 0.01


def test_eight_channels_are_averaged_or_one_is_picked(tmp_path):
    channels = np.stack([tone() * k / 8 for k in range(8)], axis=1)
    path = written(tmp_path, "eight.wav", channels, subtype="FLOAT")
    np.testing.assert_allclose(audio.load(path, RATE), channels.mean(1), atol=1e-6)
    np.testing.assert_allclose(audio.load(path, RATE, channels=5), channels[:, 5], atol=1e-6)
    with pytest.raises(audio.AudioError, match="channel 8, it has 8"):
        audio.load(path, RATE, channels=8)


def test_silence_is_allowed_and_described(tmp_path):
    loaded = audio.load(written(tmp_path, "silent.wav", np.zeros(RATE, dtype=np.float32)), RATE)
    described = audio.describe(loaded, RATE)
    assert described.silent and described.duration_s == 1.0 and described.level_db == -200
    heard = audio.describe(tone(), RATE)
    assert not heard.silent and heard.level_db == pytest.approx(-9.03, abs=0.01)
    assert heard.peak == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("rate", [RATE, 44100, 192000])
def test_one_sample_is_a_clip(tmp_path, rate):
    loaded = audio.load(written(tmp_path, "one.wav", np.full(1, 0.5, dtype=np.float32), rate), RATE)
    assert len(loaded) == 1
    decibels, mask = audio.LogMel(FRONT_END)(*audio.pad([loaded]))
    assert decibels.shape == (1, 1, 64) and mask.all() and decibels.isfinite().all()


def damaged(folder, kind: str):
    path = folder / f"{kind}.wav"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "no_samples":
        soundfile.write(path, np.zeros(0, dtype=np.float32), RATE)
    elif kind == "text":
        path.write_text("this is no recording " * 50)
    elif kind in ("nan", "infinite"):
        samples = tone()
        samples[7] = np.nan if kind == "nan" else np.inf
        soundfile.write(path, samples, RATE, subtype="FLOAT")
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "no such file"),
        ("folder", "no such file"),
        ("empty", r"empty \(0 bytes\)"),
        ("no_samples", "holds no samples"),
        ("text", "not audio that libsndfile reads"),
        ("nan", "1 samples are NaN or infinite"),
        ("infinite", "1 samples are NaN or infinite"),
    ],
)
def test_bad_files_are_named_with_reason_and_remedy(tmp_path, kind, message):
    path = damaged(tmp_path, kind)
    with pytest.raises(audio.AudioError, match=message) as caught:
        audio.load(path, RATE)
    assert str(path) in str(caught.value) and "Try: " in str(caught.value)


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.8])
def test_a_cut_file_is_an_error(tmp_path, rng, extension, share):
    whole = written(tmp_path, f"whole.{extension}", rng.normal(0, 0.1, 5 * RATE).astype(np.float32))
    assert len(audio.load(whole, RATE)) >= 5 * RATE
    cut = tmp_path / f"cut.{extension}"
    cut.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
    with pytest.raises(audio.AudioError, match="cut short|not audio"):
        audio.load(cut, RATE)


def test_a_scheme_is_rendered_on_demand(monkeypatch):
    monkeypatch.setattr(audio, "_RENDERERS", {})
    with pytest.raises(audio.AudioError, match="nothing renders tone://"):
        audio.load("tone://440", RATE)
    audio.register("tone", lambda locator, rate: tone(rate=rate, hertz=float(locator.removeprefix("tone://"))))
    np.testing.assert_array_equal(audio.load("tone://440", RATE), tone())


def test_pad_puts_zeros_after_each_end():
    batch, lengths = audio.pad([np.ones(3, np.float32), np.ones(5, np.float32)])
    assert batch.tolist() == [[1, 1, 1, 0, 0], [1] * 5] and lengths.tolist() == [3, 5]
    with pytest.raises(ValueError, match="at least one waveform"):
        audio.pad([])


@pytest.mark.filterwarnings("ignore:n_fft=512 is too large")
@pytest.mark.parametrize("samples", [1, 100, 320, 5000, 80000])
def test_log_mel_equals_librosa(rng, samples):
    """To 0.001 dB: both are single precision, and the quietest bands lose the most digits."""
    waveform = rng.normal(0, 0.1, samples).astype(np.float32)
    ours = audio.LogMel(FRONT_END)(*audio.pad([waveform]))[0][0].T
    theirs = librosa.feature.melspectrogram(
        y=waveform, sr=RATE, n_fft=FRONT_END.n_fft, hop_length=FRONT_END.hop, n_mels=64, fmin=50, fmax=8000
    )
    np.testing.assert_allclose(ours, librosa.power_to_db(theirs, top_db=None), atol=1e-3)


def test_log_mel_alone_equals_padded_and_padding_is_silence(rng):
    clips = [rng.normal(0, 0.1, n).astype(np.float32) for n in (16000, 79, 48321)]
    log_mel = audio.LogMel(FRONT_END)
    together, mask = log_mel(*audio.pad(clips))
    for row, clip in enumerate(clips):
        alone, alone_mask = log_mel(*audio.pad([clip]))
        assert alone_mask.all() and mask[row].sum() == alone.shape[1]
        torch.testing.assert_close(together[row][mask[row]], alone[0], atol=1e-4, rtol=0)
    assert (together[~mask] == -100).all()


def test_log_mel_ignores_what_lies_beyond_a_clips_end(rng):
    """Teeth for the guard above: rubbish after the end (a crop of a longer clip) must not be heard."""
    batch, _ = audio.pad([rng.normal(0, 0.1, 8000).astype(np.float32)])
    log_mel, lengths = audio.LogMel(FRONT_END), torch.tensor([4820])
    clean = batch.clone()
    clean[0, 4820:] = 0
    heard, mask = log_mel(batch, lengths)
    torch.testing.assert_close(heard[mask], log_mel(clean, lengths)[0][mask])
    unguarded = log_mel(batch, torch.tensor([8000]))[0]
    assert (unguarded[mask] - heard[mask]).abs().max() > 1


@torch.inference_mode()
def test_log_mel_knows_no_bf16(rng):
    """Half precision is for networks: it would round -60 dB to steps of a quarter, and nobody would hear why."""
    clips = [rng.normal(0, 1e-3, n).astype(np.float32) for n in (8000, 79)]
    log_mel, inputs = audio.LogMel(FRONT_END), audio.pad(clips)
    exact, _ = log_mel(*inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(log_mel(*inputs)[0], exact)
        rough = exact @ torch.eye(64)
    assert rough.dtype == torch.bfloat16 and (rough - exact).abs().max() > 0.1  # what a product in there would do
