"""Objects of a mask are analyzed separately: the result is the same together or one by one."""

import time

import numpy as np
import pytest
from PIL import Image

from cdtnet import Harmonizer, PictureError
from cdtnet.imaging import Picture, read_picture, write_picture
from cdtnet.inference.objects import MOST_OBJECTS, find_foreground
from tests.conftest import formula_file

ENGINES = ("openvino", "pytorch")
HEIGHT, WIDTH = 600, 900
FIRST, SECOND = (slice(40, 140), slice(50, 170)), (slice(420, 560), slice(700, 860))


@pytest.fixture(scope="module")
def harmonizers(tmp_path_factory):
    """Engines with two analyses of a crop, and weights that change all colors strongly."""
    from cdtnet.config import Config

    config = Config(base_size=64, antialias=True, residual=True, second_look=True, close_up=True)
    path = formula_file(tmp_path_factory.mktemp("weights"), config)
    return {name: Harmonizer(path, "cpu", engine=name) for name in ENGINES}


@pytest.fixture(scope="module")
def composite():
    noise = np.random.default_rng(5).integers(0, 60, (HEIGHT, WIDTH, 3))
    slope = np.linspace(0, 190, WIDTH)[None, :, None] * np.array([1, 0.6, 0.3])
    picture = (noise + slope).astype(np.uint8)
    picture[FIRST] = picture[FIRST][..., ::-1] // 2
    picture[SECOND] = 255 - picture[SECOND] // 3
    return picture


def painted(*places):
    """Make a mask that is white in these windows."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for place in places:
        mask[place] = 255
    return mask


def found(mask, tile=256):
    return find_foreground([mask], tile, apart=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_objects_that_lie_apart_are_painted_as_if_each_were_alone(harmonizers, composite, engine):
    harmonizer = harmonizers[engine]
    first, second = (harmonizer(composite, painted(place)).image for place in (FIRST, SECOND))
    together = harmonizer(composite, painted(FIRST, SECOND)).image
    assert not np.array_equal(first[FIRST], composite[FIRST])
    assert not np.array_equal(second[SECOND], composite[SECOND])
    expected = composite.copy()
    expected[FIRST], expected[SECOND] = first[FIRST], second[SECOND]
    np.testing.assert_array_equal(together, expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_the_same_from_file_to_file(harmonizers, composite, engine, monkeypatch, tmp_path):
    monkeypatch.setattr("cdtnet.inference.streaming.LARGE", 0)
    write_picture(Picture(composite), tmp_path / "in.tif")
    names = []
    for number, places in enumerate([(FIRST,), (SECOND,), (FIRST, SECOND)]):
        names.append(tmp_path / f"mask_{number}.png")
        Image.fromarray(painted(*places)).save(names[-1])
    harmonizer = harmonizers[engine]
    first, second, together, listed = (tmp_path / f"{name}.tif" for name in "abcd")
    for mask, output in zip((*names, names[:2]), (first, second, together, listed), strict=True):
        harmonizer.to_file(tmp_path / "in.tif", mask, output)
    expected = composite.copy()
    for place, path in ((FIRST, first), (SECOND, second)):
        expected[place] = read_picture(path).pixels[place]
    assert not np.array_equal(expected, composite)
    np.testing.assert_array_equal(read_picture(together).pixels, expected)
    np.testing.assert_array_equal(read_picture(listed).pixels, expected)
    np.testing.assert_array_equal(harmonizer(composite, painted(FIRST, SECOND)).image, expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_objects_that_share_a_tile_are_painted_as_if_each_were_alone_to_a_level(
    harmonizers, composite, engine
):
    here, there = (slice(10, 70), slice(10, 60)), (slice(150, 230), slice(160, 240))
    harmonizer = harmonizers[engine]
    together = harmonizer(composite, painted(here, there)).image.astype(int)
    for place in (here, there):
        alone = harmonizer(composite, painted(place)).image
        assert np.abs(together[place] - alone[place]).max() <= 1


def test_lists_of_masks_and_maps_of_labels_are_the_same(harmonizers, composite):
    harmonizer = harmonizers["openvino"]
    together = harmonizer(composite, painted(FIRST, SECOND)).image
    masks = [painted(FIRST), painted(SECOND).astype(np.float32) / 255]
    np.testing.assert_array_equal(harmonizer(composite, masks).image, together)
    for labels in (np.int32, np.int64):
        mapped = np.zeros((HEIGHT, WIDTH), labels)
        mapped[FIRST], mapped[SECOND] = -7, 40000
        np.testing.assert_array_equal(harmonizer(composite, mapped).image, together)


def test_labels_that_touch_are_objects_of_their_own(harmonizers, composite):
    harmonizer = harmonizers["openvino"]
    left, right = (slice(100, 300), slice(200, 400)), (slice(100, 300), slice(400, 600))
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    labels[left], labels[right] = 1, 2
    result = harmonizer(composite, labels).image.astype(int)
    for place in (left, right):
        alone = harmonizer(composite, painted(place)).image
        assert np.abs(result[place] - alone[place]).max() <= 1
    joined = harmonizer(composite, (labels > 0).astype(np.uint8) * 255).image
    assert np.abs(result - joined).max() > 1  # as one object it is judged otherwise


def test_where_masks_overlap_the_change_is_between_theirs(harmonizers, composite):
    harmonizer = harmonizers["openvino"]
    twice = harmonizer(composite, [painted(FIRST), painted(FIRST)]).image.astype(int)
    assert np.abs(twice - harmonizer(composite, painted(FIRST)).image).max() <= 1


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        ([], "no mask in the list"),
        (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH), "more than 64"),
        (np.zeros((5, 5), np.int32), "5×5 pixels and the picture 900×600"),
        (np.zeros((HEIGHT, WIDTH, 1), np.int32), "two axes"),
    ],
    ids=["empty", "many", "size", "axes"],
)
def test_masks_that_cannot_be_used_get_a_sentence(harmonizers, composite, masks, words):
    with pytest.raises(PictureError, match=words):
        harmonizers["openvino"](composite, masks)
    with pytest.raises(PictureError, match="one mask at a time"):
        harmonizers["openvino"](composite, [painted(FIRST)] * 2, whole_frame=True)


def test_labels_of_another_size_are_resized_to_the_nearest(harmonizers, composite):
    labels = np.zeros((HEIGHT // 2, WIDTH // 2), np.int32)
    labels[20:70, 25:85], labels[210:280, 350:430] = 3, 9
    small = harmonizers["openvino"](composite, labels, resize_mask=True).image
    np.testing.assert_array_equal(small, harmonizers["openvino"](composite, painted(FIRST, SECOND)).image)


def test_a_record_names_each_mask(harmonizers, composite):
    masks = [painted(FIRST), painted(SECOND)]
    record = harmonizers["openvino"](composite, masks, record=True).record
    alone = [harmonizers["openvino"](composite, mask, record=True).record["mask"] for mask in masks]
    assert record["mask"] == alone


def test_one_good_mask_beside_a_black_one_is_no_remark(harmonizers, composite):
    black = np.zeros((HEIGHT, WIDTH), np.uint16)
    assert found(painted(FIRST)).remark is None
    assert find_foreground([black, painted(FIRST)], 256, apart=True).remark is None
    assert "black everywhere" in find_foreground([black, black], 256, apart=True).remark


def test_parts_that_something_thin_separates_are_one_object():
    left, right = (slice(100, 300), slice(100, 299)), (slice(100, 300), slice(303, 500))
    assert len(found(painted(left, right)).parts) == 1
    assert len(found(painted(FIRST, SECOND)).parts) == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_specks_and_black_that_is_not_quite_black_leave_the_object_as_it_is(harmonizers, composite, engine):
    harmonizer, clean = harmonizers[engine], painted(FIRST)
    before, expected = found(clean), harmonizer(composite, clean).image.astype(int)
    specked = clean.copy()
    specked[590, 890] = specked[300, 450] = specked[5, 880] = 255
    lifted = np.maximum(clean, 1)
    for mask in (specked, lifted, np.maximum(clean, 3)):
        assert [part.extent for part in found(mask).parts] == [part.extent for part in before.parts]
        result = harmonizer(composite, mask).image
        np.testing.assert_array_equal(result[FIRST], expected[FIRST])
        if mask is not specked:  # so little counts as none
            np.testing.assert_array_equal(result, expected)
    assert found(lifted).windows == before.windows
    assert set(before.windows) <= set(found(specked).windows)
    assert len(found(specked).windows) == len(before.windows) + 3  # one for each tile that it paints, too
    assert (harmonizer(composite, specked).image[590, 890] != composite[590, 890]).any()  # as it was given


@pytest.mark.parametrize("size", [100, 12])
def test_very_many_objects_are_looked_at_together(size):
    mask = np.zeros((4000, 6000), np.uint8)
    for top in range(0, 4000 - size, 400):
        for left in range(0, 6000 - size, 400):
            mask[top : top + size, left : left + size] = 255
    foreground = found(mask)
    assert 1 <= len(foreground.parts) <= MOST_OBJECTS
    shown = np.zeros_like(mask)
    for part in foreground.parts:
        own = part.mask[:, :]
        assert (shown[own > 0] == 0).all()
        shown = np.maximum(shown, own)
        inside = np.zeros_like(mask)
        inside[part.extent.slices] = 255
        assert (own <= inside).all()  # nothing is painted by a look that did not see it
    np.testing.assert_array_equal(shown, mask)


def test_a_foreground_of_nothing_but_specks_is_one_object():
    mask = np.zeros((1000, 1000), np.uint8)
    mask[25::50, 25::50] = 255
    (part,) = found(mask).parts
    assert part.extent == (25, 25, 976, 976)


def test_a_mask_full_of_noise_takes_no_time():
    mask = np.where(np.random.default_rng(0).random((3000, 4000)) < 1e-5, 255, 0).astype(np.uint8)
    mask[1000:2000, 1000:2000] = 255
    began = time.process_time()
    (part,) = found(mask).parts
    assert time.process_time() - began < 3  # however busy the machine is
    top, left, bottom, right = part.extent
    assert min(top, left) > 850
    assert max(bottom, right) < 2150
