"""All published layouts, and their known pitfalls."""

import shutil

import pytest

from cdtnet.datasets.samples import open_dataset
from cdtnet.errors import DataError
from tests.datasets import trees


def by_name(dataset):
    return {sample.name: sample for sample in dataset.samples}


def counts(dataset):
    keys = [(sample.subset, sample.split) for sample in dataset.samples]
    return {key: keys.count(key) for key in keys}


IHARMONY4_COUNTS = {
    (subset, split): count
    for subset, names in trees.IHARMONY4.items()
    for split, count in (("train", len(names) - 1), ("test", 1))
}


@pytest.mark.parametrize(("common", "own"), [(True, True), (True, False), (False, True)])
def test_iharmony4_with_either_kind_of_lists(tmp_path, common, own):
    found = open_dataset(trees.iharmony4(tmp_path, common_lists=common, own_lists=own))
    assert (found.layout, found.problems, found.notes) == ("iharmony4", (), ())
    assert counts(found) == IHARMONY4_COUNTS
    assert {sample.split for sample in open_dataset(tmp_path, split="test").samples} == {"test"}


def test_iharmony4_without_lists(tmp_path):
    trees.iharmony4(tmp_path, common_lists=False, own_lists=False)
    assert counts(open_dataset(tmp_path)) == {(name, ""): len(n) for name, n in trees.IHARMONY4.items()}
    with pytest.raises(DataError, match="no lists of training and test samples; leave out the split"):
        open_dataset(tmp_path, split="test")


def test_iharmony4_ids_with_hyphens_and_two_digits(tmp_path):
    sample = by_name(open_dataset(trees.iharmony4(tmp_path)))[
        "Hday2night/composite_images/d90000014-10_1_12.jpg"
    ]
    assert sample.mask.path == "Hday2night/masks/d90000014-10_1.png"
    assert sample.real.path == "Hday2night/real_images/d90000014-10.jpg"


def test_iharmony4_underscores_in_folders_are_left_alone(tmp_path):
    root = trees.iharmony4(tmp_path / "my_data_1" / "i_Harmony_4")
    sample = open_dataset(root, subsets=["HCOCO"]).samples[0]
    assert (sample.mask.path, sample.mask.exists()) == ("HCOCO/masks/c98_1251.png", True)
    assert open_dataset(root.parent).samples[0].mask.exists()


@pytest.mark.parametrize("spelling", ["HDay2Night", "HDay2night", "hday2night"])
@pytest.mark.parametrize("own_lists", [True, False])
def test_iharmony4_spellings_of_day2night(tmp_path, spelling, own_lists):
    trees.iharmony4(tmp_path, own_lists=own_lists, rename={"Hday2night": spelling})
    found = open_dataset(tmp_path)
    assert counts(found) == IHARMONY4_COUNTS
    assert found.notes == ()
    assert len(open_dataset(tmp_path, subsets=["HDAY2NIGHT"]).samples) == 2


def test_iharmony4_lists_that_spell_the_folder_otherwise(tmp_path):
    trees.iharmony4(tmp_path, own_lists=False)
    for split in ("train", "test"):
        path = tmp_path / f"IHD_{split}.txt"
        path.write_text(path.read_text().replace("Hday2night", "HDay2Night"))
    assert counts(open_dataset(tmp_path)) == IHARMONY4_COUNTS


@pytest.mark.parametrize("name", ["HAdobe5kori", "HAdobe5k_resized1024", "HAdobe5k1"])
def test_iharmony4_copies_of_a_subset(tmp_path, name):
    trees.iharmony4(tmp_path, own_lists=False)
    shutil.copytree(tmp_path / "HAdobe5k", tmp_path / name)
    found = open_dataset(tmp_path)
    assert counts(found) == IHARMONY4_COUNTS
    assert found.notes == (f"{name} is another copy of HAdobe5k and left out; select it with --subsets.",)
    chosen = open_dataset(tmp_path, subsets=[name], split="test")
    assert [sample.name for sample in chosen.samples] == [f"{name}/composite_images/a0007_2_3.jpg"]
    shutil.rmtree(tmp_path / "HAdobe5k")
    assert counts(open_dataset(tmp_path)) == IHARMONY4_COUNTS, "the only copy is the sub-set"
    assert len(open_dataset(tmp_path, subsets=["HAdobe5k"]).samples) == 3


def test_iharmony4_one_subset_as_root(tmp_path):
    root = trees.iharmony4(tmp_path) / "HFlickr"
    found = open_dataset(root)
    assert counts(found) == {("HFlickr", "train"): 1, ("HFlickr", "test"): 1}
    assert found.samples[0].name == "composite_images/f6_1_1.jpg"
    (root / "HFlickr_train.txt").unlink()
    (root / "HFlickr_test.txt").unlink()
    assert counts(open_dataset(root)) == {("HFlickr", ""): 2}


def test_iharmony4_suffixes_may_differ(tmp_path):
    trees.iharmony4(tmp_path)
    folder = tmp_path / "HCOCO"
    trees.picture(folder / "composite_images" / "c98_1251_1.png")
    (folder / "composite_images" / "c98_1251_1.jpg").unlink()
    (folder / "real_images" / "c140.jpg").rename(folder / "real_images" / "c140.JPEG")
    (folder / "masks" / "c98_1251.png").rename(folder / "masks" / "c98_1251.PNG")
    found = open_dataset(tmp_path)
    assert (counts(found), found.problems) == (IHARMONY4_COUNTS, ())
    sample = by_name(found)["HCOCO/composite_images/c98_1251_1.png"]
    assert (sample.mask.path, sample.real.path) == ("HCOCO/masks/c98_1251.PNG", "HCOCO/real_images/c98.jpg")


def test_iharmony4_prefers_the_same_suffix(tmp_path):
    trees.iharmony4(tmp_path)
    folder = tmp_path / "HCOCO"
    trees.picture(folder / "real_images" / "c98.JPG")
    trees.picture(folder / "masks" / "c98_1251.jpg")
    sample = open_dataset(tmp_path, subsets=["HCOCO"]).samples[0]
    assert (sample.mask.path, sample.real.path) == ("HCOCO/masks/c98_1251.png", "HCOCO/real_images/c98.jpg")


def test_iharmony4_what_is_missing_is_named(tmp_path):
    trees.iharmony4(tmp_path)
    (tmp_path / "HCOCO/composite_images/c98_1251_2.jpg").unlink()
    (tmp_path / "HAdobe5k/masks/a0001_1.png").unlink()
    (tmp_path / "HFlickr/real_images/f17.jpg").unlink()
    found = open_dataset(tmp_path)
    assert len(found.samples) == 10 - 4
    assert found.problems == (
        "HAdobe5k/composite_images/a0001_1_1.jpg lacks its mask HAdobe5k/masks/a0001_1.png.",
        "HAdobe5k/composite_images/a0001_1_5.jpg lacks its mask HAdobe5k/masks/a0001_1.png.",
        "HCOCO/composite_images/c98_1251_2.jpg is listed for train but missing.",
        "HFlickr/composite_images/f17_2_2.jpg lacks its real image HFlickr/real_images/f17.*.",
    )
    assert len(open_dataset(tmp_path, split="test").problems) == 1


def test_iharmony4_a_subset_without_one_of_its_folders_is_reported(tmp_path):
    trees.iharmony4(tmp_path)
    shutil.rmtree(tmp_path / "HFlickr" / "real_images")
    shutil.rmtree(tmp_path / "HCOCO" / "composite_images")
    problems = open_dataset(tmp_path).problems
    assert len(problems) == 3 + 2
    assert sum("is listed for" in sentence for sentence in problems) == 3


def test_iharmony4_a_subset_that_is_not_there_is_noted(tmp_path):
    trees.iharmony4(tmp_path)
    shutil.rmtree(tmp_path / "HCOCO")
    found = open_dataset(tmp_path)
    assert (found.problems, found.notes) == ((), ("HCOCO is listed but missing.",))
    assert open_dataset(tmp_path, subsets=["HFlickr"]).notes == ()
    with pytest.raises(DataError, match="no sub-set HCOCO; it has HAdobe5k, HFlickr, Hday2night"):
        open_dataset(tmp_path, subsets=["HCOCO"])


def test_iharmony4_odd_lines_of_lists(tmp_path):
    trees.iharmony4(tmp_path)
    listed = (
        "\ufeffc98_1251_1.jpg\r\n\r\n  composite_images\\c98_1251_2.jpg \r\nc98_1251_1.jpg\r\nodd.jpg\r\n"
    )
    (tmp_path / "HCOCO" / "HCOCO_train.txt").write_text(listed, encoding="utf-8", newline="")
    trees.picture(tmp_path / "HCOCO" / "composite_images" / "odd.jpg")
    trees.picture(tmp_path / "HCOCO" / "composite_images" / "c1_1_1.jpg")
    found = open_dataset(tmp_path, subsets=["HCOCO"])
    assert [sample.name[-12:-4] for sample in found.samples] == ["8_1251_1", "8_1251_2", "40_530_1"]
    assert found.problems == ("HCOCO/composite_images/odd.jpg is not named <real>_<mask>_<number>.",)
    assert found.notes == (
        "HCOCO: composites in no list, left out: 1.",
        "HCOCO: composites listed more than once: 1.",
    )


def test_iharmony4_what_is_in_both_lists_is_not_trained_on(tmp_path):
    trees.iharmony4(tmp_path)
    path = tmp_path / "HCOCO" / "HCOCO_train.txt"
    path.write_text(path.read_text() + "c140_530_1.jpg\n")
    assert counts(open_dataset(tmp_path)) == IHARMONY4_COUNTS


@pytest.mark.parametrize("nested", [True, False])
def test_ccharmony(tmp_path, nested):
    found = open_dataset(trees.ccharmony(tmp_path, nested=nested))
    assert (found.layout, found.problems, found.notes) == ("ccharmony", (), ())
    assert counts(found) == {("", "train"): 20, ("", "test"): 10}
    sample = next(sample for sample in found.samples if sample.name.endswith("0016_b_10.jpg"))
    assert sample.mask.path == "masks/Canon1DsMkIII_0016_b.png"
    assert sample.real.path == "real_images/Canon1DsMkIII_0016.jpg"


def test_ccharmony_without_lists(tmp_path):
    found = open_dataset(trees.ccharmony(tmp_path, lists=False))
    assert (found.layout, counts(found)) == ("ccharmony", {("", ""): 30})


def test_ccharmony_incomplete(tmp_path):
    trees.ccharmony(tmp_path)
    (tmp_path / "composite_images/8D5U5531_a/8D5U5531_a_10.jpg").unlink()
    (tmp_path / "real_images/IMG_0281.jpg").unlink()
    (tmp_path / "test_list.txt").write_text("Gone_a\n")
    found = open_dataset(tmp_path)
    assert counts(found) == {("", "train"): 9}
    assert found.problems[0] == "8D5U5531_a has 9 of its 10 composites."
    assert found.problems[-1] == "Gone_a has 0 of its 10 composites."
    assert sum("lacks its real image real_images/IMG_0281.*" in sentence for sentence in found.problems) == 10
    assert found.notes == ("Foregrounds in no list, left out: 1.",)


def test_realhm(tmp_path):
    found = open_dataset(trees.realhm(tmp_path / "RealHM"))
    assert (found.layout, found.problems, len(found.samples)) == ("realhm", (), 2)
    sample = by_name(found)["vendor_testing_2/IMG_7_3_composite.jpg"]
    assert sample.mask.path == "vendor_testing_2/IMG_7_3_mask.jpg"
    assert sample.real.path == "vendor_testing_2/IMG_7_3_gt.jpg"
    (tmp_path / "RealHM/vendor_testing_1/portrait_12_mask.jpg").unlink()
    found = open_dataset(tmp_path / "RealHM")
    assert len(found.samples) == 1
    assert found.problems == ("portrait_12_mask is missing in vendor_testing_1.",)


def test_real_composites_have_no_ground_truth(tmp_path):
    found = open_dataset(trees.real_composites(tmp_path))
    assert (found.layout, found.problems, len(found.samples)) == ("pairs", (), 4)
    assert by_name(found)["composite/école_2.jpg"].mask.path == "mask/école_2.png"
    assert all(sample.real is None and sample.split == "" for sample in found.samples)


@pytest.mark.parametrize("images", ["composite_images", "composites", "images", "Images"])
@pytest.mark.parametrize("masks", ["masks", "mask", "Masks"])
def test_pairs_of_folders(tmp_path, images, masks):
    trees.picture(tmp_path / images / "a.jpg")
    trees.picture(tmp_path / images / "b_1.jpg")
    trees.picture(tmp_path / images / "deep" / "c_22.PNG")
    for name in ("a", "b", "deep/c"):
        trees.mask(tmp_path / masks / f"{name}.png")
    found = open_dataset(tmp_path)
    assert (found.layout, found.problems) == ("pairs", ())
    assert [sample.mask.path for sample in found.samples] == [
        f"{masks}/{n}.png" for n in ("a", "b", "deep/c")
    ]


def test_pairs_prefer_the_mask_of_the_full_name(tmp_path):
    for name in ("b", "b_1"):
        trees.picture(tmp_path / "images" / f"{name}.jpg")
        trees.mask(tmp_path / "masks" / f"{name}.png")
    assert [sample.mask.path for sample in open_dataset(tmp_path).samples] == ["masks/b.png", "masks/b_1.png"]


def test_pairs_with_masks_beside_the_pictures(tmp_path):
    trees.picture(tmp_path / "a.jpg")
    trees.mask(tmp_path / "a_mask.png")
    trees.picture(tmp_path / "b.jpg")
    found = open_dataset(tmp_path)
    assert [(sample.name, sample.mask.path) for sample in found.samples] == [("a.jpg", "a_mask.png")]
    assert found.problems == ("b.jpg has no mask.",)
    trees.picture(tmp_path / "images" / "c.jpg")
    trees.mask(tmp_path / "images" / "c_mask.jpg")
    assert [sample.mask.path for sample in open_dataset(tmp_path).samples] == ["images/c_mask.jpg"]


@pytest.mark.parametrize("place", ["masks/any.png", "images/mask.png", "mask.jpg"])
def test_pairs_with_one_mask_for_all(tmp_path, place):
    for name in ("frame_1", "frame_2"):
        trees.picture(tmp_path / "images" / f"{name}.jpg")
    trees.mask(tmp_path / place)
    found = open_dataset(tmp_path)
    assert [sample.mask.path for sample in found.samples] == [place, place]


def test_pairs_in_sub_folders(tmp_path):
    for path in ("a.png", "sub/b.png", "sub/deeper/c.png"):
        trees.picture(tmp_path / path)
    trees.mask(tmp_path / "masks" / "a.png")
    trees.mask(tmp_path / "masks" / "sub" / "b.png")
    trees.mask(tmp_path / "sub" / "deeper" / "c_mask.png")
    found = by_name(open_dataset(tmp_path))
    assert {name: sample.mask.path for name, sample in found.items()} == {
        "a.png": "masks/a.png",
        "sub/b.png": "masks/sub/b.png",
        "sub/deeper/c.png": "sub/deeper/c_mask.png",
    }


def test_pairs_whose_only_mask_belongs_to_one_picture(tmp_path):
    for name in ("a", "b"):
        trees.picture(tmp_path / "images" / f"{name}.jpg")
    trees.mask(tmp_path / "masks" / "a.png")
    found = open_dataset(tmp_path)
    assert [sample.name for sample in found.samples] == ["images/a.jpg"]
    assert found.problems == ("images/b.jpg has no mask.",)


@pytest.mark.parametrize("reals", ["real_images", "real", "targets", "gt"])
def test_pairs_with_real_images(tmp_path, reals):
    for name, mask, real in (("a", "a", "a"), ("b_1", "b", "b"), ("c_3_1", "c_3", "c"), ("d", "d", "")):
        trees.picture(tmp_path / "composites" / f"{name}.png")
        trees.mask(tmp_path / "masks" / f"{mask}.png")
        if real:
            trees.picture(tmp_path / reals / f"{real}.png")
    found = open_dataset(tmp_path, layout="pairs")
    assert [sample.real.path for sample in found.samples] == [f"{reals}/{n}.png" for n in "abc"]
    assert found.problems == (f"composites/d.png has no real image in {reals}.",)


def test_what_computers_leave_behind_is_ignored(tmp_path):
    trees.iharmony4(tmp_path)
    trees.picture(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "HCOCO/composite_images/._c98_1251_1.jpg")
    for name in ("HCOCO/Thumbs.db", ".DS_Store", "__MACOSX/HCOCO/composite_images/._c98_1251_1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\26\7")
    found = open_dataset(tmp_path)
    assert (counts(found), found.problems, found.notes) == (IHARMONY4_COUNTS, (), ())


def test_an_unknown_layout_says_what_was_looked_for(tmp_path):
    trees.picture(tmp_path / "photos" / "a.jpg")
    with pytest.raises(DataError, match="has 1 files, but in no known layout") as error:
        open_dataset(tmp_path)
    for layout in ("iharmony4", "ccharmony", "realhm", "pairs", "manifest"):
        assert f"\n  {layout}: " in str(error.value)


def test_a_layout_can_be_demanded(tmp_path):
    trees.iharmony4(tmp_path / "ih")
    assert open_dataset(tmp_path / "ih" / "HCOCO", layout="pairs").layout == "pairs"
    with pytest.raises(DataError, match=r"in no known layout. Known are\n  realhm: "):
        open_dataset(tmp_path / "ih", layout="realhm")
    with pytest.raises(DataError, match="'foo' is not a layout; choose auto, manifest, ccharmony"):
        open_dataset(tmp_path / "ih", layout="foo")


def test_a_split_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="no samples for val; it has test and train"):
        open_dataset(trees.iharmony4(tmp_path), split="val")
