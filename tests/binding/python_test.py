"""The Python binding: its own tests, and its structs and functions against the headers."""
import ctypes
import os
import pathlib
import re
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "examples/bindings/python"
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(PACKAGE), str(PACKAGE / "tests")]
os.environ.setdefault("SKAFU_LIBRARY", str(HERE.parents[1] / "build/libskafu.so"))
import headers  # noqa: E402
from skafu import abi  # noqa: E402


def alike(ours, theirs):
    """The same bytes; whether a pointer is written as a text or not does not matter."""
    pointers = (ctypes.c_void_p, ctypes.c_char_p)
    return ours is theirs or (ours in pointers and theirs in pointers)


class AgainstTheHeaders(unittest.TestCase):
    def test_structs(self):
        theirs = headers.structs()
        for name, struct in abi.structs.items():
            with self.subTest(name):
                other = theirs["skafu_" + name]
                self.assertEqual([f for f, _ in struct._fields_], [f for f, _ in other._fields_])
                self.assertEqual(ctypes.sizeof(struct), ctypes.sizeof(other))
                for (field, ours), (_, type_) in zip(struct._fields_, other._fields_):
                    self.assertTrue(alike(ours, type_), field)

    def test_functions(self):
        theirs = headers.functions()
        for line in abi.FUNCTIONS.strip().splitlines():
            name, result, parameters = abi._function(line)
            with self.subTest(name):
                wanted, types, names = theirs["skafu_" + name]
                self.assertEqual(len(parameters), len(types))
                for ours, type_, parameter in zip([result] + parameters, [wanted] + types, ["result"] + names):
                    self.assertTrue(alike(ours, type_), parameter)
                self.assertEqual(line.endswith("error)"), bool(names) and names[-1] == "error" and len(names) > 1)

    def test_parser_sees_what_is_exported(self):
        self.assertEqual(set(headers.in_force()) - set(headers.functions()), set())


class Readme(unittest.TestCase):
    def test_its_code_runs(self):
        code = "".join(re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), flags=re.S))
        with tempfile.TemporaryDirectory() as directory:
            # The parts after the first use the store that it has opened.
            code = code.replace('with skafu.Store("bank.skafu") as store:',
                                f"store = skafu.Store({directory + '/s'!r})\nif store:")
            printed = []
            scope = {"print": lambda *words: printed.append(words)}
            exec(code, scope)
            scope["store"].close()
        self.assertEqual(printed, [(1, "Paid", {"amount": 30}), (True, 135)])


def load_tests(loader, tests, _pattern):
    for module in ("test_store", "test_model"):
        tests.addTests(loader.loadTestsFromName(module))
    return tests


if __name__ == "__main__":
    unittest.main()
