import numpy as np
import torch

from cdtnet.imaging import Lut
from cdtnet.model.color_mapping import ColorMapping, apply_table, identity_table


def test_one_lookup_in_the_mixed_table_is_the_weighted_sum_of_all_lookups():
    torch.manual_seed(0)
    mapping = ColorMapping(16, luts=4).eval()
    torch.nn.init.normal_(mapping.basis, std=0.3)
    bottleneck, mask, image = torch.randn(2, 16, 5, 5), torch.rand(2, 1, 5, 5), torch.rand(2, 3, 30, 20)
    weights = mapping.predict_weights(bottleneck, mask)
    separate = sum(
        weights[:, n].view(2, 1, 1, 1) * apply_table(mapping.basis[n].expand(2, -1, -1, -1, -1), image)
        for n in range(4)
    )
    assert torch.allclose(apply_table(mapping(bottleneck, mask), image), separate, atol=1e-5)


def test_identity_table_maps_colors_to_themselves():
    image = torch.rand(1, 3, 64, 64)
    assert torch.allclose(apply_table(identity_table()[None], image), image, atol=1e-6)


def test_lookup_equals_the_reference_in_numpy():
    table = torch.rand(1, 3, 33, 33, 33)
    codes = torch.randint(0, 256, (1, 3, 40, 30)) / 255.0
    expected = Lut(table[0].permute(1, 2, 3, 0).numpy()).apply(codes[0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose(apply_table(table, codes)[0].permute(1, 2, 0).numpy(), expected, atol=2e-5)


def test_weights_see_the_size_of_the_foreground():
    torch.manual_seed(0)
    mapping = ColorMapping(16)
    features = torch.ones(1, 16, 8, 8)
    small, large = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    small[..., :2, :2] = 1
    assert not torch.allclose(
        mapping.predict_weights(features, small), mapping.predict_weights(features, large)
    )
