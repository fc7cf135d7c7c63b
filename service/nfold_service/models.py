"""Bodies of requests and answers. The expansion body is the engine's request without the paths, which a test holds equal."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from nfold.request import ExpansionRequest
from nfold_service.recipe_text import read_recipe
from nfold_service.routes.shared import rfc3339
from nfold_service.store import DatasetRow, JobRow

OURS = frozenset({"source", "target", "workers", "rebuild", "allow_mixed", "keep_removed", "max_pixels"})
"""Fields of the engine's request that are the service's own business."""


class Body(BaseModel):
    """A body that names nothing unknown."""

    model_config = ConfigDict(extra="forbid")


class NewDataset(Body):
    """Make a data set."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "cats and dogs"}})

    name: str = Field("data set", max_length=200, description="For people; need not be unique.")


class Dataset(Body):
    """A data set."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "ds_0123456789abcdef0123",
                "name": "cats and dogs",
                "state": "ready",
                "files": 24,
                "bytes": 1_843_200,
                "found": {"format": "class_folders", "classes": ["cat", "dog"], "images": 24},
                "problem": None,
                "created_at": "2026-11-23T10:00:00.000Z",
                "links": {"self": "/v1/datasets/ds_0123456789abcdef0123"},
            }
        }
    )

    id: str
    name: str
    state: str = Field(description="empty, receiving, unpacking, ready or broken.")
    files: int
    bytes: int
    found: dict[str, Any] | None = Field(description="Format, classes and counts, once it was looked at.")
    problem: dict[str, Any] | None = Field(description="What is wrong with it: code, message, hint.")
    created_at: str
    links: dict[str, str]


class Page(Body):
    """Part of a list; `next` is the cursor of the part after it."""

    next: str | None = Field(examples=["WzE3MzIzNTYwMDAuMCwgImpvYl8wMTIzIl0="])


class DatasetPage(Page):
    """Data sets, the newest first."""

    datasets: list[Dataset]


class DatasetFile(Body):
    """A file of a data set."""

    model_config = ConfigDict(json_schema_extra={"example": {"path": "cats/one.jpg", "bytes": 48_213}})

    path: str = Field(description="Relative to the data set, with '/' between folders, Unicode NFC.")
    bytes: int


class DatasetFilePage(Page):
    """Files of a data set, by path."""

    files: list[DatasetFile]


ExpansionOptions: type[Body] = create_model(
    "ExpansionOptions",
    __base__=Body,
    __doc__="How to expand: the options of `nfold expand`.",
    **{
        name: (field.rebuild_annotation(), field)
        for name, field in ExpansionRequest.model_fields.items()
        if name not in OURS
    },  # type: ignore[call-overload]
)


class NewExpansion(ExpansionOptions):
    """Expand a data set."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"dataset": "ds_0123456789abcdef0123", "copies": 5, "recipe": "flip-rotate", "seed": 7}
        },
    )

    dataset: str = Field(max_length=40, description="Id of the data set.")

    def options(self) -> dict[str, Any]:
        """What the engine is asked, as JSON holds it; only what was given."""
        document: dict[str, Any] = self.model_dump(mode="json", exclude_unset=True)
        options = {name: value for name, value in document.items() if name != "dataset"}
        if "recipe" in options:
            options["recipe"] = read_recipe(options["recipe"])
        return options


class Job(Body):
    """A job."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "job_0123456789abcdef0123",
                "kind": "expansion",
                "dataset": "ds_0123456789abcdef0123",
                "state": "running",
                "request": {"copies": 5, "recipe": "flip-rotate", "seed": 7},
                "progress": {"stage": "work", "done": 60, "total": 120, "images_per_s": 41.5, "seconds_left": 1.4},
                "result": None,
                "problem": None,
                "attempts": 1,
                "created_at": "2026-11-23T10:00:00.000Z",
                "started_at": "2026-11-23T10:00:01.000Z",
                "finished_at": None,
                "links": {"self": "/v1/expansions/job_0123456789abcdef0123"},
            }
        }
    )

    id: str
    kind: str
    dataset: str
    state: str = Field(
        description="queued, running, publishing, succeeded, succeeded_with_errors, failed, cancelled or expired."
    )
    request: dict[str, Any]
    progress: dict[str, Any] = Field(description="stage, done, total, images_per_s, seconds_left.")
    result: dict[str, Any] | None
    problem: dict[str, Any] | None
    attempts: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    links: dict[str, str]


class JobPage(Page):
    """Jobs, the newest first."""

    jobs: list[Job]


def dataset_model(row: DatasetRow) -> Dataset:
    """A data set as an answer."""
    base = f"/v1/datasets/{row.id}"
    return Dataset(
        id=row.id,
        name=row.name,
        state=row.state,
        files=row.files,
        bytes=row.bytes,
        found=row.found,
        problem=row.problem,
        created_at=rfc3339(row.created_at) or "",
        links={"self": base, "content": f"{base}/content", "files": f"{base}/files", "uploads": f"{base}/uploads"},
    )


PATH_OF_KIND = {"expansion": "expansions", "comparison": "comparisons"}


def job_model(row: JobRow) -> Job:
    """A job as an answer."""
    base = f"/v1/{PATH_OF_KIND[row.kind]}/{row.id}"
    links = {"self": base, "events": f"{base}/events"}
    if row.state in ("succeeded", "succeeded_with_errors"):
        names = (
            ("result", "files", "manifest", "report", "preview") if row.kind == "expansion" else ("report", "figures")
        )
        links |= {name: f"{base}/{name}" for name in names}
    return Job(
        id=row.id,
        kind=row.kind,
        dataset=row.dataset,
        state=row.state,
        request=row.request,
        progress=row.progress,
        result=row.result,
        problem=row.problem,
        attempts=row.attempts,
        created_at=rfc3339(row.created_at) or "",
        started_at=rfc3339(row.started_at),
        finished_at=rfc3339(row.finished_at),
        links=links,
    )
