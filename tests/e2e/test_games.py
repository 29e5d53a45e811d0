"""Game servers that others wrote, counted without a line of code in them. gamedig reads the same from the same server."""
import json
import subprocess
import unittest

import npm
from arena import ENGINE, Arena
from harness import Case
from registry import DEADLINE_S, with_etcd


class Games(Case):
    def setUp(self):
        super().setUp()
        self.port = with_etcd.free_ports(1)[0]
        self.watcher = self.watch()

    def probed(self, kind):
        """An agent that knows nothing of the server but the type of its probe."""
        return self.agent(server={"ports": [self.port]},
                          probes=[{"name": "game", "type": kind, "port": self.port, "interval": "1s",
                                   "timeout": "900ms"}]).start()

    def published(self, players, capacity, **labels):
        event = self.watcher.status("ready", players=players, capacity=capacity)
        self.assertEqual(event.record["labels"], labels)
        return event.record

    def server(self, kind):
        server = npm.Lines(self, "games/server.js", kind, self.port, modules=npm.locked("games"))
        self.assertEqual(server.read(), {"up": True})
        return server

    def gamedig(self, kind, **expected):
        done = subprocess.run(["node", npm.SUPPORT / "games/query.js", kind, str(self.port)], capture_output=True, text=True,
                              env=npm.node_environment(npm.locked("games")), cwd=npm.locked("games").parent,
                              timeout=DEADLINE_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual({name: found[name] for name in expected}, expected)

    def test_minecraft(self):
        server = self.server("minecraft")
        server.do(players=7)
        agent = self.probed("minecraft")
        record = self.published(7, 20, name="Harbor")
        self.assertEqual(record["version"], "1.16.1")
        self.gamedig("minecraft", players=7, capacity=20)
        server.do(players=0)
        self.published(0, 20, name="Harbor")
        since = self.watcher.mark()
        server.kill()
        event = self.watcher.status("error", since)
        self.assertFalse({"players", "capacity"} & set(event.record), event.record)
        self.assertIn("connection refused", event.record["reason"])
        agent.stop()

    def test_bedrock(self):
        server = self.server("bedrock")
        server.do(players=4)
        self.probed("raknet")
        record = self.published(4, 10, name="Bay", map="Reef")
        self.assertEqual(record["version"], "1.17.10")
        self.gamedig("mbe", players=4, capacity=10, name="Bay", map="Reef")
        since = self.watcher.mark()
        server.kill()
        event = self.watcher.status("error", since)
        self.assertNotIn("players", event.record)

    @unittest.skipUnless((ENGINE / "ioq3ded").exists(), "SKIP: ioquake3-server is not installed")
    def test_quake3(self):
        arena = Arena(self, self.port)
        self.probed("quake3")
        self.published(0, 8, name="Outrider", map="box")
        arena.join("alice")
        arena.join("bob")
        self.published(2, 8, name="Outrider", map="box")
        self.gamedig("q3a", players=2, capacity=8, map="box")


if __name__ == "__main__":
    unittest.main()
