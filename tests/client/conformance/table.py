"""All cases."""

from tests.client.conformance.case import Case
from tests.client.conformance.feeds import FEEDS, MIRRORED
from tests.client.conformance.kinds import KINDS
from tests.client.conformance.optimizers import OPTIMIZERS
from tests.client.conformance.paths import PATHS

CASES: dict[str, Case] = {**PATHS, **KINDS, **OPTIMIZERS, **FEEDS, **MIRRORED}

FAST = {
    *("sequential", "subclassed", "own_step_apply", "own_step_own_loss", "regularizer", "gan"),
    *("outputs_dict", "several_steps_not_dividing", "eager", "float16", "float16_overflow"),
    *("xla", "normalised", "frozen", "multilabel", "regression", "embedding_duplicates"),
    *("tiny_gradients", "clipnorm", "accumulation", "stream_unknown_length", "partial_batch"),
    *("sample_weight", "mirrored"),
}
"""Cases of the whole suite; the others are left to `make conformance`."""
assert set(CASES) >= FAST
