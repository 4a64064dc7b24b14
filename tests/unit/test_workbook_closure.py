"""Which of `lib` a notebook's outputs rest on: what its code imports, and what that imports; no more and no less."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lib.workbook import ROOT, names, provenance
from lib.workbook.build import build

FILES = {
    "lib/__init__.py": "",
    "lib/audio.py": "import numpy",
    "lib/train.py": "from lib import audio",
    "lib/losses.py": "",
    "lib/data/__init__.py": "def load():\n    from lib.data import folder",
    "lib/data/folder.py": "",
    "lib/data/table.py": "",
    "lib/data/__pycache__/table.pyc": "",
    "lib/weights/cnn.safetensors": "",
    "lib/workbook/setup.py": "from lib import losses",
    "notebooks/logs/50_long.npz": "",
    "notebooks/logs/51_other.npz": "",
}
CODE = ("%matplotlib inline\nfrom lib.data import table", "import lib.workbook.setup", "f(log='50_long')\nimport numpy")
COUNTS = ("lib/__init__.py", "lib/data/__init__.py", "lib/data/folder.py", "lib/data/table.py",
          "lib/weights/cnn.safetensors", "notebooks/logs/50_long.npz")  # fmt: skip


def notebook(*code):
    return new_notebook(cells=[new_markdown_cell("from lib import train"), *map(new_code_cell, code)])


@pytest.fixture
def repository(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.mark.parametrize("changed", FILES)
def test_what_the_code_leans_on_counts_and_nothing_else(repository, changed):
    before = provenance.lib_hash(notebook(*CODE), repository)
    (repository / changed).write_text(FILES[changed] + "\n# changed")
    assert (provenance.lib_hash(notebook(*CODE), repository) != before) == (changed in COUNTS)


def test_imports_of_imports_count_when_they_are_new(repository):
    before = provenance.lib_hash(notebook(*CODE), repository)
    (repository / "lib/data/table.py").write_text("import lib.train")
    with_train = provenance.lib_hash(notebook(*CODE), repository)
    (repository / "lib/audio.py").write_text("import scipy")
    assert len({before, with_train, provenance.lib_hash(notebook(*CODE), repository)}) == 3


@pytest.mark.parametrize("changed, counts", [("small_cnn", True), ("texts", True), ("panns", False)])
def test_encoders_count_that_are_named(repository, changed, counts):
    """In the code or in what it imports: nothing imports them before they are asked for by name."""
    for name, content in (("__init__", "AUDIO = {'cnn14': 'panns'}"), ("small_cnn", ""), ("texts", ""), ("panns", "")):
        (repository / "lib" / "encoders").mkdir(exist_ok=True)
        (repository / "lib" / "encoders" / f"{name}.py").write_text(content)
    (repository / "lib/data/table.py").write_text("def encode(text='minilm'):\n    import lib.encoders")
    asks = notebook("from lib.data import table", "encoders.audio('small_cnn')")
    before = provenance.lib_hash(asks, repository)
    (repository / "lib" / "encoders" / f"{changed}.py").write_text("# changed")
    assert (provenance.lib_hash(asks, repository) != before) == counts


def test_a_cell_that_cannot_run_does_not_hide_the_others(repository):
    broken = notebook("from lib import losses", "1 +")
    assert provenance._imports(broken, repository) == {repository / "lib/__init__.py", repository / "lib/losses.py"}


def test_notebooks_without_training_do_not_rest_on_it():
    rests = {}
    for name in names():
        rests[name[:2]] = {path.relative_to(ROOT).as_posix() for path in provenance._imports(build(name), ROOT)}
    assert "lib/train.py" not in rests["01"] | rests["02"] and "lib/train.py" in rests["08"]
    assert "lib/encoders/small_cnn.py" in rests["08"] & rests["10"] and "lib/encoders/beats.py" in rests["04"]
    assert "lib/encoders/beats.py" not in rests["08"]
    for name, files in rests.items():
        assert {"lib/__init__.py", "lib/show/claims.py", "lib/data/soundscapes.py"} <= files, name
        assert not any(file.startswith("lib/workbook/") for file in files), name
