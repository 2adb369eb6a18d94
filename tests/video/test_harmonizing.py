"""Films from file to file: steady, with nothing lost, whole or not at all."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from cdtnet import (
    CdtnetError,
    Picture,
    PictureError,
    WriteError,
    find_shots,
    harmonize_frames,
    harmonize_video,
)
from cdtnet.imaging import read_picture
from cdtnet.inference.analysis import analyze
from tests.video.films import (
    HEIGHT,
    WIDTH,
    composites,
    mattes,
    packets,
    planes,
    with_subtitles,
    write_film,
)


def images(*arguments, **choices):
    """Of `harmonize_frames`."""
    return [result.image for result in harmonize_frames(*arguments, **choices)]


def means(frames, starts, masks):
    """Of the foregrounds' changes, (N,3)."""
    pairs = zip(frames, starts, masks, strict=True)
    return np.array([(frame.astype(float) - start)[mask > 127].mean(0) for frame, start, mask in pairs])


def test_the_background_comes_back_bit_for_bit_and_the_foreground_changes(pair, harmonizer, tmp_path):
    output = tmp_path / "out.mkv"
    result = harmonize_video(*pair, output, model=harmonizer)
    assert (result.frames, len(result.shots)) == (6, 1)
    for (before, time), (after, again), mask in zip(planes(pair[0]), planes(output), mattes(), strict=True):
        assert time == again
        background = mask == 0
        assert np.array_equal(before[0][:HEIGHT, :WIDTH][background], after[0][:HEIGHT, :WIDTH][background])
        assert (before[0][:HEIGHT, :WIDTH] != after[0][:HEIGHT, :WIDTH])[mask == 255].mean() > 0.5
        cells = background.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).all((1, 3))
        for old, new in zip(before[1:], after[1:], strict=True):
            assert np.array_equal(
                old[: HEIGHT // 2, : WIDTH // 2][cells], new[: HEIGHT // 2, : WIDTH // 2][cells]
            )


def test_a_still_scene_with_noise_gets_a_constant_change(harmonizer):
    frames, masks = composites(1).repeat(24, 0).astype(float), mattes(1).repeat(24, 0)
    frames = (
        np.clip(frames + np.random.default_rng(0).normal(0, 4, frames.shape), 0, 255).round().astype(np.uint8)
    )
    steady = images(frames, masks, model=harmonizer, rate=12)
    assert np.abs(np.diff(means(steady, frames, masks), axis=0)).mean() < 0.3
    alone = [harmonizer(frame, mask).image for frame, mask in zip(frames, masks, strict=True)]
    flickers = [np.abs(np.diff(means(each, frames, masks), axis=0)).mean() for each in (steady, alone)]
    assert flickers[0] < flickers[1] / 2


def test_nothing_bleeds_across_a_cut(harmonizer):
    first, second = composites(8, seed=1), 255 - composites(8, seed=2)
    masks = np.concatenate((mattes(8), mattes(8)))
    both = images(np.concatenate((first, second)), masks, model=harmonizer)
    apart = [
        *images(first, masks[:8], model=harmonizer),
        *images(second, masks[8:], model=harmonizer),
    ]
    assert all(np.array_equal(one, other) for one, other in zip(both, apart, strict=True))


def test_frames_that_come_one_by_one_only_depend_on_those_before(harmonizer):
    frames, masks = composites(14), mattes(14)

    def first(count):
        return images(iter(frames[:count]), iter(masks[:count]), model=harmonizer, rate=12)

    assert all(np.array_equal(one, other) for one, other in zip(first(14)[:9], first(9), strict=True))


def test_frames_in_memory_come_out_as_from_a_file(harmonizer, tmp_path):
    frames, masks = composites(), mattes()
    clip = write_film(tmp_path / "clip.mkv", frames, layout="bgr0")
    matte = write_film(tmp_path / "matte.mkv", masks, layout="gray")
    harmonize_video(clip, matte, tmp_path / "out.%02d.png", model=harmonizer)
    for number, frame in enumerate(images(frames, masks, model=harmonizer)):
        found = read_picture(tmp_path / f"out.{number:02d}.png").pixels
        assert np.array_equal(found, frame)


def test_times_sound_subtitles_and_tags_are_kept(harmonizer, tmp_path):
    times = [0, 40, 80, 200, 240, 400]
    tags = {"color_range": 1, "colorspace": 1, "color_primaries": 1, "color_trc": 1}
    clip = write_film(
        tmp_path / "clip.mkv",
        composites(),
        times=times,
        base=Fraction(1, 1000),
        sound=True,
        tags=tags,
        layout="yuv422p10le",
    )
    matte = write_film(tmp_path / "matte.mkv", mattes(), times=times, base=Fraction(1, 1000))
    output = tmp_path / "out.mkv"
    harmonize_video(clip, matte, output, model=harmonizer)
    assert [time for _, time in planes(output)] == [time / 1000 for time in times]
    assert packets(output, "audio") == packets(clip, "audio")
    with av.open(str(output)) as container:
        context = container.streams.video[0].codec_context
        assert context.pix_fmt == "yuv422p10le"
        assert {name: int(getattr(context, name)) for name in tags} == tags


def test_rotation_and_timecode_are_kept(harmonizer, tmp_path):
    settings = {"codec": "libx264", "rotation": 90, "timecode": "10:00:00:00", "sound": True}
    clip = write_film(tmp_path / "clip.mov", composites(), **settings)
    matte = write_film(tmp_path / "matte.mov", mattes(), codec="libx264", rotation=90)
    output = tmp_path / "out.mov"
    harmonize_video(clip, matte, output, model=harmonizer)
    assert packets(output, "audio") == packets(clip, "audio")
    with av.open(str(output)) as container:
        assert next(container.decode(video=0)).rotation == 90
        assert "10:00:00:00" in [stream.metadata.get("timecode") for stream in container.streams]


def test_subtitles_are_copied(harmonizer, tmp_path):
    film = write_film(tmp_path / "film.mkv", composites(), sound=True)
    clip = with_subtitles(tmp_path / "clip.mkv", film, [(0, 0.08, "Guten Tag"), (0.12, 0.2, "Ende")])
    matte = write_film(tmp_path / "matte.mkv", mattes())
    harmonize_video(clip, matte, tmp_path / "out.mkv", model=harmonizer)
    assert packets(tmp_path / "out.mkv", "subtitles") == packets(clip, "subtitles")
    assert [data for data, _ in packets(clip, "subtitles")] == [b"Guten Tag", b"Ende"]
    assert packets(tmp_path / "out.mkv", "audio") == packets(clip, "audio")
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.subtitles[0].metadata["language"] == "deu"
    with pytest.raises(CdtnetError, match=r"\.mp4 files cannot hold the subtitle of .*; write an \.mkv file"):
        harmonize_video(clip, matte, tmp_path / "out.mp4", model=harmonizer)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv", "out.webm"])
def test_a_changing_frame_rate_is_kept(harmonizer, tmp_path, name):
    times = [0, 40, 80, 200, 240, 400]
    settings = {"times": times, "base": Fraction(1, 1000)}
    clip = write_film(tmp_path / "clip.mkv", composites(), **settings)
    matte = write_film(tmp_path / "matte.mkv", mattes(), **settings)
    harmonize_video(clip, matte, tmp_path / name, model=harmonizer)
    assert [time for _, time in planes(tmp_path / name)] == pytest.approx(
        [time / 1000 for time in times], abs=1e-3
    )


@pytest.mark.parametrize(
    ("name", "codec", "layout", "tags"),
    [
        ("out.mp4", None, "yuv420p10le", (1, 9, 16, 9)),
        ("out.mkv", None, "yuv444p12le", (2, 1, 1, 1)),
        ("out.mkv", "h265", "yuv420p12le", (1, 9, 18, 9)),
        ("out.mov", None, "yuv422p10le", (1, 6, 6, 6)),
        ("out.mkv", "av1", "yuv420p10le", (1, 9, 14, 9)),
    ],
)
def test_depth_and_color_tags_are_kept(harmonizer, tmp_path, name, codec, layout, tags):
    names = ("color_range", "color_primaries", "color_trc", "colorspace")
    tags = dict(zip(names, tags, strict=True))
    clip = write_film(tmp_path / "clip.mkv", composites(3), layout=layout, tags=tags)
    matte = write_film(tmp_path / "matte.mkv", mattes(3))
    harmonize_video(clip, matte, tmp_path / name, model=harmonizer, codec=codec)
    with av.open(str(tmp_path / name)) as container:
        frame = next(container.decode(video=0))
        assert frame.format.name == layout
        assert {tag: int(getattr(frame, tag)) for tag in names} == tags


def test_the_alpha_of_a_composite_is_kept(harmonizer, tmp_path):
    cut_outs = np.concatenate((composites(3), mattes(3)[..., None]), -1)
    clip = write_film(tmp_path / "clip.mov", cut_outs, codec="prores_ks", layout="yuva444p10le")
    matte = write_film(tmp_path / "matte.mkv", mattes(3))
    harmonize_video(clip, matte, tmp_path / "out.mov", model=harmonizer)
    alphas = []
    for path in (clip, tmp_path / "out.mov"):
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray(format="rgba") for frame in container.decode(video=0)]
            alphas.append(np.array(frames)[..., 3].astype(int))
    assert np.abs(alphas[0] - alphas[1]).max() <= 2
    assert np.ptp(alphas[0]) > 250


@pytest.mark.parametrize(("suffix", "kind"), [(".exr", np.float32), (".tif", np.uint16)])
def test_numbered_pictures_keep_their_depth_and_background(harmonizer, tmp_path, suffix, kind):
    pytest.importorskip("OpenEXR")
    scale = 1.5 / 255 if kind == np.float32 else 257  # light brighter than white in floats
    frames = composites(3).astype(kind) * kind(scale)
    for number, (frame, mask) in enumerate(zip(frames, mattes(3), strict=True), start=1):
        Picture(frame).save(tmp_path / f"in.{number:04d}{suffix}")
        Picture(mask[..., None]).save(tmp_path / f"m.{number:04d}.png")
    output = tmp_path / f"out.%04d{suffix}"
    harmonize_video(
        tmp_path / f"in.%04d{suffix}", tmp_path / "m.%04d.png", output, model=harmonizer, apply_anyway=True
    )
    for number, mask in enumerate(mattes(3), start=1):
        before, after = (
            read_picture(tmp_path / f"{name}.{number:04d}{suffix}").pixels for name in ("in", "out")
        )
        assert after.dtype == before.dtype == kind
        assert np.array_equal(before[mask == 0], after[mask == 0])
        assert (before[mask == 255] != after[mask == 255]).mean() > 0.5


@pytest.mark.parametrize("is_pasted", [True, False])
def test_only_the_matte_that_a_foreground_is_pasted_by_is_exact(
    pair, harmonizer, tmp_path, monkeypatch, is_pasted
):
    asked = []

    def noting(*arguments, is_exact, **more):
        asked.append(is_exact)
        return analyze(*arguments, is_exact=is_exact, **more)

    monkeypatch.setattr("cdtnet.video.looking.analyze", noting)
    background = write_film(tmp_path / "below.mkv", composites(seed=3)) if is_pasted else None
    harmonize_video(*pair, tmp_path / "out.mkv", background=background, model=harmonizer)
    assert asked == [is_pasted]


def test_a_foreground_is_pasted_and_harmonized_as_its_composite(harmonizer, tmp_path, monkeypatch):
    # A composite's edges mix two colors and are softened; a pasted foreground's are known.
    monkeypatch.setattr("cdtnet.inference.painter.antialiased", lambda soft: soft)
    frames, masks = composites(), mattes()
    below = np.kron(np.random.default_rng(0).integers(40, 215, (8, 12, 3)), np.ones((8, 8, 1)))
    below = np.repeat(below[None].astype(np.uint8), len(frames), 0)
    hard = np.where(masks > 127, 255, 0).astype(np.uint8)
    pasted = np.where(hard[..., None] > 0, frames, below)
    background = write_film(tmp_path / "background.mkv", below, layout="bgr0")
    foreground = write_film(
        tmp_path / "foreground.mkv", np.concatenate((frames, hard[..., None]), -1), layout="bgra"
    )
    whole = write_film(tmp_path / "whole.mkv", pasted, layout="bgr0")
    matte = write_film(tmp_path / "matte.mkv", hard, layout="gray")
    outputs = [tmp_path / f"{name}.mkv" for name in "abc"]
    harmonize_video(whole, matte, outputs[0], model=harmonizer)
    harmonize_video(foreground, matte, outputs[1], background=background, model=harmonizer)
    harmonize_video(foreground, "alpha", outputs[2], background=background, model=harmonizer)
    for one, *others in zip(*map(planes, outputs), strict=True):
        assert all(np.array_equal(a, b) for other in others for a, b in zip(one[0], other[0], strict=True))


def sequence(tmp_path, count=4):
    for number, (frame, mask) in enumerate(zip(composites(count), mattes(count), strict=True), start=7):
        Image.fromarray(frame).save(tmp_path / f"in.{number:03d}.png")
        Image.fromarray(mask).save(tmp_path / f"m.{number:03d}.png")
    return tmp_path / "in.%03d.png", tmp_path / "m.%03d.png"


def test_a_sequence_that_was_interrupted_goes_on(harmonizer, tmp_path):
    inputs, output = sequence(tmp_path), tmp_path / "out" / "x.%03d.png"

    def stop(done, _total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harmonize_video(*inputs, output, model=harmonizer, progress=stop)
    made = {path: path.stat().st_mtime_ns for path in output.parent.glob("x.*.png")}
    assert 0 < len(made) < 4
    harmonize_video(*inputs, output, model=harmonizer)
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert sorted(path.name for path in output.parent.iterdir()) == [f"x.{n:03d}.png" for n in range(7, 11)]
    whole = tmp_path / "whole" / "x.%03d.png"
    harmonize_video(*inputs, whole, model=harmonizer)
    for path in output.parent.iterdir():
        assert path.read_bytes() == (whole.parent / path.name).read_bytes()
    harmonize_video(*inputs, output, model=harmonizer, strength=0.5)
    assert all(
        path.read_bytes() != (whole.parent / path.name).read_bytes() for path in output.parent.iterdir()
    )


def test_frames_without_foreground_come_back_as_they_were(harmonizer, tmp_path):
    masks = mattes()
    masks[2:4] = 0
    matte = write_film(tmp_path / "matte.mkv", masks)
    clip = write_film(tmp_path / "clip.mkv", composites())
    harmonize_video(clip, matte, tmp_path / "out.mkv", model=harmonizer)
    for number, ((before, _), (after, _)) in enumerate(
        zip(planes(clip), planes(tmp_path / "out.mkv"), strict=True)
    ):
        same = all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
        assert same == (number in (2, 3))


def test_a_shot_has_a_table_that_recolors_its_foreground(harmonizer, tmp_path, pair):
    (shot,) = harmonize_video(*pair, tmp_path / "out.mkv", model=harmonizer).shots
    assert (shot.first, shot.last) == (0, 5)
    assert isinstance(shot.lut.recolor(Picture(composites(1)[0]), mattes(1)[0]), Picture)
    (found,) = find_shots(*pair, model=harmonizer)
    assert (found.first, found.last) == (0, 5)
    assert np.array_equal(found.lut.table, shot.lut.table)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"count": 5}, "ends after 5 frames, and .* has more"),
        ({"size": (32, 48)}, "has 48×32 pixels and .* 96×64; give one of the same size"),
        ({"rate": 30}, "has 30 frames a second and .* 25"),
    ],
)
def test_clips_that_do_not_fit_each_other(harmonizer, tmp_path, change, sentence):
    masks = mattes(change.get("count", 6))
    if "size" in change:
        masks = masks[:, : change["size"][0], : change["size"][1]]
    clip = write_film(tmp_path / "clip.mkv", composites())
    matte = write_film(tmp_path / "matte.mkv", masks, rate=change.get("rate", 25))
    with pytest.raises(PictureError, match=sentence):
        harmonize_video(clip, matte, tmp_path / "out.mkv", model=harmonizer)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mkv", "matte.mkv"]


@pytest.mark.parametrize(
    ("name", "choices", "error"),
    [
        ("out.avi", {}, PictureError),
        ("out.mp4", {"codec": "ffv1"}, PictureError),
        ("out.mkv", {"quality": 3}, PictureError),
        ("out.%d.png", {"codec": "ffv1"}, PictureError),
        ("out.mkv", {"snap_mask": True}, PictureError),
        ("clip.mkv", {}, WriteError),
        ("nowhere/out.mkv", {}, WriteError),
    ],
)
def test_what_cannot_be_written_is_refused(pair, harmonizer, tmp_path, name, choices, error):
    before = (tmp_path / "clip.mkv").read_bytes()
    with pytest.raises(error):
        harmonize_video(*pair, tmp_path / name, model=harmonizer, **choices)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mkv", "matte.mkv"]
    assert (tmp_path / "clip.mkv").read_bytes() == before


def test_sound_that_does_not_go_into_a_container(harmonizer, tmp_path):
    clip = write_film(tmp_path / "clip.mkv", composites(), sound=True)
    matte = write_film(tmp_path / "matte.mkv", mattes())
    with pytest.raises(CdtnetError, match=r"\.webm files cannot hold .*pcm_s16le.*; write an \.mkv"):
        harmonize_video(clip, matte, tmp_path / "out.webm", model=harmonizer)
    assert not (tmp_path / "out.webm").exists()


@pytest.mark.parametrize(
    ("name", "codec", "layout"),
    [
        ("out.mp4", None, "yuv420p"),
        ("out.mp4", "h265", "yuv420p"),
        ("out.mov", None, "yuv422p10le"),
        ("out.mkv", None, "yuv420p"),
    ],
)
def test_each_kind_of_file(pair, harmonizer, tmp_path, name, codec, layout):
    harmonize_video(*pair, tmp_path / name, model=harmonizer, codec=codec)
    found = planes(tmp_path / name)
    assert [time for _, time in found] == pytest.approx([number / 25 for number in range(6)])
    with av.open(str(tmp_path / name)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == layout


@pytest.mark.parametrize(
    ("name", "layout", "tags"), [("out.mp4", "yuv420p", (1, 1)), ("out.mkv", None, (2, 0))]
)
def test_pictures_become_a_video_of_the_same_colors(harmonizer, tmp_path, name, layout, tags):
    inputs = sequence(tmp_path)
    harmonize_video(
        *inputs, tmp_path / name, model=harmonizer, strength=0, quality=1 if layout else None, rate=24
    )
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 24
        context = stream.codec_context
        assert layout in (None, context.pix_fmt)
        assert (int(context.color_range), int(context.colorspace)) == tags
        found = next(container.decode(video=0)).to_ndarray(format="rgb24")
    difference = np.abs(found.astype(int) - composites(1)[0])
    assert difference.mean() < 4 if layout else difference.max() == 0


def test_pictures_of_an_earlier_run_are_made_anew_after_an_interruption(harmonizer, tmp_path):
    inputs, output = sequence(tmp_path), tmp_path / "out" / "x.%03d.png"
    harmonize_video(*inputs, output, model=harmonizer, strength=0)
    last = output.parent / "x.010.png"
    old = last.read_bytes()

    def stop(done, _total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harmonize_video(*inputs, output, model=harmonizer, progress=stop)
    harmonize_video(*inputs, output, model=harmonizer)
    assert last.read_bytes() != old
