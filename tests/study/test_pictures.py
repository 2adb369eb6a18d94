import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from cdtnet.errors import DataError, PictureError
from cdtnet.study.pictures import find_pictures, make_screen_copies
from tests.kinds import HEIGHT, READ, WIDTH, smooth


def save(path, color=(200, 100, 50), size=(60, 40), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB" if isinstance(color, tuple) else "L", size, color).save(path, **options)


@pytest.fixture
def folders(tmp_path):
    for method in ("A", "B", "composites"):
        save(tmp_path / method / "p.png")
        save(tmp_path / method / "q.jpg")
    for stem in ("p", "q", "unused"):
        save(tmp_path / "masks" / f"{stem}.png", 255)
    (tmp_path / "A" / "notes.txt").touch()
    return tmp_path


def opened(path):
    with Image.open(path) as image:
        return image.copy()


def results(folders):
    return {"A": folders / "A", "B": folders / "B"}


def test_pictures_are_matched_by_stem(folders):
    gallery = find_pictures(results(folders), folders / "composites", folders / "masks")
    assert gallery.stems == ("p", "q")
    assert gallery.results["B"]["q"] == folders / "B" / "q.jpg"
    assert gallery.masks["p"] == folders / "masks" / "p.png"
    assert find_pictures(results(folders)).composites == {}


def test_what_is_missing_is_named(folders):
    (folders / "B" / "q.jpg").unlink()
    with pytest.raises(DataError, match=r"B lacks 1 of 2 pictures \(q\)"):
        find_pictures(results(folders))
    save(folders / "B" / "q.png")
    (folders / "masks" / "p.png").unlink()
    with pytest.raises(DataError, match=r"masks lacks 1 of 2 pictures \(p\)"):
        find_pictures(results(folders), folders / "composites", folders / "masks")


def test_folders_that_cannot_be_used(folders):
    with pytest.raises(DataError, match="not a folder"):
        find_pictures({"A": folders / "none"})
    with pytest.raises(DataError, match="give --composites"):
        find_pictures(results(folders), masks=folders / "masks")
    save(folders / "A" / "p.jpg")
    with pytest.raises(DataError, match=r"both p\.jpg and p\.png"):
        find_pictures(results(folders))
    (folders / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        find_pictures({"A": folders / "empty"})


def copies(folders, tmp_path, longest_side=2048):
    (tmp_path / "copies").mkdir()
    gallery = find_pictures(results(folders), folders / "composites", folders / "masks")
    return make_screen_copies(gallery, tmp_path / "copies", longest_side)


def test_copies_tell_nothing_but_pixels(folders, tmp_path):
    note = PngImagePlugin.PngInfo()
    note.add_text("Software", "methodname")
    save(folders / "A" / "p.png", pnginfo=note)
    save(folders / "B" / "q.jpg", exif=b"Exif\0\0methodname", comment=b"methodname")
    gallery = copies(folders, tmp_path)
    for group in (*gallery.results.values(), gallery.composites):
        for path in group.values():
            data = path.read_bytes()
            assert b"methodname" not in data
            assert b"Exif" not in data
            image = Image.open(path)
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (60, 40))
            assert np.abs(np.asarray(image, int) - (200, 100, 50)).max() <= 2
    assert gallery.results["A"]["p"].read_bytes() == gallery.results["B"]["p"].read_bytes()
    assert np.asarray(opened(gallery.masks["p"])).min() >= 254


def test_large_pictures_are_reduced_and_turned_upright(folders, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for folder in ("A", "B", "composites"):
        save(folders / folder / "q.jpg", size=(60, 40), exif=exif)
    save(folders / "masks" / "q.png", 255, size=(40, 60))
    gallery = copies(folders, tmp_path, longest_side=30)
    assert opened(gallery.results["A"]["q"]).size == (20, 30)
    assert opened(gallery.results["A"]["p"]).size == (30, 20)


def test_profiles_deep_and_transparent_pictures(folders, tmp_path):
    deep = Image.fromarray(np.full((40, 60), 0x8080, np.uint16))
    deep.save(folders / "A" / "p.png")
    Image.new("RGBA", (60, 40), (9, 9, 9, 0)).save(folders / "B" / "p.png")
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    save(folders / "A" / "q.jpg", icc_profile=lab)
    cut_out = Image.new("LA", (60, 40), (0, 0))
    cut_out.paste((0, 255), (0, 0, 30, 40))
    cut_out.save(folders / "masks" / "p.png")
    gallery = copies(folders, tmp_path)
    np.testing.assert_allclose(np.asarray(opened(gallery.results["A"]["p"]))[0, 0], 128, atol=1)
    assert np.asarray(opened(gallery.results["B"]["p"])).min() == 255
    assert np.abs(np.asarray(opened(gallery.results["A"]["q"]), int) - (200, 100, 50)).max() <= 2
    mask = np.asarray(opened(gallery.masks["p"]))
    assert (mask[20, 10], mask[20, 50]) == (255, 0)


def test_every_format_that_is_read_is_shown(folders, tmp_path):
    pytest.importorskip("OpenEXR")
    for folder, name in (("A", "p.tga"), ("B", "p.exr"), ("composites", "p.tif")):
        (folders / folder / "p.png").unlink(missing_ok=True)
        kind = {"p.exr": "exr.exr", "p.tga": "tga.tga", "p.tif": "lab.tif"}[name]
        (folders / folder / name).write_bytes(READ[kind]())
    save(folders / "masks" / "p.png", 255, size=(WIDTH, HEIGHT))
    gallery = copies(folders, tmp_path)
    for path in (gallery.results["A"]["p"], gallery.composites["p"]):
        assert np.abs(np.asarray(opened(path), int) - smooth()).mean() < 3
    assert opened(gallery.results["B"]["p"]).size == (WIDTH, HEIGHT)


def test_sizes_that_would_tell_are_refused(folders, tmp_path):
    save(folders / "B" / "q.jpg", size=(61, 40))
    with pytest.raises(DataError, match=r"61×40 pixels on the screen but .*60×40"):
        copies(folders, tmp_path)


def test_a_damaged_picture_is_named(folders, tmp_path):
    whole = (folders / "B" / "p.png").read_bytes()
    (folders / "B" / "p.png").write_bytes(whole[:80])
    with pytest.raises(PictureError, match=r"p\.png is damaged.* remove its stem from every folder"):
        copies(folders, tmp_path)


def test_results_may_lie_as_batch_writes_them(folders):
    """Results with the composites' paths, beside a table."""
    for name in ("p.png", "q.jpg"):
        (folders / "B" / "composite_images").mkdir(exist_ok=True)
        (folders / "B" / name).rename(folders / "B" / "composite_images" / name)
    (folders / "B" / "results.jsonl").touch()
    save(folders / "B" / ".cache" / "p.png")
    gallery = find_pictures(results(folders))
    assert gallery.results["B"]["p"] == folders / "B" / "composite_images" / "p.png"
    save(folders / "B" / "p.webp")
    with pytest.raises(DataError, match=r"both (composite_images.)?p\..* and "):
        find_pictures(results(folders))
