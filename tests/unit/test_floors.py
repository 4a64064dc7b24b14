"""Imports point downwards, floor by floor; each new file of `lib` has to say on which floor it stands."""

import ast

import pytest

from lib.workbook import ROOT

# What `lib` is made of, from the ground up. A module imports from floors below its own, a package also from itself.
FLOORS = (
    "audio augment batch_pairs fetch fingerprint metrics mix parallel pooling profiles search split_zip stats store "
    "variants",
    "frames_file soft_targets unpack",
    "adapters books data encoders examples losses predictions runs",
    "cache difference paraphrase pooled run_log show towers train",
    "corpus difference_runs llm",
    "difference_map example_folder folder_index one_space recipe",
    "promise retrieval systems",
    "arms departures",
    "costs full_scale",
    "workbook",
)


def arrows(files: dict[str, str]) -> set[tuple[str, str]]:
    """(importer, imported) among these modules of `lib` (dotted name -> code), wherever the import stands."""
    found = set()
    for name, code in files.items():
        for node in ast.walk(ast.parse(code)):
            given = [a.name for a in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom):
                given = [f"{node.module}.{each}" if f"{node.module}.{each}" in files else node.module for each in given]
            found |= {(name, each) for each in given if each.startswith("lib.")}
    return found


def upwards(files: dict[str, str]) -> list[str]:
    """Imports that do not point downwards, and circles inside a package; empty when all is well."""
    floor = {name: number for number, row in enumerate(FLOORS) for name in row.split()}
    pairs = arrows(files)
    parts = [(a, b, a.split(".")[1], b.split(".")[1]) for a, b in pairs]
    wrong = [f"{a} imports {b}" for a, b, own, other in parts if own != other and floor[own] <= floor[other]]
    below = {name: {b for a, b in pairs if a == name} for name in files}
    while free := [name for name, others in below.items() if not others & set(below)]:
        below = {name: others for name, others in below.items() if name not in free}
    return sorted(wrong) + [f"{name} is in a circle or above one" for name in sorted(below)]


def of_lib() -> dict[str, str]:
    """Each module of `lib` by its dotted name."""
    paths = {path: path.relative_to(ROOT).with_suffix("").parts for path in (ROOT / "lib").rglob("*.py")}
    names = {path: ".".join(parts).removesuffix(".__init__") for path, parts in paths.items()}
    return {name: path.read_text() for path, name in names.items() if name != "lib"}


def test_imports_point_downwards():
    assert {name.split(".")[1] for name in of_lib()} == set(" ".join(FLOORS).split()), "a new file needs its floor"
    assert not upwards(of_lib())


@pytest.mark.parametrize("module, code, said", [
    ("lib.audio", "from lib import train", "lib.audio imports lib.train"),
    ("lib.runs", "def f():\n    from lib.cache import frames", "lib.runs imports lib.cache"),
    ("lib.data.table", "import lib.workbook.lint", "lib.data.table imports lib.workbook.lint"),
    ("lib.data.world", "from lib.data import grammar", "lib.data.grammar is in a circle or above one"),
])  # fmt: skip
def test_an_import_that_points_upwards_is_seen(module, code, said):
    assert said in upwards({**of_lib(), module: code})
