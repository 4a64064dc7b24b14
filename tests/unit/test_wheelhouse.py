"""`make wheelhouse` against tiny wheels in place of an index, and what a class does with its folder, offline."""

import os
import shutil
import subprocess
import sys
from collections import namedtuple

import pytest

from lib.workbook import ROOT, wheelhouse
from lib.workbook.__main__ import main as command_line
from tests import tiny_wheels

PROJECT = """
[build-system]
requires = ["tiny-builder"]
build-backend = "tiny_backend"
[project]
name = "hearsay"
version = "0"
dependencies = ["tiny-one>=1"]
[project.optional-dependencies]
dev = ["tiny-two"]
"""
BACKEND = """
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    info = "hearsay-0.dist-info"
    with zipfile.ZipFile(f"{folder}/hearsay-0-py3-none-any.whl", "w") as wheel:
        needs = "Provides-Extra: dev\\nRequires-Dist: tiny-one>=1\\nRequires-Dist: tiny-two; extra == 'dev'\\n"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: hearsay\\nVersion: 0\\n" + needs)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return "hearsay-0-py3-none-any.whl"
"""


@pytest.fixture
def index(tmp_path, monkeypatch):
    """Where pip finds what it would fetch, in place of the network."""
    folder = tmp_path / "index"
    for version in ("1.0", "2.0"):
        tiny_wheels.write(folder, "tiny_one", version, requires=["tiny-three"])
    tiny_wheels.write(folder, "tiny_two", "1.0")
    tiny_wheels.write(folder, "tiny_three", "1.0")
    tiny_wheels.write(folder, "tiny_builder", "1.0", tiny_backend=BACKEND)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    options = {"CONFIG_FILE": os.devnull, "NO_INDEX": "1", "FIND_LINKS": folder.as_uri(), "NO_CACHE_DIR": "1"}
    for name, value in options.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return folder


@pytest.fixture
def workbook(tmp_path, monkeypatch):
    """A workbook that needs four tiny packages, one of which builds it."""
    root = tmp_path / "workbook"
    for file in ("Makefile", "lib/workbook/preflight.py", "lib/workbook/wheelhouse.py"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, root / file)
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "constraints.txt").write_text("tiny-one==1.0\n")
    monkeypatch.setattr(wheelhouse, "ROOT", root)
    return root


WHEELS = {f"tiny_{name}-1.0-py3-none-any.whl" for name in ("one", "two", "three", "builder")}


@pytest.fixture
def gathered(index, workbook, tmp_path):
    """What make wheelhouse writes."""
    assert wheelhouse.main(str(tmp_path / "wheels")) == 0
    return tmp_path / "wheels"


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_all_is_there_as_pinned_with_its_hashes_and_the_commands(gathered):
    assert names(gathered) == WHEELS | {wheelhouse.SUMS, wheelhouse.README}  # 1.0, though the index has 2.0
    assert set(wheelhouse.sums(gathered)) == set(wheelhouse.whole(gathered)) == WHEELS
    assert not list(wheelhouse.problems(gathered))
    text = (gathered / wheelhouse.README).read_text()
    for command in ("make run NB=00 WHEELS=", "--no-index --find-links", "sha256sum --check", "http.server"):
        assert command in text
    assert ".venv/bin/python -m lib.workbook lab\n" in text


def test_its_hashes_are_those_that_sha256sum_reads(gathered):
    if not shutil.which("sha256sum"):
        pytest.skip("no sha256sum here")
    command = ["sha256sum", "--check", "--quiet", wheelhouse.SUMS]
    assert subprocess.run(command, cwd=gathered).returncode == 0
    (gathered / "tiny_one-1.0-py3-none-any.whl").write_bytes(b"")
    assert subprocess.run(command, cwd=gathered, capture_output=True).returncode


def test_what_is_there_is_not_fetched_again_and_what_is_broken_is(gathered, capsys):
    cut = gathered / "tiny_two-1.0-py3-none-any.whl"
    cut.write_bytes(cut.read_bytes()[:100])
    before = {name: (gathered / name).stat().st_mtime_ns for name in WHEELS}
    assert "tiny_two-1.0" in "".join(wheelhouse.problems(gathered))
    capsys.readouterr()
    assert wheelhouse.main(str(gathered)) == 0
    assert "4 packages; 3 are in" in capsys.readouterr().out
    assert {name for name in WHEELS if (gathered / name).stat().st_mtime_ns != before[name]} == {cut.name}
    assert not list(wheelhouse.problems(gathered))


def test_a_list_that_is_cut_off_within_a_line_is_read_as_far_as_it_is_whole(gathered):
    text = (gathered / wheelhouse.SUMS).read_text()
    start, last = text.rindex("\n", 0, -1) + 1, text.split()[-1]  # of its last line
    for end in (start + 30, start + 70, len(text) - 3):  # within the hash, within the name
        (gathered / wheelhouse.SUMS).write_text(text[:end])
        assert set(wheelhouse.sums(gathered)) == WHEELS - {last}
        assert [f"is cut off: it does not list {last}." in said for said in wheelhouse.problems(gathered)] == [True]
    (gathered / wheelhouse.SUMS).write_text(text[:30])
    assert "is this the folder" in "".join(wheelhouse.problems(gathered))


def test_what_was_broken_off_goes_on(index, workbook, tmp_path, monkeypatch, capsys):
    folder, pip, calls = tmp_path / "wheels", wheelhouse._pip, []

    def twice(arguments):
        calls.append(arguments)
        if len(calls) > 3:  # what is wanted, then two packages
            raise KeyboardInterrupt
        return pip(arguments)

    monkeypatch.setattr(wheelhouse, "BATCH", 1)
    monkeypatch.setattr(wheelhouse, "_pip", twice)
    with pytest.raises(KeyboardInterrupt):
        wheelhouse.main(str(folder))
    assert len(wheelhouse.whole(folder)) == 2 and names(folder) == {*wheelhouse.whole(folder), wheelhouse.SUMS}
    monkeypatch.setattr(wheelhouse, "_pip", pip)
    capsys.readouterr()
    assert wheelhouse.main(str(folder)) == 0 and "4 packages; 2 are in" in capsys.readouterr().out


def test_a_full_disk_is_named_before_anything_is_fetched(index, workbook, tmp_path, monkeypatch):
    monkeypatch.setattr(wheelhouse, "gather", lambda *a: pytest.fail("fetched"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("usage", "free")(3e9))
    with pytest.raises(ValueError, match=r"expected 4\.0 GB free for .*wheels; got 3\.0 GB"):
        wheelhouse.main(str(tmp_path / "wheels"))
    assert not wheelhouse.room_problem(3e9, 2e9, tmp_path)  # most of it is there already
    assert wheelhouse.room_problem(1e8, 9e9, tmp_path)


def test_what_cannot_be_had_is_named_and_the_rest_stays(index, workbook, tmp_path):
    (workbook / "constraints.txt").write_text("tiny-one==3.0\n")
    with pytest.raises(ValueError, match=r"(?s)tiny.one.*what is in the folder stays"):
        wheelhouse.main(str(tmp_path / "wheels"))


def test_a_folder_must_be_named(workbook):
    with pytest.raises(ValueError, match="make wheelhouse OUT=wheels"):
        wheelhouse.main("")


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert command_line(["wheelhouse", "--out", str(tmp_path / "file" / "wheels")]) == 2
    assert capsys.readouterr().err.startswith("wheelhouse: ")


@pytest.mark.parametrize("tag, fits", [
    ("py3-none-any", False),
    (f"cp{sys.version_info[0]}{sys.version_info[1]}-none-any", False),
    ("cp39-cp39-manylinux_2_28_x86_64", False),
    ("cp{0}{1}-cp{0}{1}-{2}_x86_64", True),
    ("cp{0}{1}-cp{0}{1}-{3}_x86_64", False),
])  # fmt: skip
def test_wheels_for_another_machine_or_python_are_named(tmp_path, monkeypatch, tag, fits):
    monkeypatch.setattr(wheelhouse.platform, "system", lambda: "Linux")
    monkeypatch.setattr(wheelhouse.platform, "machine", lambda: "x86_64")
    tag = tag.format(*sys.version_info[:2], "manylinux_2_28", "macosx_14_0")
    wheel = tiny_wheels.write(tmp_path, "torch", "2.11.0", tag=tag)
    wheelhouse.write_sums(tmp_path, {wheel.name: wheelhouse._digest(wheel)})
    assert [wheel.name in said for said in wheelhouse.problems(tmp_path)] == ([] if fits else [True])


def test_for_another_machine_its_own_wheels_come_and_what_only_its_python_needs(index, workbook, tmp_path):
    tiny_wheels.write(index, "tiny_three", "2.0", tag="cp399-none-any")
    tiny_wheels.write(index, "tiny_two", "1.0", requires=['tiny-new; python_version >= "3.90"'])
    tiny_wheels.write(index, "tiny_new", "1.0")
    options = "--python-version 3.99 --platform manylinux_2_28_x86_64 --implementation cp"
    assert wheelhouse.main(str(tmp_path / "other"), options) == 0
    assert {"tiny_three-2.0-cp399-none-any.whl", "tiny_new-1.0-py3-none-any.whl"} <= names(tmp_path / "other")
    wheelhouse.write_readme(tmp_path / "other", "Python 3.11.7")  # gathered into the same folder
    text = (tmp_path / "other" / wheelhouse.README).read_text()
    assert "For --python-version 3.99 " in text and "For Python 3.11.7 on " in text and text.count("\nFor ") == 2


def make(root, wheels, tmp_path):
    """`make`'s installation in that folder; nothing but the wheels can be reached."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON", "MAKE"))}
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    command = ["make", ".venv/.ready", f"PYTHON={sys.executable}", *([f"WHEELS={wheels}"] if wheels else [])]
    return subprocess.run(command, cwd=root, env=environment | {"HOME": str(tmp_path)}, capture_output=True, text=True)


def test_make_installs_from_the_folder_alone_once_it_is_whole(gathered, workbook, tmp_path):
    cut, ready = gathered / "tiny_one-1.0-py3-none-any.whl", workbook / ".venv" / ".ready"
    whole = cut.read_bytes()
    cut.write_bytes(whole[:-10])
    failed = make(workbook, gathered, tmp_path)
    assert failed.returncode and "cut off or changed: tiny_one-1.0" in failed.stderr and not ready.exists()
    assert "is this the folder" in make(workbook, tmp_path / "mistyped", tmp_path).stderr
    assert make(workbook, None, tmp_path).returncode and not ready.exists()  # so nothing else can be reached

    cut.write_bytes(whole)
    done = make(workbook, gathered, tmp_path)
    assert done.returncode == 0 and ready.exists(), done.stderr
    python = workbook / ".venv" / "bin" / "python"
    assert subprocess.run([python, "-c", "import tiny_one, tiny_two, tiny_three"]).returncode == 0


def test_make_installs_over_the_local_network(gathered, workbook, served, tmp_path):
    folder, address, asked = served
    shutil.copytree(gathered, folder, dirs_exist_ok=True)
    done = make(workbook, f"{address}/", tmp_path)
    assert done.returncode == 0, done.stderr
    assert any("tiny_two-1.0" in line for line in asked)
