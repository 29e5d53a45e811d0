"""GET /api/keys/watch: each change of keys, from the revision of a list on, through failures of etcd."""
import hashlib
import json
import unittest

from harness import UnixHttp, sse_events, wait_until
from test_keys import TOKEN, KeysCase, bytes_of, name_of


class Watcher:
    def __init__(self, case, query, **headers):
        self.connection = UnixHttp(case.observer.http)
        case.addCleanup(self.connection.close)
        self.connection.request("GET", "/api/keys/watch?" + query,
                                headers={"Authorization": f"Bearer {TOKEN}admin", **headers})
        self.answer = self.connection.getresponse()
        case.assertEqual(self.answer.status, 200)
        self.events = sse_events(self.answer)

    def next(self):
        """Name, data and id of the next event."""
        name, data, ident = next(self.events)
        return name, json.loads(data), ident

    def close(self):
        self.answer.close()
        self.connection.close()


class Watching(KeysCase):
    def watch(self, query=None, **headers):
        watcher = Watcher(self, f"prefix={self.prefix}/" if query is None else query, **headers)
        name, data, _ = watcher.next()
        self.assertEqual((name, data.get("stale")), ("state", False), data)
        return watcher

    def put(self, name, value="v", lease=0):
        return self.etcd.put(f"{self.prefix}/{name}", value, lease)

    def test_from_a_list_on_nothing_is_missed(self):
        self.put("a", "1")
        listed = self.ok("GET", f"/api/keys?prefix={self.prefix}/")
        lease = self.etcd.grant(60)
        self.put("a", "22")
        self.put("b", "<b>\n", lease)
        self.etcd.put(f"{self.prefix}X/beside", "x")
        self.etcd.delete(f"{self.prefix}/a")
        watcher = self.watch(f"prefix={self.prefix}/&after={listed['revision']}")
        first, second, third = watcher.next(), watcher.next(), watcher.next()
        self.assertEqual((first[0], first[1]["key"], first[1]["size"], first[1]["created"]), ("put", f"{self.prefix}/a", 2, False))
        self.assertEqual((second[0], second[1]["key"], second[1]["lease"], second[1]["created"]),
                         ("put", f"{self.prefix}/b", f"{lease:x}", True))
        self.assertEqual((third[0], third[1]["id"]), ("delete", name_of(f"{self.prefix}/a")))
        self.assertEqual([int(each[2]) for each in (first, second, third)], [each[1]["revision"] for each in (first, second, third)])
        one = self.ok("GET", "/api/keys/" + second[1]["id"])
        self.assertEqual({name: one[name] for name in ("key", "id", "size", "revision", "lease")},
                         {name: value for name, value in second[1].items() if name != "created"})
        # all changes of a revision, of which the last has its id
        self.etcd.call("/v3/kv/txn", {"success": [{"requestDeleteRange": {"key": name_b64(f"{self.prefix}/b")}},
                                                  {"requestPut": {"key": name_b64(f"{self.prefix}/c"), "value": ""}}]})
        both = [watcher.next(), watcher.next()]
        self.assertEqual({each[0] for each in both}, {"put", "delete"})
        self.assertEqual(len({each[1]["revision"] for each in both}), 1)
        # it goes on behind an event, whatever `after` its address has
        again = self.watch(f"prefix={self.prefix}/&after={listed['revision']}", **{"Last-Event-ID": second[2]})
        self.assertEqual(again.next()[1], third[1])
        key = f"{self.prefix}/odd/".encode() + b"\xff\0"
        self.etcd.call("/v3/kv/put", {"key": name_b64(key), "value": ""})
        while "key" in (got := watcher.next()[1]):
            pass
        self.assertEqual(bytes_of(got["id"]), key)

    def test_through_an_outage_and_a_compaction(self):
        watcher = self.watch()
        self.put("before")
        begun = watcher.next()
        self.etcd.kill()
        name, data, _ = watcher.next()
        self.assertEqual((name, data["stale"]), ("state", True))
        self.assertTrue(data["reason"])
        self.etcd.start()
        self.put("behind")
        name, data, _ = watcher.next()
        self.assertEqual((name, data["stale"], data["reason"]), ("state", False, None))
        self.assertEqual(watcher.next()[1]["key"], f"{self.prefix}/behind")
        self.put("more")
        revision = self.ok("GET", f"/api/keys?prefix={self.prefix}/")["revision"]
        self.etcd.call("/v3/kv/compaction", {"revision": revision})
        late = Watcher(self, f"prefix={self.prefix}/&after={int(begun[2]) - 1}")
        while (got := late.next())[0] == "state":
            pass
        name, data, _ = got
        self.assertEqual((name, data["reason"]), ("gone", "compacted"))
        self.assertGreaterEqual(data["oldest"], revision)
        self.assertEqual(list(late.events), [], "and the stream ends")
        self.watch(f"prefix={self.prefix}/&after={revision}")
        self.observer.stop()
        self.assertEqual(watcher.next()[0], "put")
        self.assertEqual(watcher.next()[1]["reason"], "stopping")

    def test_bad_input_and_limits(self):
        self.refused(403, "key_outside", "GET", f"/api/keys/watch?prefix={self.prefix}")
        self.refused(400, "bad_parameter", "GET", "/api/keys/watch")
        for after in ("x", "0", "-1", "9223372036854775807", "9223372036854775808", "1.5"):
            self.refused(400, "bad_parameter", "GET", f"/api/keys/watch?prefix={self.prefix}/&after={after}")
        self.refused(400, "unknown_parameter", "GET", f"/api/keys/watch?prefix={self.prefix}/&limit=1")
        self.refused(400, "bad_parameter", "GET", f"/api/keys/watch?prefix={self.prefix}/", Last_Event_ID="1-2")
        for role in ("viewer", "service", "operator"):
            self.refused(403, "role", "GET", f"/api/keys/watch?prefix={self.prefix}/", role=role)
        for _ in range(3):
            several = [self.watch() for _ in range(8)]
            self.refused(503, "busy", "GET", f"/api/keys/watch?prefix={self.prefix}/")
            for each in several:
                each.close()
            self.put("x")  # what is sent to it shows that it has gone
            wait_until(lambda: b"\noutrider_key_watches 0\n" in self.observer.request(
                "GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}admin"})[2], "the places are free again")

    def test_one_that_is_no_admin_any_more_loses_it(self):
        watcher, access = self.watch(), self.dir / "access"
        access.write_text(f"admin viewer sha256:{hashlib.sha256((TOKEN + 'admin').encode()).hexdigest()}\n")
        self.assertEqual(list(watcher.events), [])


def name_b64(key):
    import base64
    return base64.b64encode(key.encode() if isinstance(key, str) else key).decode()


if __name__ == "__main__":
    unittest.main()
