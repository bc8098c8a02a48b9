"""The tools that the monitor is compared with, re-implemented on the recorded signals."""

from tests.gallery.rivals import autotrainer, deepchecker, deepdiagnosis, keras_callbacks, umlaut
from tests.gallery.rivals.contract import Rival
from tests.gallery.rivals.sagemaker import EVERY_STEP, SAVED

RIVALS: tuple[Rival, ...] = (
    EVERY_STEP,
    SAVED,
    autotrainer.RIVAL,
    deepdiagnosis.RIVAL,
    umlaut.RIVAL,
    deepchecker.RIVAL,
    keras_callbacks.RIVAL,
)
