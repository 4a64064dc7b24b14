"""`make wheelhouse`: the pinned packages in one folder, so that a class installs without the internet.

gather: what does pip want? -- what is there already? -- fetch the rest -- SHA256SUMS, README.txt -- would pip find all?
Run as a script (`make run WHEELS=FOLDER` does), it looks whether such a folder is whole and meant for this Python: so
standard library only.
"""

import hashlib
import json
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUMS, README = "SHA256SUMS", "README.txt"
ROOM_GB = 4.0  # of wheels for one Python, and some more while they are fetched
BATCH = 10  # packages at a time: so much is fetched again after a break
PIP = (sys.executable, "-m", "pip")
TEXT = """The packages of Hearsay. Nothing here needs the internet.
{targets}
Wheels are made for one kind of machine and one Python: for others, run make wheelhouse there.

1. Copy this folder and the workbook's folder (without .venv and build) to your disk.
2. In the workbook's folder:
       make run NB=00 WHEELS=/path/to/this/folder
   It compares each file with SHA256SUMS, names what is broken, and installs into .venv. WHEELS is needed once.
   On Windows, do this inside WSL.

Without make:
       python3 -m venv .venv
       .venv/bin/python -m pip install --no-index --find-links /path/to/this/folder -c constraints.txt -e ".[dev]"
       .venv/bin/python -m lib.workbook lab
To look whether all files are whole, in this folder:
       sha256sum --check --quiet SHA256SUMS        (on a Mac: shasum -a 256 --check SHA256SUMS)

From one machine to all others in the room: there, in this folder,
       python3 -m http.server 8000
and on the others, with that machine's address in place of ADDRESS:
       PIP_TRUSTED_HOST=ADDRESS make run NB=00 WHEELS=http://ADDRESS:8000/
"""


def main(out: str, options: str = "") -> int:
    """Fetch what is missing, and say where all is.

    Args:
        out: the folder; what it holds already is not fetched again.
        options: pip's own, for other machines: "--python-version 3.12 --platform manylinux_2_28_x86_64".

    Raises:
        ValueError: no folder was named, the disk is too full, or pip could not get something.
    """
    if not out:
        raise ValueError("expected a folder to write to; got none. Try make wheelhouse OUT=wheels.")
    folder, target = Path(out).expanduser(), shlex.split(options)
    folder.mkdir(parents=True, exist_ok=True)
    print("asking pip what is wanted (some minutes) ...", flush=True)
    asked = requirements(ROOT)
    found = wanted(asked, target)
    there = whole(folder)
    lacking = [package for package in found.items() if not any(_is(name, *package) for name in there)]
    print(f"{len(found)} packages; {len(found) - len(lacking)} are in {folder} already", flush=True)
    if problem := room_problem(shutil.disk_usage(folder).free, sum((folder / n).stat().st_size for n in there), folder):
        raise ValueError(problem)
    gather(folder, lacking, target)
    write_readme(folder, options or f"Python {platform.python_version()}")
    _report(asked, [*target, "--no-index", "--find-links", str(folder.resolve())])  # would a class get them?
    size = sum(path.stat().st_size for path in folder.glob("*.whl")) / 1e9
    print(f"{folder}: {len(list(folder.glob('*.whl')))} wheels, {size:.1f} GB. To install: make lab WHEELS={folder}")
    return 0


def requirements(root: Path) -> list[str]:
    """All that an editable install with the tests' packages asks for, with what builds it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    own = project["project"]
    return [*own["dependencies"], *own["optional-dependencies"]["dev"], *project["build-system"]["requires"]]


def wanted(requirements: list[str], target: Sequence[str]) -> dict[str, str]:
    """Name -> version of each package that pip would install, with the pins of constraints.txt. What only the target's
    Python asks for is added to `requirements`: pip itself reads such conditions for the Python that runs it."""
    while True:
        packages = [package["metadata"] for package in _report(requirements, target)["install"]]
        found = {package["name"]: package["version"] for package in packages}
        more = _asked_by_another_python(packages, target) - {_plain(name) for name in found}
        if not more:
            return found
        requirements += sorted(more)


def _asked_by_another_python(packages: Sequence[dict], target: Sequence[str]) -> set[str]:
    """Plain names of what these packages need under the Python that the options name; none where they name none."""
    if not (named := re.search(r"--python-version[ =](\d+\.\d+)", " ".join(target))):
        return set()
    from packaging.requirements import Requirement  # here: not there before the installation

    this, other = {"extra": ""}, {"python_version": named[1], "python_full_version": f"{named[1]}.0", "extra": ""}
    needs = [Requirement(text) for package in packages for text in package.get("requires_dist", ())]
    needs = [need for need in needs if need.marker and need.marker.evaluate(other)]
    return {_plain(need.name) for need in needs if not need.marker.evaluate(this)}


def _report(requirements: Sequence[str], target: Sequence[str]) -> dict:
    """What pip would do on a machine that has nothing yet; it does nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "report.json"
        other = ["--only-binary=:all:", "--ignore-requires-python", "--target", scratch] if _foreign(target) else []
        command = ["install", "--dry-run", "--ignore-installed", "--report", str(path), *other, *target]
        _pip([*command, "-c", str(ROOT / "constraints.txt"), *requirements])
        return json.loads(path.read_text(encoding="utf-8"))


def _foreign(target: Sequence[str]) -> bool:
    return any(option.startswith(("--platform", "--python-version", "--abi", "--implementation")) for option in target)


def gather(folder: Path, packages: Sequence[tuple[str, str]], target: Sequence[str] = ()) -> None:
    """Fetch these as wheels (what has none is built); a wheel gets its name in the folder when it is whole.

    Raises:
        ValueError: pip failed; what came before stays.
    """
    verb = ["download", "--only-binary=:all:", "--dest"] if _foreign(target) else ["wheel", "--wheel-dir"]
    for start in range(0, len(packages), BATCH):
        batch = [f"{name}=={version}" for name, version in packages[start : start + BATCH]]
        print(f"[{start + len(batch)}/{len(packages)}] {', '.join(batch)}", flush=True)
        with tempfile.TemporaryDirectory(prefix=".fetched-", dir=folder) as scratch:
            _pip([verb[0], "--no-deps", *verb[1:], scratch, *target, *batch])
            fetched = {path.name: _digest(path) for path in Path(scratch).glob("*.whl")}
            for name in fetched:
                (Path(scratch) / name).replace(folder / name)
        write_sums(folder, sums(folder) | fetched)


def _pip(arguments: Sequence[str]) -> None:
    done = subprocess.run([*PIP, *arguments, "--quiet", "--disable-pip-version-check"], stderr=subprocess.PIPE)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        said = "\n".join(line for line in lines if not line.startswith("WARNING"))[-800:]
        raise ValueError(f"pip could not: {said}\nTry the same command again: what is in the folder stays.")


def sums(folder: Path) -> dict[str, str]:
    """Name -> SHA-256, of the whole lines of SHA256SUMS; none where there is no such file."""
    path = folder / SUMS
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    lines = text[: text.rfind("\n") + 1].splitlines()  # a copy may be cut off within one
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def write_sums(folder: Path, digests: dict[str, str]) -> None:
    part = folder / f"{SUMS}.part"
    part.write_text("".join(f"{digests[name]}  {name}\n" for name in sorted(digests)), encoding="utf-8")
    part.replace(folder / SUMS)


def write_readme(folder: Path, target: str) -> None:
    """The commands, and for what machines all that has been gathered here is."""
    path, new = folder / README, f"For {target} on {platform.system()} {platform.machine()}."
    before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    targets = sorted({line for line in before if line.startswith("For ")} | {new})
    path.write_text(TEXT.format(targets="\n".join(targets)), encoding="utf-8")


def whole(folder: Path) -> list[str]:
    """Names of the wheels that are there with the bytes that SHA256SUMS lists."""
    listed = sums(folder).items()
    return [name for name, digest in listed if (folder / name).is_file() and _digest(folder / name) == digest]


def room_problem(free_bytes: int, there_bytes: int, folder: Path) -> str:
    """One sentence when the disk is too full for the wheels that are still to come, else an empty string."""
    needs, free = max(ROOM_GB - there_bytes / 1e9, 0.2), free_bytes / 1e9
    if free >= needs:
        return ""
    return f"expected {needs:.1f} GB free for {folder}; got {free:.1f} GB. Free some space, or name another disk."


def problems(folder: Path) -> Iterator[str]:
    """Why a class could not install from this folder; nothing when it can."""
    if not (listed := sums(folder)):
        yield f"no {SUMS} in {folder}: is this the folder that make wheelhouse wrote?"
        return
    if bad := sorted(set(listed) - set(whole(folder))):
        yield f"missing, cut off or changed: {', '.join(bad)}. Copy the folder again."
    if unlisted := sorted({path.name for path in folder.glob("*.whl")} - set(listed)):
        yield f"{SUMS} is cut off: it does not list {', '.join(unlisted)}. Copy the folder again."
    torch = [name for name in listed if name.startswith("torch-")]
    if torch and not any(_runs_here(name) for name in torch):
        yield f"these wheels ({torch[0]}) are not for this machine, which is {described()}."


def _runs_here(wheel: str) -> bool:
    system = {"Linux": "linux", "Darwin": "macosx", "Windows": "win"}.get(platform.system(), "?")
    tags = wheel.removesuffix(".whl").split("-")[2:]
    return f"cp{sys.version_info[0]}{sys.version_info[1]}" in tags and system in tags[-1] and _machine() in tags[-1]


def _machine() -> str:
    return {"aarch64": "arm64"}.get(platform.machine(), platform.machine()).lower()


def described() -> str:
    return f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"


def _is(wheel: str, name: str, version: str) -> bool:
    """Is this file that package? Names differ in case and in dots, dashes and underscores."""
    own, number = wheel.split("-")[:2]
    return _plain(own) == _plain(name) and number == version


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1]).expanduser()))
    sys.exit("\n".join(found) or 0)
