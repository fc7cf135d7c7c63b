"""An expansion through a service, from the first byte up to the last one down; the same call goes on where it was cut."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from nfold.errors import DiskError, InputError, NfoldError, UsageError
from nfold.plan.making import refuse_nesting
from nfold.recipe import PRESETS, load_recipe, recipe_document
from nfold.report import ExpansionReport
from nfold.request import ExpansionRequest, make_request
from nfold_service.client.fetching import download, put_in_place, unfold
from nfold_service.client.refusals import LostError, ServiceUnreachableError, TemporaryError
from nfold_service.client.source_tar import SourceTar
from nfold_service.client.steps import Note, Observer, ignore
from nfold_service.client.talking import GREETING_S, Line
from nfold_service.client.uploading import begin_upload, upload
from nfold_service.client.watching import wait_until_ready, watch
from nfold_service.client.workplace import Progress, Workplace
from nfold_service.work.names import NameLimits

NOT_HERE: Final = ("workers", "rebuild", "allow_mixed", "keep_removed", "max_pixels")
"""Options that are the service's own business, or are about an older output."""

NEEDED_LIMITS: Final = frozenset({"max_archive_files", "max_archive_depth", "max_name_length"})
"""What the source is held against before a byte of it is sent."""

PATIENCE_S: Final = 120.0


def expand_through(
    service: str,
    source: str | Path,
    target: str | Path,
    *,
    key: str | None = None,
    observe: Observer = ignore,
    patience_s: float = PATIENCE_S,
    **options: Any,
) -> ExpansionReport:
    """Upload a folder, have it expanded, and fetch the result: the files that a local run writes, byte for byte.

    Cut off at any moment, the same call goes on. What was made at the service is deleted at the end.

    Args:
        service: Address, such as http://localhost:8000.
        source: Folder of images; never modified.
        target: New or empty folder, or one that a call like this began.
        key: API key, where the service asks for one.
        observe: Is told how far it is.
        patience_s: Seconds without any success before it is given up.
        **options: As for `nfold.expand`, without `NOT_HERE`.

    Raises:
        UsageError: The options make no sense, here or for this data set.
        InputError: The source cannot be used.
        OutputError: The target cannot be used.
        NfoldError: What the service says; `ServiceUnreachableError` when it says nothing.
    """
    request = _checked(source, target, options)
    wanted = _document(request, options)
    asked = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    with (
        Line(service, key, patience_s=patience_s, observe=observe) as line,
        Workplace.held(request.target) as place,
    ):
        progress = place.recall(service.rstrip("/"), asked)
        run = _Run(line, place, progress, request, wanted, observe)
        if progress.is_checked:
            return run.finish()
        limits = _greet(line, min(GREETING_S, patience_s))
        try:
            return run.carry_out(limits)
        except LostError:
            run.begin_anew("The service no longer has what was sent; beginning anew.")
            return run.carry_out(limits)


def _greet(line: Line, patience_s: float) -> dict[str, Any]:
    """The limits of the service, which shows that it is one, and that the key is right."""
    try:
        limits: dict[str, Any] = line.ask("GET", "v1/limits", patience=line.patience(patience_s)).json()
        if set(limits) >= NEEDED_LIMITS:
            return limits
    except (LostError, ValueError) as error:
        if isinstance(error, NfoldError) and not isinstance(error, LostError):
            raise
    raise NfoldError(
        "There is a server at this address, but it is no nfold service, or one of another version.",
        hint="Give the address that 'nfold serve' listens on, as in --service http://localhost:8000",
        code="service.answer",
    )


def _checked(source: str | Path, target: str | Path, options: dict[str, Any]) -> ExpansionRequest:
    strange = [name for name in NOT_HERE if name in options]
    if strange:
        flags = ", ".join("--" + name.replace("_", "-") for name in strange)
        raise UsageError(
            f"{flags} cannot be given together with --service.",
            hint="The service has settings of its own for this, and always writes a new folder.",
        )
    request = make_request(source=source, target=target, **options)
    refuse_nesting(request.source, request.target)
    if not request.source.is_dir():
        raise InputError(
            f"{source} is no folder." if request.source.exists() else f"There is no folder {source}.",
            hint="Give the folder that holds the images.",
            code="input.not_a_folder" if request.source.exists() else "input.missing",
        )
    return request


def _document(request: ExpansionRequest, options: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, as JSON; a recipe of one's own in full, since its file is here."""
    wanted: dict[str, Any] = request.model_dump(mode="json", include=set(options))
    if "recipe" in wanted and request.recipe not in PRESETS:
        wanted["recipe"] = recipe_document(load_recipe(request.recipe))
    return wanted


class _Run:
    def __init__(
        self,
        line: Line,
        place: Workplace,
        progress: Progress,
        request: ExpansionRequest,
        wanted: dict[str, Any],
        observe: Observer,
    ) -> None:
        self._line, self._place, self._progress = line, place, progress
        self._request, self._wanted, self._observe = request, wanted, observe

    def carry_out(self, limits: dict[str, Any]) -> ExpansionReport:
        """From wherever a former run came to, up to the end."""
        tar = self._tar(limits)
        if self._progress.source not in ("", tar.fingerprint):
            self.begin_anew("The source has changed since; beginning anew.")
        self._note(source=tar.fingerprint)
        try:
            self._have_it_there(tar)
            if not self._progress.job:
                self._begin_job()
            job = watch(self._line, self._progress.job, self._observe)
        except (TemporaryError, LostError, DiskError):
            raise
        except NfoldError:
            self.give_up()  # it would be the same again; whoever mends it begins anew
            raise
        report = self._line.ask("GET", f"v1/expansions/{self._progress.job}/report").content
        self._place.report.write_bytes(report)
        if not self._place.archive.exists():
            download(self._line, self._progress.job, job["result"], self._place, self._observe)
        unfold(self._place, job["result"], self._request.source, self._observe)
        self._note(is_checked=True)
        return self.finish()

    def finish(self) -> ExpansionReport:
        """All is here and was checked; the service is needed no more."""
        report = TypeAdapter(ExpansionReport).validate_json(self._place.report.read_bytes())
        put_in_place(self._place)
        self.give_up()
        return replace(report, target=str(self._request.target))

    def begin_anew(self, why: str) -> None:
        """Give up, and have nothing done yet."""
        self._observe(Note(text=why))
        self.give_up()
        self._progress = Progress(service=self._progress.service, asked=self._progress.asked)

    def give_up(self) -> None:
        """Delete what is at the service, as far as it can be reached, and forget it."""
        progress = self._progress
        paths = [f"v1/expansions/{progress.job}"] if progress.job else []
        paths += [f"v1/datasets/{progress.dataset}"] if progress.dataset else []
        # What cannot be deleted now is swept there after some days.
        with contextlib.suppress(ServiceUnreachableError):
            for path in paths:
                self._delete(path)
        self._place.forget()

    def _delete(self, path: str) -> None:
        try:
            self._line.ask("DELETE", path, patience=self._line.patience(GREETING_S))
        except ServiceUnreachableError:
            raise
        except LostError:
            return  # it is gone already
        except NfoldError as error:
            self._observe(Note(text=f"Not deleted at the service: {error.message}"))

    def _tar(self, limits: dict[str, Any]) -> SourceTar:
        names = NameLimits(depth=limits["max_archive_depth"], bytes=limits["max_name_length"])
        return SourceTar.of_folder(
            self._request.source,
            include=self._request.include,
            exclude=self._request.exclude,
            names=names,
            most_files=limits["max_archive_files"],
        )

    def _have_it_there(self, tar: SourceTar) -> None:
        progress, line = self._progress, self._line
        if not progress.dataset:
            body = {"name": self._request.source.resolve().name[:200] or "data set"}
            self._note(dataset=self._post("v1/datasets", "dataset", body)["id"])
        if not progress.upload:
            self._note(upload=begin_upload(line, progress.dataset, tar, f"{progress.nonce}-upload"))
        if not progress.is_uploaded:
            upload(line, progress.dataset, progress.upload, tar, self._observe)
            self._note(is_uploaded=True)
        if not progress.job:
            wait_until_ready(line, progress.dataset, self._observe)

    def _begin_job(self) -> None:
        body = {**self._wanted, "dataset": self._progress.dataset}
        self._note(job=self._post("v1/expansions", "job", body)["id"])

    def _post(self, path: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Idempotency-Key": f"{self._progress.nonce}-{what}"}
        answer: dict[str, Any] = self._line.ask("POST", path, document=body, headers=headers).json()
        return answer

    def _note(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self._progress, name, value)
        self._place.note(self._progress)
