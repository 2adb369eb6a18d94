import base64
import hashlib
import io
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from cdtnet.errors import WriteError
from cdtnet.evaluation.metrics import METRICS
from cdtnet.evaluation.report import FOLDER, render, write_report
from cdtnet.evaluation.report.gallery import embed
from cdtnet.evaluation.results import Composite, Cost, Evaluation, Example

HOSTILE = "</script><script>owned = 1</script><img src=x onerror='owned = 1'>\"'&.jpg"
METHODS = ("composite", "good", f"bad {HOSTILE}")
WIDTH, HEIGHT = 120, 80


def make_evaluation(count=24, methods=METHODS, **about):
    """`good` quarters the errors, but doubles those of every sixth composite; the others double all."""
    generator = np.random.default_rng(3)
    mse = generator.uniform(20, 900, count)
    factors = {"composite": np.ones(count), "good": np.where(np.arange(count) % 6, 0.25, 2.0)}
    values = {}
    for method in methods:
        error = mse * factors.get(method, np.full(count, 2.0))
        scores = {"mse": error, "fmse": 4 * error}
        scores |= {name: 10 * np.log10(255**2 / error) for name in METRICS if "psnr" in name}
        scores |= {name: 1 - error / 5000 for name in METRICS if "ssim" in name}
        scores |= {"mse_inside": error / 2, "delta_e": error / 100, "fdelta_e": error / 50}
        values[method] = {name: scores[name] for name in METRICS}
    subsets = ("HCOCO", "HAdobe5k", "HFlickr", "Hday2night")
    ratios = generator.uniform(0.01, 0.6, count)
    composites = [Composite(f"{subsets[i % 4]}/{i}.jpg", subsets[i % 4], ratios[i]) for i in range(count)]
    composites[0] = Composite(HOSTILE, HOSTILE.replace("/", ""), 0.3)
    return Evaluation(
        dataset=about.pop("dataset", HOSTILE),
        layout="iharmony4",
        split="test",
        size=256,
        whole_frame=False,
        composites=tuple(composites),
        values=values,
        date="2026-01-31",
        hardware="a small computer",
        command=f"cdtnet evaluate {HOSTILE}",
        **about,
    )


def make_example(index, kind, methods=METHODS, height=HEIGHT, width=WIDTH):
    """The foreground, a square, is red in the composite, green and blue in the outputs, gray in the real."""
    real = np.full((height, width, 3), 128, np.uint8)
    mask = np.zeros((height, width), np.uint8)
    mask[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = 255

    def filled(*color):
        return np.where(mask[..., None] > 0, np.array(color, np.uint8), real)

    colors = [(0, 200, 0), (0, 0, 200)]
    outputs = {m: filled(*c) for m, c in zip(methods[1:], colors, strict=False)}
    return Example(index, kind, filled(200, 0, 0), mask, real, outputs)


@pytest.fixture(scope="module")
def evaluation():
    return make_evaluation(skipped=(f"{HOSTILE} is damaged.",))


@pytest.fixture(scope="module")
def examples():
    return [make_example(5, "best"), make_example(9, "median"), make_example(0, "worst")]


@pytest.fixture(scope="module")
def html(evaluation, examples):
    return render(evaluation, examples)


def table_rows(html, caption):
    """Return the first table with that caption: row heading → texts of its cells."""
    table = html.split(f'<table aria-label="{caption}', 1)[1].split("</table>", 1)[0]
    plain = {}
    for row in re.findall(r"<tr>(<th scope=\"row\">.*?)</tr>", table, re.DOTALL):
        name, *cells = [re.sub(r"<[^>]*>", " ", part).split() for part in re.split("(?=<td)", row)]
        plain[name[0]] = [" ".join(cell) for cell in cells]
    return plain


def test_main_table_has_means_with_intervals_and_the_best_is_bold(html, evaluation):
    rows = table_rows(html, "Means and 95 % bootstrap intervals")
    assert list(rows) == ["composite", "good", "bad"]
    value, interval = rows["good"][2].split()
    assert value == f"{evaluation.values['good']['fmse'].mean():.2f}"
    low, high = map(float, interval.split("–"))
    assert low < float(value) < high
    assert rows["good"][-1].startswith("16.7 %")
    assert f"<strong>{value}</strong>" in html
    assert f"<strong>{evaluation.values['composite']['fmse'].mean():.2f}</strong>" not in html


def test_published_rows_stand_apart_with_their_convention():
    page = render(make_evaluation(40, methods=("composite", "good")), [])
    groups = page.split("Published figures, not measured here")
    assert "<strong>" not in groups[1].split("</table>")[0]
    published = table_rows(page, "Official convention")
    assert published["CDTNet-256"][0] == "23.75"
    assert "measured by CDTNet" in groups[1]
    assert groups[1].startswith("; not comparable: means over 7,404 composites, this run&#39;s over 40")


def test_says_where_the_numbers_come_from(html):
    for part in ("2026-01-31", "a small computer", "256×256", "24, 1 skipped", "composited with the mask"):
        assert part in html


def test_names_are_escaped_everywhere(html):
    assert html.count("owned = 1") > 10
    assert "<script>owned" not in html
    assert "<img src=x" not in html
    assert html.count("<script>") == 1


def test_only_its_own_script_may_run_and_nothing_may_be_loaded(html):
    script = html.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in html
    )
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*\"", html.replace("src=x", ""))
    assert "url(" not in (FOLDER / "page.css").read_text()


def test_plots_are_accessible_and_themed(html):
    drawings = re.findall(r"<svg viewBox=\"[^\"]*\" role=\"img\">.*?</svg>", html, re.DOTALL)
    assert len(drawings) == 2 + 2
    for drawing in drawings:
        namespaced = drawing.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1)
        title, description, *_ = ElementTree.fromstring(namespaced)
        assert (title.tag, description.tag) == ("title", "desc")
        assert title.text
        assert description.text
        assert "currentColor" in drawing
        assert "var(--m" in drawing
        assert not re.search("#0[0-3]0[0-9a-f]{3}", drawing)
    identifiers = [one for d in drawings for one in set(re.findall(' id="([^"]*)"', d))]
    assert len(identifiers) == len(set(identifiers))


def test_any_method_name_can_be_drawn():
    page = render(make_evaluation(methods=("composite", "权重", "$x_1$", "a" * 60)), [])
    assert "权重" in page
    assert "$x_1$" in page


def test_failures_are_listed_most_harm_first(html, evaluation):
    rows = table_rows(html, "Made worse by good, the worst first")
    harm = [float(cells[3]) for cells in rows.values()]
    loss = evaluation.values["good"]["fmse"] - evaluation.values["composite"]["fmse"]
    assert harm == pytest.approx(sorted(loss[loss > 0], reverse=True), abs=0.051)


def test_costs_are_grouped_by_size():
    costs = (
        Cost("good", 1024, 2048, 0.25, 1.5, 210_000_000, 1_200_000_000_000, 2_744_400),
        Cost("good", 4000, 6000, 0.25, None, None, None, None),
    )
    page = render(make_evaluation(costs=costs), [])
    assert "2048×1024, 25 % foreground" in page
    assert "1,200 G" in page
    assert "out of memory" in page
    assert 'id="cost"' not in render(make_evaluation(), [])


@pytest.mark.parametrize("methods", [("composite",), ("composite", "good")])
def test_few_methods_and_no_pictures(methods):
    page = render(make_evaluation(1, methods=methods), [])
    assert 'id="scores"' in page
    assert 'id="pictures"' not in page


def test_error_maps_show_the_difference_in_the_named_colors(examples):
    (shown,) = embed(examples[:1], METHODS, 10**6)
    layers = {layer.name: layer for layer in shown.layers}
    assert list(layers) == [*METHODS, "real photo"]
    error = (72 + 128 + 128) / 3  # above the brightest
    expected = 255 * np.array(colormaps["inferno"](min(error / 64, 1.0)))[:3]
    picture, error_map = (decoded(address) for address in (layers["good"].picture, layers["good"].error))
    assert picture[40, 60] == pytest.approx([0, 200, 0], abs=6)
    assert error_map[40, 60] == pytest.approx(expected, abs=6)
    assert error_map[5, 5] == pytest.approx([0, 0, 3], abs=3)


def test_outline_follows_the_mask(examples):
    (shown,) = embed(examples[:1], METHODS, 10**6)
    corners = np.array(re.findall(r"([\d.]+) ([\d.]+)", shown.outline), float)
    assert corners.min(axis=0) == pytest.approx([30, 20], abs=0.5)
    assert corners.max(axis=0) == pytest.approx([90, 60], abs=0.5)


def test_pictures_shrink_until_they_fit():
    noise = np.random.default_rng(0).integers(0, 256, (300, 600, 3), dtype=np.uint8)
    mask = np.full((300, 600), 255, np.uint8)
    example = Example(5, "best", noise, mask, noise[::-1], {"good": noise[:, ::-1]})
    evaluation = make_evaluation(methods=("composite", "good"))
    whole, small = (render(evaluation, [example], limit) for limit in (10**8, 500_000))
    assert "at most 600 pixels" in whole
    assert "at most 384 pixels" in small
    assert len(small) < 500_000 + 300_000


def test_file_is_written_or_refused_in_words(tmp_path, evaluation):
    write_report(evaluation, [], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.endswith("</html>")
    with pytest.raises(WriteError, match="folder does not exist"):
        write_report(evaluation, [], tmp_path / "missing" / "report.html")


def test_many_composites_make_no_heavier_a_page():
    evaluation = make_evaluation(5000, methods=("composite", "good", "c", "d", "e", "f"))
    assert len(render(replace(evaluation, skipped=()), [])) < 10**6


def decoded(address):
    header, data = address.split(",", 1)
    assert header == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), float)
