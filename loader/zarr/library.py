"""Load zarr-python so that settings it does not take are one line, with or without asserts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crafter_dataset.schemas.errors import CrafterDatasetError
from crafter_dataset.schemas.variables import unset_advice
from crafter_dataset.schemas.wording import one_line

try:
    import zarr
    from zarr.abc.codec import BytesBytesCodec
    from zarr.abc.store import SuffixByteRequest
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.group import GroupMetadata
    from zarr.core.sync import sync
    from zarr.registry import register_codec
except ImportError:
    raise
except Exception as error:  # it reads ZARR_* and its configuration files
    raise CrafterDatasetError(
        "zarr-python: expected settings that it takes, in zarr's configuration files, found "
        f"{one_line(error)}{unset_advice('ZARR_')}"
    ) from error

__all__ = [
    "BloscCodec",
    "BytesBytesCodec",
    "GzipCodec",
    "SuffixByteRequest",
    "ZstdCodec",
    "default_buffer_prototype",
    "register_codec",
    "sync",
    "zarr",
]


def _without_node_type(make: Callable[..., Any]) -> Any:
    """Take an entry out of a group's document, which older zarr-python does inside an assert."""

    def from_dict(cls: Any, /, data: dict[str, Any], **rest: Any) -> Any:
        kept = {key: data[key] for key in data if (key, data[key]) != ("node_type", "group")}
        return make(cls, kept, **rest)

    return classmethod(from_dict)


if not __debug__:  # python -O, or PYTHONOPTIMIZE
    GroupMetadata.from_dict = _without_node_type(vars(GroupMetadata)["from_dict"].__func__)  # type: ignore[method-assign]
