"""The card of an output, `nfold.json`: what was asked for, what it was made with, and whether it is done."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from nfold.disk import disk_errors, refuse_file_in_the_way
from nfold.errors import OutputError, OutputMismatchError
from nfold.storage import LocalStorage
from nfold.versions import BuildFacts

CARD = "nfold.json"
CARD_VERSION = 1

State = Literal["running", "rebuilding", "complete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What an output cannot change without being made anew.

    Attributes:
        recipe_digest: Of everything in the recipe that changes files.
        seed: Of the run.
        name: Template of copies' names.
        originals: How they came in.
        damaged: Whether damaged files were kept.
        split: Shares, None when the input was not split.
        group: Expression that kept images together.
        group_similar: How far apart, in bits, pictures that look alike were kept together.
        to: Format of the labels, None for the source's own.
    """

    recipe_digest: str
    seed: int
    name: str
    originals: str
    damaged: str
    split: str | None
    group: str | None
    group_similar: int | None = None
    to: str | None = None

    def differences(self, then: Identity) -> list[str]:
        """In words, `self` being what is asked for now."""
        words = {
            "recipe_digest": "the recipe",
            "name": "--name",
            "originals": "--originals",
            "damaged": "--damaged",
            "split": "--split",
            "group": "--group",
            "group_similar": "--group-similar",
            "to": "--to",
            "seed": "the seed",
        }
        found = []
        for attribute, word in words.items():
            was, now = getattr(then, attribute), getattr(self, attribute)
            if was != now:
                is_digest = attribute == "recipe_digest"
                found.append(f"{word} is another one" if is_digest else f"{word} was {_said(was)}, is {_said(now)}")
        return found


@dataclass(slots=True, kw_only=True)
class Card:
    """See the module.

    Attributes:
        builds: The facts of every build whose files may be in the output.
        conventions: What was decided about labels at the first run, and holds from then on.
        categories: Classes of objects, as JSON.
    """

    state: State
    generation: int
    nfold: str
    identity: Identity
    builds: dict[str, BuildFacts]
    build: str
    request: dict[str, Any]
    recipe: dict[str, Any]
    border: dict[str, Any]
    format: str
    source: str
    conventions: dict[str, Any] = field(default_factory=dict)
    categories: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, storage: LocalStorage) -> Self | None:
        """The card of an output, None when there is none.

        Raises:
            OutputError: It cannot be read as a card.
        """
        try:
            text = storage.read(CARD)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            document = json.loads(text)
            version = document.pop("card_version")
            if version != CARD_VERSION:
                raise OutputError(
                    f"{storage.path(CARD)} is of version {version}; this nfold reads {CARD_VERSION}.",
                    hint="Use the nfold that wrote it, or choose another folder.",
                    code="output.version",
                )
            document["identity"] = Identity(**document["identity"])
            document["builds"] = {name: BuildFacts(**facts) for name, facts in document["builds"].items()}
            document["result"] = dict(document["result"])
            return cls(**document)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise OutputError(
                f"{storage.path(CARD)} is no card of nfold: {error}.",
                hint="Choose another folder; this file is not touched.",
                code="output.not_ours",
            ) from error

    def write(self, storage: LocalStorage) -> None:
        """Put the card in place, durably."""
        document = {
            "card_version": CARD_VERSION,
            **{
                name: getattr(self, name)
                for name in (
                    "nfold",
                    "state",
                    "source",
                    "format",
                    "request",
                    "recipe",
                    "border",
                    "conventions",
                    "categories",
                )
            },
            "identity": {name: getattr(self.identity, name) for name in Identity.__dataclass_fields__},
            "build": self.build,
            "builds": {name: facts.to_json() for name, facts in self.builds.items()},
            "generation": self.generation,
            "result": self.result,
        }
        storage.put_durably(CARD, (json.dumps(document, indent=2) + "\n").encode("ascii"))


def _said(value: object) -> str:
    return "not given" if value is None else str(value)


def build_name(identity: Identity, facts: BuildFacts) -> str:
    """A short name of everything that the bytes of a copy depend on, besides its source."""
    document = json.dumps([identity.recipe_digest, identity.seed, identity.damaged, facts.to_json()], sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:12]


def refuse_foreign(root: Path) -> None:
    """Refuse a folder that holds something and is not ours.

    Raises:
        OutputError: It is not empty and has no card, or is no folder, or lies below a file.
    """
    refuse_file_in_the_way(root)
    with disk_errors(f"look into {root}"):
        if not root.exists() or (root / CARD).exists():
            return
        strangers = [entry.name for entry in root.iterdir() if entry.name != ".nfold"]
    if strangers:
        raise OutputError(
            f"{root} is not empty and was not written by nfold (it holds {strangers[0]!r}).",
            hint="Choose a new folder; nothing was changed.",
            code="output.not_ours",
        )


def refuse_other_identity(card: Card, identity: Identity) -> None:
    """Refuse to go on in an output that was made with another recipe, seed or layout.

    Raises:
        OutputMismatchError: The message names each difference.
    """
    found = identity.differences(card.identity)
    if found:
        raise OutputMismatchError(
            f"This folder was made with other settings: {'; '.join(found)}.",
            hint="Choose another folder, repeat the former settings, or start again in this one with --rebuild.",
        )


def refuse_other_versions(card: Card, identity: Identity, facts: BuildFacts, *, allow_mixed: bool) -> None:
    """Refuse to go on in an output that was made with other versions, unless that is meant.

    Raises:
        OutputMismatchError: The message names each difference.
    """
    found = facts.differences(card.builds[card.build])
    if found and not allow_mixed and build_name(identity, facts) not in card.builds:
        raise OutputMismatchError(
            f"This folder was made with other versions: {'; '.join(found)}. New copies would not be what they would have been then.",
            hint="Use the former versions, go on all the same with --allow-mixed (the card lists both), or start again with --rebuild.",
            code="output.other_versions",
        )


def expanded_folder(folder: Path) -> Path | None:
    """The folder itself, or the one it lies in, that nfold wrote: a split or a class of an expanded set is one, too."""
    return next((above for above in (folder, *folder.resolve().parents) if (above / CARD).is_file()), None)
