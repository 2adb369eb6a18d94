"""Reading pictures: codes and shapes."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from cdtnet.datasets.samples import Arrays, open_dataset, read_sample, resize_arrays
from cdtnet.errors import DataError
from tests.datasets import trees


@pytest.fixture
def pair(tmp_path):
    """images/a.png, masks/a.png and targets/a.png, which tests replace."""
    trees.picture(tmp_path / "images" / "a.png")
    trees.mask(tmp_path / "masks" / "a.png")
    trees.picture(tmp_path / "targets" / "a.png")
    return tmp_path


def read(root):
    (sample,) = open_dataset(root).samples
    return read_sample(sample)


def pixels(path):
    return np.asarray(Image.open(path))


def replace(root, folder, array, name="a.png", **options):
    for old in (root / folder).iterdir():
        old.unlink()
    Image.fromarray(array).save(root / folder / name, **options)


def test_a_sample_is_read_exactly(pair):
    arrays = read(pair)
    assert [array.dtype for array in arrays] == [np.uint8] * 3
    assert all(array.flags.c_contiguous and array.flags.writeable for array in arrays)
    np.testing.assert_array_equal(arrays.composite, pixels(pair / "images/a.png"))
    np.testing.assert_array_equal(arrays.mask, pixels(pair / "masks/a.png"))
    np.testing.assert_array_equal(arrays.real, pixels(pair / "targets/a.png"))


def test_without_ground_truth(tmp_path):
    sample = open_dataset(trees.real_composites(tmp_path)).samples[0]
    assert read_sample(sample).real is None
    assert resize_arrays(read_sample(sample), 8).real is None


def test_gray_pictures_become_rgb(pair, random):
    gray = random.integers(0, 256, (12, 16), dtype=np.uint8)
    replace(pair, "images", gray)
    np.testing.assert_array_equal(read(pair).composite, np.stack([gray] * 3, axis=2))
    replace(pair, "images", np.stack([gray, 255 - gray], axis=2))  # with alpha
    np.testing.assert_array_equal(read(pair).composite, np.stack([gray] * 3, axis=2))


def test_alpha_is_dropped_from_pictures(pair, random):
    rgba = random.integers(0, 256, (12, 16, 4), dtype=np.uint8)
    replace(pair, "images", rgba)
    np.testing.assert_array_equal(read(pair).composite, rgba[..., :3])


def test_palettes(pair, random):
    picture = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8)).quantize(7)
    picture.save(pair / "images" / "a.png")
    np.testing.assert_array_equal(read(pair).composite, np.asarray(picture.convert("RGB")))
    palette = Image.fromarray((random.random((12, 16)) > 0.5).astype(np.uint8))
    palette.putpalette([0, 0, 0, 255, 255, 255])
    palette.save(pair / "masks" / "a.png")
    np.testing.assert_array_equal(read(pair).mask, np.asarray(palette) * 255)


def test_sixteen_bit_pictures_keep_their_upper_byte(pair, random):
    deep = random.integers(0, 65536, (12, 16), dtype=np.uint16)
    replace(pair, "masks", deep)
    np.testing.assert_array_equal(read(pair).mask, deep // 256)


def test_float_pictures_are_rounded(pair, random):
    values = random.uniform(-0.2, 1.2, (12, 16, 3)).astype(np.float32)
    (pair / "images" / "a.png").unlink()
    tifffile.imwrite(pair / "images" / "a.tif", values, photometric="rgb")
    expected = np.clip(np.floor(values.astype(float) * 255 + 0.5), 0, 255)
    np.testing.assert_array_equal(read(pair).composite, expected)


def test_one_bit_masks(pair):
    Image.fromarray(pixels(pair / "masks/a.png") > 0).save(pair / "masks" / "a.png")
    assert set(np.unique(read(pair).mask)) == {0, 255}


def test_masks_keep_their_gray_values(pair, random):
    soft = random.integers(0, 256, (12, 16), dtype=np.uint8)
    replace(pair, "masks", soft)
    np.testing.assert_array_equal(read(pair).mask, soft)
    replace(pair, "masks", np.stack([soft] * 3, axis=2))
    np.testing.assert_array_equal(read(pair).mask, soft)


def test_colored_and_transparent_masks(pair, random):
    color = random.integers(0, 256, (12, 16, 4), dtype=np.uint8)
    color[..., 3] = 255
    replace(pair, "masks", color)
    with pytest.raises(DataError, match=r"masks/.*: The mask is a picture in many colors"):
        read(pair)
    red = np.zeros((12, 16, 3), np.uint8)
    red[3:8, 4:9, 0] = 200
    replace(pair, "masks", red)
    np.testing.assert_array_equal(read(pair).mask, (red[..., 0] > 0) * 255)
    color[..., 3] = random.integers(0, 256, (12, 16))
    replace(pair, "masks", color)
    np.testing.assert_array_equal(read(pair).mask, color[..., 3])


def test_jpeg_masks_are_not_made_binary(tmp_path):
    sample = open_dataset(trees.realhm(tmp_path)).samples[0]
    mask = read_sample(sample).mask
    np.testing.assert_array_equal(mask, pixels(tmp_path / sample.mask.path))
    assert len(np.unique(mask)) > 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_three_are_turned_upright(pair, random, orientation):
    upright = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    back = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(upright)
    for step in back:
        stored = stored.transpose(step)
    stored.save(pair / "images" / "a.png", exif=exif)
    stored.convert("L").save(pair / "masks" / "a.png", exif=exif)
    replace(pair, "targets", upright)
    arrays = read(pair)
    np.testing.assert_array_equal(arrays.composite, upright)
    np.testing.assert_array_equal(arrays.mask, np.asarray(Image.fromarray(upright).convert("L")))
    np.testing.assert_array_equal(arrays.real, upright)


def test_a_mask_that_was_not_turned_is_refused(pair):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(pair / "images/a.png").save(pair / "images" / "a.png", exif=exif)
    with pytest.raises(DataError, match=r"images/a\.png 12×16, .*masks/a\.png 16×12"):
        read(pair)


def test_color_profiles_are_not_applied(pair, random):
    from PIL import ImageCms

    codes = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    replace(pair, "images", codes, icc_profile=profile)
    np.testing.assert_array_equal(read(pair).composite, codes)


@pytest.mark.parametrize("part", ["images", "masks", "targets"])
def test_other_sizes_are_named(pair, part):
    make = trees.mask if part == "masks" else trees.picture
    make(pair / part / "a.png", size=(20, 10))
    with pytest.raises(DataError, match="The pictures of a sample differ in size") as error:
        read(pair)
    assert f"{pair}/{part}/a.png 20×10" in str(error.value)
    assert str(error.value).count("a.png 16×12") == 2


@pytest.mark.parametrize("part", ["images", "masks", "targets"])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_truncated_files_are_named(pair, part, suffix):
    for old in (pair / part).iterdir():
        old.unlink()
    trees.truncate(trees.picture(pair / part / f"a.{suffix}", size=(64, 48)))
    with pytest.raises(DataError, match=rf"{part}/a\.{suffix} is damaged"):
        read(pair)


def test_empty_and_foreign_files_are_named(pair):
    (pair / "images" / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"images/a\.png is empty"):
        read(pair)
    (pair / "images" / "a.png").write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match=r"images/a\.png is not a picture of a supported format"):
        read(pair)


def test_a_file_that_has_gone_is_named(pair):
    (sample,) = open_dataset(pair).samples
    (pair / "masks" / "a.png").unlink()
    with pytest.raises(DataError, match=r"masks/a\.png does not exist"):
        read_sample(sample)


def bilinear(plane, size):
    """Half-pixel centers, edges repeated, two neighbors on each side, in plain float64."""

    def line(length):
        at = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, length - 1), at - low

    (top, bottom, y), (left, right, x) = line(plane.shape[0]), line(plane.shape[1])
    plane = plane.astype(float)
    rows = plane[top] * (1 - y)[:, None] + plane[bottom] * y[:, None]
    return rows[:, left] * (1 - x) + rows[:, right] * x


@pytest.mark.parametrize("size", [5, 16, 40])
def test_resizing_is_bilinear_without_antialiasing(random, size):
    composite, real = (random.integers(0, 256, (33, 47, 3), dtype=np.uint8) for _ in range(2))
    mask = random.integers(0, 256, (33, 47), dtype=np.uint8)
    small = resize_arrays(Arrays(composite, mask, real), size)
    assert [array.shape for array in small] == [(size, size, 3), (size, size), (size, size, 3)]
    assert [array.dtype for array in small] == [np.uint8] * 3
    assert np.abs(small.mask - bilinear(mask, size)).max() <= 0.501
    for i in range(3):
        assert np.abs(small.composite[..., i] - bilinear(composite[..., i], size)).max() <= 0.501
        assert np.abs(small.real[..., i] - bilinear(real[..., i], size)).max() <= 0.501


def test_resizing_to_the_same_size_changes_nothing(random):
    composite = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(
        resize_arrays(Arrays(composite, composite[..., 0], None), 16).composite, composite
    )
