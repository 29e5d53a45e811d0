"""A game server claims reservations over its status socket: the seats key and the record change at one revision."""
import base64
import concurrent.futures
import json
import socket
import threading
import time

from harness import Case, wait_until
from mitm import Mitm
from registry import Watcher
from test_observer import Fleet
from users import AuthCase


def later(seconds):
    moment = time.time() + seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(moment))


class Seats:
    """Writes reservations into etcd as an observer does."""

    def reserve(self, *ids, left=30):
        until = later(left)
        entries = [{"id": name, "seats": 1, "until": until, "by": "test"} for name in ids]
        self.etcd.put(self.seats, json.dumps({"reservations": entries}))
        for name in ids:
            self.etcd.put(self.id_key(name), json.dumps({"server": "w1", "seats": 1, "until": until}))

    def reserved(self):
        kv = self.etcd.get(self.seats)
        return None if kv is None else [entry["id"] for entry in kv.record["reservations"]]

    @property
    def seats(self):
        return f"/outrider{self.prefix}/seats/world/w1"

    def id_key(self, name):
        return f"/outrider{self.prefix}/seat-ids/world/{name}"


class Claim(Case, Seats):
    def setUp(self):
        super().setUp()
        self.watcher = self.watch()
        self.a = self.agent(status={"min_publish_interval": "1h"}).start()
        self.a.say("ready players=0/64")
        self.watcher.status("ready", players=0)

    def requests(self, *operations):
        text = self.a.request("GET", "/metrics")[-1]
        lines = (text if isinstance(text, str) else text.decode()).splitlines()
        return sum(float(line.split()[-1]) for line in lines for operation in operations
                   if line.startswith("outrider_registry_requests_total{") and f'op="{operation}"' in line)

    def test_one_revision_changes_both_keys(self):
        self.reserve("p-1", "p-2")
        line = self.a.line()
        self.assertEqual(line.ask("players=1"), "OK")
        self.assertEqual(line.ask("players=2 claim=p-1"), "OK")
        record, seats = self.etcd.get(self.a.key), self.etcd.get(self.seats)
        self.assertEqual((record.record["players"], self.reserved()), (2, ["p-2"]))
        self.assertEqual(record.revision, seats.revision)
        self.assertIsNone(self.etcd.get(self.id_key("p-1")))
        self.assertIsNotNone(self.etcd.get(self.id_key("p-2")))
        self.assertEqual(line.ask("players=2 claim=p-1"), "OK")  # said again
        self.assertEqual(line.ask("players=3 claim=p-2"), "OK")
        self.assertIsNone(self.etcd.get(self.seats))
        self.assertEqual(line.ask("claim=p-3"), "ERR claim p-3 is not reserved")
        self.reserve("p-4", left=-10)
        self.assertEqual(line.ask("claim=p-4"), "ERR claim p-4 is not reserved")
        self.assertEqual(self.a.run("send", "claim=p-4").stdout, "ERR claim p-4 is not reserved\n")
        self.assertEqual(self.a.run("send", "claim=-").returncode, 1)

    def test_lines_behind_a_claim_count_at_once_and_are_answered_in_turn(self):
        self.reserve("p-1")
        line = self.a.line()
        line.send(b"players=1 claim=p-1\nplayers=2\nbogus\nclaim=p-2\nready\n")
        self.assertEqual([line.read() for _ in range(5)],
                         ["OK", "OK", self.bogus(),
                          "ERR claim p-2 is not reserved", "OK"])
        self.assertIsNone(self.etcd.get(self.seats))

    def bogus(self):
        return self.a.line().ask("bogus")

    def test_one_that_has_sent_everything_gets_its_reply(self):
        self.reserve("p-1", "p-2")
        for words, answer in (("players=1 claim=p-1", b"OK\n"), ("claim=p-2 quit", b"OK\n"),
                              ("claim=p-3", b"ERR claim p-3 is not reserved\n")):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(20)
                peer.connect(str(self.a.status))
                peer.sendall(words.encode())
                peer.shutdown(socket.SHUT_WR)
                self.assertEqual(peer.makefile("rb").read(), answer)

    def test_datagram(self):
        self.reserve("p-1")
        self.a.notify_with("X_OUTRIDER=players=5 claim=p-1")
        self.watcher.status("ready", players=5)
        self.assertIsNone(self.etcd.get(self.seats))
        self.a.notify_with("X_OUTRIDER=claim=p-2")
        self.a.logged('msg="claim of a datagram did not end well" id=p-2 error="it is not reserved"')

    def test_registry_away_is_an_error_and_may_be_said_again(self):
        self.reserve("p-1")
        self.etcd.kill()
        line = self.a.line()
        line.send("error players=7 claim=p-1")
        line.send("heartbeat")
        self.assertRegex(line.read(), "^ERR away p-1: .*; say it again$")
        self.assertEqual(line.read(), "OK")
        self.etcd.start()
        wait_until(lambda: line.ask("ready players=7 claim=p-1") == "OK", "the claim is well")
        self.assertIsNone(self.etcd.get(self.seats))

    def test_without_a_claim_nothing_is_asked_and_the_end_removes_the_key(self):
        # The agent reads its own record again when it is in doubt: only what is asked of the seats counts.
        between, key = Mitm(self, self.etcd), base64.b64encode(self.seats.encode())

        def asked():
            return [request.path for request in between.asked() if key in request.body and not request.path.endswith("/watch")]
        self.a.stop()
        self.a.write(registry={"endpoints": [between.url]})
        self.a.start()
        self.a.say("ready players=0")
        self.watcher.status("ready", players=0)
        self.reserve("p-1")
        before = self.requests("txn", "delete")
        self.a.say("players=9", "error", "ready players=8")
        self.watcher.status("ready", players=8)
        self.assertEqual(asked(), [])
        self.assertEqual(self.requests("txn", "delete"), before)
        self.assertEqual(self.a.stop(), 0)
        self.assertEqual(self.reserved(), ["p-1"])
        self.a.start()
        self.reserve("p-1", "p-2")
        self.a.say("ready")
        wait_until(lambda: self.a.line().ask("players=1 claim=p-1") == "OK", "the claim is well")
        self.assertEqual(self.reserved(), ["p-2"])
        self.assertNotEqual(asked(), [])
        self.assertEqual(self.a.stop(), 0)
        self.assertIsNone(self.etcd.get(self.seats))


class Roles(AuthCase, Seats):
    def test_least_role(self):
        agent = self.sidecar()
        agent.start()
        agent.say("ready players=0")
        self.reserve("p-1")
        wait_until(lambda: agent.line().ask("players=1 claim=p-1") == "OK", "the claim is well")
        text = agent.run("check", "--live").stdout
        self.assertIn(f"claim reservations {self.seats}: ok\n", text)

    def test_a_role_of_before(self):
        agent = self.sidecar()
        seat_ids = f"/outrider{self.prefix}/seat-ids/world/"
        self.etcd.root("etcdctl", "role", "revoke-permission", f"outrider-{self.user}", seat_ids, "--prefix")
        agent.start()
        agent.say("ready players=0")
        self.reserve("p-1")
        self.assertRegex(agent.line().ask("players=1 claim=p-1"), "^ERR away p-1: .*permission denied.*; say it again$")
        wait_until(lambda: (kept := self.etcd.get(agent.key)) and kept.record["players"] == 1, "the record is written without it")
        check = agent.run("check", "--live")
        self.assertEqual(check.returncode, 0, check)
        self.assertIn(f"claim reservations: {seat_ids}outrider-check may not be written; for `claim=`", check.stdout)


class WholeWay(Fleet, Seats):
    CAPACITY = 40

    def test_players_reserve_and_arrive_and_no_seat_is_sold_twice(self):
        """Sixty players want one of forty seats, by two observers; each that gets one arrives, and the game claims it."""
        history = Watcher(self.etcd, "/")
        self.addCleanup(history.close)
        sidecar = self.agent("a").start()
        observers = [self.observer(name).start() for name in ("o", "p")]
        sidecar.say(f"ready players=0/{self.CAPACITY}")
        for observer in observers:
            wait_until(lambda: self.ids(observer, "?status=ready") == ["w1"], "w1 is ready")
        game, inside, turned_away = threading.Lock(), [], []

        def player(number):
            name, line = f"p-{number}", sidecar.line()
            for _ in range(100):
                status, _, text = observers[number % 2].request("POST", "/api/allocate/world",
                                                                json.dumps({"id": name, "ttl": "1m"}))
                if status == 201:
                    break
                if json.loads(text)["error"]["code"] == "no_candidate" and len(inside) == self.CAPACITY:
                    turned_away.append(name)
                    return
                time.sleep(0.02)
            with game:
                inside.append(name)
                line.send(f"players={len(inside)} claim={name}")
            self.assertEqual(line.read(), "OK")
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            list(pool.map(player, range(60)))
        self.assertEqual((len(inside), len(turned_away)), (self.CAPACITY, 60 - self.CAPACITY))
        self.assertIsNone(self.etcd.get(self.seats))
        self.assertEqual(self.etcd.under(f"/outrider{self.prefix}/seat-ids/"), [])
        self.assertEqual(self.etcd.get(sidecar.key).record["players"], self.CAPACITY)
        players, reserved, claims = 0, set(), 0
        by_revision = {}
        for event in history.until_now():
            by_revision.setdefault(event.kv.revision, []).append(event)
        for revision in sorted(by_revision):
            before = reserved
            for event in by_revision[revision]:
                if event.kv.key == self.seats:
                    reserved = set() if event.deleted else {each["id"] for each in event.record["reservations"]}
                elif event.kv.key == sidecar.key:
                    players = event.record.get("players", 0)
            claimed = before - reserved
            claims += len(claimed)
            self.assertLessEqual(players + len(reserved), self.CAPACITY, by_revision[revision])
            # One revision takes the reservation and counts the player.
            self.assertTrue(not claimed or sidecar.key in [event.kv.key for event in by_revision[revision]])
        self.assertEqual(claims, self.CAPACITY)
