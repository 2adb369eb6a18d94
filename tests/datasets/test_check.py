import numpy as np
import pytest
from PIL import Image

from cdtnet.datasets.check import Count, check_dataset
from tests.datasets import trees


@pytest.fixture
def root(tmp_path):
    return trees.iharmony4(tmp_path / "iHarmony4")


def count(report, subset, split):
    return next((c.usable, c.unusable) for c in report.counts if (c.subset, c.split) == (subset, split))


def test_a_complete_data_set(root):
    report = check_dataset(root)
    assert (report.layout, report.root) == ("iharmony4", str(root))
    assert (report.missing, report.damaged, report.doubtful, report.notes) == ([], [], [], [])
    assert count(report, "HCOCO", "train") == (2, 0)
    assert sum(c.usable for c in report.counts) == 10
    assert report.without_real == 0
    assert report.megapixels == pytest.approx([192e-6] * 3)


def test_what_is_missing_and_what_is_damaged(root):
    (root / "HCOCO/masks/c140_530.png").unlink()
    trees.truncate(root / "HCOCO/real_images/c98.jpg")
    trees.picture(root / "HFlickr/composite_images/f6_1_1.jpg", size=(20, 20))
    report = check_dataset(root)
    assert report.missing == [
        "HCOCO/composite_images/c140_530_1.jpg lacks its mask HCOCO/masks/c140_530.png."
    ]
    assert [sentence.split(" ")[0] for sentence in report.damaged[:2]] == [
        f"{root}/HCOCO/real_images/c98.jpg"
    ] * 2
    assert "differ in size" in report.damaged[2]
    assert count(report, "HCOCO", "train") == (0, 2)
    assert count(report, "HCOCO", "test") == (0, 1)
    assert count(report, "HFlickr", "train") == (0, 1)
    assert count(report, "HFlickr", "test") == (1, 0)


def test_fast_opens_nothing(root):
    trees.truncate(root / "HCOCO/real_images/c98.jpg")
    report = check_dataset(root, fast=True)
    assert (report.damaged, report.megapixels, report.foreground) == ([], None, None)
    assert count(report, "HCOCO", "train") == (2, 0)
    (root / "HCOCO/real_images/c98.jpg").unlink()
    assert len(check_dataset(root, fast=True).missing) == 2


def test_sizes_and_foregrounds(tmp_path):
    for name, size, foreground in (
        ("a", (10, 10), 0.0),
        ("b", (100, 10), 0.04),
        ("c", (20, 20), 0.1),
        ("d", (40, 20), 1),
    ):
        trees.picture(tmp_path / "images" / f"{name}.png", size=size)
        trees.mask(tmp_path / "masks" / f"{name}.png", size=size, foreground=foreground)
    Image.fromarray(np.full((10, 10), 255, np.uint8) // 255).save(tmp_path / "masks" / "a.png")
    report = check_dataset(tmp_path)
    assert report.megapixels == pytest.approx([100e-6, 600e-6, 1000e-6])
    assert report.foreground == [0.5, 0.25, 0.25]
    assert report.without_real == 4
    assert report.counts == [Count("", "", 4, 0)]
    assert [sentence.removeprefix(f"{tmp_path}/masks/")[:40] for sentence in report.doubtful] == [
        "a.png: The mask's brightest value is 1 o",
        "d.png: The mask is white everywhere, so ",
    ]


def test_readings_are_watched(root):
    seen = []

    def watch(readings, total):
        for reading in readings:
            seen.append((reading.sample.name, total))
            yield reading

    check_dataset(root, subsets=["HFlickr"], watch=watch)
    assert seen == [("HFlickr/composite_images/f6_1_1.jpg", 2), ("HFlickr/composite_images/f17_2_2.jpg", 2)]


def test_reading_stops_when_the_watcher_does(root):
    def watch(readings, total):
        yield next(iter(readings))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_dataset(root, watch=watch)
