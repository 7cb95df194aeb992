"""The Node binding: its structs against the headers, then its own tests in a directory that is thrown away.

koffi comes from npm.  Skipped (77) when there is no Node, or when npm cannot give it.
"""
import ctypes
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import headers  # noqa: E402

PACKAGE = headers.TOP / "examples/bindings/node"
DUMP = """
import koffi from 'koffi';
import { structs } from './lib/abi.js';
const offsets = type => Object.values(type.members).map(member => [member.name, member.offset]);
console.log(JSON.stringify(Object.entries(structs).map(([name, type]) => [name, koffi.sizeof(type), offsets(type)])));
"""


def same_structs(directory, environment):
    run = subprocess.run(["node", "--input-type=module", "-e", DUMP], cwd=directory, env=environment, text=True,
                         capture_output=True)
    print(run.stderr, end="")
    failed = run.returncode
    theirs = headers.structs()
    found = json.loads(run.stdout) if failed == 0 else []
    for name, size, members in found:
        struct = theirs["skafu_" + name]
        wanted = [[field, getattr(struct, field).offset] for field, _ in struct._fields_]
        if (size, members) != (ctypes.sizeof(struct), wanted):
            print(f"{name}: the header has {wanted}\n  abi.js has {members}")
            failed = 1
    print(f"{len(found)} structs compared with the headers")
    return failed == 0


def same_functions():
    """The number of parameters; of the types, that koffi accepts what the tests give."""
    theirs, failed = headers.functions(), False
    for name, parameters in re.findall(r"^\w+ (\w+) \((.*)\)$", (PACKAGE / "lib/abi.js").read_text(), flags=re.M):
        count = len([p for p in parameters.split(", ") if p])
        if count != len(theirs["skafu_" + name][1]):
            print(f"{name}: another number of parameters than in the header")
            failed = True
    return not failed


def main():
    if not same_functions():
        return 1
    if not shutil.which("node") or not shutil.which("npm"):
        print("node or npm is not here")
        return 77
    build = pathlib.Path(os.environ.get("BUILD", headers.TOP / "build")).resolve()
    environment = {**os.environ, "SKAFU_LIBRARY": str(build / "libskafu.so")}
    with tempfile.TemporaryDirectory() as directory:
        shutil.copytree(PACKAGE, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        command = ["npm", "install", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000"]
        if subprocess.run(command, cwd=directory).returncode != 0:
            print("npm cannot install koffi")
            return 77
        if not same_structs(directory, environment):
            return 1
        # The code of the README, with the package by its own name.
        code = "".join(re.findall(r"```js\n(.*?)```", (PACKAGE / "README.md").read_text(), flags=re.S))
        (pathlib.Path(directory) / "readme.js").write_text(code.replace("'skafu'", "'./lib/index.js'"))
        readme = subprocess.run(["node", "readme.js"], cwd=directory, env=environment, text=True, capture_output=True)
        print(readme.stdout, readme.stderr)
        if readme.returncode != 0 or not readme.stdout.endswith("true\n100n\nmail 30\nmail 70\n"):
            return 1
        return subprocess.run(["node", "--test", "test/"], cwd=directory, env=environment).returncode


sys.exit(main())
