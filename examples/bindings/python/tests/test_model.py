"""Deciders, projections, reactions and processes that are written in Python."""
import asyncio
import gc
import os
import tempfile
import threading
import unittest

import skafu
from skafu import callbacks


class Account:
    """A decider whose state is a dict."""

    def initial(self):
        return {"open": False, "balance": 0}

    def evolve(self, state, event):
        if event.type == "AccountOpened":
            return {**state, "open": True}
        amount = event.json()["amount"]
        return {**state, "balance": state["balance"] + (amount if event.type == "MoneyDeposited" else -amount)}

    def decide(self, command, state, turn):
        if command.type == "OpenAccount":
            if state["open"]:
                return turn.refuse("exists", "The account is open already.")
            return turn.emit(skafu.Event("AccountOpened"))
        amount = command.json()["amount"]
        if command.type == "Withdraw" and amount > state["balance"]:
            return turn.refuse("overdrawn", "There is not enough money in the account.")
        done = "MoneyDeposited" if command.type == "Deposit" else "MoneyWithdrawn"
        return turn.emit(skafu.Event(done, data={"amount": amount}))


EVENTS = ("AccountOpened", "MoneyDeposited", "MoneyWithdrawn")


def balance(event, edit):
    sign = -1 if event.type == "MoneyWithdrawn" else 1
    edit.count(event.stream, sign * event.json().get("amount", 0))


def bank(store, decider=None, projection=balance, **options):
    model = skafu.Model(store)
    model.domain("bank", EVENTS)
    model.decider("bank", "account", decider or Account(), commands=["OpenAccount", "Deposit", "Withdraw"], **options)
    if projection:
        model.projection("bank", "balances", projection)
    return model


def order(model, kind, amount=0, **more):
    return model.execute(skafu.Command(kind, "anna", {"amount": amount}, **more))


class Case(unittest.TestCase):
    def setUp(self):
        self.store = skafu.Store.memory()

    def tearDown(self):
        self.store.close()
        gc.collect()
        self.assertEqual(callbacks.table, {}, "something of a model was not released")


class Deciding(Case):
    def test_decide_and_read(self):
        with bank(self.store) as model:
            self.assertTrue(order(model, "OpenAccount").accepted)
            self.assertTrue(order(model, "Deposit", 100).accepted)
            self.assertEqual(order(model, "Withdraw", 30).stream_version, 3)
            refused = order(model, "Withdraw", 5000)
            self.assertEqual((refused.accepted, refused.code), (False, "overdrawn"))
            with model.view("balances") as view:
                self.assertEqual(view.refresh(), 3)
                self.assertEqual(view.count("anna"), 70)
                self.assertEqual([key for key, _ in view.rows()], [b"anna"])
                self.assertEqual([key for key, _ in view.prefix("an")], [b"anna"])
            self.assertEqual(model.state(skafu.Command("Deposit", "anna"))["balance"], 70)
            self.assertEqual(model.state(skafu.Command("Deposit", "anna"), at=2)["balance"], 100)
            self.assertEqual(model.info("balances")["sequence"], 3)

    def test_key_is_decided_once(self):
        with bank(self.store) as model:
            self.assertFalse(order(model, "OpenAccount", key="k").repeated)
            self.assertTrue(order(model, "OpenAccount", key="k").repeated)
            self.assertEqual(self.store.head, 1)

    def test_snapshots_are_saved_and_loaded(self):
        loads = []

        class Kept(Account):
            def load(self, saved):
                loads.append(saved)
                return eval(saved.decode())

            def save(self, state):
                return repr(state).encode()

        with bank(self.store, Kept(), snapshot_every=2) as model:
            for _ in range(20):
                order(model, "Deposit", 1)
        with bank(self.store, Kept(), snapshot_every=2) as model:
            self.assertTrue(order(model, "Withdraw", 20).accepted)
        self.assertTrue(loads)

    def test_a_state_is_changed_in_place(self):
        class Counter:
            def initial(self):
                return []

            def evolve(self, state, event):
                state.append(event.sequence)

            def decide(self, command, state, turn):
                turn.emit(skafu.Event("MoneyDeposited", data={"amount": len(state)}))

        with bank(self.store, Counter(), None) as model:
            self.assertEqual([order(model, "Deposit").stream_version for _ in range(3)], [1, 2, 3])
            self.assertEqual(model.state(skafu.Command("Deposit", "anna")), [1, 2, 3])
        self.assertEqual([r.json()["amount"] for r in self.store.read()], [0, 1, 2])

    def test_a_scope_is_a_boundary(self):
        class Enrolment:
            def initial(self):
                return 0

            def evolve(self, state, event):
                return state + 1

            def scope(self, command, read, guard):
                read.item(types=["MoneyDeposited"], tags=[f"course:{command.json()['course']}"])

            def decide(self, command, state, turn):
                if state >= 2:
                    return turn.refuse("full", "The course is full.")
                course = command.json()["course"]
                return turn.emit(skafu.Event("MoneyDeposited", f"course-{course}", {}, (f"course:{course}",)))

        with bank(self.store, Enrolment(), None) as model:
            answers = [model.execute(skafu.Command("Deposit", data={"course": 1})).accepted for _ in range(3)]
            self.assertEqual(answers, [True, True, False])
            self.assertTrue(model.execute(skafu.Command("Deposit", data={"course": 2})).accepted)

    def test_threads_decide_at_once(self):
        with bank(self.store) as model:
            def work():
                for _ in range(10):
                    model.execute(skafu.Command("Deposit", "anna", {"amount": 1}), attempts=100)
            threads = [threading.Thread(target=work) for _ in range(4)]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            self.assertEqual(model.state(skafu.Command("Deposit", "anna"))["balance"], 40)


class Raising(Case):
    def test_exception_is_carried_through(self):
        class Broken(Account):
            def decide(self, command, state, turn):
                raise KeyError("no such thing")

        with bank(self.store, Broken()) as model:
            with self.assertRaises(skafu.HostError) as caught:
                order(model, "Deposit", 1)
            self.assertEqual(caught.exception.code, skafu.const.EHOST)
            self.assertIn("KeyError: 'no such thing'", caught.exception.message)
            self.assertIsInstance(caught.exception.__cause__, KeyError)
            self.assertEqual(self.store.head, 0)

    def test_code_of_the_library_is_carried_through(self):
        class Broken(Account):
            def decide(self, command, state, turn):
                turn.emit(skafu.Event("MoneyDeposited", data='{"amount":'))

        with bank(self.store, Broken()) as model:
            with self.assertRaises(skafu.SkafuError) as caught:
                order(model, "Deposit", 1)
            self.assertEqual(caught.exception.code, skafu.const.EJSON)

    def test_exception_in_every_function_of_a_state(self):
        for broken in ("initial", "evolve", "copy", "save"):
            with self.subTest(broken), skafu.Store.memory() as store:
                def fail(*_):
                    raise ValueError(broken)
                decider = Account()
                setattr(decider, broken, fail)
                with bank(store, decider, snapshot_every=1) as model:
                    try:
                        for _ in range(3):
                            order(model, "Deposit", 1)
                    except skafu.HostError as error:
                        self.assertIn(broken, error.message)

    def test_control_c_ends_the_call(self):
        class Interrupted(Account):
            def decide(self, command, state, turn):
                raise KeyboardInterrupt

        with bank(self.store, Interrupted()) as model, self.assertRaises(KeyboardInterrupt):
            order(model, "Deposit", 1)

    def test_failing_projection_halts_and_goes_on(self):
        failing = [True]

        def sometimes(event, edit):
            if failing[0]:
                raise RuntimeError("not today")
            balance(event, edit)

        with bank(self.store, projection=sometimes) as model:
            order(model, "Deposit", 5)
            with self.assertRaises(skafu.SkafuError) as caught:
                model.step("balances")
            self.assertIn("not today", str(caught.exception))

    def test_a_turn_is_good_in_its_handler_only(self):
        kept = []

        class Keeping(Account):
            def decide(self, command, state, turn):
                kept.append(turn)

        with bank(self.store, Keeping()) as model:
            order(model, "Deposit", 1)
            with self.assertRaises(ValueError):
                kept[0].emit(skafu.Event("MoneyDeposited"))

    def test_calling_back_is_refused(self):
        class Nested(Account):
            def decide(self, command, state, turn):
                order(self.model, "Deposit", 1)

        decider = Nested()
        with bank(self.store, decider) as decider.model:
            with self.assertRaises(skafu.SkafuError) as caught:
                order(decider.model, "Deposit", 1)
            self.assertEqual(caught.exception.code, skafu.const.EMISUSE)
        del decider.model

    def test_garbage_of_a_callback_is_released_after_it(self):
        store = self.store

        class Littering(Account):
            def decide(self, command, state, turn):
                cursor = store.read()
                cursor.close()
                self.waiting = len(callbacks.thread.release)

        decider = Littering()
        with bank(store, decider) as model:
            order(model, "Deposit", 1)
        self.assertEqual(decider.waiting, 1)
        self.assertEqual(callbacks.thread.release, [])

    def test_a_refused_definition_is_released(self):
        with skafu.Model(self.store) as model:
            with self.assertRaises(skafu.SkafuError):
                model.decider("nowhere", "d", Account(), commands=["C"])
            self.assertEqual(callbacks.table, {})


class Projecting(Case):
    def test_fold_by_key(self):
        with bank(self.store, projection=None) as model:
            model.projection(
                "bank", "totals", key=lambda event: [event.stream, "all"],
                fold=lambda key, value, events: str(int(value or b"0") + sum(e.json()["amount"] for e in events)))
            for amount in (1, 2, 3):
                order(model, "Deposit", amount)
            with model.view("totals") as view:
                view.refresh()
                self.assertEqual((view.get("anna"), view.get("all")), (b"6", b"6"))

    def test_batches(self):
        def batch(events, edit):
            for event in events:
                old = edit.get(event.stream, "amounts") or b""
                edit.put(event.stream, old + b"%d " % event.json()["amount"], "amounts")

        with bank(self.store, projection=None) as model:
            model.projection("bank", "history", batch=batch)
            for amount in (1, 2, 3):
                order(model, "Deposit", amount)
            with model.view("history") as view:
                view.refresh()
                self.assertEqual(view.get("anna", "amounts"), b"1 2 3 ")

    def test_upcaster(self):
        self.store.append("Deposited", "anna", {"cents": 700}, source="bank")
        with bank(self.store) as model:
            model.upcaster("Deposited", version="1.0", to=[("MoneyDeposited", "1.0")], upcast=lambda record, out:
                           out.add("MoneyDeposited", "1.0", {"amount": record.json()["cents"] // 100}))
            with model.view("balances") as view:
                view.refresh()
                self.assertEqual(view.count("anna"), 7)

    def test_check_of_events(self):
        def check(event_type, data):
            raise ValueError("never")

        with skafu.Model(self.store) as model:
            model.domain("bank", EVENTS[:2])
            model.event("bank", "MoneyWithdrawn", check=check)
            model.decider("bank", "account", Account(), commands=["Withdraw"])
            with self.assertRaises(skafu.HostError):
                order(model, "Withdraw", 0)


class Shipping:
    """A process: ships what was ordered, and is done when it has arrived."""

    def initial(self):
        return {}

    def evolve(self, state, record):
        state[record.type] = True

    def route(self, record):
        return ("start" if record.type == "Ordered" else "continue", record.correlation)

    def act(self, record, state, turn):
        if record.type == "Ordered":
            turn.send(skafu.Command("Ship", f"parcel-{record.correlation}", {}, domain="ship"))
            turn.set_timer("late", turn.now_ns + 10**18, skafu.Event("Late", record.stream))
        if record.type == "Shipped":
            assert state["Ordered"]
            turn.complete()


class Shipper:
    def decide(self, command, state, turn):
        turn.emit(skafu.Event("Shipped"))


class Running(Case):
    def shop(self):
        model = skafu.Model(self.store)
        model.domain("shop", ["Ordered", "Thanked", "Late"])
        model.domain("ship", ["Shipped"])
        model.decider("ship", "parcel", Shipper(), commands=["Ship"])
        return model

    def test_reaction(self):
        with self.shop() as model:
            model.reaction("shop", "thanks", lambda event, turn: turn.emit(skafu.Event("Thanked", event.stream)),
                           types=["Ordered"])
            with skafu.Engine(model) as engine:
                self.store.append("Ordered", "o1", source="shop", correlation="c1")
                engine.drain(20)
                self.assertEqual(engine.stats()["emitted"], 1)
            thanked = list(self.store.read(correlation="c1"))[-1]
            self.assertEqual((thanked.type, thanked.stream, thanked.correlation), ("Thanked", "o1", "c1"))

    def test_process(self):
        with self.shop() as model:
            model.process("shop", "shipping", Shipping(), types=["Ordered", "Shipped"])
            with skafu.Engine(model) as engine:
                self.store.append("Ordered", "o1", source="shop", correlation="c1")
                while not list(skafu.timers(self.store)) and engine.step(1):
                    pass
                self.assertEqual([t["name"] for t in skafu.timers(self.store)], ["late"])
                shipped = engine.await_record("c1", '{"eventType":["Shipped"]}', timeout=20)
                self.assertEqual(shipped.stream, "parcel-c1")
                engine.drain(20)
            self.assertEqual(list(skafu.timers(self.store)), [])
            state = [p["state"] for p in skafu.processes(self.store)]
            self.assertEqual(state, [skafu.const.PROCESS_COMPLETED])

    def test_execute_through_the_log(self):
        with self.shop() as model, skafu.Engine(model) as engine:
            self.assertTrue(engine.execute(skafu.Command("Ship", "p", {}, domain="ship"), timeout=20).accepted)

    def test_failing_reaction_becomes_a_dead_letter(self):
        def fail(event, turn):
            raise ValueError("no thanks")

        with self.shop() as model:
            model.reaction("shop", "thanks", fail, types=["Ordered"], retry=skafu.retry_policy(attempts=1))
            with skafu.Engine(model) as engine:
                self.store.append("Ordered", "o1", source="shop")
                engine.drain(20)
            letters = list(skafu.dead_letters(self.store))
            self.assertEqual([letter["message"] for letter in letters], ["ValueError: no thanks"])

    def test_subscription(self):
        with self.shop() as model:
            with skafu.Subscription(model, "mail", types=["Ordered"], partitions=1) as mail:
                for number in range(5):
                    self.store.append("Ordered", f"o{number}", source="shop")
                first = mail.next(3)
                self.assertEqual([r.sequence for r in first], [1, 2, 3])
                mail.ack(first[1])
            with skafu.Subscription(model, "mail", types=["Ordered"], partitions=1) as mail:
                again = mail.next()
                self.assertEqual([r.sequence for r in again], [3, 4, 5])
                with self.store.batch() as batch:
                    mail.ack_in(again[-1], batch.add("Thanked", "all", source="shop"))
                    self.store.append(batch)
            with skafu.Subscription(model, "mail", types=["Ordered"], partitions=1) as mail:
                self.assertEqual(mail.next(), [])

    def test_engine_calls_back(self):
        seen = []
        with self.shop() as model, skafu.Engine(model) as engine:
            engine.subscribe("listen", lambda record, turn: seen.append(record.type), types=["Ordered"])
            self.store.append("Ordered", "o1", source="shop")
            engine.drain(20)
        self.assertEqual(seen, ["Ordered"])

    def test_host_sets_a_timer(self):
        with self.shop() as model, skafu.Engine(model) as engine, self.store.batch() as batch:
            self.store.append(batch.set_timer("t", 1, skafu.Event("Late", "o1", source="shop")))
            engine.drain(20)
            self.assertEqual([r.type for r in self.store.read(stream="o1")], ["Late"])


class Serving(unittest.TestCase):
    def test_engine_in_a_loop_of_asyncio(self):
        seen = []

        async def main(store, engine):
            done = asyncio.Event()

            def react(record, turn):
                seen.append(record.type)
                done.set()
            engine.subscribe("listen", react, types=["Ordered"])
            serving = asyncio.create_task(engine.serve())
            await asyncio.sleep(0.05)
            store.append("Ordered", "o1", source="shop")
            await asyncio.wait_for(done.wait(), 20)
            serving.cancel()

        with tempfile.TemporaryDirectory() as directory, skafu.Store(os.path.join(directory, "s")) as store:
            with skafu.Model(store) as model:
                model.domain("shop", ["Ordered"])
                with skafu.Engine(model) as engine:
                    asyncio.run(main(store, engine))
        self.assertEqual(seen, ["Ordered"])

    def test_stop_from_another_thread(self):
        with skafu.Store.memory() as store, skafu.Model(store) as model, skafu.Engine(model) as engine:
            threading.Timer(0.05, engine.stop).start()
            engine.run(20)
            with self.assertRaises(skafu.Timeout):
                engine.run(0.01)


if __name__ == "__main__":
    unittest.main()
