"""Log-mel spectrograms clip by clip: ours against librosa and torchlibrosa, at one and two threads.

librosa makes its filters anew in each call; the stricter rival is handed them.
"""

import librosa
import numpy as np
import torch
from torchlibrosa.stft import LogmelFilterBank, Spectrogram

from lib.audio import FRONT_ENDS, LogMel
from tests.bench.timing import race, report, wanted

SETTINGS, SECONDS = FRONT_ENDS["small_cnn"], 5


def main() -> None:
    clip = np.random.default_rng(0).normal(0, 0.1, SECONDS * SETTINGS.sample_rate).astype(np.float32)
    difference = np.abs(ours()(clip) - with_librosa()(clip)).max()
    print(f"  ours and librosa differ by at most {difference:.1e} dB; {SECONDS} s clips")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        calls = {"ours": ours(), "librosa, as it is called": with_librosa(), "librosa, filters kept": kept_filters()}
        calls["torchlibrosa"] = with_torchlibrosa()
        medians = race({name: lambda call=call: call(clip) for name, call in calls.items()})
        report(f"{threads} thread{'s' * (threads > 1)}", medians)
        ratio = medians["ours"] / medians["librosa, filters kept"]
        wanted(f"at most 1.1 times librosa's time, filters kept: {ratio:.2f}", ratio <= 1.1)


def ours():
    module = LogMel(SETTINGS)

    @torch.inference_mode()
    def call(clip):
        return module(torch.from_numpy(clip)[None], torch.tensor([len(clip)]))[0][0].numpy()

    return call


def with_librosa():
    named = {"sr": SETTINGS.sample_rate, "n_fft": SETTINGS.n_fft, "hop_length": SETTINGS.hop, "n_mels": SETTINGS.n_mels}
    named |= {"fmin": SETTINGS.f_min, "fmax": SETTINGS.f_max}

    def call(clip):
        return librosa.power_to_db(librosa.feature.melspectrogram(y=clip, **named), top_db=None, amin=SETTINGS.floor).T

    return call


def kept_filters():
    named = {"sr": SETTINGS.sample_rate, "n_fft": SETTINGS.n_fft, "n_mels": SETTINGS.n_mels}
    filters = librosa.filters.mel(**named, fmin=SETTINGS.f_min, fmax=SETTINGS.f_max)

    def call(clip):
        power = np.abs(librosa.stft(clip, n_fft=SETTINGS.n_fft, hop_length=SETTINGS.hop)) ** 2
        return librosa.power_to_db(filters @ power, top_db=None, amin=SETTINGS.floor).T

    return call


def with_torchlibrosa():
    spectrogram = Spectrogram(n_fft=SETTINGS.n_fft, hop_length=SETTINGS.hop, pad_mode="constant")
    log_mel = LogmelFilterBank(
        sr=SETTINGS.sample_rate,
        n_fft=SETTINGS.n_fft,
        n_mels=SETTINGS.n_mels,
        fmin=SETTINGS.f_min,
        fmax=SETTINGS.f_max,
        amin=SETTINGS.floor,
        top_db=None,
    )

    @torch.inference_mode()
    def call(clip):
        return log_mel(spectrogram(torch.from_numpy(clip)[None]))[0, 0].numpy()

    return call
