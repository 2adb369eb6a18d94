"""The server of the app, with direct requests."""

import io
import json
import subprocess
import sys
import warnings
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

import cdtnet
from cdtnet.cli.main import main
from cdtnet.imaging import encode_picture, read_picture
from cdtnet.inference.controls import Controls
from cdtnet.inference.fitting import fit_lut
from tests.imaging.leaves import off, scene
from tests.processes import PATIENCE
from tests.web.app.process import AppProcess, cut_out, disc, encoded, encoded_deep, image, photo
from tests.web.little import little_to_change

pytestmark = pytest.mark.slow


@pytest.fixture
def session(app):
    name = app.open()
    yield name
    app.call("DELETE", name)


def test_a_composite_comes_back_as_python_gives_it(app, session):
    exif = Image.Exif()
    exif[271] = "Maker"
    composite = encoded(photo(90, 60), "JPEG", quality=93, exif=exif)
    mask = encoded(disc(90, 60))
    told = app.call("PUT", f"{session}/uploads/composite", composite)
    assert {name: told[name] for name in ("width", "height", "depth", "format")} == {
        "width": 90,
        "height": 60,
        "depth": 8,
        "format": "JPEG",
    }
    app.call("PUT", f"{session}/uploads/mask", mask)
    job = app.harmonize(session, way="paint", strength=0.6)
    assert (job["state"], job["remark"]) == ("done", None)
    headers, data = app.result(session, "picture")
    assert headers["content-disposition"] == 'attachment; filename="picture.jpg"'
    expected = cdtnet.Harmonizer("cdtnet-sim")(
        read_picture(composite), np.asarray(Image.open(io.BytesIO(mask))), strength=0.6
    )
    assert data == encode_picture(expected.image, ".jpg")
    assert not np.array_equal(image(data), image(composite))
    assert Image.open(io.BytesIO(data)).getexif()[271] == "Maker"
    assert np.array_equal(image(app.result(session, "mask")[1]), disc(90, 60))
    settings = json.loads(app.result(session, "settings")[1])
    assert settings == {
        "cdtnet": cdtnet.__version__,
        "composite": [90, 60],
        "model": "cdtnet-sim",
        **asdict(Controls(strength=0.6)),
        "apply_anyway": False,
    }


def test_that_little_is_changed_is_said_and_it_can_be_applied_anyway(app, session):
    composite, mask = little_to_change("cdtnet-sim")
    app.call("PUT", f"{session}/uploads/composite", encoded(composite))
    app.call("PUT", f"{session}/uploads/mask", encoded(mask))
    changes = []
    for anyway in (False, True):
        job = app.harmonize(session, way="paint", apply_anyway=anyway)
        assert job["remark"] is None if anyway else "Little is changed" in job["remark"]
        assert job["settings"]["apply_anyway"] is anyway
        found = image(app.result(session, "picture")[1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            expected = cdtnet.Harmonizer("cdtnet-sim")(composite, mask, apply_anyway=anyway).image
        assert np.array_equal(found, expected)
        changes.append(np.abs(found.astype(int) - composite).sum())
    assert changes[0] < 0.5 * changes[1]
    order = json.dumps({"way": "paint", "model": "cdtnet-sim", "apply_anyway": "yes"})
    assert "true or false" in app.error("POST", f"{session}/job", order)[1]


def test_a_mask_is_snapped_to_the_edge(app, session):
    picture, mask = scene(240, 320)
    rough = off(mask, 7)
    assert app.error("POST", f"{session}/mask/snap", "{}")[0] == 422
    app.call("PUT", f"{session}/uploads/composite", encoded(picture))
    app.call("PUT", f"{session}/uploads/mask", encoded(rough))
    status, _, data = app.request("POST", f"{session}/mask/snap", "{}")
    assert status == 200
    assert np.array_equal(image(data), cdtnet.snap_mask(picture, rough))
    app.call("PUT", f"{session}/uploads/composite", encoded(np.full_like(picture, 90)))
    assert "left as it is" in app.error("POST", f"{session}/mask/snap", "{}")[1]


def test_a_mask_is_inverted_feathered_and_grown(app, session):
    mask = np.zeros((200, 300), np.uint8)
    mask[60:140, 100:200] = 255
    app.call("PUT", f"{session}/uploads/composite", encoded(photo(300, 200)))
    app.call("PUT", f"{session}/uploads/mask", encoded(mask))

    def edited(edit, pixels=0):
        status, _, data = app.request("POST", f"{session}/mask/{edit}", json.dumps({"pixels": pixels}))
        assert status == 200, data
        return image(data)

    assert np.array_equal(edited("invert"), 255 - mask)
    assert (edited("grow", 10)[100] > 127).sum() == pytest.approx(120, abs=2)
    assert (edited("grow", -10)[100] > 127).sum() == pytest.approx(80, abs=2)
    soft = edited("feather", 5)
    assert 100 < soft[100, 100] < 160
    assert (soft[100, 150], soft[100, 50]) == (255, 0)
    for wrong in (-1, 501, "3"):
        assert app.error("POST", f"{session}/mask/feather", json.dumps({"pixels": wrong}))[0] == 422
    assert app.error("POST", f"{session}/mask/sharpen", "{}")[0] == 404


def test_a_painted_mask_is_snapped_where_there_is_an_edge(app, session):
    picture, mask = scene(240, 320)
    rough = off(mask, 7)
    app.call("PUT", f"{session}/uploads/composite", encoded(picture))
    app.call("PUT", f"{session}/uploads/mask", encoded(rough))
    assert app.harmonize(session, way="paint", snap=True)["snapped"] is True
    assert np.array_equal(image(app.result(session, "mask")[1]), cdtnet.snap_mask(picture, rough))
    app.call("PUT", f"{session}/uploads/composite", encoded(np.full_like(picture, 90)))
    job = app.harmonize(session, way="paint", snap=True)
    assert (job["snapped"], "left as it is" in job["remark"]) == (False, True)
    assert np.array_equal(image(app.result(session, "mask")[1]), rough)


def test_a_result_is_steered_and_saved_as_one_likes(app, session):
    composite, mask = photo(90, 60).astype(np.uint16) * 257, disc(90, 60)
    app.call("PUT", f"{session}/uploads/composite", encoded_deep(composite))
    app.call("PUT", f"{session}/uploads/mask", encoded(mask))
    formats = {each["name"]: each for each in app.harmonize(session, way="paint")["formats"]}
    assert next(iter(formats)) == "PNG"
    assert (formats["PNG"]["depth"], formats["TIFF"]["depth"], formats["JPEG"]["depth"]) == (16, 16, 8)
    controls = {"strength": 0.9, "tone": 0.4, "keep_hue": True, "warmth": 30}
    expected = cdtnet.Harmonizer("cdtnet-sim")(composite, mask, **controls).image
    assert np.array_equal(read_picture(app.result(session, "picture", **controls)[1]).pixels, expected)
    headers, data = app.result(session, "picture", suffix=".jpg", quality=60)
    assert headers["content-disposition"] == 'attachment; filename="picture.jpg"'
    assert image(data).dtype == np.uint8
    assert len(data) < len(app.result(session, "picture", suffix=".jpg", quality=95)[1])
    assert json.loads(app.result(session, "settings", **controls)[1])["warmth"] == 30
    for wrong in ({"tone": 3}, {"keep_hue": 1}, {"suffix": ".exe"}, {"quality": 0}, {"quality": "high"}):
        assert app.error("POST", f"{session}/result/picture", json.dumps(wrong))[0] == 422


def test_the_table_is_fitted_to_the_result_and_says_how_close_it_is(app, session):
    composite, mask = photo(64, 64), disc(64, 64)
    app.call("PUT", f"{session}/uploads/composite", encoded(composite))
    app.call("PUT", f"{session}/uploads/mask", encoded(mask))
    for model, controls in (("cdtnet-sim", {"tone": 0.5}), ("is2am", {})):
        app.harmonize(session, way="paint", model=model)
        headers, data = app.result(session, "table", **controls)
        fit = fit_lut(cdtnet.Harmonizer(model)(read_picture(encoded(composite)), mask, **controls))
        assert data == fit.lut.encode()
        assert headers["cdtnet-note"] == fit.lut.note
        assert f"{fit.mean:.1f} levels" in fit.lut.note


def test_a_placed_cut_out_comes_back_as_python_gives_it(app, session, random):
    background = encoded(random.integers(0, 16384, (50, 70), dtype=np.uint16))
    app.call("PUT", f"{session}/uploads/background", background)
    app.call("PUT", f"{session}/uploads/foreground", cut_out(40, 30))
    placement = {"at": [12, -5], "scale": 0.9, "rotate": 25.5, "flip": True}
    job = app.harmonize(session, way="place", **placement)
    assert job["harmonized"]["depth"] == 16
    made = cdtnet.compose(read_picture(cut_out(40, 30)), read_picture(background), **placement)
    expected = cdtnet.Harmonizer("cdtnet-sim")(made.composite, made.mask, layer=made.layer)
    data = app.result(session, "picture")[1]
    assert data == encode_picture(expected.image, ".png")
    assert np.array_equal(image(app.result(session, "mask")[1]), made.mask)
    assert json.loads(app.result(session, "settings")[1])["rotate"] == 25.5


def test_strokes_change_the_mask_at_the_pictures_own_size(app, session):
    mask = disc(600, 400).astype(np.uint16) * 257
    app.call("PUT", f"{session}/uploads/composite", encoded(photo(600, 400)))
    app.call("PUT", f"{session}/uploads/mask", encoded(mask))
    strokes = np.zeros((40, 60, 4), np.uint8)
    strokes[:10, :10] = 255  # adds
    strokes[15:25, 25:35, 3] = 255  # takes away
    app.call("PUT", f"{session}/uploads/strokes", encoded(strokes))
    app.harmonize(session, way="paint")
    made = image(app.result(session, "mask")[1])
    assert made.dtype == np.uint16
    assert (made[:90, :90] == 65535).all()
    assert (made[160:240, 260:340] == 0).all()
    untouched = np.ones_like(mask, bool)
    untouched[:110, :110] = untouched[140:260, 240:360] = False
    assert np.array_equal(made[untouched], mask[untouched])
    assert len(np.unique(made[20, 90:110])) > 5  # a soft edge
    app.call("DELETE", f"{session}/uploads/strokes")
    app.harmonize(session, way="paint")
    assert np.array_equal(image(app.result(session, "mask")[1]), mask)


def test_previews_are_small_and_tiles_exact(app, session):
    pixels = photo(2300, 700)
    told = app.call("PUT", f"{session}/uploads/composite", encoded(pixels))
    photos = f"{session}/photos/{told['id']}"
    _, headers, data = app.request("GET", f"{photos}/preview")
    assert headers["content-type"] == "image/jpeg"
    assert image(data).shape == (round(700 * 2048 / 2300), 2048, 3)
    tile = image(app.request("GET", f"{photos}/tiles/4/1")[2])
    assert np.array_equal(tile, pixels[512:, 2048:])
    for place in ("5/0", "0/2"):
        assert app.error("GET", f"{photos}/tiles/{place}")[0] == 422
    for place in ("9" * 20 + "/0", "0/" + "9" * 5000, "-1/0"):
        assert app.error("GET", f"{photos}/tiles/{place}")[0] == 404
    told = app.call("PUT", f"{session}/uploads/foreground", cut_out(2200, 50))
    _, headers, data = app.request("GET", f"{session}/photos/{told['id']}/preview")
    assert image(data).shape == (47, 2048, 4)
    assert app.error("GET", f"{photos}/nonsense")[0] == 404


def test_a_wrong_file_is_explained_and_changes_nothing(app, session):
    app.call("PUT", f"{session}/uploads/composite", encoded(photo(60, 40)))
    app.call("PUT", f"{session}/uploads/mask", encoded(disc(60, 40)))
    refused = {
        ("composite", b"hello"): "not a picture of a supported format",
        ("composite", b""): "empty",
        ("composite", encoded(photo(300, 200))[:-2000]): "damaged",
        ("mask", encoded(disc(60, 41))): "60×41",
        ("foreground", encoded(photo(60, 40))): "no transparent pixels",
    }
    for (role, data), sentence in refused.items():
        status, error = app.error("PUT", f"{session}/uploads/{role}", data)
        assert status == 422
        assert sentence in error
    assert app.harmonize(session, way="paint")["state"] == "done"


def test_what_cannot_be_harmonized_is_explained(app, session):
    assert "composite is missing" in app.harmonize(session, way="paint")["error"]
    app.call("PUT", f"{session}/uploads/composite", encoded(photo(60, 40)))
    assert "black everywhere" in app.harmonize(session, way="paint")["error"]
    app.call("PUT", f"{session}/uploads/background", encoded(photo(60, 40)))
    app.call("PUT", f"{session}/uploads/foreground", cut_out(20, 20))
    assert "outside" in app.harmonize(session, way="place", at=[500, 0])["error"]
    assert "scale" in app.harmonize(session, way="place", scale=0)["error"]
    assert "no model" in app.harmonize(session, way="place", model="/etc/passwd")["error"]
    for order in (b"{", b"[]", b'{"way": "up", "model": "x"}', b'{"way": "place", "model": 1}', b" " * 20000):
        assert app.error("POST", f"{session}/job", order)[0] in (400, 413, 422)
    assert app.error("POST", f"{session}/job", b"[" * 9000)[0] == 400
    beyond = ({"scale": float("nan")}, {"rotate": float("inf")}, {"at": [10**400, 0]})
    for wrong in ({"at": 1}, {"at": [1, "2"]}, {"scale": None}, {"strength": "1"}, {"strength": 2}, *beyond):
        body = json.dumps({"way": "place", "model": "cdtnet-sim", **wrong})
        assert app.error("POST", f"{session}/job", body)[0] == 422


def test_cancelling(app, session):
    app.call("PUT", f"{session}/uploads/composite", encoded(photo(2400, 1600), "JPEG"))
    app.call("PUT", f"{session}/uploads/mask", encoded(disc(2400, 1600, 0.49)))
    other = app.open()
    app.call("PUT", f"{other}/uploads/composite", encoded(photo(60, 40)))
    app.call("PUT", f"{other}/uploads/mask", encoded(disc(60, 40)))
    order = json.dumps({"way": "paint", "model": "cdtnet-256"})
    app.call("POST", f"{session}/job", order)
    assert app.call("POST", f"{other}/job", order)["state"] == "waiting"
    app.call("DELETE", f"{session}/job")
    assert app.harmonize(other, way="paint")["state"] == "done"
    assert app.call("GET", f"{session}/job")["state"] == "cancelled"
    assert app.error("POST", f"{session}/result/picture", "{}")[0] == 404


def test_sessions_are_apart(app, session):
    told = app.call("PUT", f"{session}/uploads/composite", encoded(photo(60, 40)))
    other = app.open()
    assert app.error("GET", f"{other}/photos/{told['id']}/preview")[0] == 404
    assert app.error("GET", f"{other}/job")[0] == 404
    app.call("DELETE", other)
    status, _, data = app.request("GET", f"{other}/job")
    assert (status, json.loads(data)["code"]) == (404, "session")


def test_only_what_is_meant_to_be_asked_is_answered(app, session):
    paths = ("app.py", "../app.py", "..%2fapp.py", "example/CREDITS.md", "example/..%2f..%2fapp.py", "page/")
    for path in (*paths, f"{session}/uploads/..%2f", f"{session}/result/outcome", "api"):
        assert app.request("GET", path)[0] in (404, 405), path
    assert app.error("PUT", f"{session}/uploads/harmonized", b"x")[0] == 404


def test_uploads_are_bounded(app, session):
    status, error = app.error("PUT", f"{session}/uploads/composite", b"x", Content_Length="200000001")
    assert (status, "200,000,000" in error) == (413, True)
    huge = encoded(np.zeros((10001, 10000), np.uint8))
    status, error = app.error("PUT", f"{session}/uploads/composite", huge)
    assert (status, "100,000,000" in error) == (422, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Host": "localhost:8188"}, 201),
        ({"Host": "[::1]:8188"}, 201),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "[bad"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:8188", "Origin": "http://localhost:8188"}, 201),
        ({"Host": "localhost:8188", "Origin": "http://localhost:9999"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
    ],
)
def test_other_sites_pages_are_refused(app, headers, status):
    assert app.request("POST", "api/sessions", **headers)[0] == status


def test_headers(app):
    status, headers, _ = app.request("GET", "")
    assert status == 200
    assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    assert app.request("GET", "api/app")[1]["cache-control"] == "no-store"


def test_the_process_ends_in_order_and_says_little():
    with AppProcess("--model", "cdtnet-sim", "--strength", "0.5") as app:
        told = app.call("GET", "api/app")
        assert (told["models"][0], told["strength"]) == ("cdtnet-sim", 0.5)
        app.process.terminate()
        _, said = app.process.communicate(timeout=PATIENCE)
        assert said == "Ctrl-C stops.\n"
        assert app.process.returncode == 0


def test_mistakes_are_explained(app, capsys):
    assert main(["app", "--no-browser", "--model", "cdtnet-9"]) == 1
    assert "no model 'cdtnet-9'" in capsys.readouterr().err
    assert main(["app", "--no-browser", "--port", str(app.port)]) == 1
    assert "choose another with --port" in capsys.readouterr().err


def test_without_the_extra_a_sentence_says_what_to_install():
    code = (
        "import sys; sys.modules['starlette'] = None\n"
        "from cdtnet.cli.main import main\nsys.exit(main(['app', '--no-browser']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'cdtnet[web]'" in done.stderr


def test_the_page_offers_every_format():
    from pathlib import Path

    from cdtnet.imaging.formats import SUFFIXES
    from cdtnet.web import app

    page = (Path(app.__file__).parent / "page" / "index.html").read_text(encoding="utf-8")
    offered = page.partition('accept="')[2].partition('"')[0].split(",")
    assert offered == ["image/*", *SUFFIXES]
