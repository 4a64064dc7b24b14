"""`python -m lib.workbook VERB`: what `make` calls. -h lists the verbs."""

import argparse
import os
import sys

from lib.workbook import PROFILES


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m lib.workbook", description="Build, run and check the notebooks.")
    verbs = top.add_subparsers(dest="verb", required=True)
    for verb, text in (
        ("run", "execute notebooks into build/PROFILE and write the ledger"),
        ("notebooks", "regenerate the committed, executed notebooks"),
        ("verify", "run profile laptop again; fail when a verdict moved"),
        ("record", "train all arms of notebooks at profile laptop and write their run logs"),
        ("numbers", "put the committed measurements into the prose of the sources"),
        ("rebaseline", "ten seeds at smoke, then write tests/expected/smoke.json"),
    ):
        sub = verbs.add_parser(verb, help=text)
        sub.add_argument("--nb", default="", help="00,08: some notebooks only")
        if verb == "run":
            sub.add_argument("--profile", default="laptop", choices=PROFILES)
            sub.add_argument("--data", default="soundscapes", help="soundscapes, esc50:PATH, folder:PATH ...")
            sub.add_argument("--seed", default=0, type=int)
        if verb == "notebooks":
            sub.add_argument("--force", action="store_true", help="execute even what has not changed")
        if verb == "rebaseline":
            sub.add_argument("--reason", required=True, help="why the bands may move; kept in the file")
    sub = verbs.add_parser("frames", help="encode a data set once, as one file for a class")
    sub.add_argument("--data", default="soundscapes", help="what to encode: clotho, esc50:PATH ...")
    sub.add_argument("--noisy", default="", help="whose noisy partner goes with it: fsd50k ...")
    sub.add_argument("--encoder", default="small_cnn", help="small_cnn, cnn14 ...")
    sub.add_argument("--out", required=True, help="the file to write")
    sub.add_argument("--profile", default="laptop", choices=PROFILES)
    sub.add_argument("--seed", default=0, type=int)
    sub.add_argument("--seconds", default="5", help="of each sound that go with it; 0 for none, all for the whole")
    sub = verbs.add_parser("wheelhouse", help="the pinned packages in one folder, for a class without the internet")
    sub.add_argument("--out", required=True, help="the folder; what it holds already is not fetched again")
    sub.add_argument("--for", default="", dest="options", help="pip's options for other machines: --python-version ...")
    sub = verbs.add_parser("rehearsal", help="what a run on Clotho takes, shown on a stand-in of its size")
    sub.add_argument("--share", default=1.0, type=float, help="of Clotho's clips")
    sub.add_argument("--folder", default="", help="where it goes; a folder in the cache if not given")
    sub.add_argument("--processes", default=2, type=int, help="that fill the cache")
    for verb, text in (("lab", "working copies in JupyterLab"), ("check", "before class"), ("pages", "static pages")):
        verbs.add_parser(verb, help=text)
    return top


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    os.environ.setdefault("PYTHONHASHSEED", "0")
    if args.verb not in ("run", "lab"):  # what the repository keeps and checks is nobody's language model's
        os.environ["HEARSAY_LLM"] = ""
    try:
        return _verb(args)
    except (ValueError, OSError) as error:
        print(f"{args.verb}: {error}", file=sys.stderr)
        return 2


def _verb(args: argparse.Namespace) -> int:
    """Each verb imports what it needs, so that none waits for the others' imports."""
    if args.verb in ("lab", "check"):
        from lib.workbook import check, lab

        return {"lab": lab.main, "check": check.main}[args.verb]()
    if args.verb == "pages":
        from lib.workbook import pages

        return pages.main()
    if args.verb == "rebaseline":
        from lib.workbook import bands

        return bands.rebaseline(args.nb, args.reason)
    if args.verb == "wheelhouse":
        from lib.workbook import wheelhouse

        return wheelhouse.main(args.out, args.options)
    if args.verb == "frames":
        from lib.workbook import frames

        options = {"noisy": args.noisy, "profile": args.profile, "seed": args.seed}
        return frames.main(args.data, args.encoder, args.out, **options, seconds=args.seconds)
    if args.verb == "rehearsal":
        from lib.workbook import rehearsal

        return rehearsal.main(args.share, args.folder, args.processes)
    from lib.workbook import commands

    if args.verb == "run":
        return commands.run(args.nb, args.profile, args.data, args.seed)
    if args.verb == "notebooks":
        return commands.notebooks(args.nb, args.force)
    return {"verify": commands.verify, "numbers": commands.numbers, "record": commands.record}[args.verb](args.nb)


if __name__ == "__main__":
    raise SystemExit(main())
