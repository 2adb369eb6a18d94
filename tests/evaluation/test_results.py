import csv
import io
import json
import math

import numpy as np
import pytest

from cdtnet.errors import DataError
from cdtnet.evaluation.results import Composite, Cost, Evaluation


@pytest.fixture
def evaluation():
    return Evaluation(
        dataset="iHarmony4",
        layout="iharmony4",
        split="test",
        size=256,
        whole_frame=False,
        composites=(Composite("HCOCO/a,b.jpg", "HCOCO", 0.1), Composite("x.jpg", "", 0.25)),
        values={
            "composite": {"mse": np.array([0.1, 0]), "psnr": np.array([math.pi, math.inf])},
            "MKL": {"mse": np.array([1e-30, 2]), "psnr": np.array([-math.inf, 4])},
        },
        skipped=("c.jpg is damaged.",),
        costs=(Cost("MKL", 10, 20, 0.5, 0.25, 1000, None, None),),
        date="2022-06-19",
    )


def test_json_and_back_is_the_same(evaluation):
    again = Evaluation.from_json(evaluation.to_json())
    assert again.methods == ("composite", "MKL")
    for method, metric in [(m, k) for m in again.methods for k in ("mse", "psnr")]:
        assert np.array_equal(again.values[method][metric], evaluation.values[method][metric])
    assert {**vars(again), "values": None} == {**vars(evaluation), "values": None}


def test_json_is_standard(evaluation):
    plain = json.loads(evaluation.to_json(), parse_constant=pytest.fail)
    assert plain["values"]["composite"]["psnr"] == [math.pi, "inf"]


@pytest.mark.parametrize(
    "text", ["", "[1]", "{}", '{"composites": [], "costs": [], "skipped": [], "values": {}}']
)
def test_other_json_is_refused(text):
    with pytest.raises(DataError, match="not the JSON of an evaluation"):
        Evaluation.from_json(text)


def test_csv_has_a_line_for_each_composite_and_method(evaluation):
    lines = list(csv.DictReader(io.StringIO(evaluation.to_csv())))
    assert [(line["name"], line["method"]) for line in lines] == [
        ("HCOCO/a,b.jpg", "composite"),
        ("HCOCO/a,b.jpg", "MKL"),
        ("x.jpg", "composite"),
        ("x.jpg", "MKL"),
    ]
    assert float(lines[1]["mse"]) == 1e-30
    assert float(lines[2]["psnr"]) == math.inf
    assert lines[2]["foreground_ratio"] == "0.25"
