"""Mixco against loops written from equations 8-12 of Munakata et al. 2024: values, gradients, float64."""

import math

import pytest
import torch

from lib import batch_pairs, losses
from tests.unit.test_losses import CASES, assert_same, batch, duplicate_captions, value_and_gradients


def draw(n, seed=1):
    """Partners (fixed points and repeats among them) and shares."""
    g = torch.Generator().manual_seed(seed)
    return torch.randint(n, (n,), generator=g), torch.rand(n, generator=g, dtype=torch.float64)


def cross_entropy(x, k, others, temperature):
    """Equation 3: of x, its answer `others[k]`, and all of `others`."""
    logits = [x @ y / (x.norm() * y.norm()) / temperature for y in others]
    return torch.logsumexp(torch.stack(logits), 0) - logits[k]


def loop(mixed, text, partner, share, *, temperature, literal=False):
    """Equations 10-12 with means for sums; `literal` keeps the bracket of equation 10 where it is printed."""
    audio_asks, text_asks = [], []
    for i, (k, s) in enumerate(zip(partner.tolist(), share, strict=True)):
        first = cross_entropy(mixed[i], i, text, temperature)
        second = cross_entropy(mixed[i], k, text, temperature)
        audio_asks.append(s * (first + (1 - s) * second) if literal else s * first + (1 - s) * second)
        first = cross_entropy(text[i], i, mixed, temperature)
        second = cross_entropy(text[k], i, mixed, temperature)
        text_asks.append(s * first + (1 - s) * second)
    return (torch.stack(audio_asks).mean() + torch.stack(text_asks).mean()) / 2


def grouped_loop(mixed, text, partner, share, *, temperature, groups, same_group):
    """The same where a clip may stand in several rows: every pair with its weight, one after the other."""
    total = weight = 0.0
    n = len(groups)
    for a, b in ((mixed, text), (text, mixed)):
        side = side_weight = 0.0
        for i in range(n):
            for row, w in ((i, share[i]), (int(partner[i]), 1 - share[i])):
                for j in range(n):
                    if not (j == row or (same_group == "positive" and groups[j] == groups[row])):
                        continue
                    x, c = (i, j) if a is mixed else (j, i)  # who asks, who answers
                    kept = [o for o in range(n) if o == c or (same_group == "negative") or groups[o] != groups[c]]
                    side = side + w * cross_entropy(a[x], kept.index(c), [b[o] for o in kept], temperature)
                    side_weight = side_weight + w
        total, weight = total + side / side_weight, weight + 1
    return total / weight


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("temperature", [1.0, 0.07, 0.02])
def test_equals_the_papers_equations(temperature, seed):
    mixed, text = batch(seed=seed)
    given = (mixed, text, *draw(8, seed))
    ours = value_and_gradients(lambda: losses.mixco(*given, temperature=temperature), mixed, text)
    assert_same(ours, value_and_gradients(lambda: loop(*given, temperature=temperature), mixed, text))


@pytest.mark.parametrize("same_group", losses.SAME_GROUP)
@pytest.mark.parametrize("case", CASES)
def test_equals_the_loop_where_clips_stand_in_several_rows(case, same_group):
    mixed, text, groups = CASES[case]()
    given, named = (mixed, text, *draw(len(mixed))), {"temperature": 0.2, "groups": groups, "same_group": same_group}
    ours = value_and_gradients(lambda: losses.mixco(*given, **named), mixed, text)
    assert_same(ours, value_and_gradients(lambda: grouped_loop(*given, **named), mixed, text))


@pytest.mark.parametrize("same_group", losses.SAME_GROUP)
@pytest.mark.parametrize("case", CASES)
def test_with_share_one_it_is_infonce(case, same_group):
    mixed, text, groups = CASES[case]()
    partner, _ = draw(len(mixed))
    named = {"temperature": 0.07, "groups": groups, "same_group": same_group}
    ours = value_and_gradients(
        lambda: losses.mixco(mixed, text, partner, torch.ones(len(mixed), dtype=torch.float64), **named), mixed, text
    )
    assert_same(ours, value_and_gradients(lambda: losses.nt_xent(mixed, text, **named), mixed, text))


def test_with_share_zero_it_is_infonce_of_the_partners():
    mixed, text = batch()
    partner = torch.arange(8).roll(3)
    zeros = torch.zeros(8, dtype=torch.float64)
    value = losses.mixco(mixed, text, partner, zeros, temperature=0.1)
    torch.testing.assert_close(value, losses.nt_xent(mixed, text[partner], temperature=0.1))


def test_partners_of_oneself_change_nothing():
    mixed, text = batch()
    _, share = draw(8)
    value = losses.mixco(mixed, text, torch.arange(8), share, temperature=0.1)
    torch.testing.assert_close(value, losses.nt_xent(mixed, text, temperature=0.1))


def test_the_printed_bracket_is_another_loss():
    """With equation 10 as printed the targets of a mixture add up to l (2 - l), not to 1."""
    mixed, text = batch()
    given = (mixed, text, *draw(8))
    ours, printed = losses.mixco(*given, temperature=0.07), loop(*given, temperature=0.07, literal=True)
    assert (ours - printed) / ours > 0.05


def test_the_papers_sums_are_two_n_times_our_mean():
    for n in (4, 16):
        mixed, text = batch(n=n)
        partner, share = draw(n)
        sums = sum(
            s * cross_entropy(a, i, text, 0.1) + (1 - s) * cross_entropy(a, int(k), text, 0.1)
            + s * cross_entropy(text[i], i, mixed, 0.1) + (1 - s) * cross_entropy(text[k], i, mixed, 0.1)
            for i, (a, k, s) in enumerate(zip(mixed, partner, share, strict=True))
        )  # fmt: skip
        torch.testing.assert_close(losses.mixco(mixed, text, partner, share, temperature=0.1) * 2 * n, sums)


def test_weights_of_a_mixture_add_up_to_one_and_those_of_a_text_do_not():
    partner, share = draw(8)
    weights, _ = batch_pairs.mixed_targets(partner, share, torch.arange(8))
    torch.testing.assert_close(weights.sum(1), torch.ones(8, dtype=torch.float64))
    by_hand = torch.stack([share[j] + (1 - share)[partner == j].sum() for j in range(8)])
    torch.testing.assert_close(weights.sum(0), by_hand)
    assert by_hand.min() < 0.9 and by_hand.max() > 1.1


@pytest.mark.parametrize("fault", [
    lambda partner, share: (partner, 1 - share),
    lambda partner, share: (torch.argsort(partner), share),
    lambda partner, share: (partner, share.flip(0)),
], ids=["the shares swapped", "another partner", "another row's share"])  # fmt: skip
def test_swapped_targets_are_caught(fault):
    mixed, text = batch()
    partner, share = draw(8)
    right = loop(mixed, text, partner, share, temperature=0.1)
    assert (losses.mixco(mixed, text, *fault(partner, share), temperature=0.1) - right).abs() > 1e-3


def test_huge_logits_stay_finite():
    mixed, text, groups = duplicate_captions()
    given = (mixed, text, *draw(9))
    found = value_and_gradients(lambda: losses.mixco(*given, temperature=1e-4, groups=groups), mixed, text)
    assert all(torch.isfinite(x).all() for x in found)


def test_a_batch_of_one_clip_costs_nothing_and_identical_embeddings_cost_log_batch():
    one, alike = batch(n=1), torch.ones(8, 5, dtype=torch.float64)
    assert losses.mixco(*one, *draw(1), temperature=0.1) == 0
    assert losses.mixco(alike, alike, *draw(8), temperature=0.1).item() == pytest.approx(math.log(8))


def test_a_trained_temperature_gets_a_gradient():
    mixed, text = batch()
    tau = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    losses.mixco(mixed, text, *draw(8), temperature=tau).backward()
    assert tau.grad.abs() > 0


@pytest.mark.parametrize("change, said", [
    ({"share": torch.full((8,), 1.5)}, "shares from 0 to 1"),
    ({"share": torch.full((8,), math.nan)}, "shares from 0 to 1"),
    ({"partner": torch.full((8,), 8)}, "partners among the 8 rows"),
    ({"partner": torch.full((8,), -1)}, "got -1 to -1"),
    ({"temperature": 0.0}, "temperature above 0"),
    ({"same_group": "both"}, "same_group among"),
])  # fmt: skip
def test_bad_settings_are_named(change, said):
    mixed, text = batch()
    partner, share = draw(8)
    with pytest.raises(ValueError, match=said):
        losses.mixco(mixed, text, **{"partner": partner, "share": share, "temperature": 0.1} | change)


@pytest.mark.bad_shapes
def test_rows_must_pair_up():
    mixed, text = batch()
    with pytest.raises(ValueError, match="one text row per audio row"):
        losses.mixco(mixed, text[:7], *draw(8), temperature=0.1)
