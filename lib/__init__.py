"""Hearsay: language-based audio retrieval, built step by step. The notebooks are the product; this backs them."""

import importlib
import importlib.metadata

TESTED_PAIR = "2.11.0"  # of torch and torchaudio; constraints.txt pins it, a test compares


def version_of(package: str) -> str | None:
    """Of an installed package; None where it is absent."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_torch_pair() -> None:
    """Say in one sentence that torch and torchaudio do not belong together, before a library fails with a page.

    Equal versions (with their build, "+cpu") are taken at their word; others are imported to see.

    Raises:
        ImportError: one of them is missing, or torchaudio cannot be imported.
    """
    torch, torchaudio = version_of("torch"), version_of("torchaudio")
    if torch is not None and torch == torchaudio:
        return
    try:
        importlib.import_module("torchaudio")
    except Exception as error:
        raise ImportError(
            f"torch {torch or '(missing)'} and torchaudio {torchaudio or '(missing)'} are installed and do not work "
            f"together; torch {TESTED_PAIR} with torchaudio {TESTED_PAIR} do. Mend it with: "
            f"python -m pip install torch=={TESTED_PAIR} torchaudio=={TESTED_PAIR}"
        ) from error


def check_audio_library() -> None:
    """Say in one sentence that sound files cannot be read on this machine.

    A package that is not there at all is left to the notebooks' first cell, which installs it.

    Raises:
        ImportError: soundfile is there, and the library libsndfile that it calls is not.
    """
    if version_of("soundfile") is None:
        return
    try:
        importlib.import_module("soundfile")
    except (ImportError, OSError) as error:
        raise ImportError(
            f"sound files cannot be read: {error}. Mend it with: python -m pip install --force-reinstall soundfile "
            "(where no wheel brings libsndfile along, also: sudo apt install libsndfile1)"
        ) from error


check_torch_pair()
check_audio_library()
