import shutil

import pytest
import torch

from cdtnet.errors import DataError
from cdtnet.training.distributed import Processes
from cdtnet.training.feeds import _Crops, open_feed

CPU = torch.device("cpu")


def feed_of(recipe, rank=0, count=1):
    return open_feed(recipe.data, recipe.seed, Processes(CPU, rank, count))


def drawn(feed, stage, first=0, end=16) -> list[torch.Tensor]:
    return [torch.cat(triplet, dim=1) for triplet in feed.batches(stage, first, end)]


@pytest.mark.parametrize("kind", ["triplets", "photos"])
def test_batches_depend_on_their_place_in_the_run_alone(recipe_of, kind):
    recipe = recipe_of({}, kind=kind)
    stage = recipe.stages[0]
    whole = drawn(feed_of(recipe), stage)
    assert len(whole) == 4
    assert not torch.equal(whole[0], whole[1])
    later = drawn(feed_of(recipe), stage, first=8)
    assert torch.equal(torch.cat(later), torch.cat(whole[2:]))
    shared = [drawn(feed_of(recipe, rank, 2), stage) for rank in (0, 1)]
    assert torch.equal(
        torch.cat([part for pair in zip(*shared, strict=True) for part in pair]), torch.cat(whole)
    )
    other = recipe_of({}, kind=kind, seed=1)
    assert not torch.equal(drawn(feed_of(other), stage)[0], whole[0])


@pytest.mark.parametrize("kind", ["triplets", "photos"])
def test_batches_take_turns_at_several_sizes(recipe_of, kind):
    recipe = recipe_of({"size": 32, "smaller": [16, 24], "batch": 4, "accumulate": 2}, kind=kind)
    stage, feed = recipe.stages[0], feed_of(recipe)
    sides = [triplet.real.shape[-1] for triplet in feed.batches(stage, 2, 18)]  # no multiple of the batch
    assert sides == [32, 32, 16, 16, 24, 24, 32, 32]
    assert [triplet.real.shape[-1] for triplet in feed.batches(stage, 10, 14)] == [24, 24]
    assert {triplet.real.shape[-1] for triplet in feed.validation(stage)} == {32}


def test_workers_change_nothing(recipe_of):
    stage = recipe_of({}).stages[0]
    alone, helped = (
        drawn(feed_of(recipe_of({}, data={"workers": workers})), stage, end=8) for workers in (0, 2)
    )
    assert torch.equal(torch.cat(alone), torch.cat(helped))


def test_an_epoch_shows_every_triplet_once(recipe_of):
    recipe = recipe_of({"samples": None, "epochs": 2, "batch": 12})
    feed, stage = feed_of(recipe), recipe.stages[0]
    assert feed.samples(stage) == 24  # six photographs with two composites, twice
    crops = _Crops(feed.train, 0, "fail")
    order = [crops._sample(position).name for position in range(24)]
    assert len(set(order[:12])) == len(set(order[12:])) == 12
    assert order[:12] != order[12:]


def test_crops_are_consistent_and_show_foreground(recipe_of):
    recipe = recipe_of({"size": 32, "batch": 4})
    for triplet in feed_of(recipe).batches(recipe.stages[0], 0, 32):
        assert triplet.composite.shape == triplet.real.shape == (4, 3, 32, 32)
        assert triplet.mask.shape == (4, 1, 32, 32)
        assert triplet.mask.amax((1, 2, 3)).min() > 0.9
        background = (triplet.mask == 0).float()
        # the same crop and flip of composite and real, but for JPEG's losses
        assert (background * (triplet.composite - triplet.real)).abs().mean() < 0.02


def test_validation_is_the_test_split_and_always_the_same(recipe_of):
    recipe = recipe_of({}, data={"validation": 3})
    feed = feed_of(recipe)
    assert {sample.split for sample in feed.test} == {"test"}
    first, second = ([torch.cat(t, dim=1) for t in feed.validation(recipe.stages[0])] for _ in range(2))
    assert torch.equal(torch.cat(first), torch.cat(second))
    assert len(torch.cat(first)) == 3


@pytest.fixture
def damaged_folder(triplet_folder, tmp_path):
    root = tmp_path / "damaged"
    shutil.copytree(triplet_folder, root)
    path = root / "HFlickr" / "composite_images" / "f3_1_1.jpg"
    path.write_bytes(path.read_bytes()[:200])
    return root


def test_a_damaged_triplet_ends_the_run_by_its_name(recipe_of, damaged_folder):
    recipe = recipe_of({"batch": 12}, data={"root": damaged_folder})
    with pytest.raises(DataError, match=r"f3_1_1\.jpg.*damaged=skip"):
        drawn(feed_of(recipe), recipe.stages[0], end=12)


def test_a_damaged_triplet_is_named_once_and_another_stands_in(recipe_of, damaged_folder, capsys):
    recipe = recipe_of({"batch": 12}, data={"root": damaged_folder, "damaged": "skip"})
    batches = drawn(feed_of(recipe), recipe.stages[0], end=24)
    assert [len(batch) for batch in batches] == [12, 12]
    assert capsys.readouterr().out.count("f3_1_1.jpg") == 1


def test_missing_files_end_the_run_or_are_counted(recipe_of, damaged_folder, capsys):
    (damaged_folder / "HFlickr" / "masks" / "f4_1.png").unlink()
    with pytest.raises(DataError, match=r"incomplete.*f4_1.*damaged=skip"):
        feed_of(recipe_of({}, data={"root": damaged_folder}))
    feed = feed_of(recipe_of({}, data={"root": damaged_folder, "damaged": "skip"}))
    assert len(feed.train) == 10
    assert "incomplete" in capsys.readouterr().out


def test_without_lists_a_photograph_is_trained_on_or_scored_not_both(recipe_of, tmp_path, triplet_folder):
    root = tmp_path / "unlisted"
    shutil.copytree(triplet_folder, root)
    for listed in root.rglob("*.txt"):
        listed.unlink()
    for k in range(40):
        shutil.copy(root / "HFlickr/real_images/f0.jpg", root / f"HFlickr/real_images/g{k}.jpg")
        shutil.copy(root / "HFlickr/masks/f0_1.png", root / f"HFlickr/masks/g{k}_1.png")
        for version in (1, 2):
            name = f"HFlickr/composite_images/g{k}_1_{version}.jpg"
            shutil.copy(root / "HFlickr/composite_images/f0_1_1.jpg", root / name)
    feed = feed_of(recipe_of({}, data={"root": root}))
    photographs = [{sample.real.path for sample in part} for part in (feed.train, feed.test)]
    assert not photographs[0] & photographs[1]
    assert len(feed.train) + len(feed.test) == 96
    assert 2 <= len(photographs[1]) <= 12


def test_training_can_be_limited_to_some_sources(recipe_of):
    for sources, used in (
        (None, {"objects"}),
        (["objects"], {"objects"}),
        (["objects", "scenes"], {"objects"}),
    ):
        feed = feed_of(recipe_of({}, kind="photos", data={"sources": sources}))
        assert {photo.source for photo in feed.photos} == used


@pytest.mark.parametrize(
    ("held_out", "sources"),
    [(["elsewhere"], None), (["objects", "scenes"], None), (["scenes"], ["scenes"]), (["scenes"], ["x"])],
)
def test_sources_for_both_training_and_validation_are_asked_for(recipe_of, held_out, sources):
    with pytest.raises(DataError, match="some of the sources objects, scenes"):
        feed_of(recipe_of({}, kind="photos", data={"held_out": held_out, "sources": sources}))
