"""200 players join through three observers while servers crash, drain and come back, machines are lost, an observer dies and Redis
fails over. In the end each player is in exactly one place, and no server ever had more players than seats.

OUTRIDER_CROWD_SEED chooses another run; a failure prints the seed and what was done."""
import os
import random
import signal
import sys
import threading
import time

from harness import wait_until
from placing import Full, Gone, PlacingCase, at_once
from redis_servers import Redis

PLAYERS, WORKERS, SERVERS, CAPACITY = 200, 12, 8, 40


class Player:
    def __init__(self, name):
        self.name = name
        self.server = None
        self.lock = threading.Lock()


class Crowd(PlacingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = Redis("sentinel")
        cls.addClassCleanup(cls.redis.stop)

    def setUp(self):
        super().setUp()
        self.sessions = self.redis.sessions(f"t{self.number}")
        self.seed = int(os.environ.get("OUTRIDER_CROWD_SEED", "20261129"))
        self.random = random.Random(self.seed)
        self.done, self.problems = [], []
        self.over = threading.Event()
        self.observers = [self.observer(f"o{n}").start() for n in (1, 2, 3)]
        self.open_servers(SERVERS, CAPACITY)
        self.wait_ready(self.observers)
        self.players = [Player(f"p{n}") for n in range(PLAYERS)]

    # ---- players ----

    def answer(self, dice, player, **more):
        """A join, asked until there is a place; observers and stores may be away for a while."""
        end = time.monotonic() + 30
        while True:
            try:
                status, body = self.ask(dice.choice(self.observers), "POST", "/api/join/world",
                                        {"player": player.name, "strategy": "least_connections", **more})
                if status == 200:
                    return body
                if status not in (409, 503):
                    raise AssertionError(f"{player.name}: {status} {body}")
            except OSError:
                body = "no observer"
            if time.monotonic() > end:
                raise AssertionError(f"{player.name} has no place: {body}")
            time.sleep(dice.uniform(0.02, 0.1))

    def place(self, dice, player, **more):
        """One player follows the answer, once more where its server is gone by the time that it arrives."""
        with player.lock:
            end = time.monotonic() + 20  # the record of a lost machine stands until its lease ends
            while time.monotonic() < end:
                answer = self.answer(dice, player, **more)
                server = self.servers[answer["session"]["server"]]
                if player.server not in (None, server):
                    player.server.leave(player.name)
                try:
                    server.enter(player.name, answer["reservation"] and answer["reservation"]["id"])
                    player.server = server
                    return
                except Gone:
                    player.server = None
                    time.sleep(dice.uniform(0.05, 0.3))  # until the observers know it, too
                except Full:  # it came back without a seat, or the seat is claimed by a try before
                    player.server = None
                    self.end_session(dice, answer["session"]["id"])
            raise AssertionError(f"{player.name} found no place")

    def end_session(self, dice, session):
        try:
            self.ask(dice.choice(self.observers), "DELETE", f"/api/sessions/{session}")
        except OSError:
            pass

    def work(self, number):
        dice = random.Random(self.seed * 100 + number)
        mine = self.players[number::WORKERS]
        try:
            while not self.over.is_set():
                player = dice.choice(mine)
                self.place(dice, player, **({"leave": True} if dice.random() < 0.2 else {}))
                time.sleep(dice.uniform(0, 0.05))
        except Exception as error:  # pylint: disable=broad-except
            self.problems.append(error)

    # ---- what happens meanwhile ----

    def server_of(self, ready=True):
        up = [server for server in self.servers.values() if (server.line is not None) == ready]
        return self.random.choice(up) if up else None

    def trouble(self):
        """Never more than three servers at once, so that there is room for everybody."""
        down, drained = [], []

        def crash():
            server = self.server_of()
            server.crash()
            down.append((server, False))

        def lose():
            server = self.server_of()
            server.lose_machine()
            down.append((server, True))

        def back():
            server, lost = down.pop(0)
            if lost:
                server.agent.start()
            server.open()

        def drain():
            server = self.server_of()
            if server.agent.process.poll() is None:
                server.agent.send_signal(signal.SIGUSR1)
                drained.append(server)

        def undrain():
            server = drained.pop(0)
            if server.agent.process.poll() is None:
                server.agent.send_signal(signal.SIGUSR2)

        def observer():
            observer = self.random.choice(self.observers)
            observer.kill()
            observer.start()

        plan = [crash, drain, lose, observer, back, crash, undrain, back, drain, self.redis.failover, crash, back, observer, lose,
                undrain, back, back]
        for what in plan:
            name = getattr(what, "__name__", "failover")
            self.done.append(name)
            what()
            time.sleep(self.random.uniform(0.2, 0.9))
        while down:
            back()
        for server in self.servers.values():  # a machine may have been lost while it was drained
            server.agent.send_signal(signal.SIGUSR2)

    # ---- in the end ----

    def check(self, dice):
        for player in self.players:
            self.place(dice, player)
        for player in self.players:
            sessions = [self.session(observer, player.name) for observer in self.observers]
            self.assertTrue(all(sessions), player.name)
            self.assertEqual(len({session["id"] for session in sessions}), 1, sessions)
            self.assertEqual(sessions[0]["server"], player.server.place)
            inside = [server.name for server in self.servers.values() if player.name in server.players]
            self.assertEqual(inside, [player.server.name], player.name)
        for server in self.servers.values():
            self.assertLessEqual(server.most, CAPACITY, server.name)
            kv = wait_until(lambda s=server: (kv := self.etcd.get(s.agent.key)) and kv.record.get("players") == len(s.players)
                            and kv, f"the record of {server.name} has {len(server.players)} players")
            self.assertEqual(kv.record["status"], "ready")
        self.assertEqual(sum(len(server.players) for server in self.servers.values()), PLAYERS)

    def test_one_player_through_three_observers(self):
        for player in range(5):
            self.check_same(at_once(12, lambda n, p=player: self.join(self.observers[n % 3], f"p{p}")))
        wait_until(lambda: len(self.reservations()) == 5, "the seats of those that were slower are free")

    def test_everybody_is_in_one_place(self):
        threads = [threading.Thread(target=self.work, args=(number,)) for number in range(WORKERS)]
        try:
            for thread in threads:
                thread.start()
            self.trouble()
            self.over.set()
            for thread in threads:
                thread.join()
            self.assertEqual(self.problems, [])
            self.assertEqual([observer.process.poll() for observer in self.observers], [None] * 3, "no observer ended")
            self.wait_ready(self.observers)
            self.check(random.Random(self.seed))
        except BaseException:
            self.over.set()
            print(f"\nOUTRIDER_CROWD_SEED={self.seed}: {', '.join(self.done)}", file=sys.stderr)
            raise
