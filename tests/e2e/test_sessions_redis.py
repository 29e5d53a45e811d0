"""Sessions in Redis: two observers that share them, over HTTP, while the Redis servers fail over."""
import json
import re
import subprocess
import threading
import unittest

from harness import BINARY, wait_until
from redis_servers import Redis, with_redis
from test_observer import Fleet
from test_sessions import Stream


class SessionsInRedis(Fleet):
    def observers(self, mode, **more):
        self.redis = Redis(mode, **more)
        self.addCleanup(self.redis.stop)
        self.o, self.other = (self.observer(name, sessions={**self.redis.sessions("outrider-test"), "reconnect_grace": "1s"})
                              for name in ("o", "o2"))

    def ask(self, agent, method, path, body=None, status=200):
        got, _, answer = agent.request(method, path, body)
        self.assertEqual(got, status, answer)
        return json.loads(answer) if answer else None

    def put_session(self, agent, ident, player, server, status=201, **more):
        return self.ask(agent, "PUT", f"/api/sessions/{ident}", {"player": player, "server": server, **more}, status)

    def test_two_agents_share_them_and_both_streams_tell(self):
        self.observers("cluster")
        self.put("world", "w1")
        for agent in (self.o, self.other):
            agent.start()
            self.wait_synced(agent)
        stream = Stream(self.other)
        self.addCleanup(stream.close)
        wait_until(lambda: stream.heard == [("gap", {})], "the stream hears what the other agent does")
        stream.heard.clear()
        made = self.put_session(self.o, "s1", "Jürgen \U0001f409", "world/w1", data={"a": [1]})
        self.assertEqual(self.ask(self.other, "GET", "/api/sessions/s1"), made)
        self.put_session(self.other, "s1", "Jürgen \U0001f409", "world/w2", 200)
        self.assertEqual(self.put_session(self.other, "s1", "p2", "world/w1", 409)["error"]["code"], "session_conflict")
        for number in range(30):
            self.put_session(self.o, f"n{number}", f"q{number}", "world/w1")
        seen, after = set(), ""
        while after is not None:
            page = self.ask(self.other, "GET", "/api/sessions?limit=7" + (f"&after={after}" if after else ""))
            seen, after = seen | {each["id"] for each in page["sessions"]}, page["next"]
        self.assertEqual(seen, {"s1", *(f"n{number}" for number in range(30))})
        self.ask(self.o, "DELETE", "/api/sessions/s1")
        wait_until(lambda: ("ended", "s1") in stream.names(), "the other stream tells the end")
        self.assertEqual(stream.names()[:2], [("created", "s1"), ("moved", "s1")])
        # The server of the others goes, and does not return.
        self.etcd.delete(f"{self.prefix}/world/w1")
        wait_until(lambda: self.o.request("GET", "/api/sessions/n7")[0] == 404, "its sessions end after the grace")
        wait_until(lambda: ("ended", "n7") in stream.names(), "and the stream tells it")

    def test_a_failover_under_load_loses_only_what_no_replica_had(self):
        self.observers("sentinel", auth=True)
        self.put("world", "w1")
        self.o.start()
        self.wait_synced(self.o)
        self.put_session(self.o, "first", "first", "world/w1")
        acknowledged, away, going = [], [], True

        def change(part):
            number = part * 100000
            while going:
                body = {"player": f"p{number}", "server": "world/w1"}
                status, _, answer = self.o.request("PUT", f"/api/sessions/s{number}", body)
                (acknowledged if status == 201 else away).append((number, answer))
                number += 1

        threads = [threading.Thread(target=change, args=(part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: len(acknowledged) > 20, "sessions are made")
            replicated = list(acknowledged)
            self.redis.do("replicated")
            self.redis.failover()
            self.assertEqual(self.ids(self.o), ["w1"])
            done = len(acknowledged)
            wait_until(lambda: len(acknowledged) > done + 50, "sessions go on at the new master")
        finally:
            going = False
            for thread in threads:
                thread.join()
        for number, answer in away:
            self.assertEqual(json.loads(answer)["error"]["code"], "session_store_away")
        # Those between may be lost: no replica had them when the master died (docs/operating.md, "Sessions in Redis").
        kept = replicated + acknowledged[done:]
        lost = [number for number, _ in kept if self.o.request("GET", f"/api/sessions/s{number}")[0] != 200]
        self.assertEqual(lost, [], f"of {len(kept)}, the first {len(replicated)} of which a replica had")
        self.assertNotIn(with_redis.PASSWORD, self.o.log())

    def test_away_is_for_sessions_alone_and_check_live_names_it(self):
        self.observers("single", auth=True)
        self.put("world", "w1")
        self.o.write()
        self.redis.do("cli", "1", "ACL", "SETUSER", "agent", "-info")  # which only a registry needs
        result = self.o.run("check", "--live")
        self.assertEqual(result.returncode, 0, result)
        self.assertIn("sessions in redis at 127.0.0.1:", result.stdout)
        self.assertRegex(result.stdout, "redis: what may end sessions too early is not checked, its user needs .info for that: .*NOPERM")
        self.o.start()
        self.wait_synced(self.o)
        self.put_session(self.o, "s1", "p1", "world/w1")
        watch = self.process(BINARY, "sessions", "--agent", f"unix:{self.o.http}", "--watch", stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.stderr.close)
        self.assertRegex(watch.stdout.readline(), " gap ")
        self.redis.nodes[0].kill()
        self.assertRegex(watch.stderr.readline(), "^outrider: STALE: .*redis.*; what changes meanwhile is not shown\n$")
        answer = self.ask(self.o, "GET", "/api/sessions/s1", None, 503)
        self.assertEqual(answer["error"]["code"], "session_store_away")
        self.assertEqual(self.ids(self.o), ["w1"])
        self.assertEqual(self.get(self.o, "/api/route/world?key=x")[0], 200)
        result = self.o.run("check", "--live")
        self.assertEqual(result.returncode, 75, result)
        self.assertIn("sessions: FAILED, put on redis: ", result.stdout)
        self.assertIn("connection refused", result.stdout)
        self.redis.do("revive")
        wait_until(lambda: self.o.request("GET", "/api/sessions/s1")[0] == 404, "an empty Redis is there")
        self.assertEqual(watch.stderr.readline(), "outrider: sessions are followed again\n")
        self.assertRegex(watch.stdout.readline(), " gap ")
        for text in (result.stdout, result.stderr, self.o.log()):
            self.assertNotIn(with_redis.PASSWORD, text)

    def warnings(self):
        result = self.o.run("check", "--live")
        self.assertEqual(result.returncode, 0, result)
        return re.findall(r"^redis(?: at 127.0.0.1:\d+)?: (.*)$", result.stdout, re.M)

    def test_check_live_warns_of_what_ends_sessions_too_early(self):
        self.observers("sentinel")
        self.o.write()

        def change(node, *words):
            self.assertIn("OK", self.redis.do("cli", str(node), "CONFIG", "SET", *words))

        lagging = "warning: a master that its replicas do not reach goes on, "
        (warning,) = self.warnings()
        self.assertIn(lagging, warning)
        change(1, "min-replicas-to-write", "1")
        self.assertEqual(self.warnings(), [])
        change(1, "maxmemory", "100mb")
        self.assertEqual(self.warnings(), [])
        for policy, text in (("allkeys-lru", "sessions go without a word"), ("volatile-random", "sessions go without a word"),
                             ("volatile-ttl", "the sessions go that would end first")):
            change(1, "maxmemory-policy", policy)
            (warning,) = self.warnings()
            self.assertIn(f"warning: maxmemory-policy is {policy}: when memory is full, {text}", warning)

    def test_check_live_warns_of_servers_that_keep_nothing(self):
        self.observers("cluster")
        self.o.write()
        warnings = self.warnings()
        self.assertEqual(len(warnings), 3, warnings)
        for warning in warnings:
            self.assertIn("warning: it has no replica, and writes no file: a restart ends all sessions", warning)
        self.redis.do("cli", "1", "CONFIG", "SET", "save", "60 1")
        self.redis.do("cli", "2", "CONFIG", "SET", "appendonly", "yes")
        self.redis.do("cli", "3", "ACL", "SETUSER", "default", "-config")
        (warning,) = self.warnings()
        self.assertIn("whether it writes snapshots is not checked, its user needs +config|get for that: ", warning)


if __name__ == "__main__":
    unittest.main()
