"""The first cell of every notebook, run as Colab would: an empty folder, a fresh environment, a package missing."""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import nbformat
import pytest

from lib.workbook import NOTEBOOKS, ROOT, names, setup
from lib.workbook.build import badge, repository, setup_cell
from tests import tiny_wheels

HIDDEN = "pooch"  # small and pure: the package that this environment lacks
REPORT = """
import json, sys, torch, importlib.metadata
import lib, {hidden}
from lib import store
print("REPORT", json.dumps(dict(lib=lib.__file__, first=sys.path[0], torch=torch.__file__, hidden={hidden}.__file__,
                                drive="google.colab" in sys.modules, cache=str(store.root()))))
"""


@pytest.fixture(scope="module")
def origin(tmp_path_factory) -> Path:
    """A repository to clone that holds this very tree's code."""
    folder = tmp_path_factory.mktemp("origin") / "hearsay.git"
    shutil.copytree(ROOT / "lib", folder / "lib", ignore=shutil.ignore_patterns("__pycache__", "weights"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet"], ["add", "."], [*who, "commit", "--quiet", "-m", "all"]):
        subprocess.run(["git", *command], cwd=folder, check=True, env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull})
    return folder


@pytest.fixture
def python(environment) -> Path:
    """The Python of that environment, which lacks the hidden package, whatever an earlier test has installed."""
    for place in environment.glob(f"venv/lib/python*/site-packages/{HIDDEN}*"):
        shutil.rmtree(place)
    return environment / "venv" / "bin" / "python"


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """An environment of its own that sees this one's packages, but not the hidden one and not the workbook."""
    folder = tmp_path_factory.mktemp("environment")
    seen, here = folder / "seen", Path(sysconfig.get_path("purelib"))
    seen.mkdir()
    for entry in here.iterdir():
        if not entry.name.lower().startswith((HIDDEN, "__editable__", "hearsay")):
            (seen / entry.name).symlink_to(entry)
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    own = next((folder / "venv").glob("lib/python*/site-packages"))
    (own / "seen.pth").write_text(f"{seen}\n")
    (folder / "home").mkdir()
    return folder


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> Path:
    """Where pip finds the hidden package, in place of the network."""
    return tiny_wheels.write(tmp_path_factory.mktemp("wheels"), HIDDEN, "99.0").parent


def run(python: Path, folder: Path, origin: Path, wheels: Path, *, times: int = 1, before: str = ""):
    """The cell, `times` in one process, in that folder; then where everything came from. (process, report)"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_", "JUPYTER"))}
    environment |= {"HEARSAY_REPO": origin.as_uri(), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    home = python.parents[2] / "home"  # pip asks for the version of rustc, which may write there
    environment |= {"HOME": str(home), "PIP_CONFIG_FILE": os.devnull, "GIT_CONFIG_GLOBAL": os.devnull}
    code = f"{before}\nfor _ in range({times}): exec({setup_cell().source!r})\n" + REPORT.format(hidden=HIDDEN)
    command = [python, "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280)
    reports = [line for line in done.stdout.splitlines() if line.startswith("REPORT ")]
    return done, json.loads(reports[0].removeprefix("REPORT ")) if reports else None


def test_from_an_empty_folder_twice_and_once_more(python, origin, wheels, tmp_path):
    done, report = run(python, tmp_path, origin, wheels, times=2)
    assert done.returncode == 0, done.stderr[-2000:]
    clone = tmp_path / "hearsay"
    assert Path(report["lib"]).is_relative_to(clone) and report["first"] == str(clone)
    assert done.stdout.count(f"installing {HIDDEN}") == 1  # only what is missing, and only once
    assert not report["drive"]  # which nobody has asked for
    own = next(python.parents[1].glob("lib/python*/site-packages"))
    assert {p.name.partition("-")[0] for p in own.iterdir()} == {HIDDEN, "seen.pth"}  # torch and numpy are untouched
    assert Path(report["hidden"]).is_relative_to(own) and Path(report["torch"]).is_relative_to(own.parents[3] / "seen")
    assert done.stdout.count(", device ") == 2 and f"torch {importlib.metadata.version('torch')}" in done.stdout

    (clone / "mine.txt").write_text("a reader's own file")
    done, report = run(python, tmp_path, origin.with_name("gone"), wheels)  # another day: nothing is fetched again
    assert done.returncode == 0 and "installing" not in done.stdout and (clone / "mine.txt").exists()


def test_inside_the_workbook_nothing_is_fetched(python, origin, wheels, tmp_path):
    below = tmp_path / "copy" / "lab" / "deeper"
    below.mkdir(parents=True)
    shutil.copytree(origin, tmp_path / "copy", dirs_exist_ok=True)
    done, report = run(python, below, tmp_path / "nowhere", wheels)
    assert done.returncode == 0, done.stderr[-2000:]
    assert report["first"] == str(tmp_path / "copy") and not list(below.iterdir())


def test_another_lib_is_recognised(python, origin, wheels, tmp_path):
    """The name is generic: a `lib` that was imported before ours must be refused, not used."""
    (tmp_path / "lib.py").write_text("")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import lib\n" + setup_cell().source
    folder = tmp_path / "copy"
    shutil.copytree(origin, folder)
    done = subprocess.run([python, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode and "lib" in done.stderr.splitlines()[-1]


def test_a_missing_package_and_no_network_is_one_sentence(python, origin, tmp_path):
    shutil.copytree(origin, tmp_path / "copy")
    (tmp_path / "copy" / "pyproject.toml").write_text('[project]\ndependencies = ["surely-not-a-package>=1"]\n')
    (tmp_path / "empty").mkdir()
    done, _ = run(python, tmp_path / "copy", origin, tmp_path / "empty")
    assert done.returncode and "could not install surely-not-a-package>=1" in done.stderr and "make lab" in done.stderr


def amiss(notebook, name: str) -> list[str]:
    """Why Colab would do something else with this notebook than what is simulated here; empty when it would not."""
    first, *rest = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    found = [] if first == setup_cell().source else ["another first cell"]
    if f"blob/main/notebooks/{name}.ipynb" not in badge(name) or badge(name) not in str(notebook):
        found.append("no badge")
    for line in "\n".join(rest).splitlines():
        found += [word for word in ("pip install", "%pip", "google.colab", "subprocess") if word in line]
        found += ["a shell"] if line.lstrip().startswith("!") else []
    return found


@pytest.mark.parametrize("name", names())
def test_each_notebook_begins_with_that_cell_and_no_other_installs_or_mounts(name):
    assert not amiss(nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4), name)


@pytest.mark.parametrize("line, said", [
    ("!pip install torch>=2.9", "a shell"),
    ("%pip install numpy", "%pip"),
    ("from google.colab import drive", "google.colab"),
    ("", "another first cell"),
])  # fmt: skip
def test_a_cell_that_would_is_named(line, said):
    name = names()[0]
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    own = [cell for cell in notebook.cells if cell.cell_type == "code"]
    own[-1 if line else 0].source += f"\n{line}"
    assert said in amiss(notebook, name)
    assert amiss(nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4), "another") == ["no badge"]


DRIVE = ("from google.colab import drive", 'drive.mount("/gdrive")', "%env HEARSAY_CACHE=/gdrive/MyDrive/hearsay")


def test_who_asks_for_drive_has_the_cache_there(python, origin, wheels, tmp_path):
    """The three lines of README and notebook 19, with a stand-in for Google's module."""
    for text in ((ROOT / "README.md").read_text(), (ROOT / "notebooks" / "source" / "19_full_scale.py").read_text()):
        assert "\n".join(DRIVE) in text.replace("\n# ", "\n")
    shutil.copytree(origin, tmp_path / "copy")
    lines = "\n".join(DRIVE).replace("/gdrive", str(tmp_path / "gdrive"))
    lines = re.sub(r"%env (\w+)=(.*)", r"import os; os.environ['\1'] = '\2'", lines)  # as IPython would
    google = "class drive:\n    mount = staticmethod(lambda place: __import__('os').makedirs(place + '/MyDrive'))\n"
    (tmp_path / "copy" / "google").mkdir()
    (tmp_path / "copy" / "google" / "colab.py").write_text(google)
    done, report = run(python, tmp_path / "copy", origin, wheels, before=lines)
    assert done.returncode == 0, done.stderr[-2000:]
    assert report["drive"] and report["cache"] == str(tmp_path / "gdrive" / "MyDrive" / "hearsay")


def test_the_address_stands_in_one_place_and_here():
    constants = [n.value for n in ast.walk(ast.parse(setup_cell().source)) if isinstance(n, ast.Constant)]
    assert repository() in constants


def test_what_is_there_stays_and_torch_is_never_installed(monkeypatch):
    assert setup.missing(["numpy>=99", "surely-not-a-package"]) == ["surely-not-a-package"]
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("pip was called"))
    with pytest.raises(ImportError, match="torch>=2.6 not found"):
        setup.install(["torch>=2.6", "tqdm"])


def test_pip_is_told_to_keep_torch_and_numpy(monkeypatch):
    seen = {}

    def pip(command, **options):
        seen["pins"] = Path(command[command.index("-c", 4) + 1]).read_text()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    setup.install(["tqdm"])
    assert {line.partition("==")[0] for line in seen["pins"].split()} == set(setup.KEPT)
    assert f"torch=={importlib.metadata.version('torch')}\n" in seen["pins"]


def test_a_lib_from_elsewhere_is_refused(tmp_path):
    with pytest.raises(ImportError, match="Restart the kernel"):
        setup.check_origin(tmp_path)
