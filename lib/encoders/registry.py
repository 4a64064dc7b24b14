"""The official files of weights: addresses, sizes, hashes, licences. One list for who fetches and who loads.

What a network is and was trained on is told by its card (`lib.encoders.cards`).
"""

from dataclasses import dataclass

PANNS = "https://zenodo.org/records/3987831/files"
PASST = "https://github.com/kkoutini/PaSST/releases/download"


@dataclass(frozen=True)
class Checkpoint:
    """One official file of weights."""

    name: str
    file: str
    urls: tuple[str, ...]  # in the order to try; none where no address could be verified
    size: int | None  # bytes, where known
    hash: str | None  # md5:... or sha256:... (its first digits where no more is published); None: nobody publishes one
    licence: str
    source: str  # the authors' repository or page
    sample_rate: int  # hertz; 0 for text
    note: str = ""
    network: str = ""  # whose weights these are, where another name fills it too

    @property
    def fills(self) -> str:
        """The network that these weights are for."""
        return self.network or self.name


_PANNS = {"licence": "CC BY 4.0", "source": "github.com/qiuqiangkong/audioset_tagging_cnn",
          "sample_rate": 32_000}  # fmt: skip
_PASST = {"licence": "Apache-2.0", "source": "github.com/kkoutini/PaSST", "sample_rate": 32_000}  # fmt: skip
_BEATS = {"licence": "MIT", "source": "github.com/microsoft/unilm/tree/master/beats", "sample_rate": 16_000,
          "note": "The authors' links open in a browser alone, and die again and again (microsoft/unilm issues 1009, "
                  "1492, 1671). These are mirrors by others; who compared found the authors' hash."}  # fmt: skip
CHECKPOINTS = {
    checkpoint.name: checkpoint
    for checkpoint in (
        Checkpoint(
            "crnn", "crnn.pth", (), None, None, "MIT (code)", "github.com/xieh97/dcase2022-audio-retrieval", 44_100,
            "The authors published code and no weights: train them with it.",
        ),
        Checkpoint(
            "cnn10", "Cnn10_mAP=0.380.pth", (f"{PANNS}/Cnn10_mAP%3D0.380.pth?download=1",),
            25_237_595, "md5:bfb1f1f9968938fa8ef4012b8471f5f6", **_PANNS,
        ),
        Checkpoint(
            "cnn14", "Cnn14_mAP=0.431.pth", (f"{PANNS}/Cnn14_mAP%3D0.431.pth?download=1",),
            327_428_481, "md5:541141fa2ee191a88f24a3219fff024e", **_PANNS,
        ),
        Checkpoint(
            "vggish", "vggish-10086976.pth",
            ("https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",),
            288_567_937, "sha256:10086976", "Apache-2.0", "github.com/harritaylor/torchvggish", 16_000,
            "Its name carries the first 8 digits of its sha256; no more is published.",
        ),
        Checkpoint(
            "passt_n", "passt-s-f128-p16-s16-ap.468.pt", (f"{PASST}/v0.0.2-audioset/passt-s-f128-p16-s16-ap.468.pt",),
            None, None, **_PASST,
        ),
        Checkpoint(
            "passt_s", "passt-s-kd-ap.486.pt", (f"{PASST}/v.0.0.9/passt-s-kd-ap.486.pt",), None, None, **_PASST,
        ),
        Checkpoint(
            "passt_l", "passt-l-kd-ap.47.pt", (f"{PASST}/v.0.0.10/passt-l-kd-ap.47.pt",), None, None, **_PASST,
        ),
        Checkpoint(
            "passt_s20", "passt-s-f128-20sec-p16-s10-ap.474-swa.pt",
            (f"{PASST}/v0.0.5/passt-s-f128-20sec-p16-s10-ap.474-swa.pt",), 344_975_942, None, **_PASST,
        ),
        Checkpoint(
            "beats", "BEATs_iter3_plus_AS2M.pt",
            tuple(f"https://huggingface.co/{mirror}/resolve/main/BEATs_iter3_plus_AS2M.pt"
                  for mirror in ("lpepino/beats_ckpts", "Bencr/beats-checkpoints")),
            361_499_833, "sha256:d43cbfad4d7b56381c061d7a24774f908d4d94c72961f6eb1d9090ff18cd8d34", **_BEATS,
        ),
        Checkpoint(
            "beats_tagging", "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt",
            ("https://huggingface.co/camenduru/beats/resolve/main/BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt",),
            363_145_291, "sha256:e5815275a04b6885e7b8af63d120b29bffae2cd2225cf4915e1ec6d819d3022c", network="beats",
            **_BEATS,
        ),
        Checkpoint(
            "cav_mae", "audio_model.21.pth", ("https://www.dropbox.com/s/l5t5geufdy3qvnv/audio_model.21.pth?dl=1",),
            None, None, "BSD-2-Clause", "github.com/YuanGongND/cav-mae", 16_000,
            "CAV-MAE-Scale++; the file holds the image side too.",
        ),
        Checkpoint(
            "vast", "vast.pt", (), None, None, "MIT (code)", "github.com/TXH-mercury/VAST", 16_000,
            "The authors' page leads to the file; we could verify no address.",
        ),
        Checkpoint(
            "word2vec", "word2vec-google-news-300.gz",
            ("https://github.com/RaRe-Technologies/gensim-data/releases/download/word2vec-google-news-300/"
             "word2vec-google-news-300.gz",),
            1_743_563_840, "md5:a5e5354d40acb95f9ec66d5977d140ef", "none stated",
            "github.com/RaRe-Technologies/gensim-data", 0,
        ),
    )
}  # fmt: skip
