"""Which episodes a command is to take, as text: `0:100,250`, or `return > 3`."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Sequence
from functools import cache, partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.summary import reached_achievements

SYNTAX = "numbers and ranges such as 0:100,250,900:"


def select_episodes(dataset: Dataset, text: str) -> Dataset:
    """Give the episodes with some ids, in the dataset's order.

    Parameters
    ----------
    dataset : Dataset
        Where to take them from.
    text : str
        Ids, and ranges `first:after` without the last one, as in Python;
        either side may be left out. Separated by commas.

    Raises
    ------
    ValueError
        If the text is no such list, or an id is not in the dataset, or
        nothing is left.
    """
    ids = dataset.episodes["episode_ids"]
    keep = np.zeros(len(ids), np.bool_)
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,18})?\s*(:)?\s*(\d{1,18})?\s*", part)
        if match is None or not part.strip() or (match[1] is None and match[2] is None):
            raise ValueError(f"expected {SYNTAX}, found {text!r}")
        if match[2] is None:
            chosen = ids == int(match[1])
        else:
            chosen = (ids >= int(match[1] or 0)) & (ids < int(match[3] or 10**18))
        if not chosen.any():
            found = f"{ids.min()} to {ids.max()}" if len(ids) else "none"
            raise ValueError(f"expected some of the episodes {found}, found {part.strip()!r}")
        keep |= chosen
    return dataset.filter(keep)


_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}

CONDITIONS = (
    "a condition on id, length, return, end, world_seed and achievements, such as "
    '"return > 3 and end == \'terminated\'" or "collect_iron or length >= 500"'
)


def filter_episodes(dataset: Dataset, text: str) -> Dataset:
    """Give the episodes for which a condition holds, written as in Python.

    Parameters
    ----------
    dataset : Dataset
        Where to take them from.
    text : str
        Comparisons of `id`, `length` (frames), `return`, `end` (the end
        reason's name) and `world_seed` with numbers and names in quotes; the
        name of an achievement, which is true if the episode has reached it;
        joined by `and`, `or`, `not` and parentheses. Nothing of it is executed.

    Raises
    ------
    ValueError
        If the text is no such condition, or holds for no episode.
    """
    try:
        # `return` is Python's own word, so it goes under another name.
        tree = ast.parse(re.sub(r"\breturn\b", "return_", text.strip()), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"expected {CONDITIONS}, found {text!r}") from None
    table, meta = dataset.episodes, dataset.metadata
    columns: dict[str, Callable[[], Any]] = {
        "id": lambda: table["episode_ids"],
        "length": lambda: table["lengths"],
        "return_": lambda: table["returns"],
        "end": lambda: np.array([*meta.end_reasons, *[""] * 256])[table["end_reasons"]],
        "world_seed": lambda: table["world_seeds"],
    }
    if "achievements" in dataset.fields:
        reached = cache(lambda: reached_achievements(dataset))
        for index, name in enumerate(meta.achievements):
            columns[name] = partial(lambda column: reached()[:, column], index)

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int() | float() | str()):
                return node.value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.Name(id=name) if name in columns:
                return columns[name]()
        raise ValueError(f"expected {CONDITIONS}, found {_unparsed(node)!r}")

    def holds(node: ast.expr) -> NDArray[np.bool_]:
        match node:
            case ast.BoolOp(op=ast.And(), values=nodes):
                return reduce(np.logical_and, map(holds, nodes))
            case ast.BoolOp(op=ast.Or(), values=nodes):
                return reduce(np.logical_or, map(holds, nodes))
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return ~holds(inner)
            case ast.Compare(left=left, ops=ops, comparators=others):
                found = np.ones(len(table), np.bool_)
                for kind, right in zip(ops, others, strict=True):
                    _check_reasons(left, right, meta.end_reasons)
                    found &= _compared(kind, value(left), value(right), text)
                    left = right
                return found
        found = np.asarray(value(node))
        if found.dtype != np.bool_ or found.shape != (len(table),):
            raise ValueError(f"expected {CONDITIONS}, found {_unparsed(node)!r}")
        return found

    with np.errstate(over="ignore"):
        kept = dataset.filter(holds(tree.body))
    if not len(kept):
        raise ValueError(f"expected episodes with {text!r}, found none among {len(dataset)}")
    return kept


def _check_reasons(left: ast.expr, right: ast.expr, reasons: Sequence[str]) -> None:
    """Refuse an end reason that there is not, which would be a slip of the pen."""
    for name, text in ((left, right), (right, left)):
        match name, text:
            case ast.Name(id="end"), ast.Constant(value=str() as reason) if reason not in reasons:
                raise ValueError(
                    f"expected end to be one of {', '.join(reasons)}, found {reason!r}"
                )


def _unparsed(node: ast.AST) -> str:
    return ast.unparse(node).replace("return_", "return")


def _compared(kind: ast.cmpop, left: Any, right: Any, text: str) -> NDArray[np.bool_]:
    is_text = [np.asarray(side).dtype.kind == "U" for side in (left, right)]
    if type(kind) not in _COMPARE or is_text[0] != is_text[1]:
        raise ValueError(f"expected {CONDITIONS}, found {text!r}")
    try:
        return np.asarray(_COMPARE[type(kind)](left, right), np.bool_)
    except OverflowError:
        raise ValueError(f"expected {CONDITIONS}, found too large a number") from None
