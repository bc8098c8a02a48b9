"""Units of layers: what they put out, and which of them are dead or saturated."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from flatline.capture.units import WINDOW, Units
from flatline.rows import Activation
from tests.client.models import BATCH, CLASSES, FEATURES, LABELS, STEPS, X, compiled, mlp
from tests.client.reference import by_hand, watch

layers = keras.layers
MIXED = (
    Activation("a", "rectifier", 4),
    Activation("b", "unspecified", 3),
    Activation("c", "squasher", 4, low=-1.0),
    Activation("d", "rectifier", 2),
    Activation("e", "squasher", 3, low=0.0),
)
WIDTH = sum(each.units for each in MIXED)


def drawn(rows: int) -> dict[str, np.ndarray]:
    """Return rows of units some of which are dead or saturated for a while."""
    draw = np.random.default_rng(2)
    mean = draw.uniform(0, 1, (rows, WIDTH)).astype(np.float32)
    mean[draw.uniform(size=mean.shape) < 0.97] = 0.0
    noise = draw.uniform(0, 1, mean.shape).astype(np.float32)
    variance = np.maximum(np.square(mean), noise) - np.square(mean)
    return {"unit_mean": mean, "unit_variance": variance}


def slowly(found: dict[str, np.ndarray]) -> dict[str, list[list[float]]]:
    """Return the shares row by row, by their definition."""
    mean, variance = (found[name].astype(np.float64) for name in ("unit_mean", "unit_variance"))
    square = variance + np.square(mean)
    ends = np.cumsum([each.units for each in MIXED])
    shares: dict[str, list[list[float]]] = {"dead_unit_share": [], "saturated_unit_share": []}
    for row in range(len(mean)):
        window = slice(max(row + 1 - WINDOW, 0), row + 1)
        dead, stuck = [], []
        for each, end in zip(MIXED, ends, strict=True):
            m, s = mean[window, end - each.units : end], square[window, end - each.units : end]
            if each.kind == "rectifier":
                dead.append(float((m == 0).all(0).mean()))
            if each.kind == "squasher":
                scaled = s if each.low else 4 * s - 4 * m + 1
                stuck.append(float((np.sqrt(scaled.mean(0)) > 0.9).mean()))
        shares["dead_unit_share"].append(dead)
        shares["saturated_unit_share"].append(stuck)
    return shares


def test_a_unit_is_judged_over_the_last_fifty_sampled_steps() -> None:
    """Each row has the shares of the window that ends with it; the first ones have a short one."""
    found = drawn(130)
    columns = Units(MIXED).columns(found)

    for name, expected in slowly(found).items():
        np.testing.assert_allclose(columns[name], expected, rtol=1e-6)
        assert len(np.unique(columns[name])) > 2


@pytest.mark.parametrize("cuts", [[1], [49, 50, 51], [3, 64, 128], list(range(1, 130))])
def test_rows_in_pieces_are_rows_at_once(cuts: list[int]) -> None:
    """Where a chunk is cut changes nothing."""
    found = drawn(130)
    whole, units = Units(MIXED).columns(found), Units(MIXED)
    pieces = [
        units.columns({name: values[begin:end] for name, values in found.items()})
        for begin, end in zip([0, *cuts], [*cuts, 130], strict=True)
    ]

    for name, expected in whole.items():
        seen = np.concatenate([piece[name] for piece in pieces])
        np.testing.assert_allclose(seen, expected, rtol=1e-6)


def test_units_that_are_nan_are_neither_dead_nor_saturated() -> None:
    """A number that is none says nothing about the unit; the mean says that it was none."""
    found = {name: np.full((3, WIDTH), np.nan, np.float32) for name in drawn(1)}
    columns = Units(MIXED).columns(found)

    assert not columns["dead_unit_share"].any()
    assert not columns["saturated_unit_share"].any()
    assert np.isnan(columns["activation_mean"]).all()
    assert np.isnan(columns["activation_std"]).all()


def test_a_unit_is_dead_again_when_its_bad_step_has_left_the_window() -> None:
    """A nan counts as activity, for fifty sampled steps and no longer."""
    found = {name: np.zeros((WINDOW + 2, WIDTH), np.float32) for name in drawn(1)}
    found["unit_mean"][1, 0] = np.nan
    shares = Units(MIXED).columns(found)["dead_unit_share"][:, 0]

    assert shares[0] == 1
    assert set(shares[1 : WINDOW + 1]) == {0.75}
    assert shares[WINDOW + 1] == 1


def test_without_outputs_there_are_no_columns() -> None:
    """A layout that holds no units, and one without rectifiers."""
    assert Units(()).columns({"loss": np.zeros(3)}) == {}

    found = {name: np.ones((2, 3), np.float32) for name in ("unit_mean", "unit_variance")}
    columns = Units(MIXED[1:2]).columns(found)
    assert set(columns) == {"activation_mean", "activation_std"}


def outputs(*names: str) -> Callable[[Any, np.ndarray], list[np.ndarray]]:
    """Return a probe of what layers put out for the first sixteen samples of a batch."""

    def probe(model: Any, x: np.ndarray) -> list[np.ndarray]:
        tensors = [model.get_layer(name).output for name in names]
        found = keras.Model(model.inputs[0], tensors)(x, training=True)
        flat = found if isinstance(found, list) else [found]
        return [np.asarray(each, np.float64)[:16] for each in flat]

    return probe


def seen_and_probed(make: Callable[[], Any], *names: str) -> Any:
    """Return what a run was given, and for each sampled step what those layers put out."""
    run, reference = watch(make()), by_hand(make(), X, LABELS, outputs(*names))
    assert len(run.sampled_steps) == STEPS - 1
    # Windows begin with the first sampled step.
    return run, [reference[step].probed for step in run.sampled_steps]


def deep() -> Any:
    """Rectifiers, a separate one among them, squashers, and one that is neither."""
    model = keras.Sequential(
        [
            layers.Input((FEATURES,)),
            layers.Reshape((4, 3, 1)),
            layers.Conv2D(6, 2, name="conv"),
            layers.ReLU(name="apart"),
            layers.Flatten(),
            layers.Dense(16, activation="relu", name="half"),
            layers.Dense(8, activation="tanh", name="tanh"),
            layers.Dense(8, activation="gelu", name="gelu"),
            layers.Dense(8, activation="sigmoid", name="sigmoid"),
            layers.Dense(CLASSES, name="logits"),
        ]
    )
    model.get_layer("conv").bias.assign([-1e3, -1e3, 0, 0, 0, 0])
    model.get_layer("half").bias.assign([-1e3] * 5 + [1.0] * 11)
    for name, biases in (("tanh", [9.0] * 3 + [0.0] * 5), ("sigmoid", [-20.0] * 2 + [0.0] * 6)):
        model.get_layer(name).bias.assign(biases)
    return model


NAMES = ("apart", "half", "tanh", "gelu", "sigmoid")


def test_layers_that_end_in_a_nonlinearity_are_the_axis() -> None:
    """In the model's order, with what can become of their units; the output is none of them."""
    activations = watch(compiled(deep)).axes[0].activations

    assert tuple(each.layer for each in activations) == NAMES
    kinds = ["rectifier", "rectifier", "squasher", "unspecified", "squasher"]
    assert [each.kind for each in activations] == kinds
    assert [each.units for each in activations] == [6, 16, 8, 8, 8]


def test_mean_and_deviation_are_those_of_the_layers_outputs() -> None:
    """Over samples, places and units, as the step's own forward pass made them."""
    run, probed = seen_and_probed(lambda: compiled(deep), *NAMES)

    means = [[each.mean() for each in step] for step in probed]
    np.testing.assert_allclose(run.sampled("activation_mean"), means, rtol=1e-5)
    deviations = [[each.std() for each in step] for step in probed]
    np.testing.assert_allclose(run.sampled("activation_std"), deviations, rtol=1e-4)


def wide(width: int, biases: np.ndarray) -> Callable[[], Any]:
    """Return what makes a net with one hidden layer of rectifiers, with these biases."""

    def make() -> Any:
        model = keras.Sequential(
            [
                layers.Input((FEATURES,)),
                layers.Dense(width, activation="relu", name="wide"),
                layers.Dense(CLASSES),
            ]
        )
        model.get_layer("wide").bias.assign(biases)
        return model

    return make


def test_the_deviation_stands_beside_a_large_mean() -> None:
    """A layer whose outputs are far from 0 has the deviation that it has."""
    make = wide(16, np.full(16, 5e3))
    run, probed = seen_and_probed(lambda: compiled(make), "wide")

    deviations = [each[0].std() for each in probed]
    np.testing.assert_allclose(run.sampled("activation_std")[:, 0], deviations, rtol=0.01)


def test_a_share_of_a_very_wide_layer_goes_by_no_pattern() -> None:
    """Where half of the units are dead, half of those looked at are."""
    alternating = np.where(np.arange(4096) % 2 == 0, -1e3, 1e3)
    run = watch(compiled(wide(4096, alternating)))

    np.testing.assert_allclose(run.sampled("dead_unit_share"), 0.5, atol=0.05)


def test_dead_units_are_those_that_were_never_positive() -> None:
    """A unit of a convolution is a channel, at all places."""
    run, probed = seen_and_probed(lambda: compiled(deep), *NAMES)

    for row in range(len(probed)):
        expected = []
        for layer in range(2):
            past = [p[layer].reshape(-1, p[layer].shape[-1]) for p in probed[: row + 1]]
            seen = np.concatenate(past)
            expected.append((seen <= 0).all(0).mean())
        np.testing.assert_allclose(run.sampled("dead_unit_share")[row], expected, rtol=1e-5)
        assert expected[0] >= 2 / 6
        assert expected[1] >= 5 / 16


def test_saturated_units_are_those_near_a_bound() -> None:
    """The root mean square of outputs scaled to -1..1 is above 0.9."""
    run, probed = seen_and_probed(lambda: compiled(deep), *NAMES)

    for row in range(len(probed)):
        expected = []
        for layer, low in ((2, -1.0), (4, 0.0)):
            seen = np.concatenate([p[layer] for p in probed[: row + 1]])
            scaled = seen if low else 2 * seen - 1
            expected.append((np.sqrt(np.square(scaled).mean(0)) > 0.9).mean())
        np.testing.assert_allclose(run.sampled("saturated_unit_share")[row], expected, rtol=1e-5)
        assert expected[0] >= 3 / 8
        assert expected[1] >= 2 / 8


def test_only_the_first_sixteen_samples_are_looked_at() -> None:
    """A larger batch costs no more."""
    run = watch(compiled(deep), batch_size=2 * BATCH, epochs=2)
    twin = compiled(deep)
    twin.train_on_batch(X[: 2 * BATCH], LABELS[: 2 * BATCH])
    expected = [each.mean() for each in outputs(*NAMES)(twin, X[2 * BATCH :])]

    assert run.sampled_steps[0] == 1
    np.testing.assert_allclose(run.sampled("activation_mean")[0], expected, rtol=1e-5)


def test_a_squashing_output_is_not_listed() -> None:
    """A prediction is meant to be sure."""
    run = watch(compiled(lambda: mlp(1, "sigmoid"), loss="binary_crossentropy"), y=LABELS > 2)

    assert [each.kind for each in run.axes[0].activations] == ["rectifier"]
    assert "saturated_unit_share" not in run.names


def test_a_unit_that_was_active_once_is_alive_for_fifty_sampled_steps() -> None:
    """Though the steps come in several chunks."""

    def one_alive() -> Any:
        model = mlp()
        model.layers[0].kernel.assign(np.eye(FEATURES, 16))
        model.layers[0].bias.assign(np.zeros(16))
        return model

    x = np.full((80 * BATCH, FEATURES), -1.0, np.float32)
    x[2 * BATCH, 0] = 1.0
    still = keras.optimizers.SGD(0.0)
    run = watch(compiled(one_alive, optimizer=lambda: still), x, np.zeros(len(x), int))

    assert len(run.rows) > 1
    first = run.sampled_steps.index(2)
    shares = run.sampled("dead_unit_share")[:, 0]
    alive = np.isclose(shares, 15 / 16)
    assert alive[first : first + WINDOW].all()
    assert alive.sum() == WINDOW
    assert set(shares[~alive]) == {1.0}
