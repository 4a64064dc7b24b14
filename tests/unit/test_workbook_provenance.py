"""Stale outputs are caught: code changed, cells edited, prose behind; prose alone executes nothing again."""

import json

import nbformat
import pytest

from lib.workbook import bands, build, commands, ledger, provenance, runner, runtimes
from tests.unit import workbook_example as example

WANTED = {"PROFILE": "laptop", "DATA": "soundscapes", "SEED": 0}
RUN = runner.Run("50_example", "laptop", 12.3, 11.0, 800.4, 90, 4096)


def committed(tmp_path):
    """The example built, stamped and with its table of run times, as `make notebooks` leaves it."""
    notebook = build.build("50_example", example.sources(tmp_path))
    notebook.metadata["hearsay"] = provenance.stamp(notebook, RUN, WANTED)
    runtimes.fill(notebook, {"laptop": {"seconds": 12.3, "peak_mib": 800}})
    return notebook


def rebuilt(tmp_path, text):
    return build.build("50_example", example.sources(tmp_path, text))


def test_fresh_outputs_are_not_stale_and_say_where_they_come_from(tmp_path):
    notebook = committed(tmp_path)
    assert provenance.stale(notebook, rebuilt(tmp_path, example.GOOD)) == []
    stamp = notebook.metadata["hearsay"]
    assert (stamp["profile"], stamp["data"], stamp["seed"], stamp["seconds"]) == ("laptop", "soundscapes", 0, 12.3)
    assert set(provenance.PACKAGES) < set(stamp["versions"]) and stamp["versions"]["torch"] != "absent"


@pytest.mark.parametrize(
    "text, reason",
    [
        (example.broken("0.41 + SEED", "0.42 + SEED"), "source's code has changed"),
        (example.broken("did not show: much.", "did not show: more."), "prose differs"),
    ],
)
def test_a_changed_source_is_caught(tmp_path, text, reason):
    (found,) = provenance.stale(committed(tmp_path), rebuilt(tmp_path, text))
    assert reason in found


def test_an_edited_notebook_and_one_without_stamp_are_caught(tmp_path):
    notebook = committed(tmp_path)
    notebook.cells[-2].source += "\nprint('edited here')"
    assert "edited in the notebook" in provenance.stale(notebook, rebuilt(tmp_path, example.GOOD))[0]
    notebook.metadata["hearsay"] = {}
    assert "no provenance" in provenance.stale(notebook, rebuilt(tmp_path, example.GOOD))[0]


def test_run_times_are_filled_in_again_and_again():
    from nbformat.v4 import new_markdown_cell, new_notebook

    notebook = new_notebook(cells=[new_markdown_cell(f"before\n\n{runtimes.OPEN}\n\nafter")])
    for seconds in (5, 7):
        runtimes.fill(notebook, {"smoke": {"seconds": seconds, "peak_mib": 600}})
    text = notebook.cells[0].source
    assert text.count("| smoke |") == 1 and "| smoke | 7 s | 600 MiB |" in text and text.endswith("after")
    assert (
        "| gpu | not measured (budget 1200 s) |" in text
        and runtimes.blank(text) == f"before\n\n{runtimes.OPEN}\n\nafter"
    )


# The commands, on a repository in a temporary folder


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """`make notebooks` and `make verify` working on the example alone."""
    sources = example.sources(tmp_path / "notebooks" / "source")
    for module, name, value in (
        (commands, "NOTEBOOKS", tmp_path / "notebooks"),
        (commands, "METRICS", tmp_path / "notebooks" / "metrics"),
        (commands, "BUILD", tmp_path / "build"),
        (commands, "SOURCES", sources),
        (commands, "names", lambda select="": ["50_example"]),
        (commands, "build", lambda name: build.build(name, sources)),
        (commands.prepare, "timed", lambda *args: 0.0),
    ):
        monkeypatch.setattr(module, name, value)
    calls = []

    def run(names, wanted, out, *_):
        calls.append(wanted["PROFILE"])
        (out / "scratch").mkdir(parents=True, exist_ok=True)
        return [runner.execute(runner.Job(n, wanted, str(out), 90, 4096, str(sources))) for n in names]

    monkeypatch.setattr(commands.runner, "run", run)
    return tmp_path, sources, calls


def test_make_notebooks_executes_once_and_then_only_what_changed(repository):
    root, sources, calls = repository
    assert commands.notebooks("", force=False) == 0 and calls == ["smoke", "laptop"]
    path = root / "notebooks" / "50_example.ipynb"
    first = nbformat.read(path, 4)
    assert [c.execution_count for c in first.cells if c.cell_type == "code"] == [1, 2, 3, 4]
    assert "| laptop | " in first.cells[4].source and "W6" in (root / "notebooks" / "LEDGER.md").read_text()
    (entry,) = ledger.load(root / "notebooks" / "metrics")
    assert set(entry["runs"]) == {"smoke", "laptop"} and entry["metrics"][0]["value"] == 0.41

    (sources / "50_example.py").write_text(example.broken("did not show: much.", "did not show: more."))
    assert commands.notebooks("", force=False) == 0 and len(calls) == 2, "prose alone executes nothing"
    second = nbformat.read(path, 4)
    assert "more" in second.cells[-1].source and second.cells[5].outputs == first.cells[5].outputs

    (sources / "50_example.py").write_text(example.broken("0.41 + SEED", "0.43 + SEED"))
    assert commands.notebooks("", force=False) == 0 and len(calls) == 4
    assert provenance.stale(nbformat.read(path, 4), build.build("50_example", sources)) == []


def test_make_verify_fails_and_names_the_verdict_that_moved(repository, capsys):
    root, *_ = repository
    assert commands.notebooks("", force=False) == 0
    assert commands.verify("") == 0
    assert "none has moved" in (said := capsys.readouterr().out) and "of lib has changed" not in said
    path = root / "notebooks" / "metrics" / "50_example.json"
    entry = json.loads(path.read_text())
    entry |= {"claims": [{"key": "W6", "verdict": "replicates"}], "lib": "older"}
    path.write_text(json.dumps(entry))
    assert commands.verify("") == 1
    said = capsys.readouterr().out
    assert "50_example W6: replicates -> not there" in said
    assert "what they import of lib has changed since these outputs were made: 50_example (" in said


def test_a_failing_notebook_fails_the_command_and_keeps_the_committed_one(repository, capsys):
    root, sources, _ = repository
    assert commands.notebooks("", force=False) == 0
    before = (root / "notebooks" / "50_example.ipynb").read_bytes()
    (sources / "50_example.py").write_text(example.GOOD + "\n# %%\n1 / 0\n")
    assert commands.notebooks("", force=False) == 1
    assert "failed: 50_example" in capsys.readouterr().out
    assert (root / "notebooks" / "50_example.ipynb").read_bytes() == before


def test_measured_numbers_go_into_the_prose_of_the_source(repository, capsys):
    root, sources, calls = repository
    (sources / "50_example.py").write_text(example.broken("**0.41**<!--", "**0.00**<!--"))
    assert commands.notebooks("", force=False) == 0 and commands.numbers("") == 0
    assert (sources / "50_example.py").read_text() == example.GOOD
    said = capsys.readouterr().out
    assert "50_example: 1 lines" in said and "+ # The value is **0.41**" in said


def test_paths_in_data_are_made_absolute(tmp_path, monkeypatch):
    (tmp_path / "clips").mkdir()
    monkeypatch.chdir(tmp_path)
    assert commands.locate("folder:clips") == f"folder:{tmp_path / 'clips'}"
    assert commands.locate("soundscapes!shuffled") == "soundscapes!shuffled"


# Bands


def test_bands_are_two_sided_and_have_a_floor():
    assert bands.band([0.5, 0.5, 0.5]) == {"low": 0.498, "high": 0.502, "mean": 0.5, "sd": 0.0}
    noisy = bands.band([0.4, 0.5, 0.6])
    assert noisy["low"] == pytest.approx(0.1) and noisy["high"] == pytest.approx(0.9)
    assert bands.band([0.5, 0.5001])["low"] == pytest.approx(0.49505)


def entry(value, **more):
    metrics = [{"name": "50.value", "value": value}, *({"name": k, "value": v} for k, v in more.items())]
    return {"metrics": metrics, "claims": []}


@pytest.mark.parametrize(
    "found, problem",
    [
        (entry(0.41), None),
        (entry(0.46), "50.value = 0.4600 is outside"),
        (entry(0.36), "50.value = 0.3600 is outside"),
        (entry(0.41, new=1.0), "new = 1.0000 has no band"),
        ({"metrics": [], "claims": []}, "50.value was not measured"),
        (entry(0.41, train_seconds=3.0), None),
    ],
)
def test_metrics_outside_their_band_are_named(found, problem):
    problems = bands.outside({"50_example": {"50.value": bands.band([0.4, 0.41, 0.42])}}, "50_example", found)
    assert (problems == []) if problem is None else any(problem in p for p in problems)


def test_rebaselining_needs_ten_seeds_and_a_reason(tmp_path, monkeypatch, capsys):
    def session(select, profile, seed, out):
        ledger_file = out / "metrics" / "50_example.json"
        ledger_file.parent.mkdir(parents=True, exist_ok=True)
        ledger_file.write_text(json.dumps({"notebook": "50_example", **entry(0.4 + 0.01 * seed)}))
        return [RUN]

    monkeypatch.setattr(bands.commands, "session", session)
    monkeypatch.setattr(bands.commands, "names", lambda select: ["50_example"])
    monkeypatch.setattr(bands, "BUILD", tmp_path)
    other = tmp_path / "rebaseline" / "0" / "metrics" / "51_other.json"  # left from another day
    other.parent.mkdir(parents=True)
    other.write_text(json.dumps({"notebook": "51_other", **entry(0.9)}))
    assert bands.rebaseline("", "the first bands", tmp_path / "smoke.json") == 0
    made = json.loads((tmp_path / "smoke.json").read_text())
    assert made["reasons"] == ["the first bands"] and "51_other" not in made
    assert made["50_example"]["50.value"]["mean"] == pytest.approx(0.445)
    assert "50_example 50.value: none -> " in capsys.readouterr().out
