"""The triplet loss against pytorch-metric-learning and loops written from the equation, in float64."""

import pytest
import torch
from pytorch_metric_learning import distances, miners, reducers
from pytorch_metric_learning.losses import TripletMarginLoss

from lib import losses
from tests.unit.test_losses import CASES, assert_same, batch, duplicate_captions, value_and_gradients

MARGINS = [1.0, 0.2, 0.0]
COSINE = distances.CosineSimilarity()


def seeded(seed=5):
    return torch.Generator().manual_seed(seed)


def others(groups, i):
    return [j for j in range(len(groups)) if groups[j] != groups[i]]


def drawn(groups, seed=5):
    """The imposters that a generator draws for each pair: first the captions, then the clips."""
    n, generator = len(groups), seeded(seed)
    sides = [torch.rand(n, n, generator=generator) for _ in range(2)]
    return [[max(others(groups, i), key=lambda j: chance[i, j], default=None) for i in range(n)] for chance in sides]


def loop(audio, text, *, groups, margin, imposters):
    """Equation 1 of Xie et al. 2022, one pair and one imposter at a time."""
    n, s = len(audio), losses.cosine(audio, text)  # the cosine's own test is in test_losses_contrastive
    captions, clips = drawn(groups)

    def costs(i, chosen, similarity):
        found = [(similarity(i, j) - s[i, i] + margin).relu() for j in chosen if j is not None]
        return torch.stack(found or [0 * s[i, i]])

    total = 0
    for i in range(n):
        for picked, similarity in ((captions, lambda i, j: s[i, j]), (clips, lambda i, j: s[j, i])):
            of_i = costs(i, [picked[i]] if imposters == "random" else others(groups, i), similarity)
            total = total + (of_i.amax() if imposters == "hardest" else of_i.mean())
    return total / n


def peer(audio, text, *, groups, margin, imposters):
    """The library, told which triplets to form; one pair a call, since it averages over triplets, we over pairs."""
    function = TripletMarginLoss(margin, distance=COSINE, reducer=reducers.MeanReducer())
    total = 0 * (audio.sum() + text.sum())
    for x, y, picked in ((audio, text, drawn(groups)[0]), (text, audio, drawn(groups)[1])):
        for i in range(len(groups)):
            chosen = [picked[i]] if imposters == "random" else others(groups, i)
            if not others(groups, i):
                continue
            negatives = torch.tensor(chosen)
            anchors = torch.full_like(negatives, i)
            total = total + function(x, indices_tuple=(anchors, anchors, negatives), ref_emb=y)
    return total / len(groups)


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("imposters", losses.IMPOSTERS)
@pytest.mark.parametrize("case", CASES)
def test_equals_the_equation(case, imposters, margin):
    audio, text, groups = CASES[case]()
    named = dict(groups=groups, margin=margin, imposters=imposters)
    ours = value_and_gradients(lambda: losses.triplet(audio, text, generator=seeded(), **named), audio, text)
    assert_same(ours, value_and_gradients(lambda: loop(audio, text, **named), audio, text))


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("imposters", ["random", "all"])
@pytest.mark.parametrize("case", CASES)
def test_equals_pytorch_metric_learning(case, imposters, margin):
    audio, text, groups = CASES[case]()
    named = dict(groups=groups, margin=margin, imposters=imposters)
    ours = value_and_gradients(lambda: losses.triplet(audio, text, generator=seeded(), **named), audio, text)
    assert_same(ours, value_and_gradients(lambda: peer(audio, text, **named), audio, text))


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("case", ["random", "batch of one", "long vectors"])  # it would choose a hardest own one, too
def test_the_hardest_are_those_of_the_librarys_batch_hard_miner(case, margin):
    audio, text, groups = CASES[case]()
    miner = miners.BatchHardMiner(distance=COSINE)
    function = TripletMarginLoss(margin, distance=COSINE, reducer=reducers.MeanReducer())

    def peer():
        total = 0 * (audio.sum() + text.sum())
        for x, y in ((audio, text), (text, audio)):  # clones: the same tensor on both sides would drop the own pair
            mined = miner(x, groups, ref_emb=y, ref_labels=groups.clone())
            total = total + function(x, groups, mined, ref_emb=y, ref_labels=groups.clone())
        return total

    named = dict(groups=groups, margin=margin, imposters="hardest")
    ours = value_and_gradients(lambda: losses.triplet(audio, text, **named), audio, text)
    assert_same(ours, value_and_gradients(peer, audio, text))


def test_all_imposters_cost_what_random_ones_cost_on_average():
    audio, text, groups = duplicate_captions()
    generator, named = seeded(), dict(groups=groups, margin=0.5)
    draws = torch.stack([losses.triplet(audio, text, generator=generator, **named) for _ in range(2000)])
    error = draws.std() / len(draws) ** 0.5
    assert abs(draws.mean() - losses.triplet(audio, text, imposters="all", **named)) < 4 * error
    assert error < 0.02 and draws.std() > 0.1


def test_every_other_clip_is_drawn_alike_and_none_of_the_own():
    groups, generator = duplicate_captions()[2], seeded()
    costs = torch.arange(9.0).repeat(9, 1)
    other = groups[:, None] != groups[None, :]
    picked = torch.stack([losses._of_imposters(costs + 1, other, "random", generator) - 1 for _ in range(3000)])
    for i in range(9):
        allowed = others(groups, i)
        counts = torch.bincount(picked[:, i].long(), minlength=9)
        assert counts[[j for j in range(9) if j not in allowed]].sum() == 0
        expected = 3000 / len(allowed)
        assert (abs(counts[allowed] - expected) < 5 * expected**0.5).all()


def test_a_generator_decides_the_imposters_and_without_one_torchs_own_does():
    audio, text = batch()
    again = [losses.triplet(audio, text, generator=seeded(seed)).item() for seed in (1, 1, 2)]
    assert again[0] == again[1] != again[2]
    torch.manual_seed(1)
    assert losses.triplet(audio, text).item() == again[0]


@pytest.mark.parametrize("imposters", losses.IMPOSTERS)
@pytest.mark.parametrize("margin", [1.0, 0.2])
def test_a_collapsed_model_pays_twice_the_margin_and_stands_still(imposters, margin):
    audio, text = (torch.ones(6, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    named = dict(margin=margin, imposters=imposters, generator=seeded())
    value, *gradients = value_and_gradients(lambda: losses.triplet(audio, text, **named), audio, text)
    assert float(value) == pytest.approx(2 * margin)
    assert max(float(g.abs().max()) for g in gradients) < 1e-12


def test_the_gradient_reaches_active_triplets_and_no_others():
    """Sound 0 lies between its caption and caption 1; pairs 2 and 3 keep the margin from everyone."""
    audio, text = torch.eye(4, dtype=torch.float64), torch.eye(4, dtype=torch.float64)
    audio[0] = torch.tensor([1.0, 1, 0, 0])
    audio.requires_grad_()
    text.requires_grad_()
    losses.triplet(audio, text, margin=0.2, imposters="all").backward()
    moved = torch.stack([audio.grad, text.grad]).abs().amax(dim=2) > 1e-12
    assert moved.tolist() == [[True, False, False, False], [True, True, False, False]]


def test_imposters_of_the_own_clip_are_caught(monkeypatch):
    """Teeth: with the mask of imposters turned round, the comparison above fails."""
    audio, text, groups = duplicate_captions()
    named = dict(groups=groups, margin=0.5, imposters="all")
    right, chosen = loop(audio, text, **named), losses._of_imposters
    monkeypatch.setattr(losses, "_of_imposters", lambda costs, other, *rest: chosen(costs, ~other, *rest))
    with pytest.raises(AssertionError):
        assert_same([losses.triplet(audio, text, **named)], [right])


def test_the_dot_product_is_the_papers_and_the_cosine_that_of_rows_of_length_one():
    audio, text = batch()
    dots = dict(imposters="all", similarity="dot")
    s = audio @ text.T
    costs = [(side - s.diagonal()[:, None] + 1).clamp(min=0) for side in (s, s.T)]
    expected = sum((c.sum(1) - 1).mean() / (len(audio) - 1) for c in costs)  # the margin of each pair with itself
    torch.testing.assert_close(losses.triplet(audio, text, **dots), expected)
    units = [torch.nn.functional.normalize(each, dim=1) for each in (audio, text)]
    torch.testing.assert_close(losses.triplet(*units, **dots), losses.triplet(audio, text, imposters="all"))
    assert losses.triplet(3 * audio, text, **dots) != losses.triplet(audio, text, **dots)


@pytest.mark.parametrize(
    "named, message",
    [
        (dict(margin=-0.1), "margin of 0 or more; got -0.1. Try 1"),
        (dict(margin=float("nan")), "margin of 0 or more; got nan"),
        (dict(imposters="easiest"), "imposters among random, all, hardest; got 'easiest'"),
        (dict(similarity="distance"), "similarity among cosine, dot; got 'distance'"),
    ],
)
def test_bad_settings_are_named(named, message):
    with pytest.raises(ValueError, match=message):
        losses.triplet(*batch(), **named)


@pytest.mark.bad_shapes
def test_rows_must_pair_up():
    audio, text = batch()
    with pytest.raises(ValueError, match=r"one text row per audio row; got shapes \(8, 5\) and \(7, 5\)"):
        losses.triplet(audio, text[:7])
