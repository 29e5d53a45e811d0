"""Another tenant of the registry: it writes what its rights allow below the prefix and at control keys, as much and as often as it
can. The rest of the fleet is served meanwhile."""
import json
import threading
import unittest

from harness import wait_until
from hostile import Good, Hostile, binary
from measure import Held, processor_s, size


class Tenant(Hostile):
    def test_a_flood_of_changes(self):
        """One key changed as fast as the registry takes it, from four connections."""
        observer = self.started()
        good = Good(self, observer)
        stop, written = threading.Event(), [0, 0, 0, 0]

        def flood(number):
            while not stop.is_set():
                self.put_all((f"{self.prefix}/bad/b{number}-{i}", json.dumps({
                    "id": f"b{number}-{i}", "type": "bad", "status": "ready", "players": written[number] % 1000,
                    "customState": "x" * 2000})) for i in range(50))
                written[number] += 50

        began = processor_s(observer.pid)
        self.unread(observer, 20, b"/api/subscribe")
        with Held("a flood of changes by another tenant", observer, good) as held:
            threads = [threading.Thread(target=flood, args=(i,), daemon=True) for i in range(4)]
            for thread in threads:
                thread.start()
            wait_until(lambda: sum(written) >= size(4000, 200000), "so many changes")
            stop.set()
            for thread in threads:
                thread.join()
            good.check()
        print(f"    {sum(written)} changes, {processor_s(observer.pid) - began:.1f} s of processor time")
        held.assert_modest(self, 96 << 10, 32 << 10)

    def test_many_short_lives(self):
        """Keys that come and go: what an observer keeps of those that went is bounded."""
        observer = self.started()
        good = Good(self, observer)
        count = size(2000, 100000)
        with Held(f"{count} records that come and go", observer, good) as held:
            for start in range(0, count, 500):
                self.put_all((f"{self.prefix}/bad/b{i}", json.dumps({"id": f"b{i}", "type": "bad", "status": "ready"}))
                             for i in range(start, start + 500))
                self.etcd.call("/v3/kv/deleterange", {"key": binary(f"{self.prefix}/bad/"), "range_end": binary(f"{self.prefix}/bad0")})
            self.put("bad", "last")
            wait_until(lambda: self.get(observer, "/api/services/bad/last")[0] == 200, "the last is seen")
            self.assertEqual(self.document(observer, "/api/services?type=bad")["total"], 1)
        good.check()
        held.assert_modest(self, 32 << 10)

    def test_types_without_end(self):
        """Each record has a type of its own, and types are labels of metrics: they do not grow without end."""
        observer = self.started()
        good = Good(self, observer)
        count = size(3000, 50000)
        with Held(f"{count} types", observer, good) as held:
            self.put_all((f"{self.prefix}/t{i}/x", json.dumps({"id": "x", "type": f"t{i}", "status": f"s{i}"})) for i in range(count))
            self.put("bad", "last")
            wait_until(lambda: self.get(observer, "/api/services/bad/last")[0] == 200, "the last is seen")
            metrics = self.get(observer, "/metrics")[2]
        print(f"    {len(metrics)} bytes of metrics, {metrics.count(bytes([10]))} lines")
        good.check()
        held.assert_modest(self, 64 << 10)

    def test_control_keys(self):
        """What is no hold has no effect, is named, and does not keep the operator from draining; giant and deep ones neither."""
        agent = self.agent().start()
        agent.is_published()
        key = f"/outrider{self.prefix}/control/world/w1"
        values = [b"", b"null", b"[]", b"17", b'"x"', b"{", b"[" * 100000, b'{"hold":' * 50000, b"{" + b"x" * 1000000, b"\xff\xfe", b'{"hold":null}',
                  b'{"hold":5}', b'{"hold":[]}', b'{"hold":{"reason":5}}', b'{"hold":{"deadline":"never"}}', b'{"hold":{"by":["a"]}}',
                  b'{"drain":"x"}', b'{"hold":{},"hold":{}}', b" " * 100000, b'{"hold":{"reason":"' + b"x" * 100000 + b'"}}',
                  b'{"hold":{"reason":"a\\u0000b"}}', b'{"hold":1e999}']
        with Held(f"{len(values)} control keys that are none", agent) as held:
            for value in values:
                with self.subTest(value[:40]):
                    revision = int(self.etcd.call("/v3/kv/put", {"key": binary(key), "value": binary(value)})["header"]["revision"])
                    wait_until(lambda r=revision: agent.api()["control"]["revision"] >= r, "it has read the key")
                    self.assertNotEqual(agent.api()["status"], "error")
            self.assertEqual(agent.run("drain", "--reason", "patch").returncode, 0)
            wait_until(lambda: self.etcd.get(agent.key).record["status"] == "draining", "the operator's drain counts")
            self.assertEqual(agent.run("undrain").returncode, 0)
            wait_until(lambda: self.etcd.get(agent.key).record["status"] == "ready", "and is lifted")
        held.assert_modest(self, 24 << 10, 16 << 10)
        self.assertLess(agent.log().count("\n"), 120)


if __name__ == "__main__":
    unittest.main()
