"""Soft targets against a loop written from the equation, in float64: values, gradients, and what must be refused."""

import math

import pytest
import torch

from lib import losses
from tests.unit.test_losses import assert_same, batch, value_and_gradients

CASES = {
    "random": dict(n=8),
    "batch of one": dict(n=1),
    "long vectors": dict(n=6, scale=1e4),
}


def teachers(n, k=3, seed=7):
    """Mean cosine of k random models."""
    return torch.stack([losses.cosine(*batch(n, seed=seed + i)) for i in range(k)]).mean(dim=0).detach()


def loop(audio, text, *, teacher, temperature, teacher_temperature):
    """The equation, one clip and one caption at a time."""
    n = len(audio)
    s = [[audio[i] @ text[j] / audio[i].norm() / text[j].norm() / temperature for j in range(n)] for i in range(n)]
    t = [[float(teacher[i, j]) / teacher_temperature for j in range(n)] for i in range(n)]

    def entropy(guess, logits):
        highest = max(guess)
        share = [math.exp(g - highest) for g in guess]
        against = torch.logsumexp(torch.stack(logits), 0)
        return sum(p / sum(share) * (against - logit) for p, logit in zip(share, logits, strict=True))

    rows = sum(entropy(t[i], s[i]) for i in range(n)) / n
    columns = sum(entropy([t[i][j] for i in range(n)], [s[i][j] for i in range(n)]) for j in range(n)) / n
    return (rows + columns) / 2


@pytest.mark.parametrize("temperature, teacher_temperature", [(1.0, 1.0), (0.05, 0.05), (0.07, 0.01), (0.005, 0.3)])
@pytest.mark.parametrize("case", CASES)
def test_equals_the_equation(case, temperature, teacher_temperature):
    audio, text = batch(**CASES[case])
    named = dict(teacher=teachers(len(audio)), temperature=temperature, teacher_temperature=teacher_temperature)
    ours = value_and_gradients(lambda: losses.soft_targets(audio, text, **named), audio, text)
    assert_same(ours, value_and_gradients(lambda: loop(audio, text, **named), audio, text))


@pytest.mark.parametrize("temperature", [1.0, 0.07, 0.005])
def test_a_certain_teacher_gives_infonce(temperature):
    audio, text = batch()
    named = dict(teacher=torch.eye(8, dtype=torch.float64), temperature=temperature, teacher_temperature=0.01)
    ours = value_and_gradients(lambda: losses.soft_targets(audio, text, **named), audio, text)
    assert_same(ours, value_and_gradients(lambda: losses.nt_xent(audio, text, temperature=temperature), audio, text))


def test_a_teacher_that_knows_nothing_wants_all_alike():
    """The same embedding everywhere pays log N, and nothing pulls at it; the pairs themselves are then no better."""
    same = torch.ones(4, 3, dtype=torch.float64, requires_grad=True)
    nothing = torch.zeros(4, 4, dtype=torch.float64)
    value = losses.soft_targets(same, same, teacher=nothing, temperature=0.1)
    value.backward()
    assert value.item() == pytest.approx(math.log(4)) and same.grad.abs().max() < 1e-12
    sure = torch.eye(4, dtype=torch.float64)
    assert losses.soft_targets(sure, sure, teacher=nothing, temperature=0.1) > value


def test_least_where_the_model_agrees_with_its_teacher():
    audio, text = batch(seed=2)
    own = losses.cosine(audio, text).detach()
    named = dict(temperature=0.2, teacher_temperature=0.2)
    agree = value_and_gradients(lambda: losses.soft_targets(audio, text, teacher=own, **named), audio, text)
    assert all(gradient.abs().max() < 1e-12 for gradient in agree[1:])
    assert agree[0] < losses.soft_targets(audio, text, teacher=own.T, **named)


def test_the_teacher_gets_no_gradient_and_the_temperature_may():
    audio, text = batch()
    teacher, tau = teachers(8).requires_grad_(), torch.tensor(0.07, dtype=torch.float64, requires_grad=True)
    losses.soft_targets(audio, text, teacher=teacher, temperature=tau).backward()
    assert teacher.grad is None and tau.grad.abs() > 0 and audio.grad.abs().max() > 0


def test_rows_and_columns_are_told_apart():
    """A teacher turned around is another teacher: teeth against a softmax over the wrong axis."""
    audio, text = batch()
    value = losses.soft_targets(audio, text, teacher=teachers(8))
    assert not torch.isclose(value, losses.soft_targets(audio, text, teacher=teachers(8).T))


def test_a_teacher_in_half_precision_is_as_good_as_its_digits():
    audio, text = batch()
    halved = losses.soft_targets(audio, text, teacher=teachers(8).half())
    torch.testing.assert_close(halved, losses.soft_targets(audio, text, teacher=teachers(8)), atol=0.05, rtol=0)


@pytest.mark.bad_shapes
@pytest.mark.parametrize("change, said", [
    (dict(text=torch.ones(7, 5, dtype=torch.float64)), "a teacher of (batch, batch)"),
    (dict(teacher=torch.ones(8, 7)), "(8, 7)"),
    (dict(teacher=torch.full((8, 8), math.nan)), "NaN"),
    (dict(teacher=torch.full((8, 8), math.inf)), "infinity"),
    (dict(temperature=0.0), "expected a temperature above 0"),
    (dict(temperature=math.nan), "expected a temperature above 0"),
    (dict(teacher_temperature=-1.0), "expected a teacher_temperature above 0"),
])  # fmt: skip
def test_refuses(change, said):
    audio, text = batch()
    with pytest.raises(ValueError) as error:
        losses.soft_targets(**{**dict(audio=audio, text=text, teacher=teachers(8)), **change})
    assert said in str(error.value)
