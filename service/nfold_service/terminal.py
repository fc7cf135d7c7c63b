"""What a job did, as one would ask for it from a terminal: the command line and the request, exactly."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from nfold_service.models import Job

_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


def command_line(request: Mapping[str, Any]) -> str:
    """The command that does the same to a folder; a recipe of one's own is read from recipe.yaml."""
    words = ["nfold", "expand", "FOLDER", "OUTPUT"]
    for name, value in request.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            for text in _texts(name, value):
                # What begins with a dash would be taken for an option of its own.
                words += [f"{flag}={_quoted(text)}"] if text.startswith("-") else [flag, _quoted(text)]
    return " ".join(words)


def _texts(name: str, value: Any) -> list[str]:
    """What an option is given, once or several times."""
    if name == "recipe" and not isinstance(value, str):
        return ["recipe.yaml"]
    if name == "class_copies":
        return [",".join(f"{category}={copies}" for category, copies in value.items())]
    if name == "splits":
        return [",".join(value)]
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def curl_call(job: Job, origin: str, *, has_key: bool) -> str:
    """The call of the API that asks for it once more.

    Args:
        job: An expansion.
        origin: Scheme, host and port of the service, as its caller knows them.
        has_key: Whether the service asks for one.
    """
    body = json.dumps({"dataset": job.dataset, **job.request}, ensure_ascii=False, separators=(",", ":"))
    key = ' -H "X-API-Key: $NFOLD_API_KEY"' if has_key else ""
    return (
        f"curl -X POST {_quoted(origin)}/v1/expansions{key} -H 'Content-Type: application/json' -d {shlex.quote(body)}"
    )


def _quoted(word: str) -> str:
    return word if _PLAIN.fullmatch(word) else shlex.quote(word)
