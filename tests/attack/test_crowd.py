"""Many connections that do nothing, and subscribers that read nothing. Limits hold, are counted and logged; other clients are
served, and the resources come back."""
import json
import os
import re
import unittest

import clients
from clients import raise_files
from harness import wait_until
from hostile import Good, Hostile
from measure import Held

WANTED = 10000


class Crowd(Hostile):
    def crowd(self, observer, count, say=b""):
        """Opens so many connections from several addresses, each with these bytes; the sockets do not block."""
        return clients.Crowd(self).add(count, clients.over_tcp(observer.port), say).sockets

    @staticmethod
    def files(observer):
        return len(os.listdir(f"/proc/{observer.pid}/fd"))

    def all_seen(self, observer, count):
        """The metrics after so many connections. This request is subject to the same limits."""
        try:
            seen = self.metrics(observer)
        except (ConnectionError, IndexError):
            return None
        return seen if seen["outrider_http_connections_total"] + seen["outrider_http_rejected_total"] >= count else None

    def test_ten_thousand_silent_ones(self):
        raise_files()
        observer = self.started()
        good = Good(self, observer)
        files = self.files(observer)
        with Held(f"{WANTED} silent connections", observer, good) as held:
            sockets = self.crowd(observer, WANTED)
            seen = wait_until(lambda: self.all_seen(observer, len(sockets)), "all of them were looked at")
            self.assertLessEqual(seen["outrider_http_connections"], 1024 + 32 + 1)  # with those being closed, and a stream
            refused = seen["outrider_http_rejected_total"] + seen["outrider_http_evicted_total"]
            self.assertGreaterEqual(refused, len(sockets) - 1024)
            received = [text for text in map(clients.received, sockets) if text]
            for text in received:
                self.assertTrue(text.startswith(b"HTTP/1.1 503 ") and b'"code":"too_many_connections"' in text, text)
            looked = good.looked
            wait_until(lambda: good.faults or good.looked > looked + 20, "the good client is served")
            for sock in sockets:
                sock.close()
            wait_until(lambda: self.files(observer) <= files + 2, "the files are given back")
        print(f"    {len(sockets)} silent: {refused:.0f} refused, {len(received)} of them with 503")
        held.assert_modest(self, 12 << 10, 8 << 10)
        good.check()

    def test_ten_thousand_that_stay(self):
        """If a quarter of the files is too few, that many connections are served, and the log says so."""
        most = (raise_files() - 32) // 4
        observer = self.observer(http={"max_connections": 12000}).start()
        self.wait_synced(observer)
        if most < 12000:
            observer.logged(f'setting=http.max_connections wanted=12000 most={most}')
        good = Good(self, observer)
        before, files = self.rss_kb(observer), self.files(observer)
        count = min(WANTED, most - 8)
        sockets = self.crowd(observer, count, clients.HEALTH)
        seen = self.wait_metric(observer, "outrider_http_connections", count)
        self.assertEqual((seen["outrider_http_rejected_total"], seen["outrider_http_evicted_total"]), (0, 0))
        wait_until(lambda: self.metrics(observer)["outrider_http_requests_total"] >= count, "all are answered")
        self.assertEqual({(clients.received(sock) or b"closed")[:12] for sock in sockets}, {b"HTTP/1.1 200"})
        held = self.rss_kb(observer)
        each = (held - before) / count
        if not self.is_sanitized(observer):
            self.assertLess(each, 4)
        self.metrics(observer)  # resets the lag of everything before
        looked = good.looked
        wait_until(lambda: good.faults or good.looked > looked + 50, "the good client is served")
        lag = self.metrics(observer)["outrider_loop_lag_seconds"]
        for sock in sockets:
            sock.close()
        wait_until(lambda: self.files(observer) <= files + 2, "the files are given back")
        again = self.crowd(observer, count, clients.HEALTH)
        self.wait_metric(observer, "outrider_http_connections", count)
        more = self.assert_modest(observer, held, 1 << 10)  # the memory of the first crowd is used again
        for sock in again:
            sock.close()
        wait_until(lambda: self.files(observer) <= files + 2, "the files are given back again")
        print(f"\n    {count} idle: {each:.2f} kB each, lag {lag * 1000:.1f} ms; as many again: {more} kB more")
        self.assertLess(lag, 1)
        self.assertEqual(good.again, 0)
        good.check()


class Deaf(Hostile):
    def test_subscribers_that_never_read(self):
        observer = self.started()
        good = Good(self, observer)
        self.unread(observer, 200, b"/api/subscribe")
        self.wait_metric(observer, "outrider_sse_clients", 201)
        pad = "x" * 1500
        with Held("200 subscribers that do not read, 2,000 changes", observer, good) as held:
            for i in range(200):  # ten records each, and one after the other: small enough to be sent live
                revision = self.put_all((f"{self.prefix}/world/w{j}", json.dumps({
                    "id": f"w{j}", "type": "world", "status": "ready", "players": i, "customState": pad})) for j in range(10))
                self.wait_metric(observer, "outrider_view_revision", revision)
            seen = self.wait_metric(observer, "outrider_sse_dropped_total", 200)
            wait_until(lambda: self.metrics(observer)["outrider_sse_clients"] == 1, "only the good one is left")
        self.assertEqual(seen["outrider_sse_dropped_total"], 200)
        observer.logged('"slow subscribers closed" count=')
        self.assertIn('reason="backlog larger than 256 kB"', observer.log())
        self.assertLessEqual(observer.log().count("slow subscribers closed"), 5)
        held.assert_modest(self, 64 << 10, 16 << 10)
        good.check(least=20)

    def read(self, stream, names, count):
        """Reads until so many records have arrived."""
        received, comments = set(), 0
        while len(received) < count:
            line = stream.readline()
            comments += line.startswith(b":")
            self.assertLess(comments, 3, f"nothing more after {len(received)}")
            self.assertNotEqual(line, b"", f"closed after {len(received)}")
            if line.startswith(b"event: "):
                self.assertRegex(line, rb"event: (%s)\n" % names)
            elif found := re.search(rb'"id": "(w\d+)"', line):
                received.add(found.group(1))

    def follow(self, observer):
        stream = self.connect(observer)
        stream.request("GET", "/api/subscribe?type=large")
        return stream.getresponse()

    def test_a_fleet_larger_than_what_a_subscriber_may_be_behind(self):
        """A subscriber that reads gets it portion by portion."""
        observer = self.started()
        good = Good(self, observer)
        first = self.follow(observer)
        for start in (0, 40):
            self.put_all((f"{self.prefix}/large/w{i:03}", json.dumps({
                "id": f"w{i:03}", "type": "large", "status": "ready", "customState": "x" * 64000}))
                for i in range(start, start + 40))
            self.unread(observer, 10, b"/api/subscribe?type=large")
            self.read(first, b"update|synced", 40)
        self.read(self.follow(observer), b"init|synced", 80)
        self.assertEqual(self.document(observer, "/api/services?type=large")["total"], 80)
        self.assertRegex(observer.run("services", "--type", "large").stdout, r"80 servers, 80 ready")
        good.check()


if __name__ == "__main__":
    unittest.main()
