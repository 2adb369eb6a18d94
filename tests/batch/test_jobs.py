import pytest

from cdtnet.batch.jobs import find_jobs, output_path
from cdtnet.errors import DataError
from tests.datasets import trees


def outputs(source, tmp_path, **options):
    return [job.output for job in find_jobs(str(source), str(tmp_path / "out"), **options).jobs]


@pytest.fixture
def folder(tmp_path):
    """in/a.png and in/sub/b.jpg with masks beside them."""
    root = tmp_path / "in"
    trees.picture(root / "a.png")
    trees.mask(root / "a_mask.png")
    trees.picture(root / "sub" / "b.jpg")
    trees.mask(root / "sub" / "b_mask.png")
    return root


@pytest.mark.parametrize("tree", [trees.iharmony4, trees.ccharmony, trees.realhm, trees.real_composites])
def test_results_lie_as_the_composites_do(tmp_path, tree):
    root = tree(tmp_path / "in")
    found = find_jobs(str(root), str(tmp_path / "out"))
    assert found.problems == []
    assert found.jobs
    for job in found.jobs:
        assert job.composite.path.endswith(job.output)
        assert job.mask.exists()


def test_sub_folders_and_archives(tmp_path, folder):
    assert outputs(folder, tmp_path) == ["a.png", "sub/b.jpg"]
    assert outputs(trees.zipped(folder), tmp_path) == ["a.png", "sub/b.jpg"]


def test_patterns(tmp_path, folder, monkeypatch):
    assert outputs(folder / "**" / "*.jpg", tmp_path) == ["sub/b.jpg"]
    assert outputs(folder / "*", tmp_path) == ["a.png"]
    assert outputs(folder / "s*" / "*.jpg", tmp_path) == ["sub/b.jpg"]
    monkeypatch.chdir(folder)
    assert outputs("*/?.jpg", tmp_path) == ["sub/b.jpg"]
    with pytest.raises(DataError, match="no pictures in"):
        outputs(folder / "*.webp", tmp_path)


def test_one_mask_for_all(tmp_path, folder):
    trees.picture(folder / "c.png")
    mask = trees.mask(folder / "all.png")
    jobs = find_jobs(str(folder), str(tmp_path / "out"), mask=str(mask)).jobs
    assert [job.output for job in jobs] == ["a.png", "c.png", "sub/b.jpg"]
    assert {str(job.mask) for job in jobs} == {str(mask)}


def test_manifests(tmp_path):
    outside = trees.picture(tmp_path / "elsewhere" / "x.png")
    trees.picture(tmp_path / "in" / "a.png")
    for name in ("m1.png", "m2.png"):
        trees.mask(tmp_path / "in" / name)
    lines = ["composite,mask", "a.png,m1.png", "a.png,m2.png", f"{outside},{tmp_path}/in/m1.png"]
    (tmp_path / "in" / "list.csv").write_text("\n".join(lines))
    expected = ["a.png", "a#3.png", str(outside)[1:]]
    assert outputs(tmp_path / "in" / "list.csv", tmp_path) == expected


@pytest.mark.parametrize(
    ("name", "suffix", "path"),
    [
        ("a/b.jpg", None, "a/b.jpg"),
        ("a/b.jpg", ".png", "a/b.png"),
        ("/a/b.jpg", None, "a/b.jpg"),
        ("../../b.jpg", None, "b.jpg"),
        ("/../a/./../b.jpg", None, "b.jpg"),
        ("b.jpg#3", None, "b#3.jpg"),
        ("b.v2.jpg#13", ".png", "b.v2#13.png"),
        ("C:\\photos\\b.jpg", None, "C/photos/b.jpg"),
        ("a/b.GIF", None, "a/b.png"),
        ("a/b.HEIC", None, "a/b.HEIC"),
    ],
)
def test_no_result_leads_upwards(name, suffix, path):
    assert output_path(name, suffix) == path


def test_what_would_be_written_twice_is_a_problem(tmp_path, folder):
    trees.picture(folder / "a.jpg")
    found = find_jobs(str(folder), str(tmp_path / "out"), suffix=".png")
    assert [job.output for job in found.jobs] == ["a.png", "sub/b.png"]
    assert len(found.problems) == 1
    assert "both be written to a.png" in found.problems[0]


def test_what_has_no_mask_is_a_problem(tmp_path, folder):
    trees.picture(folder / "sub" / "c.png")
    for source in (folder, folder / "**" / "*"):
        found = find_jobs(str(source), str(tmp_path / "out"))
        assert len(found.jobs) == 2
        assert "sub/c.png has no mask" in found.problems[0]


def test_results_inside_the_source_are_no_composites(folder):
    trees.picture(folder / "out" / "a.png")
    trees.mask(folder / "out" / "a_mask.png")
    for options in ({}, {"mask": str(folder / "a_mask.png")}):
        jobs = find_jobs(str(folder), str(folder / "out"), **options).jobs
        assert [job.output for job in jobs] == ["a.png", "sub/b.jpg"]


def test_results_never_lie_among_the_composites(tmp_path, folder):
    (folder / "list.csv").write_text("composite,mask\na.png,a_mask.png\n")
    (tmp_path / "link").symlink_to(folder)
    for source in (folder, folder / "list.csv", folder / "*.png"):
        for out in (folder, tmp_path, tmp_path / "link"):
            with pytest.raises(DataError, match="choose another folder"):
                find_jobs(str(source), str(out))


@pytest.mark.parametrize("link", ["hardlink_to", "symlink_to"])
def test_a_result_that_would_be_an_input_is_a_problem(tmp_path, folder, link):
    (tmp_path / "out" / "sub").mkdir(parents=True)
    getattr(tmp_path / "out" / "sub" / "b.jpg", link)(folder / "sub" / "b.jpg")
    found = find_jobs(str(folder), str(tmp_path / "out"))
    assert [job.output for job in found.jobs] == ["a.png"]
    assert "is a link to" in found.problems[0]


def test_what_is_not_there_is_said(tmp_path, folder):
    with pytest.raises(DataError, match="does not exist"):
        outputs(tmp_path / "absent", tmp_path)
    with pytest.raises(DataError, match="is not a layout"):
        outputs(folder, tmp_path, layout="heap")
    with pytest.raises(DataError, match="in no known layout"):
        outputs(folder, tmp_path, layout="realhm")


def test_addresses(tmp_path, folder):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.put(f"{folder}/", "/jobs/in/", recursive=True)
    memory.pipe("/jobs/in/sub/list.csv", b"composite,mask\nb.jpg,b_mask.png\n")
    memory.pipe("/jobs/in/out/a.png", b"a result")
    for source, expected in (("in", ["a.png", "sub/b.jpg"]), ("in/sub/list.csv", ["b.jpg"])):
        jobs = find_jobs(f"memory://jobs/{source}", "memory://jobs/in/out").jobs
        assert [job.output for job in jobs] == expected
        assert jobs[-1].composite.read() == (folder / "sub" / "b.jpg").read_bytes()
        assert str(jobs[-1].composite) == "memory://jobs/in/sub/b.jpg"


def test_every_picture_has_a_line(tmp_path, folder):
    for name in ("b.HEIC", "c.jfif", "d.CR2", "e.psd", "f.gif", "notes.txt"):
        (folder / name).write_bytes(b"x")
    for stem in ("b", "c", "f", "lonely"):
        trees.mask(folder / f"{stem}_mask.png")
    for options in ({}, {"layout": "pairs"}):
        found = find_jobs(str(folder), str(tmp_path / "out"), **options)
        assert [job.output for job in found.jobs] == ["a.png", "b.HEIC", "c.jfif", "f.png", "sub/b.jpg"]
        assert found.problems == []
        told = "\n".join(found.skipped)
        assert "d.CR2 is a camera raw file; develop it" in told
        assert "e.psd" in told
        assert "export it as TIFF or PNG" in told
        assert "lonely_mask.png" in told
        assert len(found.skipped) == 3
    assert outputs(folder / "*.jfif", tmp_path) == ["c.jfif"]
    found = find_jobs(str(folder / "*.CR2"), str(tmp_path / "out"))
    assert found.jobs == []
    assert len(found.skipped) == 1


def test_names_are_paired_in_every_unicode_form(tmp_path):
    for one, other in (("\u00e9", "e\u0301"), ("e\u0301", "\u00e9")):
        root = tmp_path / f"in{len(one)}"
        trees.picture(root / f"{one}.png")
        trees.mask(root / f"{other}_mask.png")
        assert outputs(root, tmp_path) == [f"{one}.png"]
        (root / "list.csv").write_text(f"composite,mask\n{other}.png,{one}_mask.png\n", encoding="utf-8")
        assert len(outputs(root / "list.csv", tmp_path)) == 1
