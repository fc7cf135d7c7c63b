from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfold.errors import UsageError
from nfold.randomness import LARGEST_COPY, LARGEST_SEED, source_digest, variation_generators

SEEDS = st.one_of(st.integers(0, 3), st.sampled_from([2**32 - 1, 2**32, 2**32 + 1, 2**63, LARGEST_SEED]))
COUNTS = st.one_of(st.integers(0, 3), st.just(LARGEST_COPY))
GOLDEN = (0.4071584011442333, 0.04242599775647016)
ADDRESSES = st.fixed_dictionaries(
    {"seed": SEEDS, "source_id": st.sampled_from(["a", "b", "", "\udcff", "é"]), "copy": COUNTS, "draw": COUNTS}
)


def draws(**address: Any) -> tuple[list[float], list[float]]:
    generators = variation_generators(**address)
    return generators.numpy.random(4).tolist(), [generators.python.random() for _ in range(4)]


@settings(deadline=None)
@given(one=ADDRESSES, other=ADDRESSES)
def test_equal_addresses_give_equal_numbers_and_different_ones_different(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert draws(**one) == draws(**one)
    if one != other:
        assert draws(**one)[0] != draws(**other)[0]
        assert draws(**one)[1] != draws(**other)[1]


def test_the_numbers_are_those_of_the_first_release() -> None:
    """Were they to change, every output in the world would have to be made anew."""
    numpy_draws, python_draws = draws(seed=7, source_id="cats/tom.jpg", copy=2, draw=1)
    assert numpy_draws[0] == GOLDEN[0]
    assert python_draws[0] == GOLDEN[1]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ({"seed": -1}, "seed.range"),
        ({"seed": LARGEST_SEED + 1}, "seed.range"),
        ({"copy": -1}, "copy.range"),
        ({"copy": LARGEST_COPY + 1}, "copy.range"),
        ({"draw": -1}, "copy.range"),
        ({"draw": LARGEST_COPY + 1}, "copy.range"),
    ],
)
def test_an_address_out_of_range_is_refused(address: dict[str, int], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        variation_generators(**{"seed": 0, "source_id": "a", "copy": 0, **address})
    assert caught.value.stable_code == code


def test_first_draws_over_many_addresses_are_even() -> None:
    values = [variation_generators(seed=0, source_id=f"{number}", copy=1).numpy.random() for number in range(2000)]
    counts = np.histogram(values, bins=10, range=(0, 1))[0]
    assert float(((counts - 200) ** 2 / 200).sum()) < 27.88, "nine degrees of freedom, one in a thousand"


def test_a_digest_is_that_of_the_bytes_on_disk() -> None:
    import hashlib

    assert source_digest("caf\udcc3\udca9") == source_digest("café") == hashlib.sha256("café".encode()).digest()
