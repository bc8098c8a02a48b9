"""How remedies are taken, and when a program counts as recovered."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from flatline.keras import MonitorCallback
from tests.gallery.caught import Fit, catching, why_not
from tests.gallery.remedies_report import report
from tests.gallery.skill import Skill, Skills, skill
from tests.gallery.treatment import carried_over, learned, take
from tests.gallery.tried import Taken, Tried, bars

X, Y = np.arange(8, dtype="float32").reshape(8, 1), np.arange(8) % 2
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


@pytest.fixture(autouse=True)
def eagerly():
    """What is claimed does not depend on what TensorFlow compiles."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


def network() -> keras.Sequential:
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(2), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile("sgd", "binary_crossentropy")
    return model


class Answers:
    """A model that answers with what it is given."""

    def __init__(self, loss: object) -> None:
        self.loss = loss

    def __call__(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        return x


@pytest.mark.parametrize(
    ("loss", "y", "constant", "perfect"),
    [
        ("mse", np.array([1.0, 2, 6]), [[3.0]] * 3, [[1.0], [2], [6]]),
        ("mae", np.array([1.0, 2, 6]), [[2.0]] * 3, [[1.0], [2], [6]]),
        ("binary_crossentropy", np.array([0, 1, 0, 0]), [[0.25]] * 4, [[0.0], [1], [0], [0]]),
        (
            keras.losses.BinaryCrossentropy(from_logits=True),
            np.array([0, 1, 0, 0]),
            [[-np.log(3)]] * 4,
            [[-30.0], [30], [-30], [-30]],
        ),
        (
            "sparse_categorical_crossentropy",
            np.array([0, 1, 1, 2]),
            [[0.25, 0.5, 0.25]] * 4,
            np.eye(3)[[0, 1, 1, 2]],
        ),
        (
            "categorical_crossentropy",
            np.eye(3)[[0, 1, 1, 2]],
            [[0.25, 0.5, 0.25]] * 4,
            np.eye(3)[[0, 1, 1, 2]],
        ),
        (
            keras.losses.CategoricalCrossentropy(from_logits=True),
            np.eye(3)[[0, 1, 1, 2]],
            np.log([[0.25, 0.5, 0.25]] * 4),
            30 * np.eye(3)[[0, 1, 1, 2]],
        ),
    ],
    ids=["mse", "mae", "binary", "logits", "sparse", "one-hot", "one-hot of logits"],
)
def test_skill_is_0_for_the_best_constant_answer_and_1_for_the_right_one(
    loss: object, y: np.ndarray, constant: list[list[float]], perfect: list[list[float]]
) -> None:
    """By whichever loss it was compiled with; so is the accuracy, where there are classes."""
    nothing = skill(Answers(loss), np.array(constant), y)
    everything = skill(Answers(loss), np.array(perfect), y)

    assert nothing.loss == pytest.approx(0, abs=1e-3)
    assert everything.loss == pytest.approx(1, abs=1e-3)
    assert (nothing.accuracy, everything.accuracy) in {(0.0, 1.0), (None, None)}
    assert skill(Answers(loss), np.full((len(y), 1), np.nan), y) == Skill()


def of(training: float, validation: float | None = None) -> Skills:
    return Skills(Skill(training), None if validation is None else Skill(validation))


@pytest.mark.parametrize(
    ("before", "after", "better"),
    [
        (of(0.2), of(0.31), True),
        (of(0.2), of(0.29), False),
        (of(-50), of(-1), False),  # worse than guessing is not learned
        (of(-np.inf), of(0.3), True),
        (of(0.95), of(0.94), True),  # there was nothing to gain
        (of(0.95), of(0.91), False),
        (of(0.9, 0.1), of(0.4, 0.3), True),
        (of(0.2, 0.3), of(0.9, 0.2), False),
        (of(0.2), of(0.4, 0.1), True),  # only one of the two has a validation
    ],
)
def test_a_program_has_learned_when_it_is_clearly_better(
    before: Skills, after: Skills, *, better: bool
) -> None:
    """By a tenth of skill, where it is validated, or as good as can be."""
    assert learned(before, after, best_counts=False) is better


def test_one_that_learned_too_much_need_only_lose_less() -> None:
    """Its validation may still be no better than guessing."""
    assert learned(of(1.0, -2.0), of(0.3, -0.1), best_counts=True)
    assert not learned(of(1.0, -2.0), of(1.0, -1.95), best_counts=True)


def test_the_code_trains_in_the_place_of_the_program() -> None:
    """Its fit gets the monitor's callback and what the program gave and the code does not."""
    seen = MonitorCallback(mode="disabled")
    with catching() as fits:
        network().fit(X, Y, batch_size=4, validation_data=(X, Y), verbose=0, callbacks=[seen])
    assert why_not(fits) == ""
    code = "fresh = keras.models.clone_model(model)\nfresh.compile('sgd', 'mse')\n"

    with catching() as same:
        after, error = take(code + "fresh.fit(x_train, y_train)", fits[0], seen, 1)
    assert not error
    assert after.validation == after.training
    assert same[0].given["batch_size"] == 4
    assert same[0].callbacks == [seen]

    with catching() as changed:
        after, _ = take(code + "fresh.fit(x_train / 7, y_train)", fits[0], seen, 1)
    assert after.validation is None
    assert "validation_data" not in changed[0].given
    batches = (
        "import tensorflow as tf\n"
        "data = tf.data.Dataset.from_tensors((x_train, y_train))\n"
        "model.fit(data, shuffle=False)"
    )
    assert take(batches, fits[0], seen, 1)[0].training.accuracy is not None
    assert take("fresh.fit(x_train)", fits[0], seen, 1)[1].startswith("NameError: name 'fresh'")


def test_a_remedy_leaves_the_model_to_the_next_one_as_it_was() -> None:
    """With the weights of the sick run, and frozen where that was."""
    with catching() as fits:
        model = network()
        model.layers[0].trainable = False
        model.fit(X, Y, verbose=0)
    before = model.get_weights()

    code = "model.trainable = True\nmodel.compile('sgd', 'mse')\nmodel.fit(x_train, y_train)"
    take(code, fits[0], MonitorCallback(mode="disabled"), 1)

    assert not model.layers[0].trainable
    assert np.array_equal(before[0], model.get_weights()[0])


def test_the_callbacks_of_the_program_stay_but_for_what_is_in_the_way() -> None:
    """A schedule, where the code sets the rate; all of them, where an exception ended the run."""
    slower = keras.callbacks.ReduceLROnPlateau()
    stop = keras.callbacks.EarlyStopping()
    fit = Fit(None, {"callbacks": [MonitorCallback(mode="disabled"), slower, stop]})

    assert carried_over(fit, "fresh.fit(x_train, y_train)") == [slower, stop]
    assert carried_over(fit, 'settings = {"learning_rate": 0.1}') == [stop]
    assert carried_over(Fit(None, fit.given, broke_off=True), "") == []


def test_programs_whose_place_no_code_can_take_are_told_apart() -> None:
    """By what is in the way."""
    with catching() as fits:
        network().fit(tf.data.Dataset.from_tensors((X, Y)), shuffle=False, verbose=0)
        network().fit(X, Y, verbose=0)

    assert why_not([]) == "it trains in a loop of its own"
    assert why_not(fits) == "it fits more than once"
    assert why_not(fits[:1]) == "its data are not one array of inputs and one of targets"
    assert why_not(fits[1:]) == ""


def tried(first: str, chance: str, count: int) -> list[Tried]:
    some = Taken("dead_units", first), Taken("leak", chance)
    return [Tried("blobs", "dead_units", "", right=True, first=some[0], chance=some[1])] * count


@pytest.mark.parametrize(
    ("runs", "met"),
    [
        ([*tried("", "sick", 7), *tried("sick", "sick", 3)], [True, True]),
        ([*tried("", "sick", 6), *tried("sick", "sick", 4)], [False, True]),
        ([*tried("", "", 5), *tried("", "sick", 4)], [True, False]),
    ],
)
def test_the_first_remedy_has_to_help_often_and_twice_as_often_as_another(
    runs: list[Tried], met: list[bool]
) -> None:
    """70 %, of the programs in whose place it can be run; the others are counted by why."""
    absent = Tried("a loop", "leak", "it trains in a loop of its own")

    assert [bar.met for bar in bars([*runs, absent])] == met
    assert "| it trains in a loop of its own | 1 |" in report("tune", 1, [*runs, absent])
