"""The teeth of notebook 18's claims: captions, embeddings, temperatures, facts that are wrong bring them down.

And the notebook on a reader's own recordings, where nobody knows the facts and no real data lie about.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib import predictions
from tests.notebooks import own_cells

NAME = "18_why_did_it_fail"
LEARNT = {"18.cure.csls", "18.cure.softmax", "18.words.background", "18.sound.kind", "18.negation", "18.near-miss",
          "18.new-words", "18.length", "18.new-words.facts", "18.length.facts"}  # fmt: skip
pytestmark = pytest.mark.timeout(600)


def test_claims_fall_when_captions_are_shuffled():
    """But for those of gap and hubs: two clouds stand apart, and answers crowd, whatever is called right."""
    ran = own_cells.run(NAME, "soundscapes!shuffled")
    assert ran.claims.keys() >= LEARNT
    assert not ran.replicated & LEARNT, ran.replicated


def test_claims_fall_when_embeddings_are_noise():
    """The same noise at all temperatures: no gap, no hub, nothing to cure or hear; only repairs by fact remain."""
    noise = "unit(np.random.default_rng(len(x)).normal(size=x.shape).astype(np.float32))"
    ran = own_cells.run(NAME, "soundscapes", change=lambda cell: cell.replace("unit(x.numpy())", noise))
    assert len(ran.claims) >= 26
    stand = {key for key in ran.replicated if ran.claims[key]["n"] >= 40}  # few near-twins may all be right by luck
    assert stand <= {"18.worth"}, stand
    for key in ("18.gap.temperature", "18.hubs.gap"):
        assert ran.claims[key]["effect"] == pytest.approx(0, abs=1e-6)


def test_the_bill_needs_true_facts_and_minimal_pairs_find_what_is_read():
    """Facts of other clips: a repair strikes the right clip like any other. What does not use them stands."""
    rng = np.random.default_rng(0)

    def misplaced(names):
        if names.get("facts") and "misplaced" not in names:
            clip = rng.permutation(len(names["facts"][0].scenes))
            names["facts"] = [
                replace(known, broken={kind: matrix[:, clip] for kind, matrix in known.broken.items()})
                for known in names["facts"]
            ]
            names["misplaced"] = True

    ran = own_cells.run(NAME, "soundscapes", after=misplaced)
    assert "18.worth" in ran.claims and "18.worth" not in ran.replicated
    assert ran.metrics["18.worth.event"] < 0
    assert {"18.words.background", "18.negation", "18.near-miss"} <= ran.replicated


def test_moving_the_clips_wrongly_is_not_called_harmless():
    """The one claim of no difference: clips that are exchanged lose what the model knows, and the test sees it."""

    def change(cell):
        return cell.replace("return p.texts @ unit(moved).T", "return p.texts @ unit(moved)[::-1].T")

    ran = own_cells.run(NAME, "soundscapes", change=only("18.gap.shift.cold", change))
    assert ran.claims["18.gap.shift"]["verdict"] == "does not replicate here"


def only(last, change):
    """Cells up to the one that shows this claim; nothing after it."""
    over = []

    def changed(cell):
        if over:
            return ""
        if f'"{last}"' in cell:
            over.append(cell)
        return change(cell)

    return changed


def test_on_a_readers_own_recordings_with_nothing_else_at_hand(tmp_path, monkeypatch):
    """A folder with captions: what needs facts is left out, the rest is measured; real data are not there."""
    for name in ("HEARSAY_SHARED_DATA", "HEARSAY_DATA"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    rng, rows = np.random.default_rng(0), []
    for i in range(12):
        soundfile.write(tmp_path / f"{i}.wav", 0.1 * rng.normal(size=16000), 16000)
        rows += [{"file_name": f"{i}.wav", "caption": f"sound number {word} hums {i}"} for word in ("one", "no two")]
    pd.DataFrame(rows).to_csv(tmp_path / "captions.csv", index=False)
    texts, files = [row["caption"] for row in rows], [f"{i}.wav" for i in range(12)]
    perfect = np.eye(12)[np.arange(24) // 2]
    predictions.table(perfect, texts, files, rng=rng).to_csv(tmp_path / "mine.txt", index=False)

    def change(cell):
        return cell.replace("MINE = None", f"MINE = {str(tmp_path / 'mine.txt')!r}")

    ran = own_cells.run(NAME, f"folder:{tmp_path}", change=change)
    lists, target = ran.names["systems"]["yours"]
    assert predictions.score(lists, target)["AP@10"].mean() == 1 and set(ran.names["systems"]) == {"ours", "yours"}
    assert {"18.gap.temperature", "18.gap.shift", "18.hubs.gap", "18.cure.csls", "18.length"} <= set(ran.claims)
    assert not {"18.words.order", "18.sound.order", "18.worth", "18.negation", "18.hubs"} & set(ran.claims)
    assert "18.official.most-in-ten" not in ran.metrics and "18.lost.event" not in ran.metrics
    assert not ran.names["missed"]("yours") and ran.names["missed"]("ours")  # to be heard: ours are recordings
    found = ran.names["find_mistakes"]("sound number", most=2)
    assert len(found) == 4 and set(found["path"]) <= {str(tmp_path.resolve() / file) for file in files}


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "No such file"), (b"", "No columns"), (b"PK\x03\xff", "UTF-8"), (b"a;b\n1;2\n", "missing: file_name_1")],
)
def test_a_csv_that_cannot_be_used_is_refused_in_one_sentence(tmp_path, text, says):
    taught = own_cells.written(NAME, ("answers_of",), pd=pd, predictions=predictions)
    file = tmp_path / "mine.csv"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(predictions.PredictionsError, match=says):
        taught["answers_of"](file, [({"a dog": "a.wav"}, None)])


def test_a_csv_is_scored_by_the_captions_that_it_answers(tmp_path):
    taught = own_cells.written(NAME, ("answers_of",), pd=pd, predictions=predictions)
    files = [f"{i}.wav" for i in range(12)]
    truths = [{f"{what} {i}": file for i, file in enumerate(files)} for what in ("clap", "bell")]
    lists = predictions.table(np.eye(12), list(truths[1]), files, rng=np.random.default_rng(0))
    lists.sample(frac=1, random_state=0).to_csv(tmp_path / "mine.csv", index=False)  # in any order
    found, truth = taught["answers_of"](tmp_path / "mine.csv", [(each, None) for each in truths])
    assert truth is truths[1] and predictions.score(found, truth)["AP@10"].mean() == 1


def test_too_few_recordings_are_refused_before_anything_is_trained(tmp_path):
    rows = []
    for i in range(10):
        soundfile.write(tmp_path / f"{i}.wav", np.zeros(16000), 16000)
        rows.append({"file_name": f"{i}.wav", "caption": f"hum {i}"})
    pd.DataFrame(rows).to_csv(tmp_path / "captions.csv", index=False)
    with pytest.raises(AssertionError, match="more than 10 test clips with captions.*got 10"):
        own_cells.run(NAME, f"folder:{tmp_path}")


def test_mistakes_of_the_official_predictions_are_told_where_they_cannot_be_heard(shared_data, tmp_path):
    """Of Clotho's recordings four are here: what misses all of them is told by their captions."""
    ran = own_cells.run(NAME, "soundscapes")
    told = ran.names["missed"]("official 2022", "rain", most=5)
    assert len(told) == 5 and all("rain" in each.query.lower() for each in told)
    assert all(each.answer["captions"] and each.rank != 1 for each in told)
    heard = [each for each in ran.names["missed"]("official 2022", "", most=6000)]
    assert 0 < sum(bool(each.answer["path"]) or bool(each.right["path"]) for each in heard) < len(heard)
    lists, truth = ran.names["systems"]["official 2022"]
    assert len(heard) == (predictions.score(lists, truth)["R@1"] == 0).sum()
