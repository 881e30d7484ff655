"""What every table of the configuration has in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""Names of ours, as they appear in the log, the console and file names."""


class Table(BaseModel):
    """Every table refuses unknown keys and never changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def written(default: str, *, gt: float | None = None, ge: float | None = None, le: float | None = None) -> Any:
    """A default as a person would write it, so that the schema shows "50MB"; read like any other value."""
    return Field(default=default, validate_default=True, gt=gt, ge=ge, le=le)
