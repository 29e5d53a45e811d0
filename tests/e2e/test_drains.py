"""Draining many servers in waves: the preview, three observers of which the driver is killed, servers that vanish, two operators,
and what is refused."""
import json
import threading
from concurrent.futures import ThreadPoolExecutor

from harness import Case, UnixHttp, sse_events, wait_until


class Servers(threading.Thread):
    """Stands in for the agents of records without one: each follows its control key, and its players leave at once where the
    test says so. Counts how many were held at a time."""

    def __init__(self, case):
        super().__init__(daemon=True)
        self.case, self.etcd = case, case.etcd
        self.controls = f"/outrider{case.prefix}/control/"
        self.ended = threading.Event()
        self.records, self.leave, self.most = {}, True, 0
        self.lock = threading.Lock()

    def put(self, place, **more):
        kind, ident = place.split("/")
        with self.lock:
            record = {"id": ident, "type": kind, "host": "10.0.0.1", "ports": [8001], "status": "ready", "players": 4,
                      "capacity": 10, "region": "kr", "zone": "a", **more}
            self.records[place] = record
            self.etcd.put(f"{self.case.prefix}/{place}", json.dumps(record))

    def gone(self, place):
        with self.lock:
            self.records.pop(place)
            self.etcd.delete(f"{self.case.prefix}/{place}")

    def holds(self):
        """The holds at the control keys, by place."""
        return {kv.key.removeprefix(self.controls): kv.record["hold"] for kv in self.etcd.under(self.controls)
                if kv.record["hold"] is not None}

    def look(self):
        holds = self.holds()
        self.most = max(self.most, sum(1 for place in holds if self.records.get(place, {}).get("players")))
        for place, record in self.records.items():
            held = place in holds
            wanted = {**record, "status": "draining" if held else "ready"} if record["status"] != "error" else record
            if held and self.leave:
                wanted = {**wanted, "players": 0}
            if wanted != record:
                self.records[place] = wanted
                self.etcd.put(f"{self.case.prefix}/{place}", json.dumps(wanted))

    def run(self):
        while not self.ended.wait(0.05):
            with self.lock:
                self.look()


class Drains(Case):
    def setUp(self):
        super().setUp()
        self.servers = Servers(self)
        self.addCleanup(self.servers.join)
        self.addCleanup(self.servers.ended.set)

    def observer(self, name="o", **over):
        return self.agent(name, server=..., probes=..., status=..., registry={"ttl": "2s"}, **over)

    def fleet(self, count=4, **more):
        for i in range(count):
            self.servers.put(f"world/w{i}", **more)
        self.servers.start()

    def ask(self, agent, method, path, body=None, headers=None):
        status, _, answer = agent.request(method, path, body, headers)
        return status, json.loads(answer)

    def preview(self, agent, body):
        status, plan = self.ask(agent, "POST", "/api/drains?preview=true", body)
        self.assertEqual(status, 200, plan)
        return plan

    def begin(self, agent, body, headers=None):
        plan = self.preview(agent, body)
        status, drain = self.ask(agent, "POST", "/api/drains", {**body, "planHash": plan["planHash"]}, headers)
        self.assertEqual(status, 200, drain)
        return drain["id"]

    def look(self, agent, ident):
        return self.ask(agent, "GET", f"/api/drains/{ident}")[1]

    def await_state(self, agent, ident, state):
        wait_until(lambda: self.look(agent, ident).get("state") == state,
                   f"{ident} is {state}: {self.look(agent, ident)}")
        return self.look(agent, ident)

    def await_known(self, agent, place="world/w0"):
        wait_until(lambda: self.ask(agent, "GET", "/api/services/" + place)[0] == 200, f"{place} is known")

    def states(self, drain):
        return [server["state"] for server in drain["servers"]]


class Waves(Drains):
    BODY = {"filter": {"type": "world"}, "reason": "patch", "wave": {"size": 2}, "maxDraining": 1, "settle": "100ms",
            "keepOne": False}

    def test_from_preview_to_undo(self):
        self.fleet()
        observer = self.observer().start()
        self.await_known(observer, "world/w3")
        plan = self.preview(observer, self.BODY)
        self.assertEqual([server["server"] for server in plan["servers"]], [f"world/w{i}" for i in range(4)])
        self.assertEqual([(wave["servers"], wave["players"], wave["freeSeatsAfter"]) for wave in plan["waves"]],
                         [(2, 8, 12), (2, 8, 0)])
        self.assertEqual(self.ask(observer, "GET", "/api/drains")[1]["drains"], [])
        ident = self.begin(observer, self.BODY)
        drain = self.await_state(observer, ident, "done")
        self.assertEqual(self.states(drain), ["empty"] * 4)
        self.assertLessEqual(self.servers.most, 1)
        holds = self.servers.holds()
        self.assertEqual({hold["operation"] for hold in holds.values()}, {ident})
        self.assertEqual(len(holds), 4)
        self.etcd.put(self.servers.controls + "world/w3", '{"hold":{"reason":"by hand","by":"ivan"}}')
        self.assertEqual(self.ask(observer, "POST", f"/api/drains/{ident}/undo", {})[0], 200)
        wait_until(lambda: list(self.servers.holds()) == ["world/w3"], "undo lifts its own holds alone")
        self.assertTrue(self.await_state(observer, ident, "done")["undone"])
        metrics = observer.request("GET", "/metrics")[2].decode().splitlines()
        for line in ('outrider_drains{state="done"} 1', 'outrider_drain_holds_total{action="put"} 4',
                     'outrider_drain_holds_total{action="lift"} 3'):
            self.assertIn(line, [each for each in metrics if each.startswith("outrider_drain")])

    def test_the_driver_is_killed(self):
        self.fleet(6)
        observers = [self.observer(name).start() for name in ("a", "b", "c")]
        for observer in observers:
            self.await_known(observer, "world/w5")
        self.servers.leave = False
        ident = self.begin(observers[0], {**self.BODY, "then": "undrain"})
        wait_until(self.servers.holds, "the first hold")
        driver = lambda: [each for each in observers if each.process.poll() is None
                          and self.ask(each, "GET", "/api/drains")[1]["drives"]]
        wait_until(driver, "one drives")
        killed = driver()[0]
        killed.kill()
        self.servers.leave = True
        other = next(each for each in observers if each is not killed)
        drain = self.await_state(other, ident, "done")
        self.assertEqual(self.states(drain), ["empty"] * 6)
        self.assertEqual(self.servers.holds(), {})
        self.assertLessEqual(self.servers.most, 1)

    def test_servers_vanish_and_one_is_in_error(self):
        self.fleet()
        self.servers.leave = False
        observer = self.observer().start()
        self.await_known(observer, "world/w3")
        ident = self.begin(observer, {**self.BODY, "maxDraining": 2})
        wait_until(lambda: len(self.servers.holds()) == 2, "the first wave is held")
        self.servers.gone("world/w0")
        self.servers.gone("world/w2")
        self.servers.put("world/w1", status="error")
        drain = self.await_state(observer, ident, "stopped")
        self.assertEqual(self.states(drain), ["gone", "failed", "waiting", "waiting"])
        self.assertEqual(drain["why"], "world/w1: in error")
        self.assertEqual(self.ask(observer, "POST", f"/api/drains/{ident}/resume", {})[0], 200)
        wait_until(lambda: self.states(self.look(observer, ident))[2:] == ["gone", "draining"], "it goes on")
        self.servers.leave = True
        self.await_state(observer, ident, "done")

    def test_two_operators_at_once(self):
        self.fleet()
        self.servers.leave = False
        first, second = self.observer("a").start(), self.observer("b").start()
        self.await_known(first, "world/w3")
        self.await_known(second, "world/w3")
        one = self.begin(first, {"servers": ["world/w0", "world/w1"], "wave": {"size": 2}, "freeSeats": 12, "by": "olga"})
        other = self.begin(second, {"servers": ["world/w0", "world/w2", "world/w3"], "wave": {"size": 3}, "freeSeats": 12,
                                    "by": "ivan"})
        wait_until(lambda: len(self.servers.holds()) == 2, "two are held: the floor is that of both")
        for agent in (first, second):
            wait_until(lambda: len(self.ask(agent, "GET", "/api/drains")[1]["drains"]) == 2, "both observers know both")
        mine, theirs = self.look(first, one), self.look(first, other)
        self.assertEqual(sum(self.states(each).count("draining") for each in (mine, theirs)), 2)
        self.assertEqual(len(self.servers.holds()), 2)
        waits = [self.look(agent, one)["waitsFor"] for agent in (first, second)]  # whichever drives
        self.assertEqual(waits[0], waits[1])
        self.assertIn("players", waits[0]["for"])
        self.assertIn("players to leave", waits[0]["text"])
        shown = first.run("drains", "show", one).stdout.splitlines()
        self.assertEqual(shown[1], "waits for " + waits[0]["text"])
        codes = [self.ask(agent, "POST", f"/api/drains/{one}/{order}", {})[0]
                 for order in ("pause", "cancel") for agent in (first, second)]
        self.assertEqual(codes, [200, 200, 200, 200])
        self.assertEqual(self.ask(second, "POST", f"/api/drains/{one}/resume", {})[0], 409)
        self.assertEqual(self.await_state(second, one, "cancelled")["by"], "olga")

    def test_the_stream(self):
        self.fleet(1)
        observer = self.observer().start()
        self.await_known(observer)
        connection = UnixHttp(observer.http)
        connection.request("GET", "/api/subscribe")
        events = sse_events(connection.getresponse())
        next(name for name, _, _ in events if name == "synced")
        ident = self.begin(observer, self.BODY)
        seen = []
        for name, text, _ in events:
            if name == "drain":
                seen.append(json.loads(text))
                if seen[-1]["state"] == "done":
                    break
        connection.close()
        self.assertEqual({each["id"] for each in seen}, {ident})
        self.assertEqual([each["state"] for each in seen][:2], ["planned", "running"])
        self.assertNotIn("servers", seen[0])

    def test_the_registry_is_away(self):
        self.fleet(2)
        self.servers.leave = False
        observer = self.observer().start()
        self.await_known(observer, "world/w1")
        ident = self.begin(observer, self.BODY)
        wait_until(self.servers.holds, "the first hold")
        self.servers.ended.set()
        self.servers.join()
        self.etcd.kill()
        status, answer = self.ask(observer, "POST", f"/api/drains/{ident}/pause", {})
        self.assertEqual((status, answer["error"]["code"]), (503, "registry_away"))
        self.etcd.start()
        again = Servers(self)
        again.records = self.servers.records
        self.addCleanup(again.ended.set)
        again.start()
        drain = self.await_state(observer, ident, "done")
        self.assertEqual(self.states(drain), ["empty", "empty"])


class Lost(Drains):
    def test_the_registry_loses_its_data(self):
        """The drain is gone, its hold comes back from the state of the agent, names it, and can be undone."""
        game = self.new_game()
        server = self.agent("w1", server={"id": "w1", "ports": [game.port]}, registry={"ttl": "2s"},
                            probes=[{"name": "game", "type": "tcp", "port": game.port, "interval": "50ms", "timeout": "40ms"}]).start()
        observer = self.observer().start()
        self.await_known(observer, "world/w1")
        wait_until(lambda: self.record(observer)["status"] == "ready", "it is ready")
        ident = self.begin(observer, {"servers": ["world/w1"], "wave": {"size": 1}, "keepOne": False, "by": "olga"})
        wait_until(lambda: self.record(observer).get("drain", {}).get("operation") == ident, "the record names the drain")
        self.assertEqual(server.stop(), 0)
        for kv in self.etcd.under(f"/outrider{self.prefix}/"):
            self.etcd.delete(kv.key)
        server.start()
        wait_until(lambda: self.servers.holds().get("world/w1", {}).get("operation") == ident, "the hold is put again")
        wait_until(lambda: self.record(observer).get("drain", {}).get("operation") == ident, "the record names it again")
        self.assertEqual(self.ask(observer, "GET", f"/api/drains/{ident}")[0], 404)
        self.assertEqual(self.ask(observer, "POST", f"/api/drains/{ident}/pause", {})[0], 404)
        self.assertEqual(self.ask(observer, "POST", f"/api/drains/{ident[:-1]}{'0' if ident[-1] != '0' else '1'}/undo", {})[0], 404)
        status, drain = self.ask(observer, "POST", f"/api/drains/{ident}/undo", {})
        self.assertEqual((status, drain.get("id"), drain.get("by")), (200, ident, "olga"), drain)
        self.assertTrue(self.await_state(observer, ident, "done")["undone"])
        wait_until(lambda: self.record(observer)["status"] == "ready", "it is lifted")
        self.assertEqual(self.servers.holds(), {})

    def record(self, observer):
        return self.ask(observer, "GET", "/api/services/world/w1")[1]

    def setUp(self):
        super().setUp()
        self.servers.start()


class Command(Drains):
    def run_drains(self, agent, *words):
        done = agent.run("drains", *words)
        self.assertEqual(done.stderr, "")
        return done

    def test_the_way_of_an_operator(self):
        self.fleet()
        observer = self.observer().start()
        self.await_known(observer, "world/w3")
        self.assertEqual(self.run_drains(observer).stdout, "no drains of many servers\n")
        spec = ("--type", "world", "--wave", "50%", "--settle", "100ms", "--reason", "patch", "--by", "olga@desk")
        shown = self.run_drains(observer, "preview", *spec).stdout.splitlines()
        self.assertEqual(shown[0].split(), ["WAVE", "SERVER", "STATUS", "PLAYERS", "WARNINGS"])
        self.assertEqual(shown[4].split(), ["2", "world/w3", "ready", "4", "kept"])
        self.assertEqual(shown[5:7], ["wave 1: 2 servers, 8 players, 12 free seats after it",
                                      "wave 2: 2 servers, 8 players, 6 free seats after it"])
        plan = shown[7].split()[1]
        started = self.run_drains(observer, "start", *spec, "--plan", plan).stdout.split()
        ident = started[0]
        watched = self.run_drains(observer, "watch", ident)
        self.assertEqual(watched.returncode, 0, watched.stdout)
        self.assertEqual(watched.stdout.splitlines()[-1], f"{ident} done: wave 2 of 2, 0 waiting, 0 draining, 3 empty, "
                                                          "0 gone, 1 skipped, 0 failed")
        listed = self.run_drains(observer, "list").stdout.splitlines()
        self.assertEqual(listed[1].split(), [ident, "done", "2", "2", "3", "olga@desk", "patch"])
        self.assertIn("the last ready world in its zone", self.run_drains(observer, "show", ident).stdout)
        self.assertEqual(json.loads(self.run_drains(observer, "undo", ident, "--json").stdout)["id"], ident)
        wait_until(lambda: self.servers.holds() == {}, "no hold is left")
        refused = observer.run("drains", "start", *spec, "--plan", "0000000000000000")
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertIn("the fleet is not what the preview showed", refused.stderr)

    def test_usage(self):
        self.fleet(1)
        observer = self.observer().start()
        self.await_known(observer)
        for words, code in ((("sho",), 64), (("show",), 64), (("undo", "a", "b"), 64), (("show", "nothing"), 1),
                            (("start",), 1), (("start", "world/w0", "--wave", "x"), 1)):
            self.assertEqual(observer.run("drains", *words).returncode, code, words)


class Refused(Drains):
    def test_bodies(self):
        self.fleet(1)
        observer = self.observer().start()
        self.await_known(observer)
        servers = {"servers": ["world/w0"]}
        for body, status, code in (
                ({}, 400, "bad_body"),
                ({"filter": {}}, 400, "bad_body"),
                ({"filter": {"type": ""}}, 400, "bad_body"),
                ({"filter": {"limit": "3"}}, 400, "bad_body"),
                ({"filter": {"colour": "red"}}, 400, "bad_body"),
                ({"filter": {"type": 7}}, 400, "bad_body"),
                ({"filter": "type=world"}, 400, "bad_body"),
                ({"filter": {"type": "world"}, **servers}, 400, "bad_body"),
                ({"filter": {"type": "lobby"}}, 404, "no_such_service"),
                ({"servers": []}, 400, "bad_body"),
                ({"servers": ["w0"]}, 400, "bad_body"),
                ({"servers": ["world/w0", "world/w0"]}, 400, "bad_body"),
                ({"servers": ["world/w9"]}, 404, "no_such_service"),
                ({"servers": [f"world/{'x' * 300}"]}, 400, "bad_body"),
                ({**servers, "wave": 3}, 400, "bad_body"),
                ({**servers, "wave": {"size": 0}}, 400, "bad_body"),
                ({**servers, "wave": {"size": "0%"}}, 400, "bad_body"),
                ({**servers, "wave": {"size": "10"}}, 400, "bad_body"),
                ({**servers, "maxDraining": 0}, 400, "bad_body"),
                ({**servers, "freeSeats": -1}, 400, "bad_body"),
                ({**servers, "pause": "3000h"}, 400, "bad_body"),
                ({**servers, "reason": "a\nb"}, 400, "bad_body"),
                ({**servers, "then": "explode"}, 400, "bad_body"),
                ({**servers, "onError": {}}, 400, "bad_body"),
                ({**servers, "colour": "red"}, 400, "bad_body"),
                ('{"servers":["world/w0"],"servers":[]}', 400, "bad_body"),
                ("[" * 500, 400, "bad_body"),
                (servers, 409, "plan_changed"),
                ({**servers, "planHash": "0123456789abcdef"}, 409, "plan_changed")):
            answer = self.ask(observer, "POST", "/api/drains", body)
            self.assertEqual((answer[0], answer[1]["error"]["code"]), (status, code), f"{body}: {answer}")
        self.assertEqual(answer[1]["plan"]["servers"][0]["server"], "world/w0")
        for path in ("/api/drains/nothing", "/api/drains/01JD00000000000000000000AA"):
            self.assertEqual(self.ask(observer, "GET", path)[0], 404)
            self.assertEqual(self.ask(observer, "POST", path + "/undo", {})[0], 404)
        self.assertEqual(self.ask(observer, "POST", "/api/drains?preview=maybe", servers)[0], 400)
        self.assertEqual(self.ask(observer, "POST", "/api/drains", servers, {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(self.ask(observer, "POST", "/api/drains", servers, {"Idempotency-Key": "x" * 65})[0], 400)
        self.assertEqual(self.ask(observer, "GET", "/api/drains")[1]["drains"], [])

    def test_the_difference_to_the_preview(self):
        self.fleet(3)
        observer = self.observer().start()
        self.await_known(observer, "world/w2")
        body = {"filter": {"type": "world"}}
        plan = self.preview(observer, body)
        self.servers.gone("world/w0")
        self.servers.put("world/w1", status="error")
        self.servers.put("world/w3", zone="b")
        wait_until(lambda: self.ask(observer, "GET", "/api/services/world/w3")[0] == 200, "the fleet is another one")
        status, answer = self.ask(observer, "POST", "/api/drains", {**body, "planHash": plan["planHash"]})
        self.assertEqual((status, answer["error"]["code"]), (409, "plan_changed"))
        self.assertEqual(answer["changes"], [{"server": "world/w1", "was": "ready, zone a", "is": "error, zone a"},
                                             {"server": "world/w3", "was": None, "is": "ready, zone b"},
                                             {"server": "world/w0", "was": "ready, zone a", "is": None}])

    def test_repeated_with_a_key(self):
        self.fleet(1)
        observer = self.observer().start()
        self.await_known(observer)
        body = {"servers": ["world/w0"], "keepOne": False, "settle": "100ms"}
        first = self.begin(observer, body, {"Idempotency-Key": "abc"})
        self.assertIsNone(self.await_state(observer, first, "done")["waitsFor"])
        status, again = self.ask(observer, "POST", "/api/drains", {**body, "planHash": "gone"}, {"Idempotency-Key": "abc"})
        self.assertEqual((status, again["id"]), (200, first))

    def test_a_key_at_two_observers_at_once(self):
        self.fleet(1)
        agents = [self.observer(name).start() for name in ("a", "b")]
        body = {"servers": ["world/w0"], "keepOne": False, "by": "olga"}
        for agent in agents:
            self.await_known(agent)
        body["planHash"] = self.preview(agents[0], body)["planHash"]
        with ThreadPoolExecutor() as pool:
            for key in ("one", "two", "three"):
                asked = [pool.submit(self.ask, agent, "POST", "/api/drains", body, {"Idempotency-Key": key})
                         for agent in agents * 3]
                answers = [each.result() for each in asked]
                self.assertEqual({status for status, _ in answers}, {200}, answers)
                ids = {answer["id"] for _, answer in answers}
                self.assertEqual(len(ids), 1, answers)
                self.ask(agents[0], "POST", f"/api/drains/{ids.pop()}/undo", {})
        self.assertEqual(len(self.ask(agents[1], "GET", "/api/drains")[1]["drains"]), 3)

    def test_a_key_that_is_none_and_an_agent_with_a_server(self):
        self.fleet(1)
        self.etcd.put(f"/outrider{self.prefix}/drains/nonsense", "{}")
        observer = self.observer().start()
        wait_until(lambda: self.ask(observer, "GET", "/api/drains")[1].get("unreadable") == 1, "the key is counted")
        game = self.new_game()
        sidecar = self.agent("s", server={"id": "s1", "ports": [game.port]}).start()
        self.assertEqual(self.ask(sidecar, "GET", "/api/drains")[1]["error"]["code"], "no_drains")
