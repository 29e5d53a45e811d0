"""Game servers of the test behind real agents, players that join them through observers, and what must hold of both."""
import json
import threading

from harness import Case, wait_until


def at_once(count, call):
    """What `call(number)` returns in each of so many threads."""
    answers = []
    threads = [threading.Thread(target=lambda n=n: answers.append(call(n))) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(answers) != count:
        raise AssertionError("a thread failed")
    return answers


class Full(Exception):
    """The server has no room for a player without a reservation."""


class Gone(Exception):
    """The server is not there."""


class Server:
    """A game server: it knows who is in it, and lets in who has a seat."""

    def __init__(self, case, name, capacity):
        self.case, self.name, self.capacity = case, name, capacity
        self.game = case.new_game()
        self.agent = case.agent(name, server={"id": name, "ports": [self.game.port]}, registry={"ttl": "3s"}, probes=...)
        self.players, self.claimed, self.most = set(), set(), 0
        self.lock = threading.Lock()
        self.line = None

    @property
    def place(self):
        return f"world/{self.name}"

    def open(self):
        """It starts, empty."""
        with self.lock:
            self.players = set()
            self.game.open()
            self.line = self.agent.line()
            self.say(f"attach ready players=0/{self.capacity}")

    def say(self, words):
        answer = self.line.ask(words)
        if answer is None:
            raise Gone(self.name)
        return answer

    def crash(self):
        """Its process ends; the agent lives."""
        with self.lock:
            self.game.close()
            self.line.close()
            self.line, self.players = None, set()

    def lose_machine(self):
        self.crash()
        self.agent.kill()

    def enter(self, player, reservation):
        """With a reservation, it is claimed. Without one the player was here before, and gets in if there is room."""
        with self.lock:
            if self.line is None:
                raise Gone(self.name)
            if player in self.players:
                return
            count = len(self.players) + 1
            if reservation is None:
                if count > self.capacity:
                    raise Full(self.name)
                self.say(f"players={count}")
            else:
                answer = self.say(f"players={count} claim={reservation}")
                if not answer.startswith("OK"):
                    self.case.assertIn("is not reserved", answer)
                    raise Full(self.name)
                self.case.assertNotIn(reservation, self.claimed, "a seat is claimed once")
                self.claimed.add(reservation)
            self.players.add(player)
            self.most = max(self.most, count)

    def leave(self, player):
        with self.lock:
            if self.line is not None and player in self.players:
                self.players.remove(player)
                self.say(f"players={len(self.players)}")


class PlacingCase(Case):
    """Observers `o1`... and servers."""

    sessions = {"store": "memory"}

    def observer(self, name, **over):
        return self.agent(name, server=..., probes=..., status=..., drain=..., shutdown=..., sessions=self.sessions, **over)

    def open_servers(self, count, capacity):
        self.servers = {}
        for number in range(1, count + 1):
            server = Server(self, f"s{number}", capacity)
            self.servers[server.place] = server
            server.agent.start()
        for server in self.servers.values():
            server.open()

    def statuses(self, observer):
        _, body = self.ask(observer, "GET", "/api/services?type=world")
        return {f"world/{record['id']}": record["status"] for record in body["services"]}

    def wait_ready(self, observers):
        for observer in observers:
            wait_until(lambda o=observer: list(self.statuses(o).values()) == ["ready"] * len(self.servers),
                       f"all ready at {observer.name}")

    @staticmethod
    def ask(observer, method, path, body=None):
        """Status and decoded body."""
        status, _, text = observer.request(method, path, body)
        return status, json.loads(text) if text else None

    def join(self, observer, player, status=200, **more):
        got, body = self.ask(observer, "POST", "/api/join/world", {"player": player, **more})
        self.assertEqual(got, status, body)
        return body

    def reservations(self):
        return [each for kv in self.etcd.under(f"/outrider{self.prefix}/seats/") for each in kv.record["reservations"]]

    def check_same(self, answers):
        """All have one session, one server and its seat."""
        self.assertEqual(len({answer["session"]["id"] for answer in answers}), 1)
        self.assertEqual(len({answer["service"]["id"] for answer in answers}), 1)
        self.assertEqual({answer["reservation"]["id"] for answer in answers}, {answers[0]["session"]["id"]})
        self.assertEqual({answer["reconnect"] for answer in answers}, {False})

    def session(self, observer, player):
        status, body = self.ask(observer, "GET", f"/api/players/{player}/session")
        return body if status == 200 else None
