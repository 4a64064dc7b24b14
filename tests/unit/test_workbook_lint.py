"""Each rule of the lint passes the good example, and fails on one thing changed in it."""

import json

import pytest
from nbformat.v4 import new_output

from lib.workbook import build, lint
from tests.unit import workbook_example as example

B = example.broken


def built(tmp_path, text=example.GOOD):
    return build.build("50_example", example.sources(tmp_path, text))


def executed(tmp_path):
    """The good example as if it had run."""
    notebook = built(tmp_path)
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
        cell.execution_count = count
    return notebook


def test_the_good_example_passes(tmp_path):
    notebook = executed(tmp_path)
    assert list(lint.structure(notebook, "50_example", tmp_path)) == []
    assert list(lint.hygiene(notebook, "50_example")) == []


@pytest.mark.parametrize(
    "text, problem",
    [
        (B("# # 50 An", "# # An"), "begin with `# 50 `"),
        (B("# {{badge}}\n", ""), "Colab badge"),
        (B('pipeline(["loss"])', ""), "the one picture"),
        (B('pipeline(["loss"])', 'pipeline(["loss"])\npipeline(["loss"])'), "got it 2 times"),
        (B("# - read\n# - write\n", ""), "3 to 5 points below it, got 1"),
        (B("# **After this you can**\n", ""), "got 0"),
        (B("**Before:** nothing.", "nothing."), "no prerequisites"),
        (B("# <!--runtimes-->\n", ""), "table of run times"),
        (B("# ### Exercise 3\n", ""), "three headings"),
        (B("# ### Exercise 2\n# <details></details>\n", "# ### Exercise 2\n"), "folded solution"),
        (B("# ## Recap\n", ""), "a recap"),
        (B("# ## Further reading\n", ""), "further reading"),
        (B("did not show", "left out"), "did not show"),
        (B("SEED = 0\n", "SEED = 0\nFAST = True\n"), "nothing else, got PROFILE, DATA, SEED, FAST"),
        (B("SEED = 0\n", ""), "got PROFILE, DATA"),
        (B('tags=["parameters"]', ""), "tagged `parameters`"),
        (B("did not show: much.", "did not show. ![](x.png)"), "x.png has no alt text"),
        (example.GOOD + "\n# %%\n" + "x = 1\n" * 26, "has 26 lines; at most 25"),
        (example.GOOD + '\n# %%\nn = 5 if PROFILE == "smoke" else 50\n', "branches on the profile's name"),
    ],
)
def test_each_missing_part_is_named(tmp_path, text, problem):
    problems = list(lint.structure(built(tmp_path, text), "50_example", tmp_path))
    assert any(problem in p for p in problems), problems


def test_an_edited_setup_cell_is_caught(tmp_path):
    notebook = built(tmp_path)
    notebook.cells[build.tagged(notebook, "setup")].source += "\nimport os"
    assert any("setup cell differs" in p for p in lint.cells(notebook, tmp_path))
    (tmp_path / "_setup.py").write_text("# %%\n" + "x = 1\n" * 16)
    assert any("longer than 15" in p for p in lint.cells(build.build("50_example", tmp_path), tmp_path))


@pytest.mark.parametrize(
    "code, banned",
    [
        ('if PROFILE == "smoke": n = 1', True),
        ('n = {"smoke": 1, "laptop": 2}[PROFILE]', True),
        ('n = {"smoke": 1}.get(PROFILE, 2)', True),
        ('n = 1 if profile.name.startswith("s") else 2', True),
        ("match profile.name:\n    case 'smoke': n = 1", True),
        ('while PROFILE != "gpu": break', True),
        ('[x for x in range(3) if PROFILE == "smoke"]', True),
        ("profile = lib.profiles.get(PROFILE)", False),
        ("profile = profiles.get(PROFILE)", False),
        ("%matplotlib inline\nn = profile.n_train", False),
        ("if profile.n_train > 100: pass", False),
        ('print(f"profile {profile.name}")', False),
    ],
)
def test_no_branch_on_the_profiles_name(code, banned):
    assert lint.branches_on_profile(code) is banned


STDERR = new_output("stream", name="stderr", text="UserWarning: mind\n")
ERROR = new_output("error", ename="KeyError", evalue="'x'", traceback=[])
FIGURE = new_output("display_data", data={"image/png": "aGk=", "text/plain": "x"})
HTML = new_output("display_data", data={"text/html": "<img src='data:image/png;base64,aGk='>"})
WAV = new_output("display_data", data={"text/html": "<audio src='data:audio/wav;base64,aGk='>"})
PATH = new_output("stream", name="stdout", text="read /home/ada/clips/a.wav\n")
LARGE = new_output("stream", name="stdout", text="x" * 1_000_001)


@pytest.mark.parametrize(
    "output, problem",
    [
        (STDERR, "wrote to stderr"),
        (ERROR, "failed with KeyError"),
        (FIGURE, "a figure has no alt text"),
        (HTML, "an image in HTML has no alt text"),
        (WAV, "must be short Opus"),
        (PATH, "absolute path: /home/ada"),
        (LARGE, "at most 1,000,000"),
    ],
)
def test_each_unclean_output_is_named(tmp_path, output, problem):
    notebook = executed(tmp_path)
    notebook.cells[-2].outputs = [output]
    assert any(problem in p for p in lint.hygiene(notebook, "50_example"))


def test_the_notebook_whose_points_sound_may_be_larger_not_endless(tmp_path):
    notebook = executed(tmp_path)
    for size, fine in ((3_900_000, True), (4_000_001, False)):
        notebook.cells[-2].outputs = [new_output("stream", name="stdout", text="x" * size)]
        problems = [p for p in lint.hygiene(notebook, "16_example") if "bytes" in p]
        assert bool(problems) is not fine and all("at most 4,000,000" in p for p in problems)


def test_alt_texts_and_addresses_are_fine(tmp_path):
    notebook = executed(tmp_path)
    figure = new_output("display_data", data={"image/png": "aGk="}, metadata={"image/png": {"alt": "Two bars"}})
    page = new_output("display_data", data={"text/html": "<img alt='Two bars' src='x'> https://a.org/home/ada"})
    notebook.cells[-2].outputs = [figure, page]
    assert list(lint.hygiene(notebook, "50_example")) == []


@pytest.mark.parametrize("counts", [[1, 2, 3, None], [1, 3, 2, 4], [2, 3, 4, 5]])
def test_cells_must_have_run_once_in_order(tmp_path, counts):
    notebook = executed(tmp_path)
    for cell, count in zip((c for c in notebook.cells if c.cell_type == "code"), counts):
        cell.execution_count = count
    assert any("execution counts" in p for p in lint.hygiene(notebook, "50_example"))


def test_foreign_ids_and_widget_states_are_caught(tmp_path):
    notebook = executed(tmp_path)
    notebook.cells[3]["id"], notebook.metadata["widgets"] = "abc", {"state": {}}
    problems = list(lint.hygiene(notebook, "50_example"))
    assert any("cell ids" in p for p in problems) and any("state of widgets" in p for p in problems)


def test_all_notebooks_together_have_a_limit(tmp_path, monkeypatch):
    (tmp_path / "50_example.ipynb").write_text("x" * 100)
    assert list(lint.total(tmp_path)) == []
    monkeypatch.setattr(lint, "MAX_TOTAL_BYTES", 99)
    assert any("100 bytes together" in p for p in lint.total(tmp_path))


CLAIM = {"key": "W6", "effect": 0.0234, "ci": [-0.01, 0.05], "n": 500}
ENTRY = {"metrics": [{"name": "50.value", "value": 0.41, "ci": [0.3, 0.5], "n": 10}], "claims": [CLAIM]}


def test_numbers_in_prose_are_the_measured_ones(tmp_path):
    assert list(lint.prose(built(tmp_path), ENTRY)) == []


@pytest.mark.parametrize(
    "text, problem",
    [
        (B("**0.41**<!--", "**0.42**<!--"), "the prose says 0.42, the run measured 0.41"),
        (B("**0.41**<!--", "**0.413**<!--"), "the run measured 0.410"),
        (B("**0.41**<!--m:50.value-->", "**0.41**<!--m:50.valeu-->"), "50.valeu is bound to 0.41 but was not measured"),
        (B("**0.41**<!--", "0.41<!--"), "does not follow a bold number"),
        (B("50.0 %", "51.0 %"), "the run measured 50.0"),
    ],
)
def test_numbers_in_prose_that_rot_are_caught(tmp_path, text, problem):
    assert any(problem in p for p in lint.prose(built(tmp_path, text), ENTRY))


def test_numbers_can_be_filled_in_again(tmp_path):
    rotten = B("**0.41**<!--", "**0.97**<!--").replace("50.0 %", "12.3 %")
    assert lint.refill(rotten, ENTRY) == example.GOOD
    assert lint.refill("**1,045**<!--m:50.value.n--> **2**<!--m:unknown-->", ENTRY).startswith("**10**<!--")


@pytest.mark.parametrize(
    "printed, value, now",
    [("1,045", 1234567, "1,234,567"), ("1,045.50", 2000000.5, "2,000,000.50"), ("+1,000", 2e6, "+2,000,000"),
     ("1,045", -7654321.4, "-7,654,321"), ("999", 1234567, "1234567")],
)  # fmt: skip
def test_large_numbers_are_refilled_in_full(printed, value, now):
    entry = {"metrics": [{"name": "50.large", "value": value}], "claims": []}
    text = f"**{printed}**<!--m:50.large-->"
    assert lint.refill(text, entry) == f"**{now}**<!--m:50.large-->"


@pytest.mark.parametrize(
    "printed, value, now",
    [("+0.023", 0.0234, "+0.023"), (".02", 0.0234, ".02"), ("−0.01", -0.0104, "-0.01"), ("1,000", 1000.2, "1000")],
)
def test_numbers_keep_the_form_of_the_prose(printed, value, now):
    assert lint.rounded(value, printed) == now


def test_claims_and_counts_have_names_too():
    assert lint.known(ENTRY) == {
        "50.value": 0.41, "50.value.low": 0.3, "50.value.high": 0.5, "50.value.n": 10,
        "claim.W6": 0.0234, "claim.W6.low": -0.01, "claim.W6.high": 0.05, "claim.W6.n": 500,
    }  # fmt: skip


def test_too_few_words_are_a_warning(tmp_path):
    notebook = built(tmp_path, example.GOOD + "\n# %%\n" + "x = 1\n" * 20)
    assert "words per line" in lint.density(notebook)
    assert json.dumps(notebook)  # a warning only: structure does not mention it
    assert not any("words per" in p for p in lint.structure(notebook, "50_example", tmp_path))
