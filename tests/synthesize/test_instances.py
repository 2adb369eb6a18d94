import csv
import json

import numpy as np
import pytest
from PIL import Image

from cdtnet.errors import DataError
from cdtnet.synthesize.instances import coco_mask, read_instances

from .conftest import draw_mask, draw_photo, save

BOX = [30.0, 10, 60, 10, 60, 40, 30, 40]  # of the rectangle below, in a photo of 90×60
RUNS = [30 * 60 + 10, *[30, 30] * 29, 30, 90 * 60 - (59 * 60 + 40)]
HEADER = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks"


def rectangle(height=60, width=90):
    mask = np.zeros((60, 90), np.uint8)
    mask[10:40, 30:60] = 255
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))


def compress(counts):
    """Encode COCO's string by its description."""
    text = ""
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        more = True
        while more:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(48 + bits + 32 * more)
    return text


def write_coco(folder, *segmentations, **changes):
    save(draw_photo(0), folder / "train2017" / "0001.jpg")
    annotations = [
        {
            "id": i,
            "image_id": 7,
            "category_id": 3,
            "iscrowd": 0,
            "bbox": [30, 10, 30, 30],
            "segmentation": s,
            **changes,
        }
        for i, s in enumerate(segmentations)
    ]
    content = {
        "images": [{"id": 7, "file_name": "0001.jpg", "width": 90, "height": 60}],
        "categories": [{"id": 3, "name": "dog"}],
        "annotations": annotations,
    }
    (folder / "instances.json").write_text(json.dumps(content))
    return folder / "instances.json", folder / "train2017"


def write_open_images(folder, mask=None, **changes):
    """As downloaded: masks in a folder per first digit, of another size than the photo."""
    save(draw_photo(0), folder / "train" / "0a1b.jpg")
    name = "0a1b_m01yrx_8db3ace7.png"
    save(Image.fromarray(rectangle(120, 180) if mask is None else mask), folder / "masks" / "0" / name)
    box = {"BoxXMin": 30 / 90, "BoxXMax": 60 / 90, "BoxYMin": 10 / 60, "BoxYMax": 40 / 60}
    line = {"MaskPath": name, "ImageID": "0a1b", "LabelName": "/m/01yrx", "BoxID": "8db3ace7", **box}
    with (folder / "segmentation.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, HEADER.split(","))
        writer.writeheader()
        writer.writerow({**line, "PredictedIoU": 0.9, "Clicks": "0.5 0.5 1", **changes})
    return folder / "segmentation.csv", folder / "train", [folder / "masks"]


@pytest.mark.parametrize(
    "segmentation",
    [[BOX], {"size": [60, 90], "counts": RUNS}, {"size": [60, 90], "counts": compress(RUNS)}],
    ids=["polygon", "list", "string"],
)
def test_coco(tmp_path, segmentation):
    (instance,) = read_instances(*write_coco(tmp_path, segmentation))
    assert instance.label == "dog 0"
    assert instance.photo.path == "0001.jpg"
    assert np.array_equal(instance.shape(60, 90), rectangle())
    twice = instance.shape(120, 180)  # a photo that is larger than what was annotated
    assert ((twice > 127) == (rectangle(120, 180) > 0)).mean() > 0.999


@pytest.mark.parametrize(
    "changes",
    [
        {"iscrowd": 1},
        {"image_id": 8},
        {"bbox": [0, 10, 30, 30]},
        {"bbox": [60, 10, 30, 30]},
        {"bbox": [30, 10, 4, 4]},
        {"bbox": [3, 3, 84, 54]},
        {"segmentation": []},
        {"segmentation": [BOX, BOX]},
    ],
    ids=["crowd", "no photo", "left border", "right border", "small", "large", "nothing", "two pieces"],
)
def test_useless_objects_are_left_out(tmp_path, changes):
    with pytest.raises(DataError, match="No object"):
        read_instances(*write_coco(tmp_path, [BOX], **changes))


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 2, 3, 4]],
        [[1, 2, "x", 4, 5, 6]],
        [[float("nan")] * 6],
        {"counts": RUNS},
        {"size": [60, 90], "counts": RUNS[1:]},
        {"size": [1 << 20, 1 << 20], "counts": [1 << 40]},
        {"size": [60, 90], "counts": "T"},
        7,
    ],
)
def test_damaged_segmentations_are_refused(segmentation):
    with pytest.raises(DataError):
        coco_mask(segmentation, (60, 90), 60, 90)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"images": [{}], "annotations": []}', '{"images": 3}']
)
def test_what_is_no_annotation_file_gets_a_sentence(tmp_path, text):
    annotations, photos = write_coco(tmp_path)
    annotations.write_text(text)
    with pytest.raises(DataError, match=r"instances\.json is neither COCO"):
        read_instances(annotations, photos)
    with pytest.raises(DataError, match=r"absent\.json cannot be read"):
        read_instances(tmp_path / "absent.json", photos)


def test_open_images(tmp_path):
    (instance,) = read_instances(*write_open_images(tmp_path))
    assert instance.label == "/m/01yrx 0a1b_m01yrx_8db3ace7.png"
    assert ((instance.shape(60, 90) > 127) == (rectangle() > 0)).all()


def test_open_images_from_zips(tmp_path):
    import shutil

    annotations, photos, (masks,) = write_open_images(tmp_path)
    zips = [shutil.make_archive(str(folder), "zip", folder) for folder in (photos, masks)]
    (instance,) = read_instances(annotations, tmp_path / "train.zip", [tmp_path / "masks.zip"])
    assert len(zips) == 2
    assert (instance.shape(60, 90) > 127).sum() == 900


@pytest.mark.parametrize(
    "changes", [{"PredictedIoU": 0.5}, {"MaskPath": "x.png"}, {"ImageID": "x"}, {"BoxXMin": 0.0}]
)
def test_open_images_that_are_of_no_use(tmp_path, changes):
    with pytest.raises(DataError, match="No object"):
        read_instances(*write_open_images(tmp_path, **changes))


def test_open_images_without_agreement_counts(tmp_path):
    assert len(read_instances(*write_open_images(tmp_path, PredictedIoU=""))) == 1  # hand-drawn


def test_open_images_masks_of_other_proportions(tmp_path):
    (instance,) = read_instances(*write_open_images(tmp_path, mask=np.asarray(draw_mask(0, (200, 60)))))
    with pytest.raises(DataError, match="200×60 pixels, another aspect ratio than its photo of 90×60"):
        instance.shape(60, 90)


def test_open_images_needs_its_masks(tmp_path):
    annotations, photos, _ = write_open_images(tmp_path)
    with pytest.raises(DataError, match="--masks"):
        read_instances(annotations, photos)
    annotations.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="neither COCO"):
        read_instances(annotations, photos, [tmp_path / "masks"])
