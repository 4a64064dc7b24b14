"""The ledger holds every key: measured, with its interval; or with who will measure it, or why nobody can."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from lib import arms
from lib.show import claims
from lib.workbook import ROOT, ledger
from lib.workbook.findings import FINDINGS


def claim(key="W6", gain=0.2, seed=0):
    """A claim as `lib.show.claims` emits it."""
    rng = np.random.default_rng(seed)
    b = rng.random((2, 200)) / 2
    return vars(claims.judge(key, "a beats b", b + gain + 0.01 * rng.standard_normal(b.shape), b)).copy()


def entry(*found, metrics=(), name="08_nt_xent_loss", lib="x"):
    stamped = {"notebook": name, "profile": "laptop", "data": "soundscapes", "lib": lib}
    return {**stamped, "metrics": list(metrics), "claims": list(found)}


def notebook(*bundles):
    outputs = [new_output("display_data", data={**b, "text/plain": "x"}) for b in bundles]
    return new_notebook(cells=[new_code_cell("1", outputs=outputs)])


def test_the_ledger_reads_what_the_cells_emit():
    metric = {"name": "a", "value": 1.0, "ci": None, "n": None}
    found = ledger.collect(notebook({ledger.METRIC: metric}, {ledger.CLAIM: claim()}))
    assert found["metrics"] == [metric] and found["claims"][0]["verdict"] == "replicates"


def test_a_name_used_twice_is_an_error():
    metric = {"name": "a", "value": 1.0, "ci": None, "n": None}
    with pytest.raises(ValueError, match="got a more than once"):
        ledger.collect(notebook({ledger.METRIC: metric}, {ledger.METRIC: metric}))


def test_a_stand_in_may_not_give_a_verdict_on_the_original():
    with pytest.raises(ValueError, match="key of its own instead of .*X2"):
        ledger.collect(notebook({ledger.CLAIM: claim("X2")}))
    assert ledger.collect(notebook({ledger.CLAIM: claim("X2.minilm")}))["claims"]


def test_a_stand_in_is_named_in_the_row_of_its_original_and_never_measures_it():
    number = {"name": "09.P3.target", "value": 0.3, "ci": None, "n": None}
    before, after = (
        next(r for r in ledger.rows(entries) if r["key"] == "P3")
        for entries in ([], [entry(claim("P3.soundscapes"), metrics=[number], name="09_noisy_pretraining")])
    )
    assert "pending in notebook 09" in before["verdict"] and "not measurable offline" in after["verdict"]
    assert "measured instead, in its own wording: P3.soundscapes" in after["verdict"]


def test_what_notebook_19_has_settings_for_says_so():
    assert {row["key"] for row in ledger.rows([]) if "; settings in notebook 19" in row["verdict"]} == {*arms.ARMS}


def test_every_key_is_there_and_says_something():
    table = ledger.rows([])
    assert [r["key"] for r in table] == list(FINDINGS) and len(table) == 37
    for row in table:
        assert re.match(
            r"pending: notebook \d\d|not measurable offline: needs|not measurable offline: \w+", row["verdict"]
        )
        assert row["paper"] and row["source"] and len(row["claim"].split()) > 2


def test_a_measured_key_has_its_interval_and_verdict():
    row = next(r for r in ledger.rows([entry(claim())]) if r["key"] == "W6")
    assert row["verdict"] == "replicates" and row["notebook"] == "08_nt_xent_loss, laptop"
    assert re.fullmatch(r"\+0\.\d{3} \[\+0\.\d{3}, \+0\.\d{3}\], n = 400, 2 seeds", row["ours"])


def test_a_key_may_be_answered_by_numbers():
    metric = {"name": "02.X1.map10", "value": 0.068, "ci": [0.065, 0.071], "n": 5225}
    row = next(r for r in ledger.rows([entry(metrics=[metric])]) if r["key"] == "X1")
    assert row["verdict"] == "measured" and row["ours"] == "02.X1.map10 0.068 [0.065, 0.071]"


def test_claims_beyond_the_papers_come_after_the_keys():
    table = ledger.rows([entry(claim("08.same_clip"))])
    assert len(table) == 38 and table[-1]["source"] == "beyond the papers"


def test_pages_escape_what_comes_from_outside():
    evil = {**claim("08.x"), "sentence": "<script>alert(1)</script> | x"}
    table = ledger.rows([entry(evil)])
    page, text = ledger.page(table), ledger.markdown(table)
    assert "<script>alert" not in page and "&lt;script&gt;" in page and all(f"id='{k}'" in page for k in FINDINGS)
    assert "\\| x" in text and sum(line.startswith("| ") for line in text.splitlines()) == 39


def test_publishing_writes_json_and_a_page(tmp_path):
    ledger.publish([entry(claim())], tmp_path)
    assert len(json.loads((tmp_path / "claims.json").read_text())) == 37
    assert "replicates: 1; pending" not in (tmp_path / "ledger.html").read_text()  # keys keep their order
    assert "replicates: 1" in (tmp_path / "ledger.html").read_text()


def test_a_moved_verdict_is_named():
    before, after = [entry(claim(gain=0.2))], [entry(claim(gain=0.0))]
    assert ledger.moved(before, before) == ([], [])
    (sentence,), near = ledger.moved(before, after)
    assert sentence.startswith("08_nt_xent_loss W6: replicates -> ") and "replicates -> replicates" not in sentence
    assert near == []
    assert ledger.moved(before, [entry()]) == (["08_nt_xent_loss W6: replicates -> not there"], [])


def test_a_verdict_on_a_line_may_cross_it():
    here, there = {"effect": 0.01, "ci": [-0.001, 0.02]}, {"effect": 0.011, "ci": [0.001, 0.02]}
    before = [entry({"key": "W6", "verdict": "underpowered", **here})]
    after = [entry({"key": "W6", "verdict": "replicates", **there})]
    said = ["08_nt_xent_loss W6: underpowered -> replicates"]
    assert ledger.moved(before, after) == ([], said)
    for away in ({"effect": 0.021, "ci": [0.001, 0.04]}, {"effect": 0.011, "ci": [0.0105, 0.0115]}):
        far = [entry({"key": "W6", "verdict": "replicates", **away})]
        assert ledger.moved(before, far) == (said, []), "another effect: a move"


def test_records_hold_provenance_and_numbers(tmp_path):
    made = notebook({ledger.CLAIM: claim()})
    made.metadata["hearsay"] = NotebookNode(profile="laptop", lib="abc")
    ledger.record(made, "08_x", tmp_path / "metrics" / "08_x.json", {"laptop": {"seconds": 3, "peak_mib": 100}})
    (read,) = ledger.load(tmp_path / "metrics")
    assert read["lib"] == "abc" and read["runs"]["laptop"]["seconds"] == 3 and len(read["claims"]) == 1


def test_the_findings_are_those_of_the_brief():
    """Where the list of keys that the project answers to is at hand, ours has the same keys and notebooks."""
    path = Path(ROOT).parent / "shared" / "FINDINGS.md"
    if not path.exists():
        assert len(FINDINGS) == 37
        return
    rows = [line.split("|")[1:-1] for line in path.read_text().splitlines() if re.match(r"\| [A-Z]\d+ \|", line)]
    assert [r[0].strip() for r in rows] == list(FINDINGS)
    for key, *_, notebook_numbers, offline in ([c.strip() for c in r] for r in rows):
        assert re.findall(r"\d\d", notebook_numbers) == list(FINDINGS[key].notebooks), key
        assert offline.startswith({"X1": "test split: exactly"}.get(key, FINDINGS[key].offline)), key


def test_a_key_that_two_notebooks_measured_has_two_anchors():
    table = ledger.rows([entry(claim()), entry(claim(), name="10_what_narrowed_the_gap")])
    anchors = ledger.anchors(table)
    assert len(set(anchors)) == len(table) and [a for a in anchors if a.startswith("W6")] == ["W6", "W6.10"]
    page = ledger.page(table)
    assert "<tr id='W6' data-verdict='replicates'>" in page and "<tr id='W6.10' " in page


def test_a_claim_of_no_paper_holds_on_the_page_and_keeps_its_word_in_the_json():
    words = {"replicates": "holds", "does not replicate here": "does not hold here"}
    for verdict, told in words.items():
        own = dict(key="00.own", verdict=verdict, paper="-", claim="a", source="b", ours="c", notebook="d")
        assert ledger.summary([own]) == f"{told}: 1." and f"| {told} |" in ledger.markdown([own])
        assert f"<td>{told}</td>" in ledger.page([own]) and own["verdict"] == verdict
        assert f"| {verdict} |" in ledger.markdown([own | {"paper": ".209 against .193"}])
