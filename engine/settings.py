"""Settings: read once at the edge, checked, and frozen.

Strongest first: flags, `COCKPIT_*` variables (nested by `__`), the file named by `--settings` or
`./cockpit.toml`, the user's file, the machine's file, defaults.
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from engine.folder import settings_files
from engine.model.errors import ConfigError


class VenueSettings(BaseModel):
    """Where a venue is found; for rehearsal against a local server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rest: str | None = Field(None, pattern=r"^https?://", description="Base URL of the REST API.")
    stream: str | None = Field(None, pattern=r"^wss?://", description="Base URL of the streams.")


class AccountSettings(BaseModel):
    """Whether a venue may be traded at with real money, and by which key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    live: bool = Field(
        False, description="Orders reach the venue when the engine is started with --live too."
    )
    key_file: Path | None = Field(
        None,
        description="TOML file with `key` and `secret`, readable by its owner alone; none is "
        "VENUE.key beside the user's settings, then the environment.",
    )
    timer_spares_stops: bool = Field(
        False,
        description="You have seen that the venue's dead-man timer leaves stops alone, so that it "
        "may run while a position relies on one.",
    )


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(
        env_prefix="COCKPIT_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    venue: str = Field("simulated", description="Venue that is looked at.")
    instruments: tuple[str, ...] = Field((), description="Names as the venue writes them.")
    seed: int | None = Field(None, description="Of the simulated market; none is a new one.")
    risk_file: Path | None = Field(
        None, description="Limits as TOML; without it those of the paper equity of 100,000."
    )
    on_terminal_loss: Literal["keep", "reduce_only", "halt"] | None = Field(
        None,
        description="When the last screen is gone: `keep` trading, only reduce, or halt; "
        "none is `reduce_only` when live, else `keep`.",
    )
    terminal_grace_s: int = Field(
        60, ge=0, le=86_400, description="Seconds that a screen may be gone before that."
    )
    on_restart: Literal["resume", "reduce_only", "halted"] | None = Field(
        None,
        description="How far a start goes on with what was left; none is `reduce_only` after a "
        "crash or with another version or other limits, else `resume`.",
    )
    on_exit: Literal["cancel", "keep"] = Field(
        "cancel",
        description="What an orderly stop does with working orders; those that protect a position "
        "stay either way.",
    )
    on_unprotected: Literal["retry", "flatten", "nothing"] = Field(
        "retry",
        description="When a position is without its stop for more than 3 s: send the stop again "
        "and again, ever more slowly, close the position as well, or leave it to the alarm.",
    )
    recording: bool = Field(
        True, description="Keep what the venue sends, so that a run can be replayed."
    )
    recording_gib_max: float = Field(
        10.0, ge=0.01, description="Of all recordings together; the oldest files make room."
    )
    endpoints: dict[str, VenueSettings] = Field({}, description="Base URLs by venue.")
    venues: dict[str, AccountSettings] = Field({}, description="Accounts by venue.")


def load_settings(file: Path | None, flags: dict[str, Any]) -> Settings:
    """Read all sources.

    Args:
        file: The file named by `--settings`; it must exist.
        flags: Values given on the command line; None where not given.

    Raises:
        ConfigError: A file cannot be read, or a value or key is wrong.
    """
    files = settings_files(file)

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings
            tomls = [TomlConfigSettingsSource(settings_cls, path) for path in files]
            return (init_settings, env_settings, *tomls)

    given = {key: value for key, value in flags.items() if value is not None}
    try:
        return Layered(**given)
    except ValidationError as error:
        raise ConfigError(_told(error, files)) from error
    except ValueError as error:  # TOML that is none, also by way of pydantic-settings
        names = ", ".join(str(path) for path in files)
        raise ConfigError(f"settings ({names}) cannot be read: {error}") from error


def _told(error: ValidationError, files: list[Path]) -> str:
    where = f" in {files[0]}" if files else ""
    told = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = [*Settings.model_fields, *VenueSettings.model_fields]
            known += AccountSettings.model_fields
            near = get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            told.append(f"unknown setting {key!r}{hint}")
        else:
            told.append(f"setting {key!r}: {problem['msg']}")
    return "; ".join(told) + where
