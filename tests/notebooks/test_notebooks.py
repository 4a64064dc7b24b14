"""Every notebook runs at profile smoke, offline, within its limits and bands; what is committed is fresh and clean."""

import json
import warnings

import nbformat
import pytest

from lib.data import shared
from lib.workbook import BUILD, METRICS, NOTEBOOKS, bands, build, commands, ledger, lint, names, provenance

NAMES = names()
pytestmark = [pytest.mark.notebooks, pytest.mark.timeout(1200)]


@pytest.fixture(scope="session")
def runs():
    """All notebooks at smoke, two at once, as `make run` runs them; nothing outside this machine can be reached."""
    with pytest.MonkeyPatch.context() as patch:
        for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            patch.setenv(proxy, "http://127.0.0.1:9")
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        return {done.name: done for done in commands.session("", "smoke", out=BUILD / "test")}


def committed(name: str):
    path = NOTEBOOKS / f"{name}.ipynb"
    assert path.exists(), f"{path.name} is not there; run `make notebooks NB={name[:2]}`"
    return nbformat.read(path, 4), json.loads((METRICS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_within_its_hard_limits(runs, name):
    assert not runs[name].problem, runs[name].problem
    if runs[name].over:
        warnings.warn(runs[name].line(), stacklevel=1)


@pytest.mark.parametrize("name", NAMES)
def test_its_metrics_are_inside_their_bands(runs, name):
    entry = json.loads((BUILD / "test" / "metrics" / f"{name}.json").read_text(encoding="utf-8"))
    partial = not shared.given().is_dir()
    problems = bands.outside(json.loads(bands.EXPECTED.read_text()), name, entry, partial=partial)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_anatomy_of_all(name):
    built = build.build(name)
    if note := lint.density(built):
        warnings.warn(f"{name}: {note}", stacklevel=1)
    assert not (problems := list(lint.structure(built, name))), "\n".join(problems)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_comes_from_this_source_and_is_clean(name):
    notebook, entry = committed(name)
    problems = provenance.stale(notebook, build.build(name)) + list(lint.hygiene(notebook, name))
    assert not problems, "\n".join(problems)
    assert notebook.metadata["hearsay"]["profile"] == entry["profile"] == "laptop"
    assert ledger.collect(notebook) == {"metrics": entry["metrics"], "claims": entry["claims"]}


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_in_its_prose_are_the_measured_ones(name):
    notebook, entry = committed(name)
    assert not (problems := list(lint.prose(notebook, entry))), "\n".join(problems)


def test_there_is_no_notebook_without_a_source():
    assert sorted(p.stem for p in NOTEBOOKS.glob("*.ipynb")) == NAMES
    assert not list(lint.total(NOTEBOOKS))


def test_the_committed_ledger_is_made_of_the_committed_metrics():
    assert (NOTEBOOKS / "LEDGER.md").read_text(encoding="utf-8") == ledger.markdown(ledger.rows(ledger.load(METRICS)))


def test_the_world_is_hard_and_yet_it_can_be_done():
    """At laptop: frozen encoders with NT-Xent leave later notebooks room; an oracle shows what there is to reach."""
    measured = {}
    for name in NAMES:
        measured |= {metric["name"]: metric["value"] for metric in committed(name)[1]["metrics"]}
    assert 0.35 <= measured["08.map10.standard"] <= 0.60
    assert min(measured["01.oracle.map10"], measured["02.oracle.map10"]) >= 0.75
