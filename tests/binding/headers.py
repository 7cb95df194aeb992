"""The public headers as a binding sees them: functions and structs with the types of ctypes.

A parser of the C that these headers are written in, and of no other: one declaration a function, no macro in it.
"""
import ctypes
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
SCALARS = {
    "int32_t": ctypes.c_int32, "uint32_t": ctypes.c_uint32, "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64,
    "uint8_t": ctypes.c_uint8, "size_t": ctypes.c_size_t, "double": ctypes.c_double, "char": ctypes.c_char,
}


def _source():
    names = ("base", "store", "model", "run", "watch", "crypto")
    text = "".join((TOP / f"include/skafu_{name}.h").read_text() for name in names)
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"^\s*#.*(?:\\\n.*)*$", " ", text, flags=re.M)


def in_force():
    """The functions that the library exports, but for the kit's own door into it, which no public header shows."""
    exported = re.findall(r"^\t\t(skafu_\w+);$", (TOP / "lib/skafu.map").read_text(), flags=re.M)
    return [name for name in exported if not name.startswith("skafu_test_")]


def kind(declaration, member):
    """The type of a parameter or struct member, and its name."""
    declaration = declaration.strip()
    if "(*" in declaration:
        return ctypes.c_void_p, re.search(r"\(\*\s*(\w+)\)", declaration).group(1)
    array = re.search(r"\[(\d+)\]$", declaration)
    name = re.search(r"(\w+)(?:\[\d+\])?$", declaration).group(1)
    base = declaration[:declaration.rindex(name)].replace("const", "").strip()
    if array and member:
        return SCALARS[base] * int(array.group(1)), name
    if base == "char *":
        return ctypes.c_char_p if "const" in declaration else ctypes.c_void_p, name
    if array or "*" in base or base.endswith("_fn"):
        return ctypes.c_void_p, name
    return SCALARS[base], name


def functions():
    """name: (result type, [parameter types], [parameter names])"""
    found = {}
    for result, name, parameters in re.findall(r"SKAFU_API\s+([\w\s*]+?)\b(skafu_\w+)\(([^;]*?)\);", _source()):
        returned = None if result.strip() == "void" else kind(result + " it", False)[0]
        pairs = [] if parameters.strip() == "void" else [kind(p, False) for p in parameters.split(",")]
        found[name] = (returned, [t for t, _ in pairs], [n for _, n in pairs])
    return found


def structs():
    """name: a ctypes structure"""
    found = {}
    for name, body in re.findall(r"typedef struct (skafu_\w+) \{(.*?)\n\} \1;", _source(), flags=re.S):
        fields = []
        for declaration in body.split(";"):
            if declaration.strip():
                typ, member = kind(re.sub(r"\s+", " ", declaration), True)
                fields.append((member, typ))
        found[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
    return found
