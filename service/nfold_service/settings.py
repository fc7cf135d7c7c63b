"""Every setting of the service in one model: environment, files and flags, with the origin of each value."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nfold.errors import UsageError
from nfold.request import read_count

KIB, MIB, GIB = 2**10, 2**20, 2**30
PREFIX = "NFOLD_"


class Settings(BaseSettings):
    """What `nfold serve` goes by. Each field is the environment variable NFOLD_<FIELD>, too; a flag goes before it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on. Beyond loopback an API key is required.")
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(8000, description="Port; 0 takes a free one.")
    data: Path = Field(Path("nfold-data"), description="Folder of everything that is kept.")
    database: str | None = Field(
        None, description="SQLAlchemy address of the job store; SQLite in the data folder by default."
    )
    workers: Annotated[int, Field(ge=1, le=512)] | None = Field(
        None, description="Worker processes of a job; as many as cores and a container's limits allow by default."
    )
    jobs_at_once: Annotated[int, Field(ge=1, le=64)] = Field(1, description="Jobs that run at the same time.")
    small_at_once: Annotated[int, Field(ge=1, le=64)] = Field(
        2, description="Processes for what is answered at once: small expansions, previews, inspections."
    )
    niceness: Annotated[int, Field(ge=0, le=19)] = Field(10, description="How far workers give way to the web process.")

    api_key: SecretStr | None = Field(None, description="A key with all rights, of the owner 'default'.")
    api_key_file: Path | None = Field(None, description="File that holds such a key in its first line.")

    max_image_pixels: Annotated[int, Field(ge=1, le=2**30)] = Field(50_000_000, description="Pixels of an image.")
    max_image_side: Annotated[int, Field(ge=1, le=2**20)] = Field(
        16_384, description="Longest side of an image, in pixels."
    )
    max_image_bytes: Annotated[int, Field(ge=1)] = Field(50 * MIB, description="Bytes of an image file.")
    max_label_bytes: Annotated[int, Field(ge=1)] = Field(GIB, description="Bytes of a label file in an upload.")
    max_archive_bytes: Annotated[int, Field(ge=1)] = Field(
        10 * GIB, description="Bytes of an archive as it is uploaded."
    )
    max_unpacked_bytes: Annotated[int, Field(ge=1)] = Field(
        50 * GIB, description="Bytes of an archive's files together."
    )
    max_archive_files: Annotated[int, Field(ge=1)] = Field(200_000, description="Files in an archive or a data set.")
    max_archive_ratio: Annotated[float, Field(ge=1)] = Field(
        100.0, description="Unpacked over packed bytes, beyond the first MiB."
    )
    max_archive_depth: Annotated[int, Field(ge=1)] = Field(16, description="Folders above a file of an archive.")
    max_name_length: Annotated[int, Field(ge=1, le=255)] = Field(
        255, description="UTF-8 bytes of a file's or folder's name in a data set."
    )
    max_body_bytes: Annotated[int, Field(ge=1)] = Field(MIB, description="Bytes of a request body that is no upload.")
    max_small_images: Annotated[int, Field(ge=1)] = Field(16, description="Images of one POST /v1/expand.")
    max_small_bytes: Annotated[int, Field(ge=1)] = Field(100 * MIB, description="Bytes of one POST /v1/expand.")
    max_small_copies: Annotated[int, Field(ge=1)] = Field(100, description="Copies of each image in POST /v1/expand.")
    max_copies: Annotated[int, Field(ge=1, le=1_000)] = Field(
        1_000, description="Copies of each image in an expansion."
    )
    max_output_files: Annotated[int, Field(ge=1)] = Field(10_000_000, description="Files of one expansion.")
    max_recipe_bytes: Annotated[int, Field(ge=1)] = Field(64 * KIB, description="Bytes of a recipe.")
    max_jobs_queued: Annotated[int, Field(ge=1)] = Field(1_000, description="Jobs that wait.")
    max_jobs_per_owner: Annotated[int, Field(ge=1)] = Field(
        2, description="Jobs of one owner that run at the same time."
    )
    max_uploads_at_once: Annotated[int, Field(ge=1)] = Field(64, description="Uploads at the same time; more get 429.")
    max_tars_at_once: Annotated[int, Field(ge=1)] = Field(
        4, description="Epochs that are streamed at the same time; more get 429."
    )
    max_streams_at_once: Annotated[int, Field(ge=1)] = Field(1_000, description="Open event streams.")

    small_seconds: Annotated[float, Field(gt=0)] = Field(120.0, description="Seconds for what is answered at once.")
    header_seconds: Annotated[float, Field(gt=0)] = Field(10.0, description="Seconds for the head of a request.")
    stall_seconds: Annotated[float, Field(gt=0)] = Field(30.0, description="Seconds without a byte of a body.")
    unread_seconds: Annotated[float, Field(gt=0)] = Field(
        300.0, description="Seconds in which a client takes nothing of its answer; a trainer that validates may pause."
    )
    slowest_upload_bytes_s: Annotated[int, Field(ge=0)] = Field(
        KIB, description="Bytes a second below which an upload is ended, over a minute."
    )
    keep_alive_seconds: Annotated[int, Field(ge=1)] = Field(
        5, description="Seconds that an idle connection stays open."
    )
    drain_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        8.0, description="Seconds for what is going on when the service is told to end."
    )
    result_days: Annotated[float, Field(gt=0)] = Field(
        7.0, description="Days that results, data sets and uploads are kept without being used."
    )
    idempotency_hours: Annotated[float, Field(ge=24)] = Field(
        24.0, description="Hours that the answer to an Idempotency-Key is kept."
    )
    disk_reserve_bytes: Annotated[int, Field(ge=0)] = Field(
        2 * GIB, description="Free bytes below which nothing new is taken: 507."
    )
    job_attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        3, description="How often a job is begun that ends without a word."
    )
    worker_memory_bytes: Annotated[int, Field(ge=256 * MIB)] = Field(
        4 * GIB, description="Address space of a worker process."
    )

    log_format: str = Field(
        "auto",
        pattern="^(auto|json|console)$",
        description="Logs as JSON lines or for people; auto looks at the terminal.",
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="From which level on.")

    @property
    def database_url(self) -> str:
        """Address of the job store."""
        return self.database or f"sqlite:///{self.data / 'nfold.db'}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:  # a name: where it leads is not ours to say
            return False


SIZES = frozenset(name for name in Settings.model_fields if name.endswith(("_bytes", "_bytes_s")))


def load_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """Settings from the environment, and flags before it.

    Raises:
        UsageError: A value is out of range; the message names each with its variable.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    for name in SIZES:
        text = os.environ.get(PREFIX + name.upper())
        if name not in given and text is not None:
            try:
                given[name] = read_count(text)
            except ValueError as error:
                raise UsageError(f"{PREFIX}{name.upper()}: {error}.", hint="Give bytes, as in 500M.") from error
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [
            f"{PREFIX}{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_url=False)
        ]
        raise UsageError("; ".join(lines) + ".", hint="See 'nfold serve --show-config'.") from error


def origins(flags: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Where each value comes from: "flag", "NFOLD_..." or "default"."""
    given = {name for name, value in (flags or {}).items() if value is not None}
    return {
        name: "flag" if name in given else PREFIX + name.upper() if PREFIX + name.upper() in os.environ else "default"
        for name in Settings.model_fields
    }


def shown(settings: Settings) -> dict[str, Any]:
    """Every value as JSON can hold it; secrets are named, never shown."""
    return {name: _shown(name, value) for name, value in settings}


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "set, not shown"
    if name == "database" and value is not None:
        return _PASSWORD_ASKED.sub(r"\1***", _WITH_PASSWORD.sub(r"\1***@", str(value)))
    return str(value) if isinstance(value, Path) else value


_WITH_PASSWORD = re.compile(r"^([^:/]+://[^@]*?:).*@")
_PASSWORD_ASKED = re.compile(r"([?&][a-z]*password=)[^&]*", re.IGNORECASE)


LIMITS = tuple(
    name
    for name in Settings.model_fields
    if name.startswith("max_") or name.endswith(("_seconds", "_days", "_hours", "_bytes_s"))
)


def limits(settings: Settings) -> dict[str, Any]:
    """What `GET /v1/limits` says."""
    return {name: getattr(settings, name) for name in LIMITS}
