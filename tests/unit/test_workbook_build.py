"""Building is deterministic, fills in the one setup cell and the badge, and strips what would differ."""

import nbformat
import pytest
from nbformat.v4 import new_output

from lib.workbook import build, names
from tests.unit import workbook_example as example


@pytest.fixture
def sources(tmp_path):
    return example.sources(tmp_path)


def test_a_build_is_the_same_twice_and_valid(sources):
    first, second = (nbformat.writes(build.build("50_example", sources)) for _ in range(2))
    assert first == second
    nbformat.validate(nbformat.reads(first, 4))


def test_the_setup_cell_has_one_source(sources):
    notebook = build.build("50_example", sources)
    assert notebook.cells[build.tagged(notebook, "setup")].source == 'import sys\nprint("Python", sys.version_info[0])'
    (sources / "50_example.py").write_text(
        example.GOOD.replace("# %% tags=", '# %% tags=["setup"]\n# stale\n\n# %% tags=', 1)
    )
    again = build.build("50_example", sources)
    assert [c.source for c in again.cells] == [c.source for c in notebook.cells]


def test_the_badge_comes_from_the_one_address(sources):
    assert build.badge("50_example") in build.build("50_example", sources).cells[0].source
    assert build.repository().removeprefix("https://github.com/") in build.badge("50_example")


def test_ids_follow_content_so_an_inserted_cell_moves_no_other(sources):
    before = [c["id"] for c in build.build("50_example", sources).cells]
    (sources / "50_example.py").write_text(example.GOOD.replace("# %%\nfrom", "# %%\n1 + 1\n\n# %%\nfrom"))
    after = [c["id"] for c in build.build("50_example", sources).cells]
    assert [i for i in after if i in before] == before and len(set(after)) == len(after)


def test_equal_cells_have_different_ids(sources):
    (sources / "50_example.py").write_text(example.GOOD + "\n# %%\n1\n\n# %%\n1\n")
    ids = [c["id"] for c in build.build("50_example", sources).cells]
    assert len(set(ids)) == len(ids)


def test_cleaning_strips_what_differs_and_keeps_real_warnings(sources):
    notebook = build.build("50_example", sources)
    cell = notebook.cells[build.tagged(notebook, "parameters")]
    cell.metadata.update(papermill={"status": "x"}, execution={"t": 1})
    notebook.metadata.update(papermill={"input_path": "/x"}, widgets={"state": {}})
    bar = new_output("stream", name="stderr", text=" 10%|#  | 1/10 [00:01<00:02, 9.9it/s]\r")
    warning = new_output("stream", name="stderr", text="UserWarning: mind this\n")
    widget = new_output("display_data", data={build.WIDGET: {}, "text/plain": "Search"})
    busy = new_output("display_data", data={build.WIDGET: {}, "text/plain": "tokens:   0%|          | 0/899"})
    cell.outputs = [bar, warning, busy, widget]
    build.clean(notebook)
    assert "papermill" not in cell.metadata and "execution" not in cell.metadata
    assert set(notebook.metadata) == {"kernelspec", "language_info", "hearsay"}
    assert (
        cell.outputs[0] == warning and dict(cell.outputs[1].data) == {"text/plain": "Search"} and len(cell.outputs) == 2
    )


@pytest.mark.parametrize(
    "text, message",
    [
        (example.GOOD.replace(' tags=["parameters"]', ""), "cell tagged `parameters`"),
        (example.GOOD.replace("SEED = 0", "SEED = 0\nprint(SEED)"), "only PROFILE, DATA, SEED"),
    ],
)
def test_parameters_are_constants_in_a_tagged_cell(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        build.parameters(build.build("50_example", example.sources(tmp_path, text)))


def test_notebooks_are_chosen_by_number_or_name(sources):
    assert names("", sources) == names("50", sources) == names("50_example", sources) == ["50_example"]
    with pytest.raises(ValueError, match="50_example; got '51'"):
        names("51", sources)
