"""Wheels of a few bytes, in place of a package index."""

import base64
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path


def write(
    folder: Path, name: str, version: str, *, requires: Sequence[str] = (), tag: str = "py3-none-any", **files: str
) -> Path:
    """A wheel of a module of that name, with further modules (name -> code); installable, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    info, needs = f"{name}-{version}.dist-info", "".join(f"Requires-Dist: {each}\n" for each in requires)
    texts = {
        f"{name}/__init__.py": "",
        **{f"{module}.py": code for module, code in files.items()},
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    lines = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in texts.items()] + [f"{info}/RECORD,,"]
    target = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(target, "w") as wheel:
        for path, text in (texts | {f"{info}/RECORD": "\n".join(lines)}).items():
            wheel.writestr(path, text)
    return target


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
