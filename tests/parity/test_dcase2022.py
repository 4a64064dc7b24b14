"""The official 2022 predictions, rescored, give the paper's Table 3 and the official evaluation's intervals.

The expected numbers were printed by running the evaluation of github.com/xieh97/dcase2022-audio-retrieval (MIT) at
commit f6fad505857cfe8a6c25e15e799645b5375296e6 on the `test.output.csv` and `test.gt.csv` that it ships. Its
intervals come from astropy.stats.jackknife_stats.
"""

import hashlib

import pandas as pd
import pytest

from lib import predictions, stats

TABLE_3 = {"AP@10": "0.068", "R@1": "0.032", "R@5": "0.109", "R@10": "0.188"}
OFFICIAL = {
    "R@1": (0.031579, 0.026837, 0.036321),
    "R@5": (0.109474, 0.101007, 0.117941),
    "R@10": (0.188325, 0.177723, 0.198927),
    "AP@10": (0.067934, 0.062641, 0.073228),
}


@pytest.fixture(scope="module")
def captions(shared_data):
    file = shared_data / "clotho/clotho_captions_evaluation.csv"
    assert hashlib.md5(file.read_bytes()).hexdigest() == "1b16b9e57cf7bdb7f13a13802aeb57e2"
    return pd.read_csv(file, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def scores(shared_data, captions):
    truth = predictions.truth(captions)
    return predictions.score(predictions.load(shared_data / "clotho/dcase2022_baseline/test.output.csv", truth), truth)


@pytest.mark.parametrize("name", OFFICIAL)
def test_table_3_to_its_printed_digits_and_the_official_intervals(scores, name):
    interval = stats.jackknife(scores[name].to_numpy())
    assert interval.n == 5225
    assert f"{interval.value:.3f}" == TABLE_3[name]
    assert (interval.value, interval.low, interval.high) == pytest.approx(OFFICIAL[name], abs=6e-7)


def test_shuffled_answers_do_not_give_table_3(shared_data, captions, scores):
    truth = predictions.truth(captions)
    lists = predictions.load(shared_data / "clotho/dcase2022_baseline/test.output.csv", truth)
    shuffled = lists.sample(frac=1, random_state=0).set_axis(lists.index)
    assert predictions.score(shuffled, truth)["AP@10"].mean() < 0.01 < scores["AP@10"].mean()
