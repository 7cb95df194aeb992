"""The log from Python: append, read, conditions, rows, wait, threads, fork."""
import asyncio
import gc
import os
import tempfile
import threading
import unittest
import uuid

import skafu
from skafu import callbacks
from skafu.library import thread


class Appending(unittest.TestCase):
    def setUp(self):
        self.store = skafu.Store.memory()
        self.addCleanup(self.store.close)

    def test_what_is_appended_is_read(self):
        identifier = uuid.uuid4()
        place = self.store.append(
            skafu.Event("Paid", "a", {"amount": 2**53 + 1}, ("customer:1", "urgent"), {"who": "test"}, "bank",
                        event_version="2.3", id=identifier, correlation="c-1", time_ns=0))
        self.assertEqual((place["last_sequence"], place["stream_version"]), (1, 1))
        record = next(self.store.read(stream="a"))
        self.assertEqual(record.json(), {"amount": 2**53 + 1})
        self.assertEqual(record.tags, ("customer:1", "urgent"))
        self.assertEqual((record.type, record.source, record.event_version), ("Paid", "bank", "2.3"))
        self.assertEqual((record.id, record.correlation, record.time_ns), (identifier, "c-1", 0))
        self.assertEqual(record, self.store.get(1))
        self.assertEqual(record, self.store.get(identifier))
        self.assertIn('"eventType":"Paid"', self.store.export(1).replace(" ", ""))

    def test_more_than_one_batch_of_the_cursor(self):
        with self.store.batch() as batch:
            for number in range(1000):
                batch.add("Counted", f"s{number % 7}", {"n": number})
            self.assertEqual(len(batch), 1000)
            self.store.append(batch)
        self.assertEqual([r.json()["n"] for r in self.store.read()], list(range(1000)))
        self.assertEqual([r.sequence for r in self.store.read(backward=True, limit=3)], [1000, 999, 998])
        self.assertEqual([r.sequence for r in self.store.read(start=5, end=6)], [5, 6])
        self.assertEqual([r.sequence for r in self.store.read(domain="default", limit=2)], [1, 2])
        self.assertEqual((self.store.stream_version("s1"), self.store.stream_version("none")), (143, 0))
        self.assertEqual({s["name"]: s["version"] for s in self.store.streams("s")}["s0"], 143)

    def test_version_conflict(self):
        self.store.append("Opened", "a")
        with self.store.batch() as batch:
            batch.add("Paid", "a").expect_version("a", 0)
            with self.assertRaises(skafu.Conflict) as caught:
                self.store.append(batch)
        self.assertEqual((caught.exception.code, caught.exception.version), (skafu.const.ECONFLICT, 1))
        self.assertEqual(caught.exception.name, "SKAFU_ECONFLICT")
        self.assertEqual(caught.exception.condition, 1)

    def test_boundary_by_query(self):
        with skafu.Query(types=["Enrolled"], tags=["course:1"]) as query:
            cursor = self.store.read(query)
            self.assertEqual(list(cursor), [])
            self.store.append("Enrolled", "s1", tags=("course:1", "student:1"))
            with self.store.batch() as batch:
                batch.add("Enrolled", "s2", tags=("course:1",)).expect_no_match(query, cursor.head)
                with self.assertRaises(skafu.Conflict) as caught:
                    self.store.append(batch)
            self.assertEqual(caught.exception.sequence, 1)
            self.assertEqual([r.stream for r in self.store.read(query)], ["s1"])

    def test_many_commits_one_refused(self):
        batches = [self.store.batch().add("A", "a"), self.store.batch().add("A", "b").expect_exists("nobody"),
                   self.store.batch().add("A", "c")]
        results = self.store.append_many(batches)
        self.assertEqual(results[0]["last_sequence"], 1)
        self.assertEqual(results[1], skafu.const.ECONFLICT)
        self.assertEqual(results[2]["last_sequence"], 2)
        with self.assertRaises(skafu.SkafuError):
            self.store.append_many([batches[0], batches[0]])

    def test_named_commit_is_recorded_once(self):
        name = uuid.uuid4()
        event = skafu.Event("A", "a", id=uuid.uuid4(), time_ns=1)
        for flags in (0, skafu.const.APPENDED_RETRY):
            with self.store.batch() as batch:
                self.assertEqual(self.store.append(batch.add(event).name(name))["flags"], flags)
        self.assertEqual(self.store.head, 1)

    def test_rows(self):
        with self.store.batch() as batch:
            self.store.append(batch.put_row("t", b"k\0", b"v\0").put_row("t", "l", b"").expect_no_row("t", "l"))
        self.assertEqual(self.store.row("t", b"k\0"), b"v\0")
        self.assertEqual(list(self.store.rows("t")), [(b"k\0", b"v\0"), (b"l", b"")])
        self.assertEqual(list(self.store.rows("t", start="l")), [(b"l", b"")])
        self.assertEqual(list(self.store.rows("t", end="l")), [(b"k\0", b"v\0")])
        with self.store.batch() as batch, self.assertRaises(skafu.Conflict):
            self.store.append(batch.delete_row("t", "l").expect_row("t", "l", b"other"))
        with self.assertRaises(skafu.NotFound):
            self.store.row("t", "m")

    def test_what_is_wrong_is_refused(self):
        with self.assertRaises(skafu.SkafuError) as caught:
            self.store.append("A", "a", '{"a":')
        self.assertEqual(caught.exception.code, skafu.const.EJSON)
        with self.assertRaises(ValueError):
            self.store.append("A", "a\0b")
        with self.assertRaises(ValueError):
            self.store.append(skafu.Event("A", "a", id=b"short"))
        with self.assertRaises(AttributeError):
            skafu.const.NO_SUCH_CONSTANT
        self.assertEqual(self.store.head, 0)

    def test_verify_and_stats(self):
        self.store.append("A", "a")
        self.store.maintain(1)
        self.assertEqual(self.store.verify()["faults"], 0)
        self.assertEqual(self.store.stats()["head"], 1)

    def test_version(self):
        self.assertRegex(skafu.version(), r"^\d+\.\d+\.\d+$")

    def test_rules(self):
        with skafu.Rules('{"eventType":["Paid"]}', '{"data":{"amount":[{"numeric":[">",5]}]}}') as rules:
            self.store.append("Paid", "a", {"amount": 7})
            self.assertEqual(rules.match(self.store.export(1)), [0, 1])
            self.assertEqual(rules.match('{"eventType":"Paid"}'), [0])
            with self.assertRaises(skafu.SkafuError) as caught:
                rules.add('{"a":[{"nothing":1}]}')
            self.assertEqual(caught.exception.code, skafu.const.EPATTERN)

    def test_metrics(self):
        with skafu.Watch(self.store) as watch:
            watch.add("orders_total", 2, 'shop="a"')
            self.store.append("A", "a")
            self.assertIn('orders_total{shop="a"} 2', watch.prometheus())


class Lifetimes(unittest.TestCase):
    def test_closed_is_closed(self):
        store = skafu.Store.memory()
        store.close()
        store.close()
        with self.assertRaises(ValueError):
            store.append("A", "a")

    def test_any_order_of_release(self):
        store = skafu.Store.memory()
        store.append("A", "a")
        cursor, batch = store.read(), store.batch()
        store.close()
        self.assertEqual(len(list(cursor)), 1)
        batch.add("B", "b")
        del store, cursor, batch
        gc.collect()

    def test_an_error_object_for_each_depth(self):
        store = skafu.Store.memory()
        before = len(thread.errors)
        for _ in range(3):
            with self.assertRaises(skafu.NotFound):
                store.get(9)
        self.assertEqual(len(thread.errors), max(before, 1))
        self.assertEqual(thread.depth, 0)
        store.close()

    def test_the_table_is_empty_without_models(self):
        gc.collect()
        self.assertEqual(callbacks.table, {})


class Waiting(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.store = skafu.Store(os.path.join(self.directory.name, "s"))
        self.addCleanup(self.store.close)

    def test_time_over(self):
        with self.assertRaises(skafu.Timeout):
            self.store.wait(0, timeout=0.01)

    def test_another_thread_appends(self):
        other = threading.Thread(target=self.store.append, args=("A", "a"))
        threading.Timer(0.02, other.start).start()
        self.assertEqual(self.store.wait(0, timeout=20), 1)
        other.join()

    def test_interrupt(self):
        threading.Timer(0.02, self.store.interrupt).start()
        with self.assertRaises(skafu.Retriable) as caught:
            self.store.wait(0, timeout=20)
        self.assertEqual(caught.exception.code, skafu.const.EINTERRUPTED)

    def test_threads_append_at_once(self):
        def work(name):
            for _ in range(20):
                self.store.append("A", name)
        threads = [threading.Thread(target=work, args=(f"s{n}",)) for n in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        self.assertEqual(self.store.head, 160)

    def test_follow_in_a_loop(self):
        async def main():
            self.store.append("A", "a")
            seen = []
            asyncio.get_running_loop().call_later(0.02, self.store.append, "B", "a")
            async for record in self.store.follow():
                seen.append(record.type)
                if len(seen) == 2:
                    return seen
        self.assertEqual(asyncio.run(asyncio.wait_for(main(), 20)), ["A", "B"])

    def test_child_opens_again(self):
        self.store.append("A", "a")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                try:
                    self.store.append("A", "a")
                except skafu.SkafuError as error:
                    code = 0 if error.code == skafu.const.EFORK else 2
                with skafu.Store(os.path.join(self.directory.name, "s")) as store:
                    store.append("FromChild", "a")
            except BaseException:
                code = 3
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        self.assertEqual([r.type for r in self.store.read()], ["A", "FromChild"])

    def test_backup_and_readonly(self):
        self.store.append("A", "a")
        copy = os.path.join(self.directory.name, "copy")
        self.store.backup(copy)
        with skafu.Store(copy, readonly=True) as store:
            self.assertEqual(store.head, 1)
            with self.assertRaises(skafu.SkafuError) as caught:
                store.append("A", "a")
        self.assertEqual(caught.exception.code, skafu.const.EREADONLY)
        with self.assertRaises(skafu.NotFound):
            skafu.Store(copy + "?", create=False)


if __name__ == "__main__":
    unittest.main()
