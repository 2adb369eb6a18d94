import numpy as np
import pytest

from cdtnet.evaluation.metrics import METRICS
from cdtnet.evaluation.published import CONVENTIONS, PUBLISHED, matching
from cdtnet.evaluation.results import Composite, Cost, Evaluation
from cdtnet.evaluation.table import Table
from cdtnet.evaluation.tables import caption, number, tables


def evaluation(subsets, size=256, **changes):
    composites = tuple(Composite(f"{i}.jpg", subset, 0.02 + 0.1 * i) for i, subset in enumerate(subsets))
    count = len(subsets)
    values = {
        method: {metric: np.arange(1.0, count + 1) + k for metric in METRICS}
        for k, method in enumerate(("composite", "ours", "MKL"))
    }
    about = {"dataset": "iHarmony4", "layout": "iharmony4", "split": "test", "whole_frame": False}
    return Evaluation(**{**about, **changes}, size=size, composites=composites, values=values)


FOUR = ["HCOCO", "HAdobe5k", "HFlickr", "HDay2Night"]


def by_title(evaluation):
    return {table.title.partition(":")[0].partition(".")[0]: table for table in tables(evaluation)}


def test_text_is_aligned_and_markdown_is_a_table():
    table = Table(
        "Title.", ["", "MSE", "convention"], [["a", "1.50\n1–2", "x"], ["bcd", "10.00", "yz"]], ["End."]
    )
    assert table.text() == (
        "Title.\n"
        "\n"
        "       MSE  convention\n"
        "──────────────────────\n"
        "a     1.50  x\n"
        "       1–2\n"
        "bcd  10.00  yz\n"
        "\n"
        "End.\n"
    )
    assert table.markdown() == (
        "Title.\n\n"
        "|  | MSE | convention |\n|---|---|---|\n| a | 1.50 (1–2) | x |\n| bcd | 10.00 | yz |\n\n"
        "End.\n"
    )


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("mse", 21.236, "21.24"),
        ("ssim_official", 0.98684, "0.9868"),
        ("worse", 0.0856, "8.6 %"),
        ("psnr_official", -np.inf, "−∞"),
        ("mse", np.nan, "–"),
    ],
)
def test_numbers(name, value, text):
    assert number(name, value) == text


def test_the_main_table_has_means_and_intervals():
    table = by_title(evaluation(["HCOCO"] * 4))["iHarmony4, test"]
    assert table.header[:3] == ["", "MSE", "PSNR"]
    assert [row[0] for row in table.rows] == ["composite", "ours", "MKL"]
    assert table.rows[0][1].startswith("2.50\n")
    assert table.rows[1][-1].startswith("100.0 %\n")


def test_the_caption_says_what_was_done():
    text = caption(evaluation(FOUR, whole_frame=True, skipped=("x",), date="2022-06-19", hardware="a CPU"))
    for part in ("iHarmony4, test", "4 composites, 1 skipped", "256×256", "whole frame", "2022-06-19, a CPU"):
        assert part in text
    assert "full resolution, composited by the mask" in caption(evaluation(FOUR, size="full"))


def test_groups():
    found = by_title(evaluation(FOUR))
    assert found["By sub-set"].header == ["", *(f"{name} (1)" for name in FOUR)]
    assert found["By sub-set"].rows[1][2] == "3.00 / 3.00"
    assert found["By foreground ratio"].header[1:] == ["0–5 % (1)", "5–15 % (1)", "15–100 % (2)"]
    assert found["By foreground ratio"].rows[0][3] == "3.50 / 3.50"


def test_published_rows_stand_beside_ours_with_their_convention():
    table = by_title(evaluation(FOUR))["Compared with published figures"]
    counts = "1 of 4,283", "1 of 2,160", "1 of 828", "1 of 133"
    headings = [f"{name} ({count})" for name, count in zip(FOUR, counts, strict=True)]
    assert table.header == ["", *headings, "all (4 of 7,404)", "convention", "measured by"]
    rows = {(row[0], row[-1]): row[1:-1] for row in table.rows}
    assert rows["CDTNet-256", "CDTNet's authors"] == [
        *("16.25 / 39.15", "20.62 / 38.24", "68.61 / 33.55", "36.72 / 37.95", "23.75 / 38.23"),
        "official",
    ]
    assert rows["ours", "this run"][4:] == ["3.50 / 3.50", "official, composited, other pictures"]
    assert [note.partition(":")[0] for note in table.notes] == ["official", "iHarmony4", "Not comparable"]


def test_the_same_number_of_composites_is_comparable():
    found = by_title(evaluation(["Hday2night"] * 133))["Compared with published figures"]
    assert "Hday2night, 133 composites" in found.title
    assert not any("comparable" in note for note in found.notes)
    assert ["official, composited", "this run"] in [row[-2:] for row in found.rows]
    assert not any("other pictures" in row[-2] for row in found.rows)


def test_figures_that_count_inside_the_mask_stand_beside_such_of_ours():
    some = evaluation(["HAdobe5k"] * 3, size="full")
    for values in some.values.values():
        values["mse_inside"] = values["mse"] / 10
    table = by_title(some)["Compared with published figures"]
    assert "HAdobe5k, 3 of 2,160 composites" in table.title
    rows = {(row[0], row[-1]): row[1:-1] for row in table.rows}
    assert rows["ours", "this run"] == ["0.30", "3.00", "3.00", "–", "PCT-Net, composited, other pictures"]
    assert {row[-2].partition(",")[0] for row in table.rows} == {"PCT-Net"}


def test_evaluations_of_before_have_no_such_figures():
    old = evaluation(["HAdobe5k"] * 3, size="full")
    for values in old.values.values():
        del values["mse_inside"], values["psnr_inside"], values["fdelta_e"]
    rows = {row[0]: row[1:] for row in by_title(old)["Compared with published figures"].rows}
    assert rows["ours"][:3] == ["–", "–", "3.00"]
    assert "fΔE" not in by_title(old)["iHarmony4, test"].header
    assert "fΔE" in by_title(evaluation(["HAdobe5k"] * 3))["iHarmony4, test"].header


def test_one_sub_set_is_compared_in_full():
    table = by_title(evaluation(["HAdobe5k"] * 3, size=2048, whole_frame=True))[
        "Compared with published figures"
    ]
    assert table.header == ["", "MSE", "PSNR", "fMSE", "SSIM", "convention", "measured by"]
    rows = {(row[0], row[-2].partition(",")[0]): row[1:] for row in table.rows}
    hinet = ["29.02", "37.66", "198.85", "0.9845", "HINet", "HINet's authors"]
    assert rows["CDTNet-256", "HINet"] == hinet
    ours = ["3.00", "3.00", "3.00", "3.0000", "official, other pictures", "this run"]
    assert rows["ours", "official"] == ours
    assert rows["ours", "HINet"] == ["3.00", "–", "3.00", "–", "HINet, other pictures", "this run"]
    assert "Only compare rows of the same convention." in table.notes


@pytest.mark.parametrize("changes", [{"size": 512}, {"split": "train"}, {"split": ""}, {"layout": "pairs"}])
def test_what_was_measured_otherwise_is_not_compared(changes):
    assert "Compared with published figures" not in by_title(evaluation(FOUR, **changes))


def test_all_four_sub_sets_are_needed_for_the_row_of_all():
    found = by_title(evaluation(FOUR[:3]))["Compared with published figures"]
    assert not any(heading.startswith("all") for heading in found.header)
    full = by_title(evaluation(FOUR, size="full"))["Compared with published figures"]
    assert full.header[1:3] == ["HAdobe5k (1 of 2,160)", "all (4 of 7,404), made worse"]
    assert ["DCCF", "–", "6.2 %"] in [row[:3] for row in full.rows]


def test_published_rows_are_unique_and_explained():
    keys = [(row.method, row.subset, row.size, row.measured_by) for row in PUBLISHED]
    assert len(set(keys)) == len(keys)
    assert {row.convention for row in PUBLISHED} == set(CONVENTIONS)
    assert len(matching(evaluation(FOUR, size="full"), "HAdobe5k")) == 5


def test_costs():
    costs = (
        Cost("ours", 4000, 6000, 0.086, 12.34, 97_600_000, 276_500_000_000, 2_744_400),
        Cost("full", 4000, 6000, 0.086, None, None, None, 2_185_340),
    )
    table = list(tables(evaluation(["HCOCO"] * 2, costs=costs)))[-1]
    assert table.rows[0] == ["ours", "6000×4000", "8.6 %", "2,744,400", "276.5 G", "12.3 s", "98 MB"]
    assert table.rows[1][-2:] == ["out of memory", "–"]


def test_pairs_of_methods_are_compared_on_the_same_composites():
    table = list(tables(evaluation(["HCOCO"] * 3)))[1]
    assert table.rows == [["composite", "-1.00", "-1.00 to -1.00"], ["MKL", "+1.00", "+1.00 to +1.00"]]
    assert list(tables(evaluation(["HCOCO"])))[1].rows[0] == ["composite", "-1.00", "–"]
