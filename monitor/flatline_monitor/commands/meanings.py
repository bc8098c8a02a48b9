"""What settings mean: read from the docstring that stands under each of them in the source."""

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

_UNIT = re.compile(r"^(?P<text>.*?)\.?(?: \[(?P<unit>[^\]]+)\])?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one setting is."""

    text: str
    unit: str = ""
    """Empty: it has none."""


def meanings(owner: type) -> Mapping[str, Meaning]:
    """Return the meanings of a class's fields and properties, by their names.

    Of a docstring like "How long it is kept. [days]" the brackets hold the unit.
    """
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    if not isinstance(tree, ast.ClassDef):
        return {}
    found = {}
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        match node, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = _meaning(text)
            case ast.FunctionDef(name=name), _:
                found[name] = _meaning(ast.get_docstring(node) or "")
    return found


def _meaning(text: str) -> Meaning:
    parts = _UNIT.match(" ".join(text.split()))
    return Meaning(parts["text"], parts["unit"] or "") if parts else Meaning(text)
