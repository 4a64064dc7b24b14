"""Sizes by name; threads by profile, or by the runner where a notebook has the machine alone."""

import pytest
import torch

from lib import profiles


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_an_unknown_profile_is_named_with_the_choices():
    with pytest.raises(ValueError, match="smoke, laptop, gpu; got 'laptopp'"):
        profiles.get("laptopp")


def test_a_notebook_that_has_the_machine_alone_gets_its_threads(monkeypatch):
    monkeypatch.delenv("HEARSAY_THREADS", raising=False)
    profiles.get("laptop")
    assert torch.get_num_threads() == 1
    monkeypatch.setenv("HEARSAY_THREADS", "2")
    profiles.get("laptop")
    assert torch.get_num_threads() == 2


def test_profiles_only_grow():
    smoke, laptop, gpu = (profiles.PROFILES[name] for name in ("smoke", "laptop", "gpu"))
    for size in ("n_train", "n_validation", "n_test", "n_shifted", "max_epochs", "dim", "resamples", "budget_s"):
        assert getattr(smoke, size) <= getattr(laptop, size) <= getattr(gpu, size)
    assert laptop.n_test >= 1000 and len(laptop.seeds) == 5
