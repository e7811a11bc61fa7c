"""Selections of episodes written as text: `0:100,250`, or `return > 3`."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.players import shown_name
from crafter_dataset.loader.table import EpisodeTable
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.wording import short_repr

SYNTAX = "numbers and ranges such as 0:100,250,900:"

CONDITIONS = (
    "comparisons (==, !=, <, <=, >, >=) of columns, joined by and, or, not, such as "
    '"return > 3 and end == \'terminated\'" or "collect_iron or length >= 500"'
)

_RETURN = "return_"
"""Stands for `return`, which is a keyword of Python."""

_MOST = 2**63 - 1
"""The largest integer that columns hold; with larger ones NumPy 1 compares, NumPy 2 does not."""

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def ids_mask(table: EpisodeTable, text: str) -> NDArray[np.bool_]:
    """Return a mask of the episodes whose ids are in a list.

    Parameters
    ----------
    table : EpisodeTable
        The episodes.
    text : str
        Ids, and ranges `first:after` as in Python, where either side may be left
        out; separated by commas.

    Returns
    -------
    ndarray, shape (len(table),), bool
        True for those in the list.

    Raises
    ------
    ArgumentError
        If the text is not such a list, or an entry selects no episode.
    """
    ids = table["id"]
    keep = np.zeros(len(ids), np.bool_)
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,18})?\s*(:)?\s*(\d{1,18})?\s*", part)
        if match is None or not part.strip() or (match[1] is None and match[2] is None):
            raise ArgumentError("episodes", f"expected {SYNTAX}, found {text!r}")
        if match[2] is None:
            chosen = ids == int(match[1])
        else:
            chosen = (ids >= int(match[1] or 0)) & (ids < int(match[3] or 10**18))
        if not chosen.any():
            found = f"{ids.min()} to {ids.max()}" if len(ids) else "none"
            raise ArgumentError(
                "episodes", f"expected some of the episodes {found}, found {part.strip()!r}"
            )
        keep |= chosen
    return keep


def condition_mask(
    table: EpisodeTable, text: str, names: Mapping[str, tuple[str, ...]]
) -> NDArray[np.bool_]:
    """Return a mask of the episodes for which a condition holds, written as in Python.

    Parameters
    ----------
    table : EpisodeTable
        The episodes.
    text : str
        Comparisons of columns (`id`, `length`, `return`, `end`, `policy`, `world_seed`,
        `achievements`) with numbers and names in quotes; the name of an
        achievement, which is true if the episode has reached it; joined by
        `and`, `or`, `not` and parentheses. It is never executed as code.
    names : mapping of str to tuple of str
        Names that columns of names, such as `end`, can be compared with.

    Returns
    -------
    ndarray, shape (len(table),), bool
        True where it holds.

    Raises
    ------
    ArgumentError
        If the text is not such a condition.
    """
    try:
        tree = ast.parse(re.sub(r"\breturn\b", _RETURN, text.strip()), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _refused(text) from None
    condition = _Condition(table, names)
    try:
        with np.errstate(over="ignore"):
            return condition.holds(tree.body)
    except OverflowError:
        raise ArgumentError("filter", f"expected {CONDITIONS}, found too large a number") from None
    except RecursionError:
        raise _refused(text) from None


class _Condition:
    """Evaluates a parsed condition for all episodes at once."""

    def __init__(self, table: EpisodeTable, names: Mapping[str, tuple[str, ...]]) -> None:
        self._table, self._names = table, names

    def holds(self, node: ast.expr) -> NDArray[np.bool_]:
        match node:
            case ast.BoolOp(op=ast.And(), values=nodes):
                return reduce(np.logical_and, map(self.holds, nodes))
            case ast.BoolOp(op=ast.Or(), values=nodes):
                return reduce(np.logical_or, map(self.holds, nodes))
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return ~self.holds(inner)
            case ast.Compare(left=left, ops=kinds, comparators=others):
                found = np.ones(len(self._table), np.bool_)
                for kind, right in zip(kinds, others, strict=True):
                    found &= self._compared(kind, left, right)
                    left = right
                return found
        found = np.asarray(self._value(node))
        if found.dtype != np.bool_ or found.shape != (len(self._table),):
            raise _refused(node)
        return found

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int(number)) if number > _MOST:
                raise OverflowError
            case ast.Constant(value=int() | float() | str()):
                return node.value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.Name(id=name):
                name = "return" if name == _RETURN else name
                if name not in self._table.columns:
                    known = ", ".join(self._table.condition_names)
                    raise ArgumentError("filter", f"expected one of {known}, found {name!r}")
                return self._table[name]
        raise _refused(node)

    def _compared(self, kind: ast.cmpop, left: ast.expr, right: ast.expr) -> NDArray[np.bool_]:
        self._check_names(left, right)
        values = [self._value(side) for side in (left, right)]
        is_text = [np.asarray(value).dtype.kind == "U" for value in values]
        if type(kind) not in _COMPARE or is_text[0] != is_text[1]:
            raise _refused(ast.Compare(left, [kind], [right]))
        return np.asarray(_COMPARE[type(kind)](*values), np.bool_)

    def _check_names(self, left: ast.expr, right: ast.expr) -> None:
        """Refuse an unknown end reason or policy, which would be a typing error."""
        for column, text in ((left, right), (right, left)):
            match column, text:
                case (
                    ast.Name(id=found),
                    ast.Constant(value=str() as name),
                ) if name not in self._names.get(found, (name,)):
                    known = ", ".join(map(shown_name, self._names[found]))
                    raise ArgumentError(
                        "filter",
                        f"expected {found} to be one of {known}, found {short_repr(name)}",
                    )


def _refused(found: str | ast.AST) -> ArgumentError:
    text = found if isinstance(found, str) else ast.unparse(found).replace(_RETURN, "return")
    return ArgumentError("filter", f"expected {CONDITIONS}, found {text!r}")
