"""Who leads, as observers see it: over HTTP, in the streams, in the metrics and as a command, on a real etcd."""
import json
import subprocess
import threading

from harness import BINARY, UnixHttp, environment, sse_events, wait_until
from test_observer import Fleet

HOUR_S = 3600


class Heard:
    """The events of a stream, in order: pairs of name and data."""

    def __init__(self, case, observer, path):
        self.events = []
        self.connection = UnixHttp(observer.http)
        self.connection.request("GET", path)
        self.answer = self.connection.getresponse()
        case.assertEqual(self.answer.status, 200)
        case.addCleanup(self.connection.close)
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        self.events.extend((name, json.loads(text)) for name, text, _ in sse_events(self.answer))

    def of(self, name):
        return [data for event, data in self.events if event == name]

    def wait(self, condition, what):
        wait_until(lambda: any(condition(name, data) for name, data in self.events), what)


class Leaders(Fleet):
    def setUp(self):
        super().setUp()
        self.observers = [self.observer(name).start() for name in ("o", "p")]
        for observer in self.observers:
            self.wait_synced(observer)

    def stand(self, scope, ident, kind="world", value=None):
        """Returns the lease that the candidate stands under."""
        lease = self.etcd.grant(HOUR_S)
        self.key(f"{scope}/{int(lease):x}", value or json.dumps({"type": kind, "id": ident, "host": "10.0.0.1"}), lease)
        return lease

    def key(self, name, value, lease=0):
        self.etcd.put(f"/outrider{self.prefix}/leader/{name}", value, lease)

    def leader(self, scope, observer=None):
        status, _, body = self.get(observer or self.observers[0], f"/api/leader/{scope}")
        return body["leader"]["id"] if status == 200 else status

    def wait_leader(self, scope, expected):
        for observer in self.observers:
            wait_until(lambda: self.leader(scope, observer) == expected, f"{expected} leads {scope}")

    def all(self, observer=None):
        status, _, body = self.get(observer or self.observers[0], "/api/leader")
        self.assertEqual(status, 200, body)
        return body

    def command(self, *words):
        return subprocess.run([str(BINARY), "leader", "--agent", self.observers[0].config["http"]["listen"], *words],
                              capture_output=True, text=True, env=environment(NO_COLOR="1"), timeout=30)

    def test_leaders_come_and_go(self):
        self.put("world", "w1")
        self.put("world", "w2")
        first, second = self.stand("town", "w1"), self.stand("town", "w2")
        self.wait_leader("town", "w1")
        before = self.get(self.observers[0], "/api/leader/town")[2]
        self.assertEqual((before["scope"], before["candidates"]), ("town", 2))
        self.assertEqual(before["leader"], {"type": "world", "id": "w1", "host": "10.0.0.1"})
        streams = [Heard(self, observer, "/api/subscribe?include=leader") for observer in self.observers]
        old = Heard(self, self.observers[0], "/service-discovery/events")
        for stream in streams:
            stream.wait(lambda name, data: name == "leader" and data["token"] == before["token"], "the leader now")
        self.etcd.revoke(first)
        self.wait_leader("town", "w2")
        after = self.get(self.observers[1], "/api/leader/town")[2]
        self.assertGreater(after["token"], before["token"])
        for stream in streams:
            stream.wait(lambda name, data: name == "leader" and data["token"] == after["token"], "the new leader")
            self.assertEqual([each["token"] for each in stream.of("leader")], [before["token"], after["token"]])
        self.assertEqual(streams[0].of("leader")[0], before)
        early = Heard(self, self.observers[0], "/api/subscribe?include=leader")
        early.wait(lambda name, data: name == "leader" and data["candidates"] == 1, "w2 alone")
        third = self.stand("town", "w3")
        for observer in self.observers:
            wait_until(lambda: self.get(observer, "/api/leader/town")[2]["candidates"] == 2, "w3 stands behind w2")
        late = Heard(self, self.observers[0], "/api/subscribe?include=leader")
        late.wait(lambda name, data: name == "leader" and data["candidates"] == 2, "w3 is counted")
        self.etcd.revoke(third)
        old.wait(lambda _, data: data["type"] == "leaderElected" and data["serviceId"] == "w2", "leaderElected")
        services = self.get(self.observers[0], "/service-discovery/services")[2]["services"]
        self.assertEqual({each["id"]: each["role"] for each in services}, {"w1": "member", "w2": "leader"})
        topology = self.get(self.observers[0], "/service-discovery/topology")[2]
        self.assertEqual((topology["leader"]["id"], topology["leader"]["role"]), ("w2", "leader"))
        metrics = self.observers[0].request("GET", "/metrics")[2].decode()
        self.assertIn('outrider_scope_leader{scope="town",type="world",id="w2"} 1\n', metrics)
        self.assertIn(f'outrider_scope_token{{scope="town"}} {after["token"]}\n', metrics)
        self.assertIn('outrider_scope_elections_total{scope="town"} 2\n', metrics)
        self.etcd.revoke(second)
        self.wait_leader("town", 404)
        streams[0].wait(lambda name, data: name == "leader" and data["leader"] is None, "no leader")
        self.assertEqual(self.all()["leaders"], [])
        self.assertIsNone(self.get(self.observers[0], "/service-discovery/topology")[2]["leader"])

    def test_the_command(self):
        done = self.command()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("no candidates: ", done.stdout)
        token = self.get(self.observers[0], "/api/leader")[2]["revision"]
        for ident in ("w1", "w2"):
            self.stand("town", ident)
        self.stand("odd", "", value="nonsense")
        self.wait_leader("town", "w1")
        done = self.command()
        rows = [line.split() for line in done.stdout.splitlines()]
        self.assertEqual((done.returncode, rows[0]), (0, ["SCOPE", "TYPE", "ID", "TOKEN", "FOR", "CANDIDATES"]), done.stderr)
        self.assertEqual((rows[2][:3], rows[2][-1], int(rows[2][3]) > token), (["town", "world", "w1"], "2", True), done.stdout)
        self.assertEqual(rows[1][:2], ["odd", "unknown"])
        self.assertEqual(len(self.command("town").stdout.splitlines()), 2)
        self.assertEqual(json.loads(self.command("town", "--json").stdout)["leader"]["id"], "w1")
        self.assertEqual(len(json.loads(self.command("--json").stdout)["leaders"]), 2)
        for words, status, text in ((("lobby",), 1, "lobby has no leader"), (("odd",), 1, "cannot be read"), (("",), 64, ""),
                                    (("../../healthz",), 1, "has no leader"), (("a", "b"), 64, "unexpected word")):
            done = self.command(*words)
            self.assertEqual((done.returncode, done.stdout), (status, ""), (words, done.stderr))
            self.assertIn(text, done.stderr)

    def test_foreign_keys(self):
        """Keys that stand for nothing are counted; one that stands and cannot be read keeps its place."""
        self.key("town/1", "x")
        self.key("town/zz", "x", self.etcd.grant(HOUR_S))
        self.key("nothing", "x")
        hostile = [self.stand("town", "", value=value) for value in ("{", "\x1b[2J", '{"type":"a","id":"\\u001b"}', "x" * 100000)]
        self.stand("town", "w9")
        expected = {"other_key": 1, "no_lease": 1, "other_lease": 1, "unreadable": 4, "no_room": 0}
        wait_until(lambda: [each["candidates"] for each in self.all()["leaders"]] == [5], "the last one that stands is seen")
        self.assertEqual(self.all()["skipped"], expected)
        [town] = self.all()["leaders"]
        self.assertIsNone(town["leader"])
        self.assertEqual(self.leader("town"), 404)
        self.assertEqual(self.metric(self.observers[0], 'outrider_scope_skipped{reason="unreadable"}'), 4)
        for lease in hostile:
            self.etcd.revoke(lease)
        self.wait_leader("town", "w9")

    def test_bad_requests(self):
        self.stand("town", "w1")
        self.wait_leader("town", "w1")
        for path, status in (("/api/leader/nowhere", 404), ("/api/leader/" + "x" * 900, 404), ("/api/leader/%00%ff", 400),
                             ("/api/leader/town?x=1", 400), ("/api/leader/town/", 404), ("/api/leader/..", 400),
                             ("/api/subscribe?include=leaders", 400), ("/api/services?include=leader", 400)):
            got, _, body = self.observers[0].request("GET", path)
            self.assertEqual(got, status, (path, body))
        self.assertEqual(self.observers[0].request("DELETE", "/api/leader/town")[0], 405)

    def test_an_outage_is_shown_and_a_restart_reads_anew(self):
        lease = self.stand("town", "w1")
        proxy = self.proxy()
        observer = self.observer("q", registry={"endpoints": [proxy.url], "ttl": "2s"}).start()
        wait_until(lambda: self.leader("town", observer) == "w1", "w1 leads")
        proxy.do("refuse")
        wait_until(lambda: self.all(observer)["stale"], "it is stale")
        self.etcd.revoke(lease)
        self.stand("town", "w2")
        self.assertEqual(self.leader("town", observer), "w1")
        self.assertGreater(self.all(observer)["ageMs"], 0)
        proxy.do("pass")
        wait_until(lambda: self.leader("town", observer) == "w2", "w2 leads")
        wait_until(lambda: not self.all(observer)["stale"], "it is in sync")

    def test_a_sidecar_follows_while_it_is_asked(self):
        """One that is not asked for its fleet does not watch leadership either."""
        self.stand("world", "w1")
        agent = self.agent("a", view={"idle": "300ms"}).start()
        wait_until(lambda: agent.api()["registry"]["watch"] == "open", "it watches its own keys")
        watchers = self.watchers()
        self.assertNotIn("outrider_scope_leader", agent.request("GET", "/metrics")[2].decode())
        self.assertFalse(self.get(agent, "/service-discovery/status")[2]["isLeader"])
        self.assertEqual(self.watchers(), watchers)
        self.assertEqual(self.leader("world", agent), "w1")
        self.assertGreaterEqual(self.watchers(), watchers + 1)
        wait_until(lambda: self.watchers() == watchers, "it does not watch any more")
        self.assertEqual(self.leader("world", agent), "w1")

    def test_one_that_stands_says_so_itself(self):
        """Without the fleet, and alike at the observers."""
        agent = self.agent("a", leader=[{}]).start()
        wait_until(lambda: self.get(agent, "/service-discovery/status")[2]["isLeader"], "it leads")
        self.assertEqual(self.get(agent, "/service-discovery/status")[2]["currentService"]["role"], "leader")
        self.wait_leader("world", "w1")
        token = agent.api()["leader"][0]["token"]
        self.assertEqual(self.get(self.observers[1], "/api/leader/world")[2]["token"], token)
        agent.stop()
        self.wait_leader("world", 404)
