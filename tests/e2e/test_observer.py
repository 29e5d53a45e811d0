"""An observer: the fleet over HTTP, through outages and restarts, and its cost at etcd."""
import json
import signal
import subprocess
import unittest
import urllib.request

from harness import Case, UnixHttp, sse_events, wait_until
from registry import DEADLINE_S


def record(kind, ident, status="ready", **more):
    return json.dumps({"id": ident, "type": kind, "host": "10.0.0.1", "ports": [8001], "status": status, **more})


class Fleet(Case):
    def observer(self, name="o", **over):
        return self.agent(name, server=..., probes=..., status=..., **over)

    def put(self, kind, ident, status="ready", **more):
        self.etcd.put(f"{self.prefix}/{kind}/{ident}", record(kind, ident, status, **more))

    def get(self, agent, path, headers=None):
        status, got, body = agent.request("GET", path, headers=headers)
        return status, got, json.loads(body) if body else None

    def services(self, agent, query=""):
        status, _, body = self.get(agent, "/api/services" + query)
        self.assertEqual(status, 200, body)
        return body

    def ids(self, agent, query=""):
        return [each["id"] for each in self.services(agent, query)["services"]]

    def wait_ids(self, agent, expected):
        wait_until(lambda: self.ids(agent) == expected, f"{expected} in the view")

    def wait_synced(self, agent):
        """After the listing, before the watch, the view is still stale."""
        wait_until(lambda: agent.api()["view"]["synced"], "the view is in sync")

    def metric(self, agent, name):
        text = agent.request("GET", "/metrics")[2].decode()
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " ")), None)


    def watchers(self):
        with urllib.request.urlopen(self.etcd.url + "/metrics", timeout=DEADLINE_S) as answer:
            text = answer.read().decode()
        return next(float(line.split()[-1]) for line in text.splitlines()
                    if line.startswith("etcd_debugging_mvcc_watcher_total "))


class Observer(Fleet):
    def test_sees_sidecars_and_servers_without_an_agent(self):
        self.put("lobby", "foreign", region="kr", tags=["eu"], labels={"map": "harbor"})
        self.etcd.put(f"{self.prefix}/lobby/bad", "nonsense")
        self.etcd.put(f"{self.prefix}/not-ours", "x")
        observer = self.observer().start()
        self.wait_ids(observer, ["foreign"])
        self.agent("a").start()
        wait_until(lambda: self.ids(observer, "?type=world&status=ready") == ["w1"], "w1 ready")
        body = self.services(observer, "?region=kr&tag=eu&label.map=harbor")
        self.assertEqual((body["total"], body["healthy"], body["unhealthy"], body["stale"]), (1, 1, 0, False))
        self.assertEqual(self.services(observer, "?region=nowhere")["total"], 0)
        document = observer.api()
        self.assertEqual(document["view"]["unreadable"], 2)
        self.assertEqual({each["key"] for each in document["view"]["unreadableKeys"]},
                         {f"{self.prefix}/lobby/bad", f"{self.prefix}/not-ours"})
        self.assertEqual(self.metric(observer, "outrider_view_unreadable"), 2)
        self.assertEqual(self.metric(observer, "outrider_cluster_size"), 2)
        status, _, topology = self.get(observer, "/service-discovery/topology")
        self.assertEqual((status, topology["totalServices"], topology["servicesByRegion"]["kr"]), (200, 2, 1))
        self.assertEqual(observer.stop(), 0)

    def test_etags_change_with_the_fleet(self):
        self.put("world", "w1")
        observer = self.observer().start()
        self.wait_synced(observer)
        _, headers, _ = self.get(observer, "/api/services")
        self.assertEqual(self.get(observer, "/api/services", {"If-None-Match": headers["ETag"]})[0], 304)
        self.put("world", "w2")
        self.wait_ids(observer, ["w1", "w2"])
        self.assertEqual(self.get(observer, "/api/services", {"If-None-Match": headers["ETag"]})[0], 200)

    def test_an_outage_empties_nothing_and_a_restart_serves_what_was_known(self):
        self.put("world", "w1")
        proxy = self.proxy()
        observer = self.observer(registry={"endpoints": [proxy.url], "ttl": "2s"}).start()
        self.wait_ids(observer, ["w1"])
        proxy.do("refuse")
        wait_until(lambda: self.services(observer)["stale"], "the view is stale")
        self.assertEqual(self.ids(observer), ["w1"])
        self.assertEqual(observer.stop(), 0)
        observer.start()
        body = self.services(observer)
        self.assertEqual(([each["id"] for each in body["services"]], body["stale"]), (["w1"], True))
        self.assertGreater(body["ageMs"], 0)
        self.assertEqual(observer.request("GET", "/readyz")[0], 200)
        self.put("world", "w2")
        proxy.do("pass")
        wait_until(lambda: not self.services(observer)["stale"], "the view is in sync")
        self.assertEqual(self.ids(observer), ["w1", "w2"])

    def test_an_empty_fleet_is_never_guessed(self):
        proxy = self.proxy()
        proxy.do("refuse")
        observer = self.observer(registry={"endpoints": [proxy.url], "ttl": "2s"}).start()
        status, headers, body = self.get(observer, "/api/services")
        self.assertEqual((status, body["error"]["code"]), (503, "not_known"))
        self.assertEqual(headers["Retry-After"], "1")
        self.assertEqual(observer.request("GET", "/readyz")[0], 503)
        proxy.do("pass")
        wait_until(lambda: observer.request("GET", "/readyz")[0] == 200, "ready")
        self.assertEqual(self.ids(observer), [])

    def test_a_killed_server_is_offline_and_no_service(self):
        lease = self.etcd.grant(2)
        self.etcd.put(f"{self.prefix}/world/w1", record("world", "w1"), lease)
        observer = self.observer().start()
        self.wait_ids(observer, ["w1"])
        self.etcd.revoke(lease)
        self.wait_ids(observer, [])
        offline = self.services(observer, "?include=offline")["offline"]
        self.assertEqual([each["record"]["id"] for each in offline], ["w1"])
        self.assertEqual(observer.stop(), 0)
        observer.start()
        self.assertEqual(len(self.services(observer, "?include=offline")["offline"]), 1)

    def test_many_records_in_pages(self):
        for i in range(1200):
            self.put("world", f"w{i:04}")
        observer = self.observer().start()
        wait_until(lambda: self.services(observer)["total"] == 1200, "all of them")
        self.assertEqual(self.ids(observer), [f"w{i:04}" for i in range(1200)])

    def test_a_registry_that_lost_its_data_is_believed(self):
        self.put("world", "w1")
        self.put("world", "w2", "shutting_down")
        observer = self.observer(registry={"ttl": "2s"}).start()
        self.wait_ids(observer, ["w1", "w2"])
        self.wait_synced(observer)
        self.etcd.wipe()
        self.put("world", "w3")
        self.wait_ids(observer, ["w3"])
        self.wait_synced(observer)
        offline = self.services(observer, "?include=offline")["offline"]
        self.assertEqual([each["record"]["id"] for each in offline], ["w1"])

    def test_has_one_watch_whoever_follows(self):
        self.put("world", "w1")
        observer = self.observer().start()
        self.wait_synced(observer)
        alone = self.watchers()
        streams = []  # a response that is collected closes its connection
        for _ in range(50):
            connection = UnixHttp(observer.http)
            self.addCleanup(connection.close)
            connection.request("GET", "/api/subscribe")
            streams.append(connection.getresponse())
        self.assertEqual(self.metric(observer, "outrider_sse_clients"), 50)
        self.assertEqual(self.watchers(), alone)
        self.assertEqual(observer.stop(), 0)
        self.assertEqual({stream.status for stream in streams}, {200})

    def test_needs_a_restart_to_get_a_server(self):
        observer = self.observer().start()
        observer.write(server={"type": "world", "ports": [8001]})
        observer.send_signal(signal.SIGHUP)
        observer.logged("needs a restart")
        observer.send_signal(signal.SIGUSR1)
        observer.logged("an observer has no server to drain")
        self.assertEqual(observer.request("GET", "/healthz")[0], 200)

    def test_ends_at_once_by_any_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            observer = self.observer(f"o{number}").start()
            self.assertEqual(observer.stop(number), 0)


class Sidecar(Fleet):
    def test_watches_the_fleet_only_while_it_is_asked_for(self):
        self.put("world", "w9")
        agent = self.agent(view={"idle": "300ms"}).start()
        wait_until(lambda: agent.api()["registry"]["watch"] == "open", "its own keys are watched")
        alone = self.watchers()
        self.assertEqual(agent.api()["view"]["state"], "off")
        self.assertEqual(self.ids(agent), ["w1", "w9"])
        wait_until(lambda: agent.api()["view"]["state"] == "watching", "the fleet is watched")
        self.assertGreater(self.watchers(), alone)
        wait_until(lambda: agent.api()["view"]["state"] == "off", "nobody asks any more")
        wait_until(lambda: self.watchers() == alone, "the watch is closed")

    def test_a_later_request_gets_the_current_view(self):
        """The view from an earlier request is not served, except during an outage."""
        proxy = self.proxy()
        self.put("world", "w9")
        agent = self.agent(view={"idle": "200ms"}, registry={"endpoints": [proxy.url]}).start()
        wait_until(lambda: agent.api()["registry"]["inSync"], "registered")
        self.assertEqual(self.ids(agent), ["w1", "w9"])
        for name in ("w7", "w8"):
            wait_until(lambda: agent.api()["view"]["state"] == "off", "nobody asks any more")
            self.put("world", name)
            self.assertIn(name, self.ids(agent))
        wait_until(lambda: agent.api()["view"]["state"] == "off", "nobody asks any more")
        proxy.do("refuse")
        status, _, body = self.get(agent, "/api/services")
        self.assertEqual((status, body["stale"], body["total"]), (200, True, 4))

    def test_the_first_request_waits_and_is_answered(self):
        proxy = self.proxy()
        agent = self.agent(registry={"endpoints": [proxy.url]}).start()
        wait_until(lambda: agent.api()["registry"]["inSync"], "registered")
        status, _, body = self.get(agent, "/service-discovery/status")
        self.assertEqual((status, body["currentService"]["id"], body["status"]), (200, "w1", "registered"))
        status, _, body = self.get(agent, "/service-discovery/services/w1/health")
        self.assertEqual(status, 200)
        self.assertIsNotNone(body["services"][0]["health"]["lastCheck"])

    def test_turned_off_ends_the_streams(self):
        agent = self.agent().start()
        wait_until(lambda: self.ids(agent) == ["w1"], "w1 in the view")
        connection = UnixHttp(agent.http)
        connection.request("GET", "/api/subscribe")
        stream = connection.getresponse()
        self.assertEqual(stream.readline(), b"event: init\n")
        agent.write(view={"mode": "off"})
        agent.send_signal(signal.SIGHUP)
        self.assertIn(b"event: synced", stream.read())
        status, _, body = self.get(agent, "/api/subscribe")
        self.assertEqual((status, body["error"]["code"]), (503, "view_off"))

    def test_off_is_off(self):
        agent = self.agent(view={"mode": "off"}).start()
        status, _, body = self.get(agent, "/api/services")
        self.assertEqual((status, body["error"]["code"]), (503, "view_off"))
        for more in ((), ("--watch",)):  # not 75: a later request would not help
            done = agent.run("services", *more)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("its view.mode is off: ask an observer", done.stderr)


class RemoteDrain(Fleet):
    def test_through_the_control_key(self):
        sidecar = self.agent("a").start()
        observer = self.observer().start()
        wait_until(lambda: self.ids(observer, "?status=ready") == ["w1"], "w1 ready")
        path = "/api/services/world/w1/"
        status, _, body = observer.request("POST", path + "drain", {"reason": "patch", "deadline": "5m"})
        self.assertEqual(status, 200, body)
        answer = json.loads(body)
        self.assertEqual((answer["type"], answer["id"], answer["hold"]["reason"]), ("world", "w1", "patch"))
        wait_until(lambda: self.ids(observer, "?status=draining") == ["w1"], "w1 draining")
        self.assertEqual(sidecar.api()["holds"][0]["reason"], "patch")
        self.assertEqual(observer.request("POST", path + "undrain", "")[0], 200)
        observer.logged(f'msg="undrain requested" key=/outrider{self.prefix}/control/world/w1 by="API, uid ')
        wait_until(lambda: self.ids(observer, "?status=ready") == ["w1"], "w1 ready again")
        self.assertEqual(observer.request("POST", "/service-discovery/services/w1/disable", "")[0], 200)
        wait_until(lambda: self.ids(observer, "?status=draining") == ["w1"], "w1 disabled")
        self.assertEqual(observer.request("POST", "/api/services/world/w2/drain", {})[0], 404)

    def test_by_command_from_an_observer(self):
        self.agent("a").start().say("ready players=0/64")
        observer = self.observer().start()
        wait_until(lambda: self.ids(observer, "?status=ready") == ["w1"], "w1 ready")
        self.assertIn("observer of " + self.prefix, observer.run("status").stdout)
        drained = observer.run("drain", "--id", "world/w1", "--reason", "patch", "--wait")
        self.assertEqual((drained.returncode, drained.stderr), (0, ""))
        self.assertIn("world/w1 draining", drained.stdout)
        self.assertIn("empty: no players left", drained.stdout)
        self.assertEqual(observer.run("undrain", "--id", "w1").stdout, "world/w1 operator's hold lifted\n")
        wait_until(lambda: self.ids(observer, "?status=ready") == ["w1"], "w1 ready again")
        self.assertEqual(observer.run("undrain", "--id", "w1").stdout,
                         "world/w1 not drained by an operator, nothing to lift\n")
        self.assertEqual(observer.run("drain", "--id", "w2").returncode, 1)

    def test_reports_a_failed_write(self):
        self.put("world", "w9")
        proxy = self.proxy()
        observer = self.observer(registry={"endpoints": [proxy.url], "ttl": "2s"}).start()
        self.wait_ids(observer, ["w9"])
        proxy.do("refuse")
        status, _, body = observer.request("POST", "/api/services/world/w9/drain", {})
        self.assertEqual((status, json.loads(body)["error"]["code"]), (503, "registry_away"))


class Stream(Fleet):
    def test_init_update_remove_and_exact_resume(self):
        self.put("world", "w1")
        observer = self.observer().start()
        self.wait_ids(observer, ["w1"])
        connection, events = self.subscribe(observer, "?type=world")
        self.assertEqual([next(events)[0] for _ in range(2)], ["init", "synced"])
        self.put("world", "w1", "draining")
        name, data, ident = next(events)
        self.assertEqual((name, json.loads(data)["status"]), ("update", "draining"))
        connection.close()
        self.put("lobby", "l1")
        self.put("world", "w2")
        self.etcd.delete(f"{self.prefix}/world/w1")
        wait_until(lambda: self.ids(observer) == ["l1", "w2"], "both changes")
        connection, events = self.subscribe(observer, "?type=world", {"Last-Event-ID": ident})
        missed = [next(events) for _ in range(2)]
        self.assertEqual([(name, json.loads(data)["id"]) for name, data, _ in missed],
                         [("update", "w2"), ("remove", "w1")])
        connection.close()

    def subscribe(self, agent, query="", headers=None):
        connection = UnixHttp(agent.http)
        self.addCleanup(connection.close)
        connection.request("GET", "/api/subscribe" + query, headers=headers or {})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        return connection, sse_events(answer)

    def test_discovery_events(self):
        self.put("lobby", "l1")
        for agent in (self.observer().start(), self.agent("a").start()):
            self.services(agent)
            connection = UnixHttp(agent.http)
            self.addCleanup(connection.close)
            connection.request("GET", "/service-discovery/events")
            answer = connection.getresponse()
            for status, health in (("error", "unhealthy"), ("ready", "healthy")):
                self.put("lobby", "l1", status)
                event = {"serviceId": ""}
                while event["serviceId"] != "l1":
                    line = answer.readline()
                    event = json.loads(line[6:]) if line.startswith(b"data: ") else event
                self.assertEqual((event["type"], event["service"]["health"]["status"]),
                                 ("serviceHealthChanged", health))


class Metrics(Fleet):
    def test_promtool_finds_nothing(self):
        self.put("world", "w1")
        for i in range(300):
            self.put(f"t{i:03}", "x")
        for agent in (self.observer().start(), self.agent("a").start()):
            self.services(agent)
            text = agent.request("GET", "/metrics")[2]
            checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
            self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, b"", b""))
            self.assertIn(b'outrider_services{type="t255",status="ready"} 1\n', text)
            self.assertNotIn(b'outrider_services{type="t256"', text)
            self.assertRegex(text, rb'outrider_services{type="\(others\)",status="ready"} 4[56]\n')


if __name__ == "__main__":
    unittest.main()
