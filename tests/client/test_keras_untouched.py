"""The callback changes nothing about a training; conformance/ says so of every kind of it."""

from tests.client.models import Recording, compiled, fit


def test_nothing_is_left_on_the_model() -> None:
    """After a fit the model has no attribute that it would not have without us."""
    alone, watched = compiled(), compiled()
    fit(alone, [])
    fit(watched, [Recording()])

    assert set(vars(watched)) == set(vars(alone))
    assert set(vars(watched.optimizer)) == set(vars(alone.optimizer))
    assert type(watched.train_function) is type(alone.train_function)


def test_a_disabled_callback_does_nothing() -> None:
    """With mode="disabled" not even the train function is replaced."""
    model, callback = compiled(), Recording(mode="disabled")
    fit(model, [callback])

    assert callback.runs == []
