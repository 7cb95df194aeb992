import http.client
import json
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from {{name | snake}}.service import Notes, make_server  # noqa: E402


class NotesTest(unittest.TestCase):
    def test_numbers_start_at_one(self):
        notes = Notes()
        self.assertEqual(notes.add("a"), {"id": 1, "text": "a"})
        self.assertEqual(notes.add("b")["id"], 2)
        self.assertEqual(notes.get(2)["text"], "b")
        self.assertIsNone(notes.get(0))
        self.assertIsNone(notes.get(3))

    def test_a_note_needs_a_text(self):
        for bad in ("", "  ", None, 7):
            with self.assertRaises(ValueError):
                Notes().add(bad)


class ServiceTest(unittest.TestCase):
    def setUp(self):
        self.server = make_server("127.0.0.1", 0, quiet=True)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def tearDown(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(*self.server.server_address, timeout=5)
        connection.request(method, path, body)
        answer = connection.getresponse()
        value = json.loads(answer.read())
        connection.close()
        return answer.status, value

    def test_health(self):
        self.assertEqual(self.ask("GET", "/healthz"), (200, {"status": "ok"}))

    def test_notes(self):
        self.assertEqual(self.ask("POST", "/notes", '{"text": "tea"}'), (201, {"id": 1, "text": "tea"}))
        self.assertEqual(self.ask("GET", "/notes/1"), (200, {"id": 1, "text": "tea"}))
        self.assertEqual(self.ask("GET", "/notes"), (200, [{"id": 1, "text": "tea"}]))
        self.assertEqual(self.ask("GET", "/notes/2")[0], 404)

    def test_bad_requests(self):
        for body in ("", "[]", "{", '{"text": ""}'):
            self.assertEqual(self.ask("POST", "/notes", body)[0], 400)
        self.assertEqual(self.ask("GET", "/nowhere")[0], 404)
        self.assertEqual(self.ask("POST", "/nowhere", "{}")[0], 404)


if __name__ == "__main__":
    unittest.main()
