"""Exercises of notebook 04: solutions pass, stubs are "not tried yet", and these wrong answers get their hints."""

from tests.exercises import harness

WALK = """
def between_and_seen(layers):
    between, seen = 1, {first}
    for kernel, stride in layers:
        {body}
    return {answer}
"""
STEP = "seen += (kernel - 1) * between; between *= stride"
VECTORS = """
def caption_vectors(states, mask, penultimate, pool):
    tokens = {tokens}
    if pool == "CLS":
        return {cls}
    weight = mask[..., None].float()
    return {mean}
"""
LOUDNESS = """
def loudness(x, lengths):
    real = audio.length_mask(lengths, x.shape[1])
    x = x - ({offset})[:, None]
    x = torch.nn.functional.avg_pool1d(({zero})[:, None], 3, 1, padding=1)[:, 0]
    return {answer}
"""
OFFSET, ANSWER = "(x * real).sum(dim=1) / lengths", "(x.square() * real).sum(dim=1) / lengths"


def walk(body=STEP, answer="between, seen", first=1):
    return WALK.format(body=body, answer=answer, first=first)


def vectors(tokens="states[-2 if penultimate else -1]", cls="tokens[:, 0]",
            mean="(tokens * weight).sum(dim=1) / weight.sum(dim=1)"):
    return VECTORS.format(tokens=tokens, cls=cls, mean=mean)


def loudness(offset=OFFSET, zero="x * real", answer=ANSWER):
    return LOUDNESS.format(offset=offset, zero=zero, answer=answer)


WRONG = [
    (1, "swaps the two", walk(answer="seen, between"), "the other way round"),
    (1, "adds the strides", walk(answer="sum(stride for _, stride in layers), seen"), "strides multiply"),
    (1, "takes all steps for input steps", walk("seen += kernel - 1; between *= stride"), "further and further apart"),
    (1, "applies the stride too early", walk("between *= stride; seen += (kernel - 1) * between"), "after its kernel"),
    (1, "multiplies kernels", walk("seen *= kernel; between *= stride"), "kernels do not multiply"),
    (1, "begins at nothing", walk(first=0), "begin with 1"),
    (1, "adds kernels", walk("seen += kernel; between *= stride", first=0), "windows overlap"),
    (1, "knows the first layer", "def between_and_seen(layers): return layers[0][::-1]", "one layer alone"),
    (1, "knows the last layer", "def between_and_seen(layers): return layers[-1][::-1]", "one layer alone"),
    (1, "adds whole windows", walk("seen += kernel * between; between *= stride"), "windows overlap"),
    (1, "turns the other rule", walk("seen = (seen - 1) * stride + kernel; between *= stride"), "last layer to the"),
    (1, "gives milliseconds", walk(answer="20 * between, 20 * seen"), "not milliseconds"),
    (1, "gives a rate", walk(answer="1000 / (20 * between), seen"), "or a rate"),
    (1, "gives one number", walk(answer="between"), "keep two numbers as you go"),
    (2, "averages the padding", vectors(mean="tokens.mean(dim=1)"), "padding counts in your mean"),
    (2, "divides by the batch's length", vectors(mean="(tokens * weight).mean(dim=1)"), "still to the number"),
    (2, "forgets to divide", vectors(mean="(tokens * weight).sum(dim=1)"), "divide by the number"),
    (2, "always takes CLS", vectors(mean="tokens[:, 0]"), "the mean was asked for"),
    (2, "ignores `penultimate`", vectors(tokens="states[-1]"), "that is the last layer"),
    (2, "counts from the front", vectors(tokens="states[1 if penultimate else -1]"), "count from the front"),
    (2, "goes one too deep", vectors(tokens="states[-3 if penultimate else -1]"), "one layer too deep"),
    (2, "ignores `pool`", vectors(cls="(tokens * mask[..., None]).sum(1) / mask.sum(1)[:, None]"), "the first token"),
    (2, "takes the last token", vectors(cls="tokens[:, -1]"), "which may be padding"),
    (2, "divides by all real tokens", vectors(mean="(tokens * weight).sum(1) / weight.sum()"), "each caption's own"),
    (2, "leaves CLS out", vectors(mean="(tokens * weight)[:, 1:].sum(1) / (weight.sum(1) - 1)"), "a real one, too"),
    (2, "takes the layers the wrong way round", vectors(tokens="states[-1 if penultimate else -2]"), "before the last"),
    (2, "slices the layers", vectors(tokens="states[:, -1]"), "the first axis is the layer"),
    (3, "changes nothing", loudness("x.mean(dim=1)", "x", "x.square().mean(dim=1)"), "nothing is mended yet"),
    (3, "forgets the smoothing", loudness(zero="x"), "one step beyond the clip's end"),
    (3, "forgets the last mean", loudness(answer="x.square().mean(dim=1)"), "the last mean runs over padding"),
    (3, "forgets the offset", loudness(offset="x.mean(dim=1)"), "the offset that you take away"),
    (3, "mends the last mean alone", loudness("x.mean(dim=1)", "x"), "only the last mean is mended"),
    (3, "mends the offset alone", loudness(zero="x", answer="x.square().mean(dim=1)"), "only the offset is mended"),
    (3, "mends the smoothing alone", loudness("x.mean(dim=1)", answer="x.square().mean(dim=1)"), "only the smoothing"),
    (3, "forgets to divide", loudness(answer="(x.square() * real).sum(dim=1)"), "divide by each clip"),
    (3, "divides by the batch's length", loudness(answer="(x.square() * real).mean(dim=1)"), "not by the batch's"),
    (3, "empties the padding and no more", "def loudness(x, lengths):\n"
     "    x = x * audio.length_mask(lengths, x.shape[1])\n    x = x - x.mean(dim=1, keepdim=True)\n"
     "    x = torch.nn.functional.avg_pool1d(x[:, None], 3, 1, padding=1)[:, 0]\n    return x.square().mean(dim=1)",
     "even zeros in the padding count"),
    (3, "takes no offset away", loudness(offset="0 * x[:, 0]"), "nothing may change"),
    (3, "returns the smoothed clips", loudness(answer="x * real"), "nothing may change"),
]  # fmt: skip
test_exercises = harness.suite("04_encoders", WRONG)
