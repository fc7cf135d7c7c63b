from __future__ import annotations

import json

import numpy as np

from nfold.applied import applied_transforms


def test_parameters_become_plain_json_and_large_arrays_their_shape_and_hash() -> None:
    (applied,) = applied_transforms(
        [
            (
                "Rotate",
                {
                    "shape": (9, 9, 3),
                    "angle": np.float64(1.5),
                    "matrix": np.eye(3),
                    "map_x": np.zeros((40, 50)),
                    "names": ["a", None, True],
                    "objects": list(range(100)),
                },
            )
        ]
    )
    assert applied.name == "Rotate"
    assert "shape" not in applied.parameters
    assert applied.parameters["angle"] == 1.5
    assert applied.parameters["matrix"] == np.eye(3).tolist()
    assert applied.parameters["map_x"]["shape"] == [40, 50]
    assert applied.parameters["names"] == ["a", None, True]
    json.dumps(applied.parameters)
