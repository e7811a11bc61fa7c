"""What two runs of a build must have in common, beside its settings, to make one dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crafter_dataset.builder.errors import SettingsError
from crafter_dataset.builder.policies.source import policy_source
from crafter_dataset.engine.fingerprint import pixel_fingerprint
from crafter_dataset.schemas.errors import Advice
from crafter_dataset.schemas.metadata import Metadata

SOURCE, PIXELS, ALLOWED = "policy_source", "pixels", "policy_change_allowed"
"""Entries of a run in a dataset's provenance."""


def describe_means(metadata: Metadata, engine: str) -> dict[str, Any]:
    """Return what a run plays and draws with: hashes of the policy's files, and of pictures.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset.
    engine : str
        What plays.

    Returns
    -------
    dict of str
        Entries of a run in a dataset's provenance.
    """
    env, policy = metadata.env, metadata.policy
    source = policy_source(policy.name, policy.parameters)
    means: dict[str, Any] = {} if source is None else {SOURCE: source}
    return means | {PIXELS: pixel_fingerprint(engine, env.area, env.view, env.size)}


def runs_of(provenance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the runs that a dataset's provenance lists, which is nobody's contract.

    Parameters
    ----------
    provenance : mapping of str
        As stored.
    """
    runs = provenance.get("runs")
    return [each for each in runs if isinstance(each, dict)] if isinstance(runs, list) else []


def check_means(
    provenance: Mapping[str, Any], run: Mapping[str, Any], allow_policy_change: bool, where: str
) -> dict[str, Any]:
    """Compare a run with the ones before it.

    Parameters
    ----------
    provenance : mapping of str
        The dataset's, as stored.
    run : mapping of str
        The run that is to begin.
    allow_policy_change : bool
        Whether the policy's files may have changed.
    where : str
        Name of the dataset, for the message.

    Returns
    -------
    dict of str
        What the run's entry says beside that.

    Raises
    ------
    SettingsError
        If the policy's files have changed, or this machine does not make the
        same worlds and pictures any more.
    """
    runs = runs_of(provenance)
    for before in reversed(runs):
        if PIXELS in before and before[PIXELS] != run[PIXELS]:
            raise SettingsError(
                "resume",
                f"expected this machine to make the worlds and pictures that are in {where}, found "
                f"that it makes others{_other_packages(before, run)}",
            )
    played = next((each for each in reversed(runs) if SOURCE in each), None)
    if played is None or played[SOURCE] == run.get(SOURCE):
        return {}
    if not allow_policy_change:
        raise SettingsError(
            "policy",
            f"expected its modules and the files that its arguments name as they were when {where} "
            "was played, found that they have changed",
            advice=[Advice("play on with what they are now by", "allow_policy_change")],
        )
    return {ALLOWED: True}


def _other_packages(before: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """Say which packages have other versions, as they are the likely reason."""
    then = before.get("packages")
    if not isinstance(then, dict):
        return ""
    now = run["packages"]
    others = [
        f"{name} {then[name]}, now {now[name]}"
        for name in ("numpy", "opensimplex", "pillow", "crafter")
        if name in then and then[name] != now.get(name)
    ]
    return f" ({'; '.join(others)})" if others else ""
