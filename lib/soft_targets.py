"""Soft targets: a loss whose answers are a teacher's probabilities instead of the bare fact of who belongs to whom."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from lib.batch_pairs import check_temperature, cosine


def soft_targets(
    audio: Float[Tensor, "batch dim"],
    text: Float[Tensor, "_batch dim"],
    *,
    teacher: Float[Tensor, "_clip _caption"],
    temperature: float | Float[Tensor, ""] = 0.07,
    teacher_temperature: float = 0.07,
) -> Float[Tensor, ""]:
    """Cross entropy between a teacher's guess at who matches whom and the model's. Taught in notebook 14.

    With s the model's cosine similarities, sigma the teacher's, P^r = softmax(sigma / tau_t) along the rows (each clip
    asks) and P^c along the columns (each caption asks):

        L = 1/2 ( 1/N sum over i, j of -P^r_ij log softmax_j(s_ij / tau)
                + 1/N sum over j, i of -P^c_ij log softmax_i(s_ij / tau) )

    The estimated correspondences of DCASE 2024's winner (Primus et al. 2024), who take for sigma the mean over several
    trained models, and one temperature. A teacher that is certain of the pairs gives `lib.losses.nt_xent`. The loss
    cannot fall below the teacher's own entropy. No gradient reaches the teacher.

    Args:
        teacher: sigma_ij, of clip i with caption j, as the rows of `audio` and `text` stand.
        temperature, teacher_temperature: tau (a tensor may be trained) and tau_t.

    Raises:
        ValueError: shapes that do not match, a temperature of 0 or below, or a teacher with NaN or infinity.
    """
    if audio.shape != text.shape or teacher.shape != (len(audio), len(text)):
        shapes = ", ".join(str(tuple(each.shape)) for each in (audio, text, teacher))
        raise ValueError(f"expected (batch, dim) twice and a teacher of (batch, batch); got shapes {shapes}.")
    check_temperature(temperature)
    check_temperature(teacher_temperature, "teacher_temperature")
    if not torch.isfinite(teacher).all():
        raise ValueError("expected a teacher of finite similarities; got NaN or infinity. Did its training break off?")
    logits = cosine(audio, text) / temperature
    guess = (teacher.detach() / teacher_temperature).to(logits.dtype)
    return (F.cross_entropy(logits, guess.softmax(dim=1)) + F.cross_entropy(logits.T, guess.T.softmax(dim=1))) / 2
