"""Compiled functions as Python calls them, without numba.

Importing numba and letting it read its cache takes longer than playing an
episode, in every worker process; finding the types of a call's arguments takes
as long as a few steps. So a function is compiled once, into an object file.
LLVM loads that in a millisecond, and a call passes a single pointer: to a frame
that was laid out when the same arrays were first passed.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
from collections.abc import Callable
from operator import is_
from typing import Any

import numpy as np
from llvmlite import binding
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.cache import is_kept, kept
from crafter_dataset.engine.compiled.code import Code
from crafter_dataset.engine.compiled.machine import machine, target_machine
from crafter_dataset.engine.numba_cache import import_numba, import_opensimplex

_SIGNATURE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)


class Entry:
    """A compiled function that takes arrays, then integers, and returns an integer.

    Parameters
    ----------
    name : str
        Name of the function. It is compiled when it is first called with arrays
        of new types, unless it is in the cache.
    module : str
        Dotted name of the module that it is in; one of the code's modules.
    code : Code
        What the compiled function follows from.
    find : callable, optional
        Returns what is compiled, as `engine.compiled.jit.kernel_of` does, which is the default.

    Raises
    ------
    ValueError
        If it is found in a module that is not one of the code's.
    """

    def __init__(
        self, name: str, module: str, code: Code, find: Callable[[], Any] | None = None
    ) -> None:
        if find is None and module not in code.modules:
            raise ValueError(f"module: expected one of {', '.join(code.modules)}, found {module}")
        self.name = name
        self._module, self.code, self._find = module, code, find
        self._arrays: tuple[Any, ...] = ()
        self._laid_out: dict[int, tuple[Any, list[int], list[str]]] = {}
        self._function: Any = None

    def __call__(self, arrays: tuple[Any, ...], *numbers: int) -> int:
        """Call the function.

        Parameters
        ----------
        arrays : tuple
            Its first arguments: arrays, and named tuples of arrays and integers.
        *numbers : int
            The other arguments.

        Returns
        -------
        int
            What the function returns.

        Raises
        ------
        TypeError
            If an array is not contiguous, aligned and writable.
        """
        if arrays is not self._arrays:
            self.prepare(arrays, len(numbers))
        self._frame[self._fixed :] = numbers
        result: int = self._function(self._frame)
        return result

    def prepare(self, arrays: tuple[Any, ...], numbers: int) -> None:
        """Load or compile the function for some arrays, unless they are those of the last call.

        That is quickest if their tuple is the same object, too.

        Parameters
        ----------
        arrays : tuple
            The first arguments of the calls to come.
        numbers : int
            How many integers follow them.

        Raises
        ------
        TypeError
            If an array is not contiguous, aligned and writable.
        ImportError
            If numba is needed, and cannot be imported.
        """
        if len(arrays) == len(self._arrays) and all(map(is_, arrays, self._arrays)):
            self._arrays = arrays
            return
        frame: list[int] = []
        types: list[str] = []
        for place, value in enumerate(arrays):
            known = self._laid_out.get(place)
            if known is None or known[0] is not value:
                known = value, [], []
                _lay_out(*known)
                self._laid_out[place] = known
            frame += known[1]
            types += known[2]
        # What may fail comes first: the frame must always belong to the arrays that are kept alive.
        function = self._load(tuple(types), arrays, numbers)
        self._function, self._fixed = function, len(frame)
        self._frame = (ctypes.c_int64 * (len(frame) + numbers))(*frame)
        self._arrays = arrays

    def laid_out(self, arrays: tuple[Any, ...], *numbers: int) -> tuple[int, NDArray[np.int64]]:
        """Return what compiled code calls the function with, see `intrinsics.call`.

        Parameters
        ----------
        arrays : tuple
            Its first arguments, which must be kept for as long as it is called.
        *numbers : int
            The other arguments.

        Returns
        -------
        address : int
            Address of the function.
        frame : ndarray, shape (places,), int64
            Its arguments.
        """
        self.prepare(arrays, len(numbers))
        self._frame[self._fixed :] = numbers
        address = ctypes.cast(self._function, ctypes.c_void_p).value
        assert address is not None
        return address, np.array(self._frame, np.int64)

    def missing(self, arrays: tuple[Any, ...], numbers: int) -> str | None:
        """Return the name of the file that the function has to be compiled into; None if it is.

        Parameters
        ----------
        arrays : tuple
            Examples of the function's first arguments.
        numbers : int
            How many integers follow them.
        """
        types: list[str] = []
        _lay_out(arrays, [], types)
        file = self._file(tuple(types), numbers)
        return None if is_kept(self.code, file) else file

    def _file(self, types: tuple[str, ...], numbers: int) -> str:
        hashed = hashlib.sha256(f"{types}{numbers}".encode()).hexdigest()[:8]
        return f"{self._module}.{self.name}-{hashed}-{machine()}"

    def _load(self, types: tuple[str, ...], arrays: tuple[Any, ...], numbers: int) -> Any:
        """Load the function for arguments of some types; compile it first if it is not kept."""
        key = (self.name, self._module, self.code.fingerprint(), types, numbers)
        if key not in _functions:

            def make() -> bytes:
                if "crafter" in self.code.packages:
                    import_opensimplex()  # before crafter does
                else:
                    import_numba()
                from crafter_dataset.engine.compiled.jit import compile_entry, kernel_of

                found = self._find() if self._find else kernel_of(self.name, self._module)
                return compile_entry(*found, arrays, numbers)

            _functions[key] = _load(kept(self.code, self._file(types, numbers), make))
        return _functions[key]


_functions: dict[tuple[Any, ...], Any] = {}


def _lay_out(value: Any, frame: list[int], types: list[str]) -> None:
    """Append a value to a frame (an array's address and shape, or an integer), and its type."""
    if isinstance(value, tuple):
        for item in value:
            _lay_out(item, frame, types)
    elif isinstance(value, np.ndarray):
        if not value.flags.carray:
            raise TypeError("expected an array that is contiguous, aligned and can be written to")
        frame += [value.ctypes.data, *value.shape]
        types.append(f"{_describe(value.dtype)}{value.ndim}")
    else:
        frame.append(int(value))
        types.append("i")


@functools.cache
def _describe(dtype: np.dtype[Any]) -> str:
    return str(dtype.descr)


_loaded: list[Any] = []


def _load(content: bytes) -> Any:
    """Load what `engine.compiled.jit.compile_entry` made."""
    symbol, _, code = content.partition(b"\n")
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine())
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _loaded.append(engine)  # the code is freed with it
    return _SIGNATURE(engine.get_function_address(symbol.decode()))
