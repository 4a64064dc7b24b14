"""CAV-MAE's audio branch gives what the official code gives for the same weights; its files' layout is taken as it is.

The expected numbers were printed by running github.com/YuanGongND/cav-mae (BSD-2-Clause) at commit
68fe8c2a3917dc2926e41f796bfdcb331a64b42c: `forward_feat` of `CAVMAE` with timm 0.4.5's own attention (torchvision, which
neither needs here, replaced by an empty stand-in), and `_wav2fbank` of its data loader, on the weights and the sound
of `recipe`. The released weights themselves could not be had, so their loading is checked on names and shapes alone.
"""

import warnings

import pytest
import torch

from lib.encoders import cav_mae, checkpoints
from tests.parity import recipe
from tests.parity.recipe import check

SECOND = 16_000  # samples


@pytest.fixture(scope="module")
def model():
    return recipe.fill(cav_mae.CAVMAE(), but=("pos_embed_a",))  # positions stay waves


def sweep(seconds):
    return recipe.sweep(seconds, SECOND)


def scaled(model, seconds):
    """What the official data loader hands over: cut or filled up with zeros to 1,024 frames, then scaled."""
    mels, _ = model.fbank(sweep(seconds), torch.tensor([round(seconds * SECOND)]))
    mels = torch.nn.functional.pad(mels, (0, 0, 0, 1024 - mels.shape[1]))
    return (mels - model.settings.mean) / model.settings.deviation


@torch.inference_mode()
def test_front_end(model):
    values = scaled(model, 10)
    assert values.shape == (1, 1024, 128)
    check(values, [-0.846602, -0.916497, -0.14872, -2.421767], [1.132913] * 3, -1.8146238, 1.1718312)
    places = ((0, 127), (1, 5), (500, 64), (777, 100), (997, 60), (998, 60))
    expected = [-2.421767, -0.314885, -2.130936, -0.655824, -2.421767, 1.132913]
    assert [values[0, t, f].item() for t, f in places] == pytest.approx(expected, abs=1e-4)


def test_positions(model):
    fresh = cav_mae.waves_in_two_directions(8, 64, 768)
    check(fresh, [0.0] * 4, [1.0] * 3, 0.4354013, 0.5571593)
    assert fresh[64, :384].tolist() == fresh[0, :384].tolist() != fresh[1, :384].tolist()  # one column, two rows


@torch.inference_mode()
def test_network(model):
    tokens = model.tokens(scaled(model, 10))
    assert tokens.shape == (1, 512, 768)
    check(tokens, [-0.911021, -1.172848, -1.495068, 0.199367], [0.641013, 0.302805, -0.361452], 0.0034231, 1.0044863)
    mean = tokens.mean(1)
    check(mean, [0.064084, -1.491666, -1.473564, 0.556968], [0.016412, -1.329117, -1.341962], 0.0034231, 0.9343064)


@torch.inference_mode()
def test_ten_seconds_through_the_whole_encoder(model):
    """The 63 time steps of 10 s are the official network's first 63; the 64th holds nothing but filling."""
    patches, mask = model.patches(sweep(10), torch.tensor([10 * SECOND]))
    tokens = model.tokens(scaled(model, 10)).unflatten(1, (8, 64)).transpose(1, 2)
    assert mask.shape == (1, 63) and mask.all()
    torch.testing.assert_close(patches, tokens[:, :63])


@torch.inference_mode()
def test_twelve_seconds(model):
    """The official code cuts after 10.24 s: our first segment, whose mean over time is the official embedding."""
    frames, mask = model(sweep(12), torch.tensor([12 * SECOND]))
    assert mask.shape == (1, 75) and mask.all()
    mean = frames[:, :64].mean(1)
    check(mean, [0.259124, -1.490018, -2.354135, 0.771689], [-0.394116, -1.45239, -1.021416], 0.0050599, 0.9555023)


def test_the_normalisations_are_torchs_own(model):
    """Too small a difference for the numbers above: timm's vision transformer has 1e-6, the official blocks 1e-5."""
    assert {module.eps for module in model.modules() if isinstance(module, torch.nn.LayerNorm)} == {1e-5}


def shapes_of_a_block(dim, kinds):
    shapes = {"attn.qkv": (3 * dim, dim), "attn.proj": (dim, dim), "mlp.fc1": (4 * dim, dim), "mlp.fc2": (dim, 4 * dim)}
    return shapes | {f"norm{n}{kind}": (dim,) for n in (1, 2) for kind in kinds}


def official(fine_tuned=False):
    """Names and shapes of an official file, without the "module." before each."""
    block, image = shapes_of_a_block(768, ("", "_a", "_v")), {"norm_v": (768,), "patch_embed_v.proj": (768, 3, 16, 16)}
    layers = {"patch_embed_a.proj": (768, 1, 16, 16), "norm": (768,), "norm_a": (768,), **image}
    layers |= {f"blocks_{kind}.{i}.{k}": v for kind in "av" for i in range(11) for k, v in block.items()}
    layers |= {f"blocks_u.0.{k}": v for k, v in block.items()}
    single = {"modality_a": (1, 1, 768), "modality_v": (1, 1, 768)}
    single |= {"pos_embed_a": (1, 512, 768), "pos_embed_v": (1, 196, 768)}
    if fine_tuned:
        layers |= {"mlp_head.0": (768,), "mlp_head.1": (527, 768)}
    else:
        small = shapes_of_a_block(512, ("", "_a", "_v"))
        layers |= {"decoder_embed": (512, 768), "decoder_norm": (512,), "decoder_pred_a": (256, 512)}
        layers |= {"decoder_pred_v": (768, 512)}
        layers |= {f"decoder_blocks.{i}.{k}": v for i in range(8) for k, v in small.items()}
        single |= {f"decoder_{k}": (*v[:2], 512) for k, v in single.items()} | {"mask_token": (1, 1, 512)}
    return single | {f"{k}.weight": v for k, v in layers.items()} | {f"{k}.bias": v[:1] for k, v in layers.items()}


def state(shapes):
    """Tensors of these shapes that take no memory, each with a value of its own."""
    return {f"module.{k}": torch.tensor(float(n)).expand(shape) for n, (k, shape) in enumerate(shapes.items())}


@pytest.mark.parametrize("fine_tuned, n_keys, digest", [
    (False, 647, "42e4b0718fec0e86"), (True, 478, "47f38618604e0e12"),
])  # fmt: skip
def test_a_file_in_the_official_layout_fills_the_network(fine_tuned, n_keys, digest):
    """The digest is that of the official class's "key shape" lines, `CAVMAE` or `CAVMAEFT`."""
    shapes = official(fine_tuned)
    assert recipe.layout(shapes) == (n_keys, digest)
    with torch.device("meta"):
        network = cav_mae.CAVMAE()
    assert sum(weight.numel() for weight in network.parameters()) == 85_647_360
    given = state(shapes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nothing can be copied to the meta device: names and shapes are what counts
        cav_mae.load(network, given)
        for key in ("module.blocks_u.0.norm1_a.weight", "module.pos_embed_a"):
            with pytest.raises(checkpoints.CheckpointError, match="cav_mae"):
                cav_mae.load(network, {k: v for k, v in given.items() if k != key})
        with pytest.raises(checkpoints.CheckpointError, match="has unknown"):
            cav_mae.load(network, given | {"module.blocks_a.11.norm1.weight": torch.zeros(768)})
