"""Folders and archives give the same files, and archives never lead out of themselves."""

import gzip
import io
import multiprocessing
import os
import pickle
import tarfile
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from cdtnet.datasets.samples import open_dataset, read_sample
from cdtnet.datasets.tree import Entry, Folder, open_tree
from cdtnet.errors import DataError
from tests.datasets import trees

ARCHIVES = [".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz"]
compressed = pytest.mark.filterwarnings("ignore:.*is compressed as a whole")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return trees.iharmony4(tmp_path_factory.mktemp("data") / "iHarmony4")


def archive(folder, suffix, top=""):
    if suffix == ".zip":
        return trees.zipped(folder, top=top)
    return trees.tarred(folder, top=top or ".", suffix=suffix)


@compressed
@pytest.mark.parametrize("suffix", ARCHIVES)
@pytest.mark.parametrize("top", ["", "iHarmony4", "data/iHarmony4"])
def test_archives_hold_what_the_folder_holds(folder, suffix, top):
    expected = open_dataset(folder)
    found = open_dataset(archive(folder, suffix, top))
    assert [(s.name, s.subset, s.split) for s in found.samples] == [
        (s.name, s.subset, s.split) for s in expected.samples
    ]
    for ours, theirs in zip(reversed(found.samples), reversed(expected.samples), strict=True):
        assert ours.composite.read() == theirs.composite.read()
        assert ours.mask.read() == theirs.mask.read()


@compressed
@pytest.mark.parametrize("suffix", ARCHIVES)
def test_threads_may_read_at_the_same_time(folder, suffix):
    tree = open_tree(archive(folder, suffix))
    paths = [path for path in tree.files() if path.endswith(".jpg")] * 8
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(tree.read, paths))
    assert contents == [(folder / path).read_bytes() for path in paths]


class Samples(torch.utils.data.Dataset):
    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return index, os.getpid(), self.samples[index].composite.read()


@compressed
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning", "ignore:This DataLoader will create")
@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_forked_workers_read_an_archive_that_their_parent_has_read(folder, suffix):
    samples = open_dataset(archive(folder, suffix)).samples
    expected = [sample.composite.read() for sample in samples]
    loader = torch.utils.data.DataLoader(
        Samples(samples * 5), batch_size=None, num_workers=2, multiprocessing_context="fork"
    )
    read = list(loader)
    assert len({process for _, process, _ in read} - {os.getpid()}) == 2
    assert all(content == expected[index % len(expected)] for index, _, content in read)


@pytest.mark.slow
@compressed
@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_samples_are_small_to_send_and_read_in_a_fresh_process(folder, suffix):
    samples = open_dataset(archive(folder, suffix)).samples
    samples[0].mask.read()
    assert len(pickle.dumps(samples[0])) < 1000
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(Entry.read, [samples[-1].mask]) == [samples[-1].mask.read()]


def test_a_compressed_tar_is_warned_of_once(folder):
    path = trees.tarred(folder, top="once", suffix=".tar.gz").rename(folder.parent / "once.tar.gz")
    tree = open_tree(path)
    with pytest.warns(UserWarning, match="is compressed as a whole"):
        tree.files()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree.files()


@compressed
@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_an_archive_that_was_replaced_is_read_anew(tmp_path, suffix):
    (tmp_path / "data").mkdir()
    for content in (b"first", b"second"):
        (tmp_path / "data" / "a.txt").write_bytes(content)
        assert open_tree(archive(tmp_path / "data", suffix)).read("a.txt") == content


def test_archive_members_that_lead_out_are_left_out(tmp_path):
    secret = trees.picture(tmp_path / "secret.jpg")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as pack:
        for name in ("../secret.jpg", "/etc/a.jpg", "in/../../b.jpg", "C:\\c.jpg", "in\\good.jpg"):
            info = zipfile.ZipInfo("x")
            info.filename = name
            pack.writestr(info, b"1")
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        pack.writestr(link, str(secret))
    assert open_tree(tmp_path / "x.zip").files() == ["in/good.jpg"]
    with tarfile.open(tmp_path / "x.tar", "w") as pack:
        for name in ("../secret.jpg", "/etc/a.jpg", "in/../../b.jpg", "./in/good.jpg"):
            info = tarfile.TarInfo(name)
            info.size = 1
            pack.addfile(info, io.BytesIO(b"1"))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            info = tarfile.TarInfo("link.jpg")
            info.type, info.linkname = kind, str(secret)
            pack.addfile(info)
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("device.jpg")
            info.type = kind
            pack.addfile(info)
    assert open_tree(tmp_path / "x.tar").files() == ["in/good.jpg"]
    assert open_tree(tmp_path / "x.tar").read("in/good.jpg") == b"1"


def test_links_in_folders_are_followed_but_not_in_circles(tmp_path):
    trees.picture(tmp_path / "elsewhere" / "a.jpg")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root" / "again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "lost.jpg").symlink_to(tmp_path / "nowhere")
    assert Folder(tmp_path / "root").files() == ["again/a.jpg", "linked/a.jpg", "lost.jpg"]


@compressed
@pytest.mark.parametrize("suffix", ARCHIVES)
def test_damaged_archives(folder, tmp_path, suffix):
    path = trees.copy(archive(folder, suffix), tmp_path / f"broken{suffix}")
    trees.truncate(path)
    with pytest.raises(DataError, match="broken"):
        open_dataset(path)


def test_damage_inside_a_zip_names_the_file(folder, tmp_path):
    path = trees.copy(archive(folder, ".zip"), tmp_path / "bad.zip")
    with zipfile.ZipFile(path) as pack:
        info = pack.getinfo("HCOCO/composite_images/c98_1251_1.jpg")
    data = bytearray(path.read_bytes())
    data[info.header_offset + 100] ^= 0xFF
    path.write_bytes(data)
    sample = open_dataset(path, subsets=["HCOCO"], split="train").samples[0]
    with pytest.raises(DataError, match=r"bad\.zip/HCOCO/composite_images/c98_1251_1\.jpg cannot be read"):
        read_sample(sample)


def test_a_zip_whose_table_of_contents_is_damaged(folder, tmp_path):
    path = trees.copy(archive(folder, ".zip"), tmp_path / "bad.zip")
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\1\2")] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"bad\.zip cannot be read"):
        open_dataset(path)


def test_an_encrypted_zip_says_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as pack:
        pack.writestr("a.jpg", b"1")
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(DataError, match=r"a\.jpg cannot be read .*(encrypted|password)"):
        Entry(open_tree(tmp_path / "x.zip"), "a.jpg").read()


def test_roots_that_are_no_data_set(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        open_tree(tmp_path / "none")
    with pytest.raises(DataError, match="none cannot be read"):
        Folder(tmp_path / "none").files()
    (tmp_path / "x.zip").write_bytes(b"PK nonsense")
    with pytest.raises(DataError, match="neither a folder nor a zip or tar archive"):
        open_tree(tmp_path / "x.zip")
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(bytes(2000))[:15])
    with pytest.raises(DataError, match=r"x\.tar\.gz cannot be read"):
        open_tree(tmp_path / "x.tar.gz")


def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="a pipe or a device"):
        open_tree(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="a pipe or a device"):
        Entry(Folder(tmp_path), "pipe.png").read()


@pytest.mark.parametrize("suffix", ["", ".zip", ".tar"])
def test_missing_files_are_named(folder, suffix):
    tree = open_tree(archive(folder, suffix) if suffix else folder)
    entry = Entry(tree, "HCOCO/none.jpg")
    assert not entry.exists()
    with pytest.raises(DataError, match=r"HCOCO/none\.jpg does not exist"):
        entry.read()
    assert Entry(tree, "IHD_test.txt").exists()
