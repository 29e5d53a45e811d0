"""The event stream while etcd restarts: nothing is missed, nothing repeated."""
import json
import threading
import unittest

from harness import Case, UnixHttp, sse_events, wait_until
from registry import DEADLINE_S

CHANGES = 400


class Reader:
    """Follows the stream until the last change."""

    def __init__(self, case, headers=None):
        self.case, self.received, self.last_id = case, [], ""
        self.thread = threading.Thread(target=self.follow, args=(headers or {},), daemon=True)
        self.thread.start()

    def follow(self, headers):
        connection = UnixHttp(self.case.observer.http)
        connection.request("GET", "/api/subscribe?type=world", headers=headers)
        answer = connection.getresponse()
        for name, text, ident in sse_events(answer):
            self.last_id = ident
            if name == "update":
                self.received.append(json.loads(text)["players"])
                if self.received[-1] == CHANGES:
                    break
        connection.close()

    def join(self):
        self.thread.join(DEADLINE_S)
        self.case.assertEqual(self.received[-1:], [CHANGES], f"the last of {len(self.received)} changes")


class Stream(Case):
    def setUp(self):
        super().setUp()
        self.observer = self.agent("o", server=..., probes=..., status=..., registry={"ttl": "2s"}).start()
        wait_until(lambda: self.observer.api()["view"]["synced"], "the view is in sync")

    def put(self, number):
        """Whether etcd has confirmed the write."""
        ident = f"w{number % 20}"
        record = {"id": ident, "type": "world", "host": "h", "ports": [80], "status": "ready", "players": number}
        try:
            self.etcd.put(f"{self.prefix}/world/{ident}", json.dumps(record))
            return True
        except OSError:
            return False

    def write(self):
        kept = []
        for number in range(1, CHANGES + 1):
            if number == CHANGES // 2:
                self.etcd.kill()
                self.etcd.start()
            if self.put(number):
                kept.append(number)
            elif number == CHANGES:
                wait_until(lambda: self.put(CHANGES), "the last change is written")
        return kept

    def test_through_a_restart_of_etcd(self):
        reader = Reader(self)
        wait_until(lambda: reader.last_id, "synced")
        kept = self.write()
        self.assertGreater(len(kept), CHANGES // 2)
        reader.join()
        self.assertEqual(reader.received, sorted(set(reader.received)), "in order, each once")
        self.assertEqual(set(kept) - set(reader.received), set(), "every one that etcd has")

    def test_comes_back_with_its_last_id(self):
        first = Reader(self)
        wait_until(lambda: first.last_id, "synced")
        synced = first.last_id
        self.assertTrue(self.put(1))
        wait_until(lambda: first.received == [1] and first.last_id != synced, "the change is received")
        ident = first.last_id
        for number in range(2, CHANGES):
            self.assertTrue(self.put(number))
        wait_until(lambda: len(first.received) == CHANGES - 1, "the first reader has them all")
        second = Reader(self, {"Last-Event-ID": ident})
        wait_until(lambda: len(second.received) == CHANGES - 2, "the second has what it missed")
        self.assertTrue(self.put(CHANGES))
        first.join()
        second.join()
        self.assertEqual(second.received, first.received[1:], "exactly what was missed, and no more")


if __name__ == "__main__":
    unittest.main()
