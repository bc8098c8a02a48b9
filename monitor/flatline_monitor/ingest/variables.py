"""The axes of a run's columns: its variables, inputs and activations."""

import math

from flatline.v1 import monitor_pb2
from flatline_monitor.ingest import checks
from flatline_monitor.ingest.limits import Limits
from flatline_monitor.ingest.reasons import Reason
from flatline_monitor.runs.records import (
    Activation,
    ActivationKind,
    RefusedError,
    Role,
    Untrained,
    Variable,
    Variables,
)

_ROLES = dict(enumerate(Role))
_KINDS = dict(enumerate(ActivationKind))
_MAX_AXES = 32


def read_variables(message: monitor_pb2.Variables, limits: Limits) -> Variables:
    """Return the checked axes; what they may hold is in `limits`."""
    if not message.revision:
        raise RefusedError(Reason.INVALID_VARIABLES, "variables.revision is 0; it counts from 1")
    for place, names, most in (
        ("variables", message.variables, limits.variables),
        ("variables.inputs", message.inputs, limits.inputs),
        ("variables.untrained", message.untrained, limits.variables),
        ("variables.activations", message.activations, limits.variables),
    ):
        checks.count(Reason.TOO_MANY_VARIABLES, place, len(names), most)
    return Variables(
        revision=message.revision,
        variables=tuple(_variable(each, limits) for each in message.variables),
        inputs=tuple(
            checks.text("variables.inputs", each, limits.path_bytes) for each in message.inputs
        ),
        untrained=tuple(_untrained(each, limits) for each in message.untrained),
        activations=tuple(_activation(each, limits) for each in message.activations),
    )


def _variable(message: monitor_pb2.Variable, limits: Limits) -> Variable:
    path = checks.text("variable.path", message.path, limits.path_bytes, required=True)
    shape = tuple(message.shape)
    # The sizes are multiplied as int64 further in.
    if len(shape) > _MAX_AXES or math.prod(shape) > checks.MAX_STEP:
        raise RefusedError(
            Reason.INVALID_VARIABLES,
            f"variable {checks.shown(path)} has {len(shape)} axes and {math.prod(shape):.3g} "
            f"elements; at most {_MAX_AXES} axes and 2**62 elements are taken",
        )
    return Variable(
        path=path,
        layer=checks.text("variable.layer", message.layer, limits.path_bytes),
        role=_ROLES.get(message.role, Role.OTHER),
        shape=shape,
        layer_class=checks.text("variable.layer_class", message.layer_class, limits.path_bytes),
        estimated=message.estimated,
    )


def _untrained(message: monitor_pb2.Untrained, limits: Limits) -> Untrained:
    path = checks.text("untrained.path", message.path, limits.path_bytes, required=True)
    return Untrained(path, message.trainable)


def _activation(message: monitor_pb2.Activation, limits: Limits) -> Activation:
    layer = checks.text("activation.layer", message.layer, limits.path_bytes, required=True)
    return Activation(layer, _KINDS.get(message.kind, ActivationKind.OTHER), message.units)
