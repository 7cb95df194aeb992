#!/usr/bin/env python3
"""What the tests reach of the library, from the counts that a run of the objects of flavour cover left behind.

tests/cover.py [--lines PERCENT --branches PERCENT] OBJECTS REPORT SOURCE.c ...

Prints the files that are below the bars, the layers and the total; writes REPORT, where every file has its figures
and every line and branch that nothing reached is listed with its text.  Exit 1 when the total is below a bar.

A branch is one way out of a condition: `a && b` has four, a switch one for each label.  None of those is left out.
What the compiler adds for -fexceptions is: a call that an exception may leave is no branch.  The functions of a header
are counted once, with what all the files together that include it reach of them.
"""

import argparse
import collections
import json
import os
import subprocess
import sys


class File:
    """The counts of one source or header."""

    def __init__(self):
        self.lines = collections.Counter()
        self.branches = collections.Counter()  # (line, function, place in the line): count

    def share(self, what):
        counts = getattr(self, what)
        return sum(1 for count in counts.values() if count > 0), len(counts)


def read(objects, sources):
    """Ask gcov about all sources; gives {path: File}."""
    files = collections.defaultdict(File)
    for source in sources:
        path = os.path.join(objects, source[:-2] + ".o")
        text = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", "-o", path, source],
                              check=True, capture_output=True, text=True).stdout
        for part in json.loads(text)["files"]:
            if part["file"].startswith("lib/"):
                add(files[part["file"]], part["lines"])
    return files


def conditions(branches):
    """Without the two ways out of a call that an exception may leave: it returns, or it is left."""
    kept = []
    for branch in branches:
        if not branch["throw"]:
            kept.append(branch)
        elif kept and kept[-1]["fallthrough"]:
            kept.pop()
    return kept


def add(file, lines):
    places = collections.Counter()
    for line in lines:
        number, function = line["line_number"], line.get("function_name", "")
        file.lines[number] += line["count"]
        for branch in conditions(line["branches"]):
            place = (number, function, places[number, function])
            places[number, function] += 1
            file.branches[place] += branch["count"]


def percent(share):
    hit, every = share
    return 100.0 * hit / every if every else 100.0


def row(lines, branches, name):
    return "%6.2f %% of %5d lines  %6.2f %% of %5d branches  %s" % (
        percent(lines), lines[1], percent(branches), branches[1], name)


def together(files, what):
    shares = [file.share(what) for file in files]
    return sum(share[0] for share in shares), sum(share[1] for share in shares)


def missed(path, file):
    """The lines that never ran, and the branches that never went one way although their line ran."""
    with open(path, encoding="utf-8") as source:
        texts = source.read().split("\n")
    found = []
    for number in sorted(file.lines):
        ways = [place for place in sorted(file.branches) if place[0] == number]
        if file.lines[number] == 0:
            found.append("%s:%d: line:   %s" % (path, number, texts[number - 1].strip()))
        elif any(file.branches[way] == 0 for way in ways):
            taken = "".join("+" if file.branches[way] else "-" for way in ways)
            found.append("%s:%d: branch %s: %s" % (path, number, taken, texts[number - 1].strip()))
    return found


def summary(files):
    """Rows of all files, then of the layers, then of everything."""
    rows = [row(file.share("lines"), file.share("branches"), path)
            for path, file in sorted(files.items(), key=lambda item: percent(item[1].share("branches")))]
    layers = collections.defaultdict(list)
    for path, file in files.items():
        layers[os.path.dirname(path) + "/"].append(file)
    sums = [row(together(layers[name], "lines"), together(layers[name], "branches"), name) for name in sorted(layers)]
    sums.append(row(together(files.values(), "lines"), together(files.values(), "branches"), "total"))
    return rows, sums


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=float, default=0)
    parser.add_argument("--branches", type=float, default=0)
    parser.add_argument("objects")
    parser.add_argument("report")
    parser.add_argument("sources", nargs="+")
    given = parser.parse_args()
    files = read(given.objects, given.sources)
    rows, sums = summary(files)
    with open(given.report, "w", encoding="utf-8") as report:
        report.write("\n".join(rows + [""] + sums) + "\n\n")
        report.write("Not reached (each way out of a branch: + taken, - never):\n")
        for path in sorted(files):
            for line in missed(path, files[path]):
                report.write(line + "\n")
    bad = [line for line, file in zip(rows, sorted(files.values(), key=lambda file: percent(file.share("branches"))))
           if percent(file.share("lines")) < given.lines or percent(file.share("branches")) < given.branches]
    print("\n".join(bad + [""] * bool(bad) + sums))
    print("every file, and what is not reached: " + given.report)
    lines, branches = (percent(together(files.values(), what)) for what in ("lines", "branches"))
    if lines < given.lines or branches < given.branches:
        print("below the bars of %g %% of the lines and %g %% of the branches" % (given.lines, given.branches))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
