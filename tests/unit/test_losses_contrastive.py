"""The contrastive loss against pytorch-metric-learning and a loop written from the equation, in float64."""

from itertools import permutations

import pytest
import torch
from pytorch_metric_learning import distances, reducers
from pytorch_metric_learning.losses import ContrastiveLoss

from lib import losses
from tests.unit.test_losses import CASES, assert_same, batch, duplicate_captions, peer_labels, value_and_gradients

SETTINGS = [(pairs, same, mean) for pairs in losses.PAIRS for same in losses.SAME_GROUP for mean in losses.MEANS]


def loop(audio, text, *, groups, same_group, pairs, mean):
    """Equation 3 of Weck et al. 2022, one pair at a time.

    The cosines are read from one matrix (it has a test of its own below): the same sound twice costs 0 or a rounding
    error, and whether that counts as "non-zero" hangs on the last bit.
    """
    n, items = len(audio), torch.cat([audio, text])
    s = losses.cosine(items, items)
    pulled, pushed = [], []
    for i, j in permutations(range(2 * n), 2):
        if pairs == "text-audio" and not (i < n <= j):
            continue
        row, column = i % n, j % n
        one_clip = groups[row] == groups[column]
        if row == column or (same_group == "positive" and one_clip):
            pulled.append((1 - s[i, j]).relu())
        elif same_group == "negative" or not one_clip:
            pushed.append(s[i, j].relu())
    if mean == "joint":
        return mean_of_nonzero(pulled + pushed)
    return mean_of_nonzero(pulled) + mean_of_nonzero(pushed)


def mean_of_nonzero(costs):
    counted = [c for c in costs if c > 0]
    return torch.stack(counted).mean() if counted else torch.stack(costs or [torch.tensor(0.0)]).sum() * 0


def peer(audio, text, *, groups, same_group, pairs, mean):
    """The library's own mean is the separate one; the joint one is put together from the costs it hands over."""
    labels, reducer = peer_labels(groups, same_group), reducers.DoNothingReducer() if mean == "joint" else None
    function = ContrastiveLoss(pos_margin=1, neg_margin=0, distance=distances.CosineSimilarity(), reducer=reducer)
    if pairs == "all":
        found = function(torch.cat([audio, text]), labels.repeat(2))
    else:  # a clone: with the very same tensor object the library drops the diagonal
        found = function(audio, labels, ref_emb=text, ref_labels=labels.clone())
    if mean == "separate":
        return found
    costs = [found[name]["losses"] for name in ("pos_loss", "neg_loss") if torch.is_tensor(found[name]["losses"])]
    return mean_of_nonzero(list(torch.cat(costs)) or [0 * audio.sum()])


@pytest.mark.parametrize("pairs, same_group, mean", SETTINGS)
@pytest.mark.parametrize("case", CASES)
def test_equals_the_equation(case, pairs, same_group, mean):
    audio, text, groups = CASES[case]()
    named = dict(groups=groups, same_group=same_group, pairs=pairs, mean=mean)
    ours = value_and_gradients(lambda: losses.contrastive(audio, text, **named), audio, text)
    theirs = value_and_gradients(lambda: loop(audio, text, **named), audio, text)
    assert_same(ours, theirs)


@pytest.mark.parametrize("pairs, same_group, mean", [s for s in SETTINGS if s[1] != "excluded"])
@pytest.mark.parametrize("case", CASES)
def test_equals_pytorch_metric_learning(case, pairs, same_group, mean):
    audio, text, groups = CASES[case]()
    if len(groups) == 1 and pairs == "text-audio":
        return  # the library gives 0 where there is one pair and nothing else: the next test
    named = dict(groups=groups, same_group=same_group, pairs=pairs, mean=mean)
    ours = value_and_gradients(lambda: losses.contrastive(audio, text, **named), audio, text)
    theirs = value_and_gradients(lambda: peer(audio, text, **named), audio, text)
    assert_same(ours, theirs)


def test_a_lone_pair_is_pulled_where_the_library_drops_it():
    audio, text, groups = CASES["batch of one"]()
    named = dict(groups=groups, same_group="positive", pairs="text-audio", mean="separate")
    assert peer(audio, text, **named) == 0
    torch.testing.assert_close(losses.contrastive(audio, text, **named), 1 - losses.cosine(audio, text)[0, 0])


def test_the_cosine_is_that_of_the_equation():
    audio, text, _ = duplicate_captions()
    expected = torch.stack([torch.stack([a @ t / a.norm() / t.norm() for t in text]) for a in audio])
    assert_same(value_and_gradients(lambda: losses.cosine(audio, text).square().sum(), audio, text),
                value_and_gradients(lambda: expected.square().sum(), audio, text))


def test_the_peers_trap_is_still_there():
    """The same label tensor on both sides: nothing is pulled. If this fails, drop the clone above."""
    audio, text = batch()
    labels = torch.arange(8)
    function = ContrastiveLoss(pos_margin=1, neg_margin=0, distance=distances.CosineSimilarity())
    without_pull = function(audio, labels, ref_emb=text, ref_labels=labels)
    pushed = losses.cosine(audio, text)[~torch.eye(8, dtype=torch.bool)].relu()
    torch.testing.assert_close(without_pull, pushed[pushed > 0].mean())


def test_the_library_computes_the_separate_means_and_not_the_joint_one():
    audio, text = batch()
    named = dict(groups=torch.arange(8), same_group="positive", pairs="all")
    library = peer(audio, text, **named, mean="separate")
    torch.testing.assert_close(library, losses.contrastive(audio, text, mean="separate"))
    assert abs(library - losses.contrastive(audio, text, mean="joint")) > 0.1


def test_a_swapped_pair_mask_is_caught(monkeypatch):
    """Teeth: with pulled and pushed exchanged, the comparisons above fail."""
    audio, text, groups = duplicate_captions()
    named = dict(groups=groups, same_group="positive", pairs="all", mean="separate")
    right, masks = loop(audio, text, **named), losses.pair_masks
    monkeypatch.setattr(losses, "pair_masks", lambda *args, **options: masks(*args, **options)[::-1])
    with pytest.raises(AssertionError):
        assert_same([losses.contrastive(audio, text, **named)], [right])


@pytest.mark.parametrize("mean", losses.MEANS)
def test_a_solved_batch_costs_nothing_and_moves_nothing(mean):
    audio = torch.eye(4, dtype=torch.float64).requires_grad_()
    text = (2 * torch.eye(4, dtype=torch.float64)).requires_grad_()
    found = value_and_gradients(lambda: losses.contrastive(audio, text, mean=mean), audio, text)
    assert [float(x.abs().max()) for x in found] == [0, 0, 0]


def test_the_gradient_reaches_the_pairs_that_cost_something_and_no_others():
    """Clips 0 and 1 are solved; sound 2 leans towards caption 3, and so do both of their partners' pulls."""
    corners = torch.eye(4, dtype=torch.float64)
    audio, text = corners.clone(), corners.clone()
    audio[2] = torch.tensor([0, 0, 1.0, 0.5])
    audio.requires_grad_()
    text.requires_grad_()
    losses.contrastive(audio, text).backward()
    moved = torch.stack([audio.grad, text.grad]).abs().amax(dim=2) > 1e-12
    assert moved.tolist() == [[False, False, True, True], [False, False, True, True]]


def test_every_push_is_the_same_and_every_pull_too():
    """The gradient to a cosine knows neither how wrong a pair is nor how right: 1/P for each that costs anything."""
    audio, text = batch(n=16)
    s = losses.cosine(audio, text).detach().requires_grad_()
    pushed = s[~torch.eye(16, dtype=torch.bool)].relu()
    (losses._mean_of_nonzero(1 - s.diagonal()) + losses._mean_of_nonzero(pushed)).backward()
    assert len(s.grad.unique()) == 3  # pulled, pushed, left alone
    torch.testing.assert_close(s.grad.clamp(min=0).sum(), -s.grad.clamp(max=0).sum())


def test_an_orthogonal_model_pays_one_whatever_the_mean():
    """All pushes satisfied, no pull: eye against its shifted self."""
    audio = torch.eye(6, dtype=torch.float64)
    for mean in losses.MEANS:
        value = losses.contrastive(audio[:3], audio[3:], mean=mean)
        torch.testing.assert_close(value, torch.tensor(1.0, dtype=torch.float64))


def test_permuting_the_batch_changes_nothing():
    audio, text, groups = duplicate_captions()
    order = torch.randperm(9, generator=torch.Generator().manual_seed(3))
    named = dict(same_group="excluded", mean="joint")
    a = losses.contrastive(audio, text, groups=groups, **named)
    b = losses.contrastive(audio[order], text[order], groups=groups[order], **named)
    torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    "named, message",
    [
        (dict(mean="non-zero"), "mean among separate, joint; got 'non-zero'"),
        (dict(same_group="ignored"), "same_group among positive, excluded, negative; got 'ignored'"),
        (dict(pairs="both"), "pairs among text-audio, all; got 'both'"),
    ],
)
def test_bad_settings_are_named(named, message):
    with pytest.raises(ValueError, match=message):
        losses.contrastive(*batch(), **named)


@pytest.mark.bad_shapes
def test_rows_must_pair_up():
    audio, text = batch()
    with pytest.raises(ValueError, match=r"one text row per audio row; got shapes \(8, 5\) and \(7, 5\)"):
        losses.contrastive(audio, text[:7])
