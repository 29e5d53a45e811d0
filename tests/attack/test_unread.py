"""Replies that no client reads. What waits is bounded for all clients together, here and in the kernel; it is given back; and a
client that reads gets everything."""
import json
import threading
import time
import unittest

import clients
from clients import raise_files
from harness import wait_until
from hostile import Good, Hostile, binary
from measure import Held, size
from registry import DEADLINE_S

MB = 1 << 10  # of kB
BUDGET = 64 * MB  # of http.max_waiting
HELD_S = 2


class Unread(Hostile):
    def fleet(self, records, bytes_each, kind="world"):
        """Records of that size; returns the size of their list."""
        pad = "x" * (bytes_each - 80)
        self.put_all((f"{self.prefix}/{kind}/w{i:05}", json.dumps({
            "id": f"w{i:05}", "type": kind, "status": "ready", "customState": pad})) for i in range(records))

    def crowded(self, records, bytes_each):
        """An observer of such a fleet that has room for the whole crowd: the number of connections is another limit."""
        raise_files()
        return self.knows(self.observer(http={"max_connections": 4096}).start(), records, bytes_each)

    def knows(self, observer, records, bytes_each):
        self.fleet(records, bytes_each)
        wait_until(lambda: self.document(observer, "/api/services?type=world")["total"] == records, "the fleet is known")
        return observer

    def lists_in_threads(self, observer, stopping, read, faults):
        """A client that reads the whole list all the time."""
        while not stopping.is_set():
            try:
                document = self.document(observer, "/api/services?type=world")
                assert len(document["services"]) == document["total"], document["total"]
                read.append(document["total"])
            except Exception as error:  # pylint: disable=broad-except
                faults.append(f"{type(error).__name__}: {error}")
                return

    def hold(self, name, observer, count, target, dial=None, stays=False):
        """So many clients ask for it (for a target with %d each for its own) and do not read. The memory is bounded while they
        are there, and is given back afterwards, or although they stay. Returns the metrics."""
        crowd, dial = clients.Crowd(self), dial or clients.over_tcp(observer.port, receive=2048)
        good, stopping, read, faults = Good(self, observer), threading.Event(), [], []
        reader = threading.Thread(target=self.lists_in_threads, args=(observer, stopping, read, faults), daemon=True)
        reader.start()
        asked = self.metrics(observer)["outrider_http_requests_total"]
        with Held(name, observer, good) as held:
            for i in range(count):
                crowd.add(1, lambda _, i=i: dial(i), clients.asks(target.replace("%d", str(i + 1000))))
            wait_until(lambda: self.metrics(observer)["outrider_http_requests_total"] >= asked + len(crowd.sockets), "all have asked")
            time.sleep(HELD_S)
        stopping.set()
        reader.join(DEADLINE_S)
        seen = self.metrics(observer)
        print(f"    {seen.get('outrider_http_waiting_resets_total', 0):.0f} reset, {len(read)} whole lists read beside it")
        if not stays:
            crowd.close()
        held.assert_modest(self, BUDGET, 8 * MB)
        held.print_row()
        self.assertEqual(faults, [], "the client that reads lists")
        self.assertGreater(len(read), 0)
        good.check()
        return seen

    def test_lists(self):
        observer = self.crowded(350, 1000)
        count = size(300, 1500)
        self.hold(f"{count} lists of 350 kB that are not read", observer, count, "/api/services", stays=True)

    def test_large_lists(self):
        observer = self.crowded(3300, 1000)
        count = size(100, 400)
        self.hold(f"{count} lists of 3.3 MB that are not read", observer, count, "/api/services")

    def test_a_list_for_each(self):
        """What waits is more than the budget: the largest go, and not the client that reads."""
        observer = self.crowded(350, 1000)
        count = size(400, 1500)
        seen = self.hold(f"{count} different lists of 350 kB that are not read", observer, count, "/api/services?limit=%d")
        self.assertGreater(seen["outrider_http_waiting_resets_total"], count // 4)
        observer.logged("more bytes waited than http.max_waiting")
        self.assertLessEqual(observer.log().count("more bytes waited than http.max_waiting"), 3)

    def test_over_unix(self):
        raise_files()
        observer = self.agent("u", server=..., probes=..., status=..., http={"max_connections": 4096}).start()
        self.knows(observer, 350, 1000)
        count = size(200, 1000)
        self.hold(f"{count} lists of 350 kB over the unix socket that are not read", observer, count, "/api/services",
                  clients.over_unix(observer.http))

    def test_streams(self):
        """Streams that begin with a large fleet."""
        observer = self.crowded(3300, 1000)
        count = size(300, 1000)
        self.hold(f"{count} streams of 3.3 MB that are not read", observer, count, "/api/subscribe?type=world")

    def test_streams_over_unix(self):
        raise_files()
        observer = self.agent("u", server=..., probes=..., status=..., http={"max_connections": 4096}).start()
        self.knows(observer, 3300, 1000)
        count = size(300, 1000)
        self.hold(f"{count} streams of 3.3 MB over the unix socket that are not read", observer, count,
                  "/api/subscribe?type=world", clients.over_unix(observer.http))

    def test_replies_that_end(self):
        """The connection is to be closed, and the kernel has the end of the reply."""
        observer = self.crowded(25, 1000)
        count = size(300, 1500)
        self.hold(f"{count} replies of 25 kB that end and are not read", observer, count,
                  "/api/services HTTP/1.1\r\nConnection: close\r\nX:")

    def test_the_offline(self):
        """Larger than what is kept for later readers: it is there once for those that read it now."""
        observer = self.crowded(10, 1000)
        count = size(3000, 10000)
        self.fleet(count, 2000, "gone")
        wait_until(lambda: self.document(observer, "/api/services?type=gone")["total"] == count, "the fleet is known")
        self.etcd.call("/v3/kv/deleterange", {"key": binary(f"{self.prefix}/gone/"),
                                              "range_end": binary(f"{self.prefix}/gone0")})
        wait_until(lambda: self.metrics(observer)["outrider_view_offline"] == count, "they are offline")
        self.hold(f"40 lists with {count} offline that are not read", observer, 40, "/api/services?include=offline")
        self.pages(observer, count)

    def pages(self, observer, count):
        seen, after = [], ""
        while after is not None:
            page = self.document(observer, f"/api/services?include=offline&type=gone&limit=700&after={after}")
            self.assertLessEqual(len(page["services"]) + len(page["offline"]), 700)
            seen += [each["record"]["id"] for each in page["offline"]]
            after = page["next"]
        self.assertEqual(seen, [f"w{i:05}" for i in range(count)])


if __name__ == "__main__":
    unittest.main()
