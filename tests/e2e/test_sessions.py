"""Sessions of the store in memory: over HTTP, over restarts and kills, while servers go and return."""
import json
import subprocess
import threading
import unittest
import urllib.parse

from harness import BINARY, UnixHttp, sse_events, wait_until
from registry import DEADLINE_S
from test_observer import Fleet, record


class Stream:
    """What a subscriber of sessions hears."""

    def __init__(self, agent, query=""):
        self.heard = []
        self.connection = UnixHttp(agent.http)
        self.connection.request("GET", "/api/sessions/subscribe" + query)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.readline().startswith(b":")
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        self.heard.extend((name, json.loads(text)) for name, text, _ in sse_events(self.answer))

    def names(self):
        return [(name, data["id"]) for name, data in self.heard]

    def wait(self, *expected):
        wait_until(lambda: self.names() == list(expected), f"{expected} in {self.heard}")
        return [data for _, data in self.heard]

    def close(self):
        self.connection.close()


class Sessions(Fleet):
    def setUp(self):
        super().setUp()
        self.o = self.observer(sessions={"reconnect_grace": "1s"})

    def ask(self, method, path, body=None, status=200):
        got, _, answer = self.o.request(method, path, body)
        self.assertEqual(got, status, answer)
        return json.loads(answer) if answer else None

    def put_session(self, ident, player, server, status=201, **more):
        return self.ask("PUT", f"/api/sessions/{ident}", {"player": player, "server": server, **more}, status)

    def code(self, *words):
        return self.ask(*words)["error"]["code"]

    def state(self, ident):
        status, _, body = self.o.request("GET", f"/api/sessions/{ident}")
        return json.loads(body)["state"] if status == 200 else status

    def subscribe(self, query=""):
        stream = Stream(self.o, query)
        self.addCleanup(stream.close)
        return stream

    def test_a_life_of_a_session(self):
        self.o.start()
        everything, world, lobby = self.subscribe(), self.subscribe("?server=world/w2"), self.subscribe("?type=lobby")
        made = self.put_session("s1", "p1", "world/w1", data={"party": 7, "deep": [1, {"a": "b c"}]})
        self.assertEqual({key: made[key] for key in ("id", "player", "type", "server", "state", "data")},
                         {"id": "s1", "player": "p1", "type": "world", "server": "world/w1", "state": "active",
                          "data": {"party": 7, "deep": [1, {"a": "b c"}]}})
        self.assertEqual(self.ask("GET", "/api/sessions/s1"), made)
        self.assertEqual(self.ask("GET", "/api/players/p1/session"), made)
        self.assertEqual(self.ask("GET", "/api/players/p1/session?type=world"), made)
        self.assertEqual(self.code("GET", "/api/players/p1/session?type=lobby", None, 404), "no_session")
        touched = self.ask("POST", "/api/sessions/s1/touch", {})
        self.assertGreaterEqual(touched["touchedAt"], made["touchedAt"])
        moved = self.put_session("s1", "p1", "world/w2", 200)
        self.assertEqual((moved["server"], moved["createdAt"], moved["data"]), ("world/w2", made["createdAt"], {}))
        other = self.ask("POST", "/api/sessions", {"player": "p1", "server": "world/w2"}, 201)
        self.assertEqual((other["replaced"], len(other["id"])), ("s1", 26))
        self.ask("POST", "/api/sessions", {"id": "s3", "player": "p1", "server": "lobby/l1", "type": "lobby"}, 201)
        self.assertEqual(self.code("GET", "/api/sessions/s1", None, 404), "no_session")
        self.assertEqual(self.ask("DELETE", f"/api/sessions/{other['id']}")["id"], other["id"])
        self.assertEqual(self.code("DELETE", f"/api/sessions/{other['id']}", None, 404), "no_session")
        heard = everything.wait(("created", "s1"), ("moved", "s1"), ("ended", "s1"), ("created", other["id"]),
                                ("created", "s3"), ("ended", other["id"]))
        self.assertEqual((heard[1]["from"], heard[1]["server"]), ("world/w1", "world/w2"))
        self.assertEqual((heard[2]["why"], heard[5]["why"]), ("replaced", "deleted"))
        world.wait(("moved", "s1"), ("ended", "s1"), ("created", other["id"]), ("ended", other["id"]))
        lobby.wait(("created", "s3"))

    def test_conditions_and_lists(self):
        self.o.start()
        for number in range(25):
            self.put_session(f"s{number}", f"p{number}", f"world/w{number % 2}", replaces=None)
        answer = self.ask("PUT", "/api/sessions/x", {"player": "p1", "server": "world/w0", "replaces": None}, 409)
        self.assertEqual((answer["error"]["code"], answer["session"]["id"]), ("session_conflict", "s1"))
        answer = self.ask("PUT", "/api/sessions/x", {"player": "p1", "server": "world/w0", "replaces": "s2"}, 409)
        self.assertEqual(answer["session"]["id"], "s1")
        answer = self.ask("PUT", "/api/sessions/x", {"player": "p99", "server": "world/w0", "replaces": "s2"}, 409)
        self.assertIsNone(answer["session"])
        self.put_session("x", "p1", "world/w0", replaces="s1")
        answer = self.ask("PUT", "/api/sessions/x", {"player": "p2", "server": "world/w0"}, 409)
        self.assertEqual(answer["session"]["player"], "p1")
        for query, count in (("", 25), ("server=world/w1&", 11), ("server=world/w0&", 14), ("player=p1&", 1)):
            seen, after = [], ""
            while after is not None:
                body = self.ask("GET", f"/api/sessions?{query}limit=4" + (f"&after={after}" if after else ""))
                seen += [each["id"] for each in body["sessions"]]
                after = body["next"]
            self.assertEqual((len(seen), len(set(seen))), (count, count), query)
        self.assertEqual(self.ask("GET", "/api/sessions?server=world/none"), {"sessions": [], "next": None})

    def test_a_restart_and_a_kill_lose_nothing(self):
        self.o.start()
        for number in range(50):
            self.put_session(f"s{number}", f"p{number}", "world/w1", data={"n": number})
        self.ask("DELETE", "/api/sessions/s7")
        before = self.ask("GET", "/api/sessions")["sessions"]
        self.assertEqual(self.o.stop(), 0)
        self.o.start()
        order = lambda sessions: sorted([(each["id"], each["createdAt"], each["data"]["n"]) for each in sessions])
        self.assertEqual(order(self.ask("GET", "/api/sessions")["sessions"]), order(before))
        # Killed in the middle of a stream of changes: what was acknowledged is there.
        acknowledged, going = [], True

        def change():
            number = 1000
            while going:
                try:
                    body = json.dumps({"player": f"p{number}", "server": "world/w1"})
                    status, _, _ = self.o.request("PUT", f"/api/sessions/s{number}", body)
                except OSError:
                    return
                if status == 201:
                    acknowledged.append(f"s{number}")
                number += 1

        writers = [threading.Thread(target=change)]
        writers[0].start()
        wait_until(lambda: len(acknowledged) > 200, "200 changes")
        self.o.kill()
        going = False
        writers[0].join()
        self.o.start()
        for ident in acknowledged:
            self.assertEqual(self.state(ident), "active", ident)
        self.assertEqual(self.state("s7"), 404)
        self.assertEqual(self.ask("GET", "/api/agent")["sessions"]["store"], "memory")

    def test_a_server_that_goes_and_one_that_returns(self):
        lease = self.etcd.grant(60)
        self.put("world", "w1")
        self.etcd.put(f"{self.prefix}/world/w2", record("world", "w2"), lease)
        self.o.start()
        self.wait_ids(self.o, ["w1", "w2"])
        stream = self.subscribe()
        self.put_session("s1", "p1", "world/w1")
        self.put_session("s2", "p2", "world/w2")
        self.etcd.revoke(lease)
        wait_until(lambda: self.state("s2") == "orphaned", "s2 is orphaned")
        self.put("world", "w2")
        wait_until(lambda: self.state("s2") == "active", "s2 is active")
        self.etcd.delete(f"{self.prefix}/world/w1")
        wait_until(lambda: self.state("s1") == 404, "s1 has ended")
        heard = stream.wait(("created", "s1"), ("created", "s2"), ("orphaned", "s2"), ("restored", "s2"), ("orphaned", "s1"),
                            ("ended", "s1"))
        self.assertEqual(heard[5]["why"], "server_gone")
        self.assertEqual((heard[2]["state"], heard[3]["state"]), ("orphaned", "active"))
        text = self.o.request("GET", "/metrics")[2].decode()
        for line in ('outrider_sessions{state="active"} 1', 'outrider_sessions{state="orphaned"} 0',
                     'outrider_session_requests_total{op="put",outcome="ok"} 2', "outrider_session_store_up 1"):
            self.assertIn(line + "\n", text)
        listing = self.o.run("sessions", "--agent", f"unix:{self.o.http}")
        self.assertEqual(listing.returncode, 0, listing.stderr)
        self.assertIn("world/w2", listing.stdout)
        self.assertNotIn("world/w1", listing.stdout)
        self.assertIn("1 session, 0 orphaned", listing.stdout)
        whole = json.loads(self.o.run("sessions", "--agent", f"unix:{self.o.http}", "--player", "p2", "--json").stdout)
        self.assertEqual([each["id"] for each in whole["sessions"]], ["s2"])
        watch = self.process(BINARY, "sessions", "--agent", f"unix:{self.o.http}", "--watch", "--player", "p2",
                             stdout=subprocess.PIPE, text=True)
        self.addCleanup(watch.stdout.close)
        wait_until(lambda: "outrider_session_subscribers 2\n" in self.o.request("GET", "/metrics")[2].decode(), "it watches")
        self.put_session("s2", "p2", "world/w3", 200)
        line = watch.stdout.readline()
        self.assertRegex(line, "moved +p2  world/w3  s2  from world/w2")
        self.assertIn("sessions  memory, 1 active, 0 orphaned", self.o.run("status", "--agent", f"unix:{self.o.http}").stdout)

    def test_a_server_that_went_while_the_observer_was_away(self):
        self.put("world", "w1")
        self.put("world", "w2")
        self.o.write(sessions={"reconnect_grace": "1m"})
        self.o.start()
        self.wait_ids(self.o, ["w1", "w2"])
        self.put_session("s1", "p1", "world/w1")
        self.put_session("s2", "p2", "world/w2")
        self.o.kill()
        self.etcd.delete(f"{self.prefix}/world/w1")
        self.o.start()
        wait_until(lambda: self.state("s1") == "orphaned", "s1 is orphaned")
        self.assertEqual(self.state("s2"), "active")
        # It returns while the observer is away once more.
        self.o.kill()
        self.put("world", "w1")
        self.o.start()
        wait_until(lambda: self.state("s1") == "active", "s1 is active")

    def test_a_stale_view_orphans_nothing(self):
        self.put("world", "w1")
        proxy = self.proxy()
        self.o.write(registry={"endpoints": [proxy.url], "ttl": "2s"})
        self.o.start()
        self.wait_synced(self.o)
        self.put_session("s1", "p1", "world/w1")
        proxy.do("refuse")
        wait_until(lambda: self.services(self.o)["stale"], "the view is stale")
        self.assertEqual(self.state("s1"), "active")
        self.o.kill()
        self.o.start()
        self.assertEqual(self.state("s1"), "active")
        self.etcd.delete(f"{self.prefix}/world/w1")
        proxy.do("pass")
        wait_until(lambda: self.state("s1") == 404, "s1 has ended with its server")

    def test_bad_input(self):
        self.o.write(sessions={"max": 3})
        self.o.start()
        names = ["\U0001f984" * 64, "ä/ö", "a b", "\u202e", "\x01", "..%2f", "?&=#", "'\"\\", "x" * 256]
        for number, name in enumerate(names):
            ident = f"s{number}"
            self.put_session(ident, name, "world/w1")
            path = f"/api/players/{urllib.parse.quote(name, safe='')}/session"
            self.assertEqual(self.ask("GET", path)["player"], name)
            query = urllib.parse.urlencode({"player": name})
            self.assertEqual(self.ask("GET", f"/api/sessions?{query}")["sessions"][0]["id"], ident)
            self.ask("DELETE", f"/api/sessions/{ident}")
        good = {"player": "p1", "server": "world/w1"}
        for body, code in (({**good, "player": "x" * 257}, "bad_session"), ({**good, "player": ""}, "bad_session"),
                           ({**good, "server": "world"}, "bad_session"), ({**good, "server": "a/b/c"}, "bad_session"),
                           ({**good, "type": "lobby"}, "bad_session"), ({**good, "data": {"a": "x" * 4096}}, "bad_session"),
                           ({"server": "world/w1"}, "bad_session"), ({**good, "id": "other"}, "bad_session"),
                           ({**good, "data": [1]}, "bad_body"), ({**good, "ttl": "1y"}, "bad_body"),
                           ({**good, "player": 7}, "bad_body"), ("[", "bad_body"), ("", "bad_body"), ('{"player":"\\u0000"}', "bad_body"),
                           (b'{"player":"\xff"}', "bad_body"), ('{"data":' + "[" * 5000, "bad_body")):
            self.assertEqual(self.code("PUT", "/api/sessions/s1", body, 400), code, body)
        for path in ("x" * 65, "a%20b", "%F0%9F%A6%84", "a%2Fb"):
            self.assertEqual(self.code("PUT", f"/api/sessions/{path}", good, 400), "bad_session", path)
        self.assertEqual(self.code("POST", "/api/sessions", {**good, "id": "subscribe"}, 400), "bad_session")
        for query in ("limit=0", "limit=1001", "limit=-1", "after=", "after=nonsense!", "server=world", "player=", "nonsense=1",
                      "limit=2&limit=2", "player=a&player=b", "player=" + "x" * 257, "player=%FF"):
            self.assertIn(self.o.request("GET", f"/api/sessions?{query}")[0], (400,), query)
        self.assertEqual(self.code("GET", "/api/sessions/subscribe?limit=1", None, 400), "unknown_parameter")
        self.assertEqual(self.code("GET", "/api/players/p1/session?type=a/b", None, 400), "bad_parameter")
        self.assertRaises(OSError, self.o.request, "PUT", "/api/sessions/s1", json.dumps({**good, "data": {"a": "x" * 3000000}}))
        self.assertEqual(self.o.request("PUT", "/api/sessions/s1", "x" * 65537)[0], 413)
        self.assertEqual(self.o.request("PATCH", "/api/sessions/s1", {})[0], 405)
        self.assertEqual(self.o.request("PUT", "/api/sessions/s1", json.dumps(good), {"Origin": "http://evil"})[0], 403)
        for number in range(3):
            self.put_session(f"s{number}", f"p{number}", "world/w1")
        self.assertEqual(self.code("PUT", "/api/sessions/s9", {"player": "p9", "server": "world/w1"}, 503), "session_store_full")
        self.put_session("s9", "p0", "world/w1")
        self.assertEqual(len(self.ask("GET", "/api/sessions")["sessions"]), 3)

    def test_a_subscriber_that_does_not_read_is_closed(self):
        self.o.start()
        deaf = UnixHttp(self.o.http)
        self.addCleanup(deaf.close)
        deaf.request("GET", "/api/sessions/subscribe")
        answer = deaf.getresponse()
        self.assertEqual(answer.status, 200)
        other = self.subscribe("?player=p7")
        connection = UnixHttp(self.o.http)
        self.addCleanup(connection.close)
        for number in range(600):
            body = json.dumps({"player": f"p{number}", "server": "world/w1", "data": {"a": "x" * 4000}})
            connection.request("PUT", f"/api/sessions/s{number}", body, {"Content-Type": "application/json"})
            self.assertEqual(connection.getresponse().read()[:6], b'{"id":')
        wait_until(lambda: self.metric(self.o, "outrider_session_subscribers_dropped_total") == 1, "it is closed")
        self.assertEqual(self.metric(self.o, "outrider_session_subscribers"), 1)
        other.wait(("created", "s7"))

    def test_off_where_it_is_off(self):
        sidecar = self.agent("a").start()
        status, _, body = sidecar.request("GET", "/api/sessions")
        self.assertEqual((status, json.loads(body)["error"]["code"]), (503, "sessions_off"))
        self.assertEqual(sidecar.api()["sessions"], None)
        self.assertNotIn("outrider_sessions", sidecar.request("GET", "/metrics")[2].decode())


if __name__ == "__main__":
    unittest.main()
