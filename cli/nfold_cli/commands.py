"""Each command: options to one engine call, and its result printed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from nfold_cli.comparison import compare
from nfold_cli.main import DONE, FAILED, NOT_WHOLE
from nfold_cli.options import EXPAND_OPTIONS
from nfold_cli.service_commands import keys, serve
from nfold_cli.streaming import stream
from nfold_cli.text import bold, count, printable


def _print(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def _print_json(document: object) -> None:
    _print(json.dumps(document, indent=2))


def _write(path: str, data: bytes) -> None:
    from nfold.errors import OutputError

    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {error.strerror}.", hint="Give a file in a folder that exists."
        ) from error


def _refuse_other_ending(path: str) -> None:
    from nfold.errors import UsageError

    if not path.lower().endswith(".png"):
        raise UsageError(f"--output {path}: a PNG is written.", hint="Give a name that ends in .png.")


def expand(options: argparse.Namespace) -> int:
    """`nfold expand`."""
    from nfold.api import expand as expand_folder
    from nfold_cli.progress import ProgressDisplay
    from nfold_cli.service_expansion import expand_there, refuse_key_alone
    from nfold_cli.summary import expansion_summary, plan_summary

    given = {
        option.field: getattr(options, option.field) for option in EXPAND_OPTIONS if hasattr(options, option.field)
    }
    refuse_key_alone(options)
    if options.dry_run:
        from nfold.rehearsal import dry_run

        planned = dry_run(options.source, options.target, **given)
        if options.json:
            _print_json(planned.to_json())
        else:
            _print(plan_summary(planned))
        return DONE
    with ProgressDisplay(quiet=options.quiet or options.json, noun="images") as display:
        report = (
            expand_folder(options.source, options.target, **given, observe=display.observe)
            if options.service is None
            else expand_there(options, given, display)
        )
    if options.json:
        _print_json(report.to_json())
    elif not options.quiet:
        _print(expansion_summary(report))
    return DONE if report.is_whole else NOT_WHOLE


def verify(options: argparse.Namespace) -> int:
    """`nfold verify`."""
    from nfold.verification import verify as verify_output
    from nfold_cli.progress import ProgressDisplay
    from nfold_cli.summary import leak_line

    with ProgressDisplay(quiet=options.quiet or options.json) as display:
        report = verify_output(options.target, observe=display.observe)
    if options.json:
        _print_json(report.to_json())
        return DONE if report.is_sound else FAILED
    for fault in report.faults:
        _print(f"{fault.problem}: {printable(fault.file)}")
    for leak in report.leaks:
        _print(f"leak: {leak_line(leak)}")
    state = (
        ""
        if report.state == "complete"
        else f" The run that wrote it was cut short ({report.state}): run the same expand command to finish it."
    )
    if report.is_sound:
        _print(
            bold(f"{count(report.files, 'file')}, each as it was written.")
            + f" tree digest {report.tree_digest}{state}"
        )
        return DONE
    if report.faults_count:
        _print(
            f"{report.faults_count:,} of {count(report.files, 'file')} missing or changed. Delete the changed ones, then run the same expand command to mend them.{state}"
        )
    elif report.leaks_made:
        _print(
            f"{count(report.leaks_made, 'training file')} related to a held-out one, and not so in the input. Run the same expand command with --rebuild.{state}"
        )
    else:
        _print(
            "The files agree with the manifest, but not with the digest on the card: the manifest was changed. Run the same expand command with --rebuild."
        )
    return FAILED


def regenerate(options: argparse.Namespace) -> int:
    """`nfold regenerate`."""
    from nfold.regeneration import regenerate as make_again

    made = make_again(options.target, options.file, source=options.source)
    if options.output:
        _write(options.output, made.data)
    if options.json:
        _print_json(made.to_json())
        return DONE if made.same_bytes else FAILED
    if made.same_bytes:
        on_disk = {
            True: "the file in the folder has them, too",
            False: "but the file in the folder has others",
            None: "but the file is missing from the folder",
        }[made.on_disk]
        _print(f"{printable(made.file)}: made again, byte for byte as it was; {on_disk}.")
        return DONE
    what = "the same pixels, encoded differently" if made.same_pixels else "other pixels"
    reason = f" What differs: {'; '.join(made.differences)}." if made.differences else ""
    _print(f"{printable(made.file)}: made again, {what}.{reason}")
    return FAILED


def explain(options: argparse.Namespace) -> int:
    """`nfold explain`."""
    from nfold.provenance import explain as explain_file
    from nfold_cli.label_summary import explained_labels

    if options.output is not None:
        _refuse_other_ending(options.output)
    told = explain_file(options.target, options.file)
    if options.output is not None:
        from nfold.portrait import draw_file

        _write(options.output, draw_file(options.target, options.file))
    if options.json:
        _print_json(told.to_json())
        return DONE
    original = f"the original {printable(told.source)}, " + (
        "byte for byte" if told.is_source else "as the recipe prepares every image"
    )
    kind = f"copy {told.copy} of {printable(told.source)}" if told.copy else original
    lines = [bold(printable(told.file)) + f" is {kind}"]
    lines.append(f"  source   sha256 {told.source_sha256}")
    if told.copy:
        redrawn = f", drawn again {count(told.draw, 'time')} since it equalled another" if told.draw else ""
        lines.append(f"  recipe   {told.recipe}, seed {told.seed}{redrawn}")
        lines.append("  applied  " + ("\n           ".join(told.in_words) or "nothing"))
    if told.carried:
        lines.append(f"  carried  {', '.join(told.carried)}")
    if told.conversions:
        lines.append(f"  form     {', '.join(told.conversions)}")
    if told.category:
        lines.append(f"  class    {printable(told.category)}" + (f" in {told.split}" if told.split else ""))
    elif told.split:
        lines.append(f"  split    {told.split}")
    lines += explained_labels(told)
    if told.siblings:
        lines.append(f"  siblings {', '.join(printable(name) for name in told.siblings)}")
    _print("\n".join(lines))
    return DONE


def preview(options: argparse.Namespace) -> int:
    """`nfold preview`."""
    from nfold.contact_sheet import preview as draw

    _refuse_other_ending(options.output)
    report = draw(
        options.source,
        copies=options.copies,
        recipe=options.recipe,
        seed=options.seed,
        sources=options.sources,
        format=options.format,
        voc_origin=options.voc_origin,
        include=options.include,
        exclude=options.exclude,
    )
    _write(options.output, report.png)
    if options.json:
        _print_json({"output": options.output, "shown": report.shown, "skipped": report.skipped, "note": report.note})
        return DONE
    for name, reason in report.skipped.items():
        sys.stderr.write(f"left out {printable(name)}: {printable(reason)}\n")
    shown = f"{count(len(report.shown), 'image')} with {count(options.copies, 'copy', 'copies')} of each"
    how = report.note or "as 'nfold expand' would write them"
    _print(f"{options.output}: {shown}, {how}.")
    return DONE


def recipes(options: argparse.Namespace) -> int:
    """`nfold recipes`."""
    return _RECIPE_ACTIONS[options.action](options)


def _list_recipes(options: argparse.Namespace) -> int:
    from nfold.recipe import DEFAULT_PRESET, PRESETS, load_recipe

    found = {name: load_recipe(name).description for name in PRESETS}
    if options.json:
        _print_json(
            [
                {"name": name, "description": description, "default": name == DEFAULT_PRESET}
                for name, description in found.items()
            ]
        )
        return DONE
    width = max(len(name) for name in found)
    for name, description in found.items():
        _print(f"{bold(name.ljust(width))}  {description}" + (" (the default)" if name == DEFAULT_PRESET else ""))
    return DONE


def _show_recipe(options: argparse.Namespace) -> int:
    import yaml

    from nfold.recipe import PRESETS, load_recipe, recipe_document

    recipe = load_recipe(options.name)
    if options.json:
        _print_json(recipe_document(recipe))
    elif options.name in PRESETS:
        _print(PRESETS[options.name])
    else:
        _print(yaml.safe_dump(recipe_document(recipe), sort_keys=False))
    return DONE


def _check_recipe(options: argparse.Namespace) -> int:
    from nfold.recipe import Carriage, compile_recipe, load_recipe, parse_recipe, resolve_border

    recipe = (
        parse_recipe(sys.stdin.read(), origin="standard input") if options.file == "-" else load_recipe(options.file)
    )
    carriage = Carriage(grey_as_rgb=False, as_float=False, alpha_as_mask=False)
    # What only Albumentations itself knows about its arguments shows when the pipeline is made.
    compile_recipe(recipe, border=resolve_border(recipe, annotated=False), carriage=carriage)
    if options.json:
        _print_json({"valid": True, "name": recipe.name, "problems": []})
    else:
        _print(
            f"{printable(options.file)}: a valid recipe, '{recipe.name}', of {count(len(recipe.augment), 'random step')} and {count(len(recipe.prepare), 'step')} of preparation."
        )
    return DONE


def _print_schema(options: argparse.Namespace) -> int:
    del options
    from nfold.recipe.schema import recipe_schema

    _print_json(recipe_schema())
    return DONE


_RECIPE_ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list_recipes,
    "show": _show_recipe,
    "check": _check_recipe,
    "schema": _print_schema,
}


def doctor(options: argparse.Namespace) -> int:
    """`nfold doctor`."""
    from nfold.diagnosis import doctor as diagnose

    diagnosis = diagnose()
    if options.json:
        _print_json(diagnosis.to_json())
    else:
        width = max(len(name) for name in diagnosis.facts)
        _print("\n".join(f"{name.ljust(width)}  {value}" for name, value in diagnosis.facts.items()))
        for finding in diagnosis.findings:
            _print(f"\n{bold('Wrong:')} {finding.problem}\n  {finding.hint}")
        if not diagnosis.findings:
            _print("\nNothing is wrong.")
    return FAILED if diagnosis.findings else DONE


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "expand": expand,
    "verify": verify,
    "regenerate": regenerate,
    "explain": explain,
    "preview": preview,
    "compare": compare,
    "stream": stream,
    "recipes": recipes,
    "doctor": doctor,
    "serve": serve,
    "keys": keys,
}
