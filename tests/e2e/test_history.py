"""What became of servers: an observer's history of them, through restarts, outages and a damaged file."""
import json
import unittest

from harness import UnixHttp, sse_events, wait_until
from test_observer import Fleet, record


class History(Fleet):
    def activity(self, agent, query=""):
        status, _, body = self.get(agent, "/api/activity" + query)
        self.assertEqual(status, 200, body)
        return body

    def kinds(self, agent, ident):
        status, _, body = self.get(agent, f"/api/services/world/{ident}/history")
        return [each["kind"] for each in body["transitions"]] if status == 200 else None

    def wait_kinds(self, agent, ident, expected):
        wait_until(lambda: self.kinds(agent, ident) == expected, f"{ident} has {expected}")

    def test_a_life_of_a_server(self):
        self.put("world", "w0")
        observer = self.observer().start()
        self.wait_synced(observer)
        self.put("world", "w1", startedAt="2026-11-21T02:14:00.000Z")
        self.wait_kinds(observer, "w1", ["came"])
        self.put("world", "w1", "error", reason="probe game: connection refused",
                 startedAt="2026-11-21T02:14:00.000Z")
        self.wait_kinds(observer, "w1", ["came", "status"])
        self.put("world", "w1", "draining", startedAt="2026-11-21T02:15:00.000Z",
                 drain={"holds": ["ops"], "by": "olga", "reason": "patch", "since": "2026-11-21T02:15:00.000Z"})
        self.wait_kinds(observer, "w1", ["came", "status", "restart", "status", "drain"])
        self.put("world", "w1", "shutting_down")
        self.etcd.delete(f"{self.prefix}/world/w1")
        wait_until(lambda: self.kinds(observer, "w1")[-1] == "went", "w1 went")
        _, _, body = self.get(observer, "/api/services/world/w1/history")
        self.assertEqual((body["online"], body["why"], body["status"]), (False, "left", "shutting_down"))
        self.assertEqual(body["transitions"][1]["reason"], "probe game: connection refused")
        drain = body["transitions"][4]["drain"]
        self.assertEqual(drain, {"holds": ["ops"], "by": "olga", "reason": "patch"})
        self.assertEqual([each["why"] for each in body["lives"]], ["restart", "left"])
        self.assertEqual(body["record"]["status"], "shutting_down")
        status, _, offline = self.get(observer, "/api/offline")
        self.assertEqual((status, offline["total"], offline["servers"][0]["id"]), (200, 1, "w1"))
        page = self.activity(observer, "?limit=2")
        self.assertEqual([each["kind"] for each in page["transitions"]][0], "went")
        rest = self.activity(observer, f"?before={page['next']}")
        self.assertEqual(rest["transitions"][-1]["kind"], "came")
        self.assertIsNone(rest["next"])
        self.assertNotIn("w0", [each["id"] for each in rest["transitions"]])  # it was there before
        self.assertEqual(self.get(observer, "/api/services/world/none/history")[0], 404)
        self.assertEqual(self.get(observer, "/api/fleet/history")[0], 200)

    def test_a_restart_keeps_it_and_knows_what_it_missed(self):
        for ident in "w1", "w2":
            self.put("world", ident)
        observer = self.observer().start()
        self.wait_synced(observer)
        self.put("world", "w3")
        self.wait_kinds(observer, "w3", ["came"])
        self.assertEqual(observer.stop(), 0)
        self.put("world", "w1", "error")
        self.etcd.delete(f"{self.prefix}/world/w2")
        observer.start()
        self.wait_kinds(observer, "w1", ["seen", "status"])
        self.wait_kinds(observer, "w2", ["seen", "went"])
        self.assertEqual(self.kinds(observer, "w3"), ["came"])
        _, _, body = self.get(observer, "/api/services/world/w1/history")
        changed = body["transitions"][1]
        self.assertTrue(changed["unsure"] and changed["after"] < changed["at"], changed)

    def test_a_damaged_file_is_named_and_replaced(self):
        self.put("world", "w1")
        observer = self.observer().start()
        self.wait_synced(observer)
        self.assertEqual(observer.stop(), 0)
        path = next(iter(self.dir.rglob("history.bin")))
        path.write_bytes(path.read_bytes()[:-1])
        observer.start()
        observer.logged("saved history unusable")
        metrics = observer.request("GET", "/metrics")[2].decode()
        self.assertIn('\noutrider_history_saves_total{outcome="error"} 0\n', metrics)
        self.assertIn("\noutrider_history_samples_total ", metrics)
        self.wait_kinds(observer, "w1", ["seen"])
        self.assertEqual(observer.stop(), 0)
        self.assertTrue(path.read_bytes().startswith(b"outrider past\n"))

    def test_bad_parameters(self):
        observer = self.observer().start()
        for query, code in (("?limit=0", "bad_parameter"), ("?limit=1001", "bad_parameter"),
                            ("?limit=99999999999999999999", "bad_parameter"), ("?limit=1&limit=2", "bad_parameter"),
                            ("?before=x", "bad_parameter"), ("?before=-1", "bad_parameter"),
                            ("?after=1", "unknown_parameter"), ("?limit=%zz", "bad_query")):
            status, _, body = self.get(observer, "/api/activity" + query)
            self.assertEqual((status, body["error"]["code"]), (400, code), query)
        self.assertEqual(self.activity(observer, "?before=9223372036854775807&limit=1000")["transitions"], [])
        self.assertEqual(self.get(observer, "/api/offline?before=1")[0], 400)
        self.assertEqual(self.get(observer, "/api/fleet/history?x=1")[0], 400)

    def test_who_keeps_one(self):
        observer = self.observer(history="off").start()
        status, _, body = self.get(observer, "/api/offline")
        self.assertEqual((status, body["error"]["code"]), (503, "history_off"))
        sidecar = self.agent("a").start()
        self.assertEqual(self.get(sidecar, "/api/activity")[0], 503)
        self.assertEqual(list(self.dir.rglob("history.bin")), [])


class Stream(Fleet):
    """What a page does: the list, then the stream from its cursor."""

    def events(self, agent, query):
        connection = UnixHttp(agent.http)
        self.addCleanup(connection.close)
        connection.request("GET", "/api/subscribe" + query)
        return sse_events(connection.getresponse())

    def test_from_a_list_to_the_end_of_the_agent(self):
        self.put("world", "w1")
        lease = self.etcd.grant(60)
        self.etcd.put(f"{self.prefix}/world/w2", record("world", "w2"), lease)
        proxy = self.proxy()
        observer = self.observer(registry={"endpoints": [proxy.url], "ttl": "2s"}).start()
        self.wait_synced(observer)
        body = self.services(observer)
        self.assertRegex(body["now"], r"^20\d\d-.*Z$")
        self.put("world", "w1", "error")
        wait_until(lambda: {each["id"]: each["status"] for each in self.services(observer)["services"]}
                   == {"w1": "error", "w2": "ready"}, "the change is seen")
        events = self.events(observer, f"?after={body['cursor']}&include=state")
        event = next(events)
        self.assertEqual((event[0], json.loads(event[1])["status"]), ("update", "error"))
        event = next(events)
        self.assertEqual((event[0], json.loads(event[1])["stale"]), ("state", False))
        self.etcd.revoke(lease)
        self.assertEqual(next(events)[0], "remove")
        event = next(events)
        gone = json.loads(event[1])
        self.assertEqual((event[0], gone["id"], gone["why"]), ("offline", "w2", "lease_expired"))
        self.assertEqual(gone["record"]["status"], "ready")
        proxy.do("refuse")
        event = next(events)
        self.assertEqual((event[0], json.loads(event[1])["stale"]), ("state", True))
        self.assertEqual(observer.stop(), 0)
        rest = list(events)
        self.assertEqual({each[0] for each in rest[:-1]} - {"state"}, set())
        self.assertEqual((rest[-1][0], json.loads(rest[-1][1])["reason"]), ("bye", "stopping"))


if __name__ == "__main__":
    unittest.main()
