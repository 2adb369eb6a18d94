"""Remarks are sentences with the options that help."""

import pickle

from cdtnet.inference.remarks import Remark, helps_of, joined


def test_several_remarks_make_one_with_the_help_of_all():
    both = joined(["Odd.", None, Remark("Small.", "apply_anyway")])
    assert (both, both.helps) == ("Odd. Small.", ("apply_anyway",))
    assert helps_of(pickle.loads(pickle.dumps(both))) == ("apply_anyway",)


def test_without_remarks_there_is_none():
    assert joined([None, None]) is None
    assert helps_of(None) == helps_of("Odd.") == ()
