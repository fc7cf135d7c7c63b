from __future__ import annotations

import pytest

from nfold.contrast.break_even import break_even
from tests.engine.contrast.conftest import figures


def test_beyond_what_was_run_the_measured_rates_are_carried_on() -> None:
    # 10 s once and 0.5 s an image, against 1 s an image: 10 + n / 2 = n.
    offline = figures("offline", once_s=10.0, images_per_epoch=6, epoch_s=(3.0, 3.0))
    found = break_even(offline, figures(epoch_s=(3.0, 3.0)))
    assert (found.images, found.is_measured) == (20, False)
    assert found.offline_epochs == pytest.approx(20 / 6)
    assert found.on_the_fly_epochs == pytest.approx(20 / 3)


def test_within_what_was_run_the_measured_times_decide_and_not_their_mean() -> None:
    # The first epoch on the fly took 1 s and the second 9 s: after 3 images 1 s against 2 + 1.5, after 6 images 10 against 5.
    offline = figures("offline", once_s=2.0, images_per_epoch=6, epoch_s=(3.0, 3.0))
    found = break_even(offline, figures(epoch_s=(1.0, 9.0)))
    assert found.is_measured
    assert found.images == 4  # 3.5 + 0.5 x = 1 + 3 x, one image after the first epoch
    assert found.on_the_fly_epochs == pytest.approx(4 / 3)


def test_offline_that_is_never_quicker_never_catches_up() -> None:
    found = break_even(figures("offline", once_s=1.0, epoch_s=(3.0, 3.0)), figures(epoch_s=(3.0, 3.0)))
    assert found.images is found.offline_epochs is found.on_the_fly_epochs is None
    assert not found.is_measured


def test_offline_that_took_no_time_beforehand_is_even_from_the_start() -> None:
    found = break_even(figures("offline", epoch_s=(1.0, 1.0)), figures())
    assert (found.images, found.is_measured) == (0, True)


def test_a_lead_that_is_lost_again_is_no_break_even() -> None:
    # Ahead after the first epoch, behind for good at the end of the second.
    offline = figures("offline", once_s=1.0, epoch_s=(1.0, 9.0))
    found = break_even(offline, figures(epoch_s=(3.0, 3.0)))
    assert found.images is None
