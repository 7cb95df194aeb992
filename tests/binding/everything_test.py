"""Every exported function is called once from Python.

The list of functions is lib/skafu.map, the types are those of the headers.  Three ways, all in this process: the tests of
the package call what the package uses; the scenes below call the rest with arguments that make sense; and every function
is called with nothing (NULL, 0) for its arguments, which must be a refusal where there is something to refuse, and never a
crash.  A function that no way reaches fails the test.
"""
import ctypes
import os
import pathlib
import sys
import tempfile
import unittest
from ctypes import byref

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "examples/bindings/python"
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(PACKAGE), str(PACKAGE / "tests")]
os.environ.setdefault("SKAFU_LIBRARY", str(HERE.parents[1] / "build/libskafu.so"))
import headers  # noqa: E402
import skafu  # noqa: E402
from skafu import library  # noqa: E402

IN_FORCE = headers.in_force()
STRUCTS = headers.structs()
FOREVER = 2**64 - 1
called = {}  # name: "sense" | "refused"


def _raw():
    loaded = ctypes.CDLL(os.environ["SKAFU_LIBRARY"])
    declared = headers.functions()
    functions = {}
    for name in IN_FORCE:
        functions[name] = getattr(loaded, name)
        functions[name].restype, functions[name].argtypes = declared[name][:2]
    return functions, declared


RAW, DECLARED = _raw()


def record_calls():
    """From now on the calls of the package are noted."""
    def noting(name, function):
        def run(*arguments):
            called["skafu_" + name] = "sense"
            return function(*arguments)
        return run
    for name, function in list(library.C.items()):
        library.C[name] = noting(name, function)


def sense(name, *arguments):
    """Call a function with arguments that make sense; the error object is added.  Fails where the library does."""
    name = "skafu_" + name
    called[name] = "sense"
    error = library._ErrorObject()
    if DECLARED[name][2][-1:] == ["error"] and len(DECLARED[name][2]) == len(arguments) + 1:
        arguments += (error.handle,)
    result = RAW[name](*arguments)
    if DECLARED[name][0] is ctypes.c_int32 and result < 0:
        raise AssertionError(f"{name}: {RAW['skafu_error_message'](error.handle).decode()} ({result})")
    return result


def made(name, *arguments):
    handle = ctypes.c_void_p()
    sense(name, *arguments, byref(handle))
    return handle


def sized(name, /, **members):
    struct = STRUCTS["skafu_" + name](**members)
    struct.size = ctypes.sizeof(struct)
    return struct


def address(struct):
    return ctypes.addressof(struct) if struct is not None else None


def out(kind=ctypes.c_uint64):
    return kind()


class Scenes(unittest.TestCase):
    """What the package does not use."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = os.path.join(self.directory.name, "s")
        self.store = skafu.Store(self.path)
        self.addCleanup(self.store.close)
        self.handle = self.store.handle

    def text_of(self, name, *arguments, free="text_free"):
        start, length = ctypes.c_void_p(), ctypes.c_size_t()
        sense(name, *arguments, byref(start), byref(length))
        copied = ctypes.string_at(start, length.value)
        sense(free, start)
        return copied

    def test_base(self):
        self.assertEqual(sense("version"), 0x000100)
        self.assertEqual(sense("result_text", -20)[-1:], b".")
        error = made("error_new")
        sense("error_set", error, -120, b"of the host")
        self.assertEqual(RAW["skafu_error_code"](error), -120)
        called["skafu_error_code"] = "sense"
        sense("error_clear", error)
        self.assertEqual(RAW["skafu_error_code"](error), 0)
        sense("error_free", error)

    def test_ids_and_times(self):
        identifier, text = ctypes.create_string_buffer(16), ctypes.create_string_buffer(37)
        sense("id_new", identifier)
        sense("id_format", identifier, text)
        parsed = ctypes.create_string_buffer(16)
        sense("id_parse", text.value, parsed)
        self.assertEqual(parsed.raw, identifier.raw)
        sense("id_from_text", b"shop", b"order 7", parsed)
        moment, clock = out(ctypes.c_int64), ctypes.create_string_buffer(31)
        sense("time_format", sense("time_now"), clock)
        sense("time_parse", clock.value, byref(moment))
        self.assertGreater(moment.value, 0)

    def test_json(self):
        document = b'{"a":7,"t":"x"}'
        number, text = out(ctypes.c_int64), ctypes.create_string_buffer(20)
        sense("json_int64", document, len(document), b"/a", byref(number))
        sense("json_text", document, len(document), b"/t", 20, text)
        self.assertEqual((number.value, text.value), (7, b"x"))
        start, length = ctypes.c_void_p(), ctypes.c_size_t()
        sense("json_find", document, len(document), b"/t", byref(start), byref(length))
        self.assertEqual(ctypes.string_at(start, length.value), b'"x"')
        sense("json_quote", b'"', 20, text)
        self.assertEqual(text.value, b'"\\""')

    def test_what_a_store_is(self):
        identifier = ctypes.create_string_buffer(16)
        sense("store_birth", self.handle, identifier)
        sense("store_incarnation", self.handle, identifier)
        self.assertEqual(sense("store_path", self.handle), os.fsencode(self.path))
        self.store.append("A", "a")
        sense("store_check_position", self.handle, identifier, 1)
        sense("store_reindex", self.handle)

    def test_copies(self):
        self.store.append("A", "a")
        fork, lineage, diff = os.path.join(self.directory.name, "fork"), sized("lineage"), sized("diff")
        sense("store_fork", self.handle, fork.encode(), 0, None, None)
        with skafu.Store(fork) as copy:
            sense("store_lineage", copy.handle, 0, address(lineage))
            self.assertEqual(lineage.sequence, 1)
            copy.append("B", "b")
            sense("store_diff", self.handle, copy.handle, 0, None, None, address(diff))
            self.assertEqual((diff.same_up_to, diff.other_head), (1, 2))
        saved, report = os.path.join(self.directory.name, "saved"), sized("salvage_report")
        sense("store_salvage", fork.encode(), saved.encode(), None, None, address(report))
        self.assertEqual((report.records, report.losses), (2, 0))
        created = made("store_create", os.path.join(self.directory.name, "new").encode(), None)
        RAW["skafu_store_close"](created)

    def test_taking_away(self):
        for _ in range(4):
            self.store.append("A", "a", {})
            self.store.append("A", "b", {})
        with self.store.batch() as batch:
            sense("batch_truncate_stream", batch.handle, b"a", 3)
            sense("batch_delete_stream", batch.handle, b"b", 4)
            sense("batch_tombstone_stream", batch.handle, b"c")
            sense("batch_erase", batch.handle, 7)
            identifier = ctypes.create_string_buffer(16)
            sense("batch_id", batch.handle, identifier)
            batch.add("A", "d")
            self.assertEqual(sense("batch_record_id", batch.handle, 0, ctypes.create_string_buffer(16)), 0)
            self.store.append(batch)
            sense("batch_clear", batch.handle)
        place = sized("appended")
        sense("commit_status", self.handle, identifier, address(place))
        self.assertEqual([r.sequence for r in self.store.read()], [5, 7, 9])
        self.assertEqual(place.last_sequence, 9)

    def test_a_cursor_step_by_step(self):
        self.store.append("A", "a", {}, tags=("t:1",))
        cursor, record = made("read", self.handle, None, FOREVER, None), ctypes.c_void_p()
        self.assertEqual(sense("cursor_next", cursor, byref(record)), 1)
        self.assertEqual(sense("record_tag", record, 0), b"t:1")
        copy = made("record_copy", record)
        sense("cursor_free", cursor)
        context = sized("trace_context")
        sense("trace_of_record", copy, address(context))
        rules, numbers = made("rules_new"), (ctypes.c_uint32 * 1)()
        sense("rules_add", rules, b'{"eventType":["A"]}', 19, numbers)
        self.assertEqual(sense("rules_match", rules, copy, numbers, 1), 1)
        sense("rules_free", rules)
        sense("record_free", copy)

    def test_export_and_import(self):
        self.store.append("A", "a", {"n": 1})
        exporting, text, length = made("export_open", self.handle, None, None), ctypes.c_void_p(), ctypes.c_size_t()
        self.assertEqual(sense("export_next", exporting, byref(text), byref(length)), 1)
        lines, info = ctypes.string_at(text, length.value), sized("export_info")
        sense("export_info_get", exporting, address(info))
        self.assertEqual(info.records, 1)
        sense("export_free", exporting)
        with skafu.Store.memory() as other:
            importing = made("import_open", other.handle, None)
            sense("import_feed", importing, lines, len(lines), FOREVER)
            sense("import_finish", importing, FOREVER)
            self.assertEqual(sense("import_bad_next", importing, byref(ctypes.c_void_p())), 0)
            info = sized("import_info")
            sense("import_info_get", importing, address(info))
            self.assertEqual(info.added, 1)
            sense("import_free", importing)

    def bank(self):
        import test_model
        return test_model.bank(self.store)

    def test_a_model(self):
        import test_model
        with self.bank() as model:
            for amount in (1, 2, 3):
                test_model.order(model, "Deposit", amount)
            self.assertEqual(sense("model_store", model.handle), self.handle)
            sense("model_freeze", model.handle)
            cursor = made("read", self.handle, None, FOREVER, None)
            sense("model_upcast", model.handle, cursor)
            sense("cursor_free", cursor)
            command = skafu.Command("Deposit", "anna").struct()
            state = made("state_load", model.handle, address(command), 0)
            self.assertEqual(sense("state_sequence", state), 3)
            sense("state_free", state)
            view, count = made("view_open", model.handle, b"balances", 0, 0), out()
            sense("view_refresh", view, 2, 0, FOREVER, None)
            sense("view_count", view, None, None, byref(count))
            self.assertEqual(count.value, 1)
            sense("view_close", view)
            self.bisect(model, command)
            sense("projection_rebuild", model.handle, b"balances")
            differences = out()
            sense("projection_discard", model.handle, b"balances")
            sense("projection_rebuild", model.handle, b"balances")
            while sense("projection_step", model.handle, b"balances", 100):
                pass
            self.refusal("projection_compare", model.handle, b"balances", None, None, byref(differences))
            self.refusal("projection_promote", model.handle, b"balances", FOREVER)
            sense("projection_resume", model.handle, b"balances")
            report = sized("error_report_def", code=b"E", message=b"m")
            sense("error_report", model.handle, address(report))
            listing = made("error_summary_list_open", model.handle, 1, FOREVER, FOREVER)
            self.assertEqual(sense("error_summary_list_next", listing, byref(ctypes.c_void_p())), 1)
            sense("error_summary_list_free", listing)

    def refusal(self, name, *arguments):
        """A call that makes sense and may be refused for the state of things."""
        called["skafu_" + name] = "sense"
        RAW["skafu_" + name](*arguments, None)

    def bisect(self, model, command):
        from skafu import callbacks

        @ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        def rich(_user, state, _error):
            return 1 if callbacks.table[state].value["balance"] >= 3 else 0

        @ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        def filled(_user, view, error):
            value, length, balance = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_int64()
            if RAW["skafu_view_get"](view, None, b"anna", 4, byref(value), byref(length), error) < 0:
                return 0
            RAW["skafu_count_value"](value, length, byref(balance), error)
            RAW["skafu_bytes_free"](value)
            return 1 if balance.value >= 3 else 0

        found = out()
        sense("bisect_state", model.handle, address(command), ctypes.cast(rich, ctypes.c_void_p), None, byref(found))
        self.assertEqual(found.value, 2)
        sense("bisect_view", model.handle, b"balances", ctypes.cast(filled, ctypes.c_void_p), None, FOREVER,
              byref(found))
        self.assertEqual(found.value, 2)

    def test_an_engine(self):
        with self.bank() as model, skafu.Engine(model) as engine:
            command = skafu.Command("Deposit", "anna", {"amount": 1}, domain="bank", correlation="c").struct()
            sense("engine_send", engine.handle, address(command), FOREVER, None)
            engine.drain(20)
            (record,) = self.store.read(kinds=1 << 4)
            with library.Handle("record_free", library.produce("get", self.handle, record.sequence)) as outcome:
                sense("outcome_free", made("outcome_read", outcome.handle))
            listing = made("consumer_list_open", model.handle)
            self.assertEqual(sense("consumer_list_next", listing, byref(ctypes.c_void_p())), 1)
            sense("consumer_list_free", listing)
            retried = out()
            sense("dead_letters_retry", engine.handle, None, FOREVER, byref(retried))
            sense("dead_letters_discard", engine.handle, None, FOREVER, b"none", byref(retried))
            self.assertEqual(retried.value, 0)

    def test_replay(self):
        import test_model
        with self.bank() as model, skafu.Engine(model) as engine:
            for _ in range(3):
                test_model.order(model, "Deposit", 1)
            target, count = library.texts(["balances"])
            opts = sized("replay_opts", flags=skafu.const.REPLAY_DRY_RUN, targets=address(target), target_count=count)
            first, second, info = ctypes.create_string_buffer(16), ctypes.create_string_buffer(16), sized("replay_info")
            sense("replay_start", engine.handle, address(opts), first)
            sense("replay_pause", engine.handle, first)
            sense("replay_resume", engine.handle, first, None)
            engine.drain(20)
            sense("replay_info_get", self.handle, first, address(info))
            self.assertEqual((info.state, info.done), (skafu.const.REPLAY_DONE, 3))
            sense("replay_start", engine.handle, address(opts), second)
            sense("replay_cancel", engine.handle, second)
            listing, lent, count = made("replay_list_open", self.handle, FOREVER), ctypes.c_void_p(), 0
            while sense("replay_list_next", listing, byref(lent)) == 1:
                count += 1
            sense("replay_list_free", listing)
            self.assertEqual(count, 2)

    def test_consumers(self):
        with self.bank() as model:
            with skafu.Subscription(model, "mail") as mail:
                self.store.append("MoneyDeposited", "anna", {"amount": 1}, source="bank")
                mail.next()
                mail.fail(1, "no")
            sense("consumer_pause", model.handle, b"mail")
            sense("consumer_resume", model.handle, b"mail")
            sense("consumer_rewind", model.handle, b"mail", 0)
            sense("consumer_remove", model.handle, b"mail")

    def test_inside_a_projection(self):
        from skafu import callbacks

        def each(event, edit):
            key = ctypes.create_string_buffer(16)
            with library.Handle("record_free", library.produce("get", self.handle, event.sequence)) as copy:
                sense("edit_effect", edit.handle, copy.handle, b"mail", key)
            edit.put("gone", b"")
            edit.delete("gone")
        import test_model
        with test_model.bank(self.store, projection=each) as model:
            test_model.order(model, "Deposit", 1)
            with model.view("balances") as view:
                self.assertEqual(view.refresh(), 1)
            self.assertTrue(callbacks.table)

    def test_turns(self):
        seen = []

        class Effects:
            def route(self, record):
                return "start", record.stream

            def act(self, record, state, turn):
                turn.set_timer("t", 2**62, skafu.Event("B", record.stream))
                turn.cancel_timer("t")
                seen.append(turn.effect("mail"))
                turn.undo_with(skafu.Command("Undo", record.stream, {}, domain="d"))
                turn.compensate("because", "It was wrong.")

        class Undo:
            def decide(self, command, state, turn):
                turn.emit(skafu.Event("B"))

        with skafu.Model(self.store) as model:
            model.domain("d", ["A", "B"])
            model.decider("d", "undo", Undo(), commands=["Undo"])
            model.process("d", "p", Effects(), types=["A"])
            with skafu.Engine(model) as engine, self.store.batch() as batch:
                self.store.append(batch.add("A", "a", source="d").cancel_timer("none"))
                engine.drain(20)
                self.assertEqual(engine.stats()["failures"], 0)
        self.assertEqual(len(seen[0]), 16)
        self.assertEqual([r.type for r in self.store.read()], ["A", "B"])

    def test_watch(self):
        with skafu.Watch(self.store) as watch:
            handle = watch.handle
            sense("metric_set", handle, b"queue", None, 7.0)
            sense("metric_observe", handle, b"seconds", None, 0.1)
            value, wait = out(ctypes.c_double), out()
            sense("metric_get", handle, b"queue", None, 1, byref(value))
            self.assertEqual(value.value, 7.0)
            self.assertIn(b"resourceMetrics", self.text_of("metrics_otlp", handle))
            alarm = sized("alarm_def", name=b"full", metric=b"queue", statistic=1, raise_at=5.0, clear_at=4.0)
            sense("alarm_add", handle, address(alarm))
            sense("alarm_add_defaults", handle)
            told = []

            @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
            def sink(_user, info):
                told.append(STRUCTS["skafu_alarm_info"].from_address(info).name)
            sense("alarm_add_sink", handle, ctypes.cast(sink, ctypes.c_void_p), None, None)
            sense("watch_step", handle, byref(wait))
            listing = made("alarm_list_open", handle, 0)
            self.assertEqual(sense("alarm_list_next", listing, byref(ctypes.c_void_p())), 1)
            sense("alarm_list_free", listing)
            sense("alarm_remove", handle, b"full")
            self.spans(handle)
            watch.close()

    def spans(self, handle):
        context, text = sized("trace_context"), ctypes.create_string_buffer(56)
        sense("trace_parse", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01", address(context))
        sense("trace_format", address(context), text)
        self.assertEqual(text.value[:5], b"00-11")
        span = made("span_begin", handle, b"request", 2, address(context))
        sense("span_set", span, b"path", b"/")
        sense("span_context", span, address(context))
        sense("span_end", span, 0, None)
        self.assertIn(b"request", self.text_of("spans_take", handle, 10))


class Nothing(unittest.TestCase):
    """NULL and 0 for everything."""

    def test_refused_without_a_crash(self):
        for name in IN_FORCE:
            result, types, names = DECLARED[name]
            with self.subTest(name):
                error = library._ErrorObject()
                arguments = [0 if issubclass(t, ctypes._SimpleCData) and t._type_ not in "zP" else None for t in types]
                if len(names) > 1 and names[-1] == "error":
                    arguments[-1] = error.handle
                got = RAW[name](*arguments)
                called.setdefault(name, "refused")
                if result is ctypes.c_int32 and len(names) > 1 and names[-1] == "error":
                    self.assertLess(got, 0, "NULL for the object was not refused")
                    self.assertEqual(RAW["skafu_error_code"](error.handle), got, "the error says something else")
                    self.assertTrue(RAW["skafu_error_message"](error.handle))


class Coverage(unittest.TestCase):
    def test_every_function_was_called(self):
        self.assertEqual([name for name in IN_FORCE if name not in called], [])
        refused = [name for name in IN_FORCE if called[name] == "refused"]
        print(f"{len(IN_FORCE)} functions, {len(refused)} of them only to be refused:", *refused)


def load_tests(loader, _tests, _pattern):
    record_calls()
    suite = unittest.TestSuite()
    for module in ("test_store", "test_model"):
        suite.addTests(loader.loadTestsFromName(module))
    for case in (Scenes, Nothing, Coverage):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == "__main__":
    unittest.main()
