import numpy as np
import pytest
import torch
from PIL import Image

from cdtnet.composites.photos import find_photos, load_photos
from cdtnet.errors import DataError


def test_photos_are_found_with_their_masks(photo_folder):
    photos = find_photos(photo_folder / "mid", photo_folder / "masks")
    assert [(p.source, p.path.stem, len(p.masks)) for p in photos] == [
        (source, f"p{k}", count) for source, count in (("objects", 1), ("scenes", 0)) for k in range(4)
    ]
    assert {p.source for p in find_photos(photo_folder / "mid", sources=["scenes"])} == {"scenes"}


def test_a_folder_without_photos_is_refused(tmp_path):
    with pytest.raises(DataError, match="There are no photographs"):
        find_photos(tmp_path)


def test_loaded_squares(photo_folder):
    photos = find_photos(photo_folder / "mid", photo_folder / "masks")
    store = load_photos(photos, 48)
    assert store.images.shape == (8, 3, 48, 48)
    assert store.masks.shape == (5, 48, 48)
    assert not store.masks[0].any()
    assert store.mask_count.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert store.first_mask.tolist() == [1, 2, 3, 4, 0, 0, 0, 0]
    reference = Image.open(photos[5].path).resize((48, 48), Image.Resampling.BOX)
    ours = store.images[5].permute(1, 2, 0).numpy().astype(int)
    assert np.abs(ours - np.asarray(reference)).mean() < 3
    assert store.masks[3].float().mean() / 255 == pytest.approx(26 * 30 / (72 * 96), abs=0.01)


def test_sources_are_balanced_by_the_root_of_their_size(photo_folder):
    photos = find_photos(photo_folder / "mid")[:5]  # four of one source, one of the other
    weights = load_photos(photos, 16).weights
    assert weights[:4].sum() / weights[4:].sum() == pytest.approx(2.0)


def test_a_damaged_photo_is_named(photo_folder, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 nonsense")
    with pytest.raises(DataError, match=r"bad\.jpg cannot be read"):
        load_photos(find_photos(tmp_path), 16)


def test_stores_move_between_devices(photo_folder):
    store = load_photos(find_photos(photo_folder / "mid"), 16).to(torch.device("meta"))
    assert store.images.device.type == store.weights.device.type == "meta"
