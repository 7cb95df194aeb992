"""The Rust binding: its structs against the headers, then its own tests.  Skipped (77) when there is no cargo."""
import ctypes
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import headers  # noqa: E402

CRATE = headers.TOP / "examples/bindings/rust"
TYPES = {
    "u32": ctypes.c_uint32, "i32": ctypes.c_int32, "u64": ctypes.c_uint64, "i64": ctypes.c_int64,
    "usize": ctypes.c_size_t,
}


def structs():
    """The structs of ffi.rs as those of ctypes, by their names in C."""
    source = (CRATE / "src/ffi.rs").read_text()
    for name, body in re.findall(r"^sized!\((\w+) \{(.*?)^\}\);", source, flags=re.S | re.M):
        body = re.sub(r"\([^()]*\)", "", body)  # the commas of function types
        fields = [("size", ctypes.c_uint32)]
        for member in filter(None, map(str.strip, body.split(","))):
            field, kind = member.split(":", 1)
            fields.append((field.strip().rstrip("_"), TYPES.get(kind.strip(), ctypes.c_void_p)))
        c_name = "skafu" + re.sub("([A-Z])", r"_\1", name).lower()
        yield c_name, type(name, (ctypes.Structure,), {"_fields_": fields})


def compare():
    theirs, failed, count = headers.structs(), 0, 0
    for name, ours in structs():
        count += 1
        wanted = [(f, getattr(theirs[name], f).offset, getattr(theirs[name], f).size) for f, _ in theirs[name]._fields_]
        found = [(f, getattr(ours, f).offset, getattr(ours, f).size) for f, _ in ours._fields_]
        if wanted != found:
            print(f"{name}: the header has {wanted}\n  ffi.rs has {found}")
            failed = 1
    functions = headers.functions()
    for name, parameters in re.findall(r"pub fn (skafu_\w+)\((.*?)\)", (CRATE / "src/ffi.rs").read_text(), flags=re.S):
        count += 1
        if len([p for p in parameters.split(",") if p.strip()]) != len(functions[name][1]):
            print(f"{name}: another number of parameters than in the header")
            failed = 1
    print(f"{count} structs and functions compared with the headers")
    return failed


def main():
    if compare():
        return 1
    if not shutil.which("cargo"):
        print("cargo is not here")
        return 77
    build = pathlib.Path(os.environ.get("BUILD", headers.TOP / "build")).resolve()
    places = {"SKAFU_LIB_DIR": str(build), "LD_LIBRARY_PATH": str(build), "CARGO_TARGET_DIR": str(build / "rust"),
              "RUSTFLAGS": "-D warnings"}
    command = ["cargo", "test", "--offline", "--manifest-path", str(CRATE / "Cargo.toml")]
    return subprocess.run(command, env={**os.environ, **places}).returncode


sys.exit(main())
