"""The operator's numbers, and the operator's typing errors."""

import pytest

from flatline_monitor.detectors.catalogue import CATALOGUE, configured
from flatline_monitor.detectors.settings import SettingsError, configure
from flatline_monitor.detectors.vanishing_gradient import VanishingGradient


def test_a_number_is_replaced_and_the_others_stay():
    """The default detector itself is left alone."""
    default = VanishingGradient()

    assert configure(default, {"window": 7}) == VanishingGradient(window=7)
    assert isinstance(configure(default, {"window": 7.0}).window, int)  # TOML's numbers are floats
    assert default == VanishingGradient()


def test_the_catalogue_takes_the_numbers_by_name():
    """Everything else is as it was."""
    changed = configured({"vanishing_gradient": {"gap_decades": 5}})

    assert VanishingGradient(gap_decades=5) in changed
    assert [d.name for d in changed] == [d.name for d in CATALOGUE]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"vanishing_gradient": {"gap": 1}},
            (
                "[detectors.vanishing_gradient] has no setting gap; it has gap_decades, min_depth, "
                "progress_floor, skill_floor, skilled, warmup, window"
            ),
        ),
        (
            {"vanishing_gradient": {"window": 7.5}},
            "[detectors.vanishing_gradient] window is 7.5; it must be a whole number, 0 or more",
        ),
        (
            {"vanishing_gradient": {"skilled": float("nan")}},
            "[detectors.vanishing_gradient] skilled is nan; it must be a number",
        ),
        (
            {"no_skil": {}},
            "[detectors] has no no_skil; it has " + ", ".join(d.name for d in CATALOGUE),
        ),
    ],
)
def test_a_typing_error_is_answered_with_the_right_names(settings, sentence):
    """The message names the section, the wrong name and the right ones."""
    with pytest.raises(SettingsError) as error:
        configured(settings)

    assert str(error.value) == sentence
