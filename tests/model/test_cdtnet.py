import pytest
import torch

from cdtnet.imaging.geometry import Window
from cdtnet.model import CDTNet, Config
from cdtnet.model.cdtnet import GENERATED
from cdtnet.model.color_mapping import map_colors
from cdtnet.model.layers import normalize
from cdtnet.model.loading import build
from cdtnet.model.refinement import Refinement
from cdtnet.model.sampling import upsample
from cdtnet.weights import Weights
from tests.engines.networks import network
from tests.parity.official import official_numbers


@pytest.fixture(scope="module")
def numbers():
    return official_numbers()


def apart(ours: torch.Tensor, official: torch.Tensor) -> float:
    assert ours.shape == official.shape
    return (ours - official).abs().max().item()


def test_the_whole_frame_equals_the_published_code(official_model, numbers):
    out = official_model(numbers["image"], numbers["mask"])
    assert apart(out.image, numbers["images"]) < 1e-5
    assert apart(out.lut_image, numbers["lut_images"]) < 2e-5  # their lookup kernel is 1.3e-5 off trilinear
    assert apart(out.base_image, numbers["base_images"]) < 1e-5


def test_every_stage_equals_the_published_code(official_model, numbers):
    low = official_model.downsample(numbers["image"], numbers["mask"])
    base_input = torch.cat((normalize(low.image), low.mask), dim=1)
    assert apart(base_input, numbers["base_input"]) < 1e-5
    bottleneck = official_model.generator.encoder(base_input)[-1]
    assert apart(bottleneck, numbers["bottleneck"]) < 2e-5
    weights = official_model.color_mapping.predict_weights(bottleneck, low.coarse_mask)
    assert apart(weights[0], numbers["pred_weights"]) < 1e-5
    features = official_model.analyze(low).features_low
    assert apart(features[:, ::8], numbers["feature_map_every8th"]) < 2e-5  # of values up to 8


def test_cdtnet_sim_equals_the_published_code(official_model, numbers):
    kept = {k: v.numpy() for k, v in official_model.state_dict().items() if not k.startswith("refinement")}
    sim = build(Weights("sim", Config("cdtnet-sim", base_size=64), kept))
    assert apart(sim(numbers["image"], numbers["mask"]).image, numbers["sim_images"]) < 2e-5


def test_parameters_are_those_of_the_paper():
    model = CDTNet()
    assert sum(p.numel() for p in model.parameters()) == 2_744_400
    assert sum(p.numel() for p in model.generator.parameters()) == 2_185_340


def test_a_batch_equals_its_pictures_one_by_one(official_model):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, 3, 50, 70, generator=generator)
    mask = torch.rand(3, 1, 50, 70, generator=generator)
    together = official_model(image, mask)
    for k in range(3):
        alone = official_model(image[k : k + 1], mask[k : k + 1])
        for ours, single in zip(together, alone, strict=True):
            assert apart(ours[k : k + 1], single) < 2e-5


@pytest.mark.parametrize("variant", ["cdtnet", "cdtnet-sim", "is2am"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (37, 91), (130, 40)])
@pytest.mark.parametrize("luts", [1, 3, 8])
def test_any_size_any_number_of_luts(variant, height, width, luts):
    model = CDTNet(Config(variant, base_size=32, luts=luts, antialias=True)).eval()
    out = model(torch.rand(2, 3, height, width), torch.rand(2, 1, height, width))
    assert out.image.shape == (2, 3, height, width)
    assert out.image.isfinite().all()
    assert (out.lut_image is None) == (variant == "is2am")
    assert (out.base_image is None) == (variant == "cdtnet-sim")


def test_a_residual_is_upsampled_and_added_to_the_mapped_picture():
    """The refinement starts with the generator's colors and the detail of the picture."""
    model = network(Config(base_size=32, residual=True)).double()
    model.refinement.begin_with_sum()
    image = torch.rand(2, 3, 150, 90, dtype=torch.float64)
    mask = torch.rand(2, 1, 150, 90, dtype=torch.float64)
    out, low = model(image, mask), model.downsample(image, mask)
    mapped_low = map_colors(model.analyze(low).table, low.image, low.mask)
    change = upsample(out.base_image - mapped_low, (150, 90), Window(0, 0, 150, 90))
    assert apart(out.image, out.lut_image + GENERATED * change) < 1e-9


def test_at_base_size_that_is_a_mean_of_both_pictures():
    model = network(Config(base_size=32, residual=True)).double()
    model.refinement.begin_with_sum()
    out = model(*(torch.rand(2, channels, 32, 32, dtype=torch.float64) for channels in (3, 1)))
    assert apart(out.image, torch.lerp(out.lut_image, out.base_image, GENERATED)) < 1e-9


def test_a_refinement_of_a_residual_blends_colors_as_they_differ_from_the_sum():
    torch.manual_seed(0)
    published, ours = (Refinement(32, residual=kind).double().eval() for kind in (False, True))
    ours.load_state_dict(published.state_dict())
    image, generated, mapped = torch.randn(3, 1, 3, 9, 11, dtype=torch.float64)
    rest = torch.rand(1, 1, 9, 11, dtype=torch.float64), torch.randn(1, 32, 9, 11, dtype=torch.float64)
    with torch.no_grad():
        total = generated + mapped
        expected = total + published(image - total, generated, mapped, *rest)
        assert apart(ours(image, generated, mapped, *rest), expected) < 1e-9
        torch.nn.init.constant_(ours.blend.gate.bias, 9)
        assert apart(ours(image, generated, mapped, *rest), image) < 1e-6  # the gate keeps the composite


def test_without_a_refinement_there_is_no_residual():
    images, masks = torch.rand(1, 3, 50, 60), torch.rand(1, 1, 50, 60)
    for variant in ("is2am", "cdtnet-sim"):
        plain, residual = (network(Config(variant, base_size=32, residual=r)) for r in (False, True))
        assert torch.equal(plain(images, masks).image, residual(images, masks).image)


def test_an_untrained_color_mapping_returns_its_input():
    model = CDTNet(Config("cdtnet-sim", base_size=32)).eval()
    torch.nn.init.zeros_(model.color_mapping.weigh.weight)
    image = torch.rand(1, 3, 40, 40)
    assert apart(model(image, torch.ones(1, 1, 40, 40)).image, image) < 1e-6


WRONG = [
    *({"base_size": size} for size in (0, 100, 8192, 64.0, "64")),
    *({"luts": count} for count in (0, 10**9, True, [])),
    *(
        {"variant": "cdtnet-9"},
        {"variant": []},
        {"split": 1},
        {"antialias": None},
        {"residual": 0},
        {"second_look": None},
    ),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Config(**wrong)
