"""Reservations: seats on a server for players that are on their way, over three observers and one etcd."""
import concurrent.futures
import datetime
import json
import subprocess
import time

from harness import BINARY, environment, wait_until
from test_observer import Fleet


class Allocate(Fleet):
    def setUp(self):
        super().setUp()
        self.control = "/outrider" + self.prefix
        self.observers = [self.observer(name).start() for name in ("o", "p", "q")]

    def wait_for(self, ready):
        for observer in self.observers:
            wait_until(lambda: len(self.ids(observer, "?type=world&status=ready")) == ready, f"{ready} ready")

    def ask(self, method, path, body=None, observer=0, status=None, headers=None):
        got, _, text = self.observers[observer].request(method, path, None if body is None else json.dumps(body), headers)
        document = json.loads(text)
        if status is not None:
            self.assertEqual(got, status, document)
        return document if status is not None else (got, document)

    def allocate(self, observer=0, status=201, **body):
        return self.ask("POST", "/api/allocate/world", body, observer, status)

    def seats_key(self, server):
        return f"{self.control}/seats/world/{server}"

    def reserved(self, server):
        value = self.etcd.get(self.seats_key(server))
        return [] if value is None else json.loads(value.value)["reservations"]

    def test_three_observers_never_oversell(self):
        """Each of three observers is asked by eight clients at once; the one server has room for 100, of which 10 are taken."""
        self.put("world", "w1", players=10, capacity=100)
        self.wait_for(1)

        def client(number):
            made = []
            for turn in range(12):
                status, document = self.ask("POST", "/api/allocate/world", {"seats": 1 + number % 2, "ttl": "10m"},
                                            observer=number % 3)
                if status == 201:
                    made.append((document["reservation"]["id"], document["reservation"]["seats"]))
                else:
                    self.assertIn((status, document["error"]["code"]), ((503, "no_candidate"), (409, "conflict")))
            return made
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            made = [each for result in pool.map(client, range(24)) for each in result]
        entries = {(entry["id"], entry["seats"]) for entry in self.reserved("w1")}
        self.assertEqual(entries, set(made))
        self.assertLessEqual(sum(seats for _, seats in made), 90)
        # What is left is sold to a client that asks alone.
        while self.ask("POST", "/api/allocate/world", {"ttl": "10m"})[0] == 201:
            pass
        self.assertEqual(sum(entry["seats"] for entry in self.reserved("w1")), 90)
        refused = self.allocate(status=503)
        self.assertEqual((refused["error"]["code"], refused["excluded"]["full"]), ("no_candidate", 1))
        for observer in (1, 2):
            wait_until(lambda: self.get(self.observers[observer], "/api/route/world?key=a")[0] == 503, "it is full")

    def test_the_life_of_a_reservation(self):
        self.put("world", "w1", players=0, capacity=4)
        self.wait_for(1)
        made = self.allocate(seats=3, id="party-7", ttl="1m")
        self.assertEqual((made["reservation"]["id"], made["reservation"]["seats"], made["service"]["id"]), ("party-7", 3, "w1"))
        # A lost answer may be asked for again, of any agent; another number of seats is another wish.
        for observer in range(3):
            self.assertEqual(self.allocate(observer, seats=3, id="party-7", ttl="1m"), made)
        self.assertEqual(self.allocate(1, seats=2, id="party-7", status=409)["error"]["code"], "id_taken")
        path = "/api/reservations/world/w1/party-7"
        self.assertEqual(self.ask("GET", path, observer=2, status=200), made)
        longer = self.ask("POST", path + "/extend", {"ttl": "10m"}, observer=1, status=200)
        self.assertGreater(longer["reservation"]["expiresAt"], made["reservation"]["expiresAt"])
        # To extend never means to shorten.
        self.assertEqual(self.ask("POST", path + "/extend", {"ttl": "1s"}, observer=2, status=200), longer)
        self.assertEqual(self.allocate(2, seats=2, status=503)["error"]["code"], "no_candidate")
        gone = self.ask("DELETE", path, observer=2, status=200)
        self.assertEqual((gone["released"], gone["reservation"]), (True, longer["reservation"]))
        self.assertEqual(self.etcd.under(self.control + "/seat"), [])
        for method, where in (("DELETE", path), ("GET", path), ("POST", path + "/extend")):
            self.assertEqual(self.ask(method, where, {} if method == "POST" else None, status=404)["error"]["code"],
                             "no_such_reservation")
        wait_until(lambda: self.get(self.observers[0], "/api/route/world?seats=4&key=a")[0] == 200, "the seats are free")
        self.assertEqual(self.allocate(seats=4, id="party-7")["reservation"]["seats"], 4)

    def test_it_lapses_without_traffic(self):
        self.put("world", "w1", players=0, capacity=2)
        self.wait_for(1)
        self.allocate(seats=2, id="late", ttl="1s")
        for observer in self.observers:
            wait_until(lambda: self.get(observer, "/api/route/world?key=a")[0] == 503, "it is full")
        for observer in self.observers:
            wait_until(lambda: self.get(observer, "/api/route/world?key=a")[0] == 200, "it has lapsed")
        self.ask("GET", "/api/reservations/world/w1/late", status=404)
        # The id is free again, on this server or on another one.
        self.put("world", "w2", players=0, capacity=2)
        self.put("world", "w1", players=2, capacity=2)
        wait_until(lambda: self.get(self.observers[1], "/api/route/world?key=a&exclude=w2")[0] == 503, "w1 is full")
        self.wait_for(2)
        self.assertEqual(self.allocate(1, seats=1, id="late")["service"]["id"], "w2")
        self.assertEqual(self.reserved("w1"), [])
        self.assertEqual(json.loads(self.etcd.get(f"{self.control}/seat-ids/world/late").value)["server"], "w2")

    def until(self, ms):
        moment = datetime.datetime.fromtimestamp(time.time() + ms / 1000, datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"

    def test_a_skewed_clock(self):
        """An agent whose clock is almost 2 s behind means a seat until a moment that is over for everybody else."""
        self.put("world", "w1", players=0, capacity=1)
        self.wait_for(1)
        entry = {"id": "skewed", "seats": 1, "until": self.until(-500), "by": "behind"}
        self.etcd.put(self.seats_key("w1"), json.dumps({"reservations": [entry]}))
        wait_until(lambda: self.get(self.observers[0], "/api/route/world?key=a")[0] == 503, "it counts")
        self.assertEqual(self.allocate(status=503)["error"]["code"], "no_candidate")
        wait_until(lambda: self.get(self.observers[0], "/api/route/world?key=a")[0] == 200, "it has lapsed")
        self.allocate()
        self.assertEqual(len(self.reserved("w1")), 1)

    def test_foreign_values(self):
        """What is no list of reservations is skipped, counted and never overwritten."""
        self.put("world", "w1", players=0, capacity=10)
        self.put("world", "w2", players=9, capacity=10)
        self.wait_for(2)
        self.etcd.put(self.seats_key("w1"), "drain please")
        self.etcd.put(f"{self.control}/seat-ids/world/mine", "[]")
        wait_until(lambda: "key ignored, not a list of reservations" in self.observers[0].log(), "the log names it")
        self.assertEqual(self.allocate()["service"]["id"], "w2")
        self.allocate(status=503)
        self.assertEqual(self.etcd.get(self.seats_key("w1")).value, "drain please")
        self.assertEqual(self.ask("GET", "/api/reservations/world/w1/x", status=409)["error"]["code"], "foreign_value")
        self.put("world", "w2", players=0, capacity=10)
        wait_until(lambda: self.get(self.observers[0], "/api/route/world?key=a&exclude=w1")[0] == 200, "w2 has room")
        self.assertEqual(self.allocate(id="mine", status=409)["error"]["code"], "foreign_value")
        self.assertEqual(self.etcd.get(f"{self.control}/seat-ids/world/mine").value, "[]")
        self.etcd.delete(self.seats_key("w1"))
        wait_until(lambda: self.ask("POST", "/api/allocate/world", {"exclude": ["w2"]})[0] == 201, "w1 is sold again")

    def test_bad_input(self):
        self.put("world", "w1", players=0, capacity=10)
        self.wait_for(1)
        for body in ({"seats": 0}, {"seats": -1}, {"seats": 10 ** 12}, {"seats": 10 ** 30}, {"seats": "1"}, {"seats": 1.5},
                     {"seats": None}, {"ttl": "10y"}, {"ttl": "87600h"}, {"ttl": "0s"}, {"ttl": 30}, {"ttl": "61m"},
                     {"ttl": "-1s"}, {"id": ""}, {"id": "a/b"}, {"id": ".."}, {"id": "x" * 65}, {"id": 7}, {"id": "é"},
                     {"id": "a\u0000b"}, {"strategy": "best"}, {"strategy": "consistent_hash"}, {"near": ""}, {"key": ""},
                     {"key": "k" * 1025}, {"exclude": ["w"] * 17}, {"exclude": {"a": 1}}, {"labels": ["a"]}, {"labels": {"a": 1}},
                     {"labels": {str(i): "x" for i in range(1000)}}, {"player": "p"}, {"status": "ready"}, {"more": 1}, [], 7):
            self.assertEqual(self.ask("POST", "/api/allocate/world", body, status=400)["error"]["code"], "bad_body", body)
        for raw in ("{", "[" * 60000, '{"seats":1,"seats":2}', "\xff"):
            got, _, text = self.observers[0].request("POST", "/api/allocate/world", raw.encode("latin-1"))
            self.assertEqual((got, json.loads(text)["error"]["code"]), (400, "bad_body"), raw[:20])
        self.assertEqual(self.ask("POST", "/api/allocate/world?seats=1", {}, status=400)["error"]["code"], "unknown_parameter")
        self.assertEqual(self.ask("POST", "/api/allocate/none", {}, status=503)["excluded"]["filtered"], 0)
        self.assertEqual(self.ask("PUT", "/api/allocate/world", {}, status=405)["error"]["code"], "method_not_allowed")
        got, headers, _ = self.observers[0].request("PUT", "/api/reservations/world/w1/a", {})
        self.assertEqual((got, headers["Allow"]), (405, "GET, HEAD, DELETE"))
        for path in ("a%2Fb/w1/x", "world/w%2F1/x", "world/w1/%C3%A9", "world/w1/" + "x" * 65, "world/" + "w" * 129 + "/x",
                     "w" * 64 + "/w1/x"):
            self.assertEqual(self.ask("DELETE", f"/api/reservations/{path}", status=400)["error"]["code"], "bad_parameter", path)
        for key in ("\"\\\n", "ключ", "\u0000", "k" * 1024):
            self.assertEqual(self.ask("POST", "/api/allocate/world", {"key": key}, status=400 if key == "\u0000" else 201)
                             .get("error", {}).get("code"), "bad_body" if key == "\u0000" else None)
        self.assertEqual(len(self.reserved("w1")), 3)

    def test_the_command(self):
        self.put("world", "w1", players=0, capacity=10, zone="kr-a")
        self.wait_for(1)
        agent = self.observers[0].config["http"]["listen"]

        def command(*words):
            return subprocess.run([str(BINARY), "allocate", "--agent", agent, *words], capture_output=True, text=True,
                                  env=environment(NO_COLOR="1"), timeout=30)
        done = command("world", "--seats", "4", "--ttl", "1m", "--id", "party-7", "--near", "kr-a")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("w1", done.stdout)
        self.assertIn("party-7", done.stdout)
        shown = json.loads(command("world", "--seats", "4", "--id", "party-7", "--json").stdout)
        self.assertEqual(shown["reservation"]["seats"], 4)
        full = command("world", "--seats", "7")
        self.assertEqual(full.returncode, 1)
        self.assertIn("no server of type world can take 7 more", full.stderr)
        self.assertEqual(command("world", "--ttl", "2d").returncode, 64)
        self.assertEqual(command("world", "--id", "a b").returncode, 64)


if __name__ == "__main__":
    import unittest
    unittest.main()
