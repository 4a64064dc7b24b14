"""The frame: one list of packages, one address, set-up that explains itself on a machine that lacks something."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement

import lib
from lib.data import backgrounds, events
from lib.workbook import ROOT, __main__, check, lab, names, preflight

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)


def requirements():
    return [Requirement(r) for r in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]


def test_only_lower_bounds_and_every_one_is_met_by_the_pin():
    pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in PINS.items()}
    for requirement in requirements():
        assert {s.operator for s in requirement.specifier} == {">="}, f"{requirement}: lower bounds only"
        assert requirement.specifier.contains(pins[re.sub(r"[-_.]+", "-", requirement.name).lower()]), requirement
    assert pins["numpy"] != "2.4.0", "yanked"


def test_conda_gets_the_same_packages_through_pip():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, through_pip = environment["dependencies"]
    assert environment["channels"] == ["conda-forge", "nodefaults"] and pip == "pip"
    assert python.replace(" ", "") == f"python{PROJECT['requires-python']}"
    assert through_pip == {"pip": ["-c constraints.txt", "-e ."]}


def test_the_address_is_written_in_one_place_and_the_others_agree():
    address = PROJECT["urls"]["Repository"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["repository-code"] == address and citation["license"] == PROJECT["license"]
    path = address.removeprefix("https://github.com/")
    for text in [p.read_text() for p in (ROOT / "notebooks" / "source").glob("*.py")]:
        assert set(re.findall(r"github(?:\.com)?/([\w-]+/hearsay)\b", text)) <= {path}


def test_the_tested_pair_is_the_pinned_one():
    assert PINS["torch"] == PINS["torchaudio"] == lib.TESTED_PAIR


def test_no_file_is_called_by_what_it_is_not():
    assert not [p for p in (ROOT / "lib").rglob("*.py") if p.stem in ("utils", "common", "helpers")]


def test_the_readme_says_what_is_here():
    readme = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| (\d\d) \| (.*?) \|", readme, flags=re.M)
    assert rows == [(name[:2], f"[{name[3:]}](notebooks/{name}.ipynb)") for name in names()] and len(rows) == 20
    assert (len(events.KINDS), len(backgrounds.BACKGROUNDS)) == (24, 8)
    assert "twenty-four kinds of sound over eight backgrounds" in readme


def test_ruff_is_silent():
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "target",
    ["run", "test", "lab", "notebooks", "verify", "bench", "check", "pages", "record", "rebaseline", "rehearsal"],
)
def test_make_has_every_target_and_each_sets_up_first(target):
    rule = re.search(rf"^{target}: (.*)$", (ROOT / "Makefile").read_text(), flags=re.M)
    assert rule and rule.group(1).startswith("$(READY)")


def test_make_passes_on_what_the_reader_says():
    asked = ["run", "NB=00,08", "PROFILE=smoke", "DATA=esc50:a b", "SEED=3"]
    command = ["make", "-n", "--no-print-directory", "-o", ".venv/.ready"]  # under make, too
    said = subprocess.run([*command, *asked], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.strip().endswith('run --nb "00,08" --profile "smoke" --data "esc50:a b" --seed "3"')


# torch and torchaudio that do not belong together


def fake_versions(monkeypatch, torch, torchaudio):
    given = {"torch": torch, "torchaudio": torchaudio}

    def version(package):
        if given[package] is None:
            raise importlib.metadata.PackageNotFoundError(package)
        return given[package]

    monkeypatch.setattr(lib.importlib.metadata, "version", version)


@pytest.mark.parametrize("torch, torchaudio", [("2.15.0", "2.11.0"), ("2.11.0+cpu", "2.11.0"), ("2.11.0", None)])
def test_a_mismatched_pair_is_one_sentence_with_the_command_that_mends_it(monkeypatch, torch, torchaudio):
    fake_versions(monkeypatch, torch, torchaudio)
    monkeypatch.setitem(sys.modules, "torchaudio", None)  # importing it now raises ImportError
    with pytest.raises(ImportError) as raised:
        lib.check_torch_pair()
    said = str(raised.value)
    assert f"torch {torch}" in said and (torchaudio or "(missing)") in said and "\n" not in said
    assert said.endswith("python -m pip install torch==2.11.0 torchaudio==2.11.0")


def test_a_pair_that_differs_but_works_is_left_alone(monkeypatch):
    fake_versions(monkeypatch, "2.12.0", "2.11.0")
    lib.check_torch_pair()


def test_an_equal_pair_is_not_even_imported(monkeypatch):
    fake_versions(monkeypatch, "2.9.0+cu126", "2.9.0+cu126")
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    lib.check_torch_pair()


def test_a_missing_audio_library_is_one_sentence_with_the_command_that_mends_it(monkeypatch):
    def missing(name):
        raise OSError("sndfile library not found")

    lib.check_audio_library()
    monkeypatch.setattr(lib.importlib, "import_module", missing)
    with pytest.raises(ImportError, match="sndfile library not found. Mend it with: .*soundfile") as raised:
        lib.check_audio_library()
    assert "\n" not in str(raised.value)


# Preflight


def test_preflight_reads_in_old_pythons():
    ast.parse((ROOT / "lib/workbook/preflight.py").read_text(), feature_version=(3, 6))


def test_an_old_python_a_full_disk_and_a_missing_venv_are_one_sentence_each():
    old = preflight.version_problem((3, 8, 10), ["python3.12"])
    assert old == "Hearsay needs Python 3.11 or newer; this is 3.8. Try: make run PYTHON=python3.12"
    assert "python.org" in preflight.version_problem((3, 10)) and preflight.version_problem((3, 14, 0)) == ""
    assert "about 8 GB in /x; 2.0 GB are free" in preflight.room_problem(2e9, "/x")
    assert preflight.room_problem(9e9, "/x") == ""
    assert (
        "apt install python3-venv" in preflight.venv_problem(True, False) and preflight.venv_problem(True, True) == ""
    )


def test_preflight_stops_make_with_the_sentence_alone(monkeypatch, tmp_path, capsys):
    assert preflight.main(str(tmp_path)) == 0
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1e9}))
    assert preflight.main(str(tmp_path)) == 1
    assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".ready").touch()
    assert preflight.main(str(tmp_path)) == 0, "what is installed already needs no room"


# make check, make lab, the command line


def test_make_check_says_one_line_each():
    lines = dict.fromkeys(check.CHECKS)
    for (well, line), name in zip(check.lines(), lines, strict=True):
        assert name in line and "\n" not in line and line.startswith("ok" if well else "PROBLEM")
    assert "Opus written and read back" in check.sound()


@pytest.mark.parametrize(
    "name, fake, said",
    [
        (
            "disk",
            lambda m: m.setattr(check.shutil, "disk_usage", lambda p: type("U", (), {"free": 1e9})),
            "1.0 GB free",
        ),
        (
            "memory",
            lambda m: m.setattr(check.psutil, "virtual_memory", lambda: type("M", (), {"available": 2**30})),
            "1.0 GiB",
        ),
        ("browser", lambda m: m.setattr(check.shutil, "which", lambda name: None), "none found"),
        ("torch", lambda m: m.setitem(sys.modules, "torchaudio", None), "torchaudio"),
        ("sound", lambda m: m.setitem(sys.modules, "soundfile", None), "soundfile"),
    ],
)
def test_make_check_sees_what_is_amiss(monkeypatch, name, fake, said):
    fake(monkeypatch)
    ((well, line),) = check.lines({name: check.CHECKS[name]})
    assert not well and line.startswith("PROBLEM") and said in line


def test_make_check_sees_other_versions(monkeypatch, tmp_path):
    (tmp_path / "constraints.txt").write_text("numpy==1.0\n")
    monkeypatch.setattr(check, "ROOT", tmp_path)
    ((well, line),) = check.lines({"packages": check.packages})
    assert not well and "1 differ from the tested set: numpy" in line


def test_working_copies_never_overwrite_a_readers_changes(tmp_path):
    originals, mine = tmp_path / "notebooks", tmp_path / "lab"
    originals.mkdir()
    for name in ("00_a", "01_b"):
        (originals / f"{name}.ipynb").write_text("first")
    assert lab.copy(originals, mine) == [] and (mine / "00_a.ipynb").read_text() == "first"
    (mine / "00_a.ipynb").write_text("the reader's")
    assert lab.copy(originals, mine) == [] and (mine / "00_a.ipynb").read_text() == "the reader's"
    for name in ("00_a", "01_b"):
        (originals / f"{name}.ipynb").write_text("second")
    (said,) = lab.copy(originals, mine)
    assert "00_a.ipynb has changed and so has your copy" in said and (mine / "00_a.ipynb").read_text() == "the reader's"
    assert (mine / "00_a.new.ipynb").read_text() == "second" and (mine / "01_b.ipynb").read_text() == "second"
    assert lab.copy(originals, mine) == [], "said once"


def test_a_copy_that_nobody_recorded_is_a_readers_own(tmp_path):
    originals, mine = tmp_path / "notebooks", tmp_path / "lab"
    originals.mkdir()
    mine.mkdir()
    (originals / "00_a.ipynb").write_text("first")
    (mine / "00_a.ipynb").write_text("mine")
    assert len(lab.copy(originals, mine)) == 1 and (mine / "00_a.ipynb").read_text() == "mine"


def test_the_command_line_says_what_is_wrong(capsys):
    assert __main__.main(["run", "--nb", "99", "--profile", "smoke"]) == 2
    assert "got '99'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        __main__.main(["run", "--profile", "huge"])
    with pytest.raises(SystemExit):
        __main__.main(["rebaseline"])


def test_workbook_metadata_of_the_repository_is_valid_json():
    assert json.loads((ROOT / "tests/expected/smoke.json").read_text())["reasons"]
