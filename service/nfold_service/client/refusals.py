"""Errors of the service as errors of nfold: the same codes and hints, and the exit codes of a local run."""

from __future__ import annotations

from typing import Any

import httpx

from nfold import errors
from nfold.errors import DiskError, InputError, InvalidRecipeError, NfoldError, Problem, UsageError


class TemporaryError(NfoldError):
    """The service cannot do this now; the same request may go well later."""

    code = "service.busy"


class ServiceUnreachableError(TemporaryError):
    """The service does not answer."""

    code = "service.unreachable"


class LostError(NfoldError):
    """The service no longer has what it was given: it expired, or was deleted."""

    code = "service.lost"


def error_of(response: httpx.Response) -> NfoldError:
    """What an answer of 400 and more says; its body has been read."""
    status = response.status_code
    try:
        problem = response.json()
        code, message, hint = str(problem["code"]), str(problem["detail"]), problem.get("hint")
    except (ValueError, KeyError, TypeError):
        if status in (404, 410):
            return LostError("The service no longer has this.", hint="Run the same command again.")
        return TemporaryError(
            f"The service answered {status} {response.reason_phrase} to {response.request.method} {response.url.path}.",
            hint="Is this the address of an nfold service? A proxy in between may answer for it.",
            code="service.answer",
        )
    if status in (404, 410):
        return LostError(message, hint=hint, code=code)
    if status in (401, 403):
        return TemporaryError(message, hint="Give a key by --key-file or in NFOLD_API_KEY.", code=code)
    if (status >= 500 and status != 507) or status == 429:
        return TemporaryError(message, hint=hint, code=code)
    if code == InvalidRecipeError.code:
        return InvalidRecipeError(message, hint=hint, code=code, problems=_problems(problem.get("errors")))
    return _kind_of(status, code)(message, hint=hint, code=code)


def error_of_work(problem: dict[str, Any] | None) -> NfoldError:
    """Why a job failed, or a data set cannot be used."""
    told = problem or {}
    kind = getattr(errors, str(told.get("kind", "InputError")), NfoldError)
    if not (isinstance(kind, type) and issubclass(kind, NfoldError)):
        kind = NfoldError
    message, code = str(told.get("message", "The service did not say why this failed.")), told.get("code")
    if issubclass(kind, InvalidRecipeError):
        problems = _problems(told.get("problems"))
        return InvalidRecipeError(message, hint=told.get("hint"), code=code, problems=problems)
    return kind(message, hint=told.get("hint"), code=code)


def _kind_of(status: int, code: str) -> type[NfoldError]:
    if status == 507:
        return DiskError
    if code.startswith(("archive.", "upload.")) or status == 413:
        return InputError
    return UsageError if status in (400, 422) else NfoldError


def _problems(found: Any) -> tuple[Problem, ...]:
    return tuple(
        Problem(pointer=str(one["pointer"]), message=str(one["message"]), hint=one.get("hint")) for one in found or ()
    )
