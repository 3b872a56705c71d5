"""Planted phones as numbers of frames."""

import numpy as np
from emoflow.pretraining.units import Units, grouped


def test_a_frame_has_the_phone_in_its_middle():
    units = Units(grouped([("a", "s", 0.03, 0.09), ("a", "i:", 0.09, 0.2), ("b", "s", 0.0, 0.04)]))
    assert units.names == ["i:", "s"]
    np.testing.assert_array_equal(units.of("a", 6), [-1, 1, 0, 0, 0, -1])
    np.testing.assert_array_equal(units.of("b", 2), [1, -1])
    assert units.of("c", 2) is None
    assert Units({}).names == [] and Units({}).of("a", 2) is None
