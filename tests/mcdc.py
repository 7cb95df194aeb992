#!/usr/bin/env python3
"""What the tests of the codecs show of modified condition/decision coverage, from the profiles that clang-19 leaves.

tests/mcdc.py DIRECTORY REPORT SOURCE.c ... -- PROGRAM ...

A condition of a decision (`a && (b || c)`) is covered when two runs show that it alone turns the decision.  Prints a
table of the files; writes REPORT, where the conditions that were not shown to decide are listed.  It is a report and
holds no bar.  DIRECTORY/profile has the profiles.
"""

import glob
import json
import os
import subprocess
import sys


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def export(profile, programs, sources):
    """The files among the sources and the headers beside them that have code."""
    objects = [word for program in programs[1:] for word in ("--object", program)]
    text = run("llvm-cov-19", "export", "--instr-profile=" + profile, programs[0], *objects)
    files = json.loads(text)["data"][0]["files"]
    for file in files:
        file["filename"] = os.path.relpath(file["filename"])
    directories = {os.path.dirname(source) for source in sources}
    return [file for file in files
            if os.path.dirname(file["filename"]) in directories and file["summary"]["lines"]["count"]]


def figures(file):
    """{what: (covered, all)} of a file or a sum of files."""
    return {what: (file["summary"][what]["covered"], file["summary"][what]["count"])
            for what in ("lines", "branches", "mcdc")}


def row(given, name):
    percents = ["%6.2f %% of %5d %s" % (100.0 * hit / every if every else 100.0, every, word)
                for word, (hit, every) in (("lines", given["lines"]), ("branches", given["branches"]),
                                           ("conditions", given["mcdc"]))]
    return "  ".join(percents) + "  " + name


def merged(records):
    """A function of a header has a record in each program: a condition is covered when one of them shows it."""
    decisions = {}
    for record in records:
        place = tuple(record[:4])
        shown = decisions.setdefault(place, [False] * len(record[-1]))
        decisions[place] = [old or new for old, new in zip(shown, record[-1])]
    return decisions


def missed(file):
    with open(file["filename"], encoding="utf-8") as source:
        texts = source.read().split("\n")
    found = []
    for place, shown in sorted(merged(file["mcdc_records"]).items()):
        if not all(shown):
            signs = "".join("-+"[is_shown] for is_shown in shown)
            found.append("%s:%d: conditions %s: %s" % (file["filename"], place[0], signs, texts[place[0] - 1].strip()))
    return found


def main():
    directory, report = sys.argv[1:3]
    split = sys.argv.index("--")
    sources, programs = sys.argv[3:split], sys.argv[split + 1:]
    profile = os.path.join(directory, "all.profdata")
    run("llvm-profdata-19", "merge", "-o", profile, *glob.glob(os.path.join(directory, "profile", "*.profraw")))
    files = export(profile, programs, sources)
    total = {what: tuple(sum(figures(file)[what][i] for file in files) for i in (0, 1))
             for what in ("lines", "branches", "mcdc")}
    rows = [row(figures(file), file["filename"]) for file in files] + [row(total, "total")]
    with open(report, "w", encoding="utf-8") as out:
        out.write("\n".join(rows) + "\n\nNot shown to decide alone (each condition of a decision: + shown, - not):\n")
        for file in files:
            out.writelines(line + "\n" for line in missed(file))
    print("\n".join(rows))
    print("the conditions that are not shown to decide: " + report)


if __name__ == "__main__":
    main()
