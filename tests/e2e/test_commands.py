"""Commands to servers: an operator or another server sends one, the server hears it and answers; through restarts and outages."""
import json
import subprocess
import time
import unittest

from harness import BINARY, environment, wait_until
from registry import encode
from test_observer import Fleet
from users import AuthCase

ID = "01JZZZZZZZ0000000000000001"


class Commands(Fleet):
    def server(self, name="w1", accept=("*",), **over):
        game = self.new_game()
        return self.agent(name, server={"id": name, "ports": [game.port]},
                          probes=[{"name": "game", "type": "tcp", "port": game.port, "interval": "50ms", "timeout": "40ms"}],
                          status={"accept": list(accept), **over.pop("status", {})}, **over)

    def pair(self, **over):
        """An observer and a ready server, which the observer knows."""
        server, observer = self.server(**over).start(), self.observer().start()
        self.wait_ids(observer, ["w1"])
        return server, observer

    def watching(self, server):
        line = server.line()
        self.assertTrue(line.ask("watch").startswith("OK"))
        return line

    def post(self, agent, server="w1", key=None, **body):
        headers = {} if key is None else {"Idempotency-Key": key}
        status, _, text = agent.request("POST", f"/api/services/world/{server}/commands", body, headers)
        return status, json.loads(text)

    def sent(self, agent, **body):
        status, document = self.post(agent, **body)
        self.assertEqual(status, 202, document)
        self.assertEqual(document["state"], "queued")
        return document["id"]

    def state(self, agent, ident):
        status, _, body = self.get(agent, f"/api/services/world/w1/commands/{ident}")
        self.assertEqual(status, 200, body)
        return body

    def wait_state(self, agent, ident, state):
        wait_until(lambda: self.state(agent, ident)["state"] == state, f"{ident} {state}")
        return self.state(agent, ident)

    def inbox(self, server="w1"):
        return f"/outrider{self.prefix}/inbox/world/{server}/"

    def value(self, **more):
        now = time.time()
        stamp = lambda at: time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
        return json.dumps({"name": "say", "args": "", "from": "op:x", "at": stamp(now), "until": stamp(now + 60),
                           "state": "queued", **more})

    def tell(self, agent, *words):
        process = subprocess.Popen([str(BINARY), "tell", *words], env=environment(OUTRIDER_CONFIG=agent.path), text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def heard(self, line):
        """The id, name, sender and arguments of the next event, which is a command."""
        event = line.read()
        self.assertTrue(event.startswith("EVENT command id="), event)
        head, args = event.split(" args=", 1)
        words = dict(word.split("=", 1) for word in head.split(" ")[2:])
        return words["id"], words["name"], words["from"], json.loads(args)


class Way(Commands):
    def test_there_and_back(self):
        server, observer = self.pair()
        line = self.watching(server)
        telling = self.tell(observer, "world/w1", "say", "restart", "in 5")
        ident, name, sender, args = self.heard(line)
        self.assertEqual((name, args), ("say", "restart in 5"))
        self.assertRegex(sender, r"^op:\S+$")
        self.wait_state(observer, ident, "delivered")
        self.assertEqual(line.ask(f"result {ident} ok said to 12 players"), "OK")
        self.assertEqual(telling.communicate(), ("said to 12 players\n", ""))
        self.assertEqual(telling.returncode, 0)
        self.assertEqual(self.state(observer, ident)["text"], "said to 12 players")
        # The same again is no error, another result is.
        self.assertEqual(line.ask(f"result {ident} ok said to 12 players"), "OK")
        self.assertEqual(line.ask(f"result {ident} error"), "ERR value result: the command has another result already")
        self.assertEqual(line.ask(f"result {ID} ok"), "ERR value result: no such command was delivered")
        text = server.request("GET", "/metrics")[2].decode()
        self.assertIn('\noutrider_commands_total{outcome="ok"} 1\n', text)
        self.assertIn("\noutrider_commands_waiting 0\n", text)
        text = observer.request("GET", "/metrics")[2].decode()
        self.assertIn('\noutrider_commands_sent_total{outcome="sent"} 1\n', text)
        self.assertIn('\noutrider_commands_sent_total{outcome="full"} 0\n', text)

    def test_the_audit_has_what_was_asked_and_answered(self):
        server = self.server().start()
        observer = self.observer(state_dir=str(self.dir / "kept"), audit={"registry": False}).start()
        self.wait_ids(observer, ["w1"])
        line = self.watching(server)
        entries = lambda: [json.loads(each) for each in (self.dir / "kept/audit.jsonl").read_text().splitlines()]
        for _ in range(2):  # the same again is not followed twice
            self.sent(observer, name="say", args="hello", key="k1")
        ident = self.heard(line)[0]
        line.ask(f"result {ident} ok said to 12 players")
        wait_until(lambda: len(entries()) == 3, "an entry of the answer")
        self.sent(observer, name="map.change", args="nowhere")
        line.ask(f"result {self.heard(line)[0]} error no such map")
        wait_until(lambda: len(entries()) == 5, "an entry of the answer")
        self.sent(observer, name="say", ttl="1s")
        wait_until(lambda: len(entries()) == 7, "an entry of the end of its time")
        said = [(each["what"], each["before"], each["after"].split(",")[0], each["outcome"], each.get("code")) for each in entries()]
        self.assertEqual(said, [
            ("command", "say hello", "queued", "ok", None), ("command", "say hello", said[1][2], "ok", None),
            ("command.answer", "say hello", "ok: said to 12 players", "ok", None),
            ("command", "map.change nowhere", "queued", "ok", None),
            ("command.answer", "map.change nowhere", "error: no such map", "failed", "error"),
            ("command", "say", "queued", "ok", None), ("command.answer", "say", "expired: no answer in time", "failed", "expired")])
        self.assertEqual({each["target"] for each in entries()}, {"world/w1"})
        self.assertIn(ident, entries()[0]["after"])
        text = observer.request("GET", "/metrics")[2].decode()
        for state in ("ok", "error", "expired"):
            self.assertIn(f'\noutrider_command_answers_total{{state="{state}"}} 1\n', text)

    def test_error_and_refusal(self):
        server, observer = self.pair(accept=["map.*"])
        line = self.watching(server)
        telling = self.tell(observer, "world/w1", "map.change", "nowhere")
        self.assertEqual(line.ask(f"result {self.heard(line)[0]} error no such map"), "OK")
        self.assertEqual(telling.communicate(), ("", "outrider: world/w1 map.change: error: no such map\n"))
        self.assertEqual(telling.returncode, 1)
        refused = observer.run("tell", "world/w1", "kick", "--json")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("this server takes no such command (status.accept)", refused.stderr)
        self.assertEqual(json.loads(refused.stdout)["state"], "error")
        self.assertEqual(line.ask(""), "OK")  # it has heard nothing of that

    def test_time_over(self):
        server, observer = self.pair()
        over = observer.run("tell", "world/w1", "say", "--ttl", "1s")  # no connection watches
        self.assertEqual(over.returncode, 75, over.stderr)
        self.assertIn("world/w1 say: expired", over.stderr)
        line = self.watching(server)
        ident = self.sent(observer, name="say", ttl="1s")
        self.assertEqual(self.heard(line)[0], ident)
        self.wait_state(observer, ident, "expired")
        self.assertEqual(line.ask(f"result {ident} ok"), "ERR value result: the time of the command is over")
        self.assertEqual(self.state(observer, ident)["state"], "expired")

    def test_every_connection_hears_it_once(self):
        server, observer = self.pair()
        first = self.sent(observer, name="say", args="a")
        line, other = self.watching(server), self.watching(server)
        self.assertEqual([self.heard(each)[0] for each in (line, other)], [first, first])
        self.assertEqual(line.ask("watch"), "OK")  # again on the same connection: nothing new
        second = self.sent(observer, name="say", args="b")
        self.assertEqual([self.heard(each)[0] for each in (line, other)], [second, second])
        line.ask(f"result {first} ok")
        self.assertEqual(self.heard(self.watching(server))[0], second)  # reconnected: only what has no result

    def test_idempotency_key(self):
        server, observer = self.pair()
        line = self.watching(server)
        second = self.observer("o2").start()
        self.wait_ids(second, ["w1"])
        body = {"name": "say", "args": "x"}
        ident = self.post(observer, key="k1", **body)[1]["id"]
        self.assertEqual(self.heard(line)[0], ident)
        for agent in (observer, second):
            status, document = self.post(agent, key="k1", **body)
            self.assertEqual((status, document["id"]), (202, ident))
        line.ask(f"result {ident} ok done")
        self.wait_state(second, ident, "ok")
        self.assertEqual(self.post(second, key="k1", **body)[1]["state"], "ok")
        self.assertEqual(self.post(second, key="k1", name="other")[0], 409)
        self.assertEqual(line.ask(""), "OK")  # heard once


class Failures(Commands):
    def test_agent_restarts_between_delivery_and_result(self):
        server, observer = self.pair()
        line = self.watching(server)
        ident = self.sent(observer, name="say", args="x")
        self.assertEqual(self.heard(line)[0], ident)
        self.wait_state(observer, ident, "delivered")
        server.kill()
        server.start()
        line = self.watching(server)
        self.assertEqual(self.heard(line)[0], ident)
        self.assertEqual(line.ask(f"result {ident} ok"), "OK")
        self.wait_state(observer, ident, "ok")

    def test_registry_away_for_the_result(self):
        proxy = self.proxy()
        server, observer = self.pair(registry={"endpoints": [f"http://127.0.0.1:{proxy.port}"]})
        line = self.watching(server)
        ident = self.sent(observer, name="say", args="x")
        self.assertEqual(self.heard(line)[0], ident)
        self.wait_state(observer, ident, "delivered")
        proxy.do("refuse")
        self.assertEqual(line.ask(f"result {ident} ok"), "OK")
        later = self.sent(observer, name="say", args="y")
        self.assertEqual(self.state(observer, ident)["state"], "delivered")
        proxy.do("pass")
        self.wait_state(observer, ident, "ok")
        self.assertEqual(self.heard(line)[0], later)  # what came meanwhile is found by the listing

    def test_nothing_is_left_of_a_dead_sender(self):
        server, observer = self.pair()
        self.sent(observer, name="say", ttl="1s")
        observer.kill()
        kv = self.etcd.under(self.inbox())[0]
        self.assertNotEqual(kv.lease, 0)
        self.assertLess(self.etcd.remaining(kv.lease), 180)
        self.etcd.revoke(kv.lease)
        wait_until(lambda: "\noutrider_commands_waiting 0\n" in server.request("GET", "/metrics")[2].decode(), "none waits")

    def test_a_sidecar_without_commands_costs_as_before(self):
        self.server("w1", accept=[]).start()
        wait_until(lambda: self.etcd.get(f"{self.prefix}/world/w1") is not None, "published")
        wait_until(lambda: self.watchers() >= 2, "its keys are watched")
        before = self.watchers()
        self.server("w2").start()
        wait_until(lambda: self.watchers() == before + 3, "one more watch, for the inbox")


class Calls(Commands):
    def test_server_to_server(self):
        server = self.server("w1").start()
        caller = self.server("w2", accept=(), status={"call": ["world"]}).start()
        line, calling = self.watching(server), caller.line()
        answer = calling.ask('call world/w1 map.change {"map": "harbor"}')
        self.assertRegex(answer, "^OK id=[0-9A-Z]{26}$")
        ident, name, sender, args = self.heard(line)
        self.assertEqual((answer, name, sender, args), (f"OK id={ident}", "map.change", "world/w2", '{"map": "harbor"}'))
        line.ask(f"result {ident} ok changed")
        self.assertEqual(calling.read(), f"EVENT result id={ident} ok changed")
        answer = calling.ask("call world/w1 say")
        line.ask(f"result {self.heard(line)[0]} error no")
        self.assertEqual(calling.read(), f"EVENT result id={answer[6:]} error no")
        self.assertEqual(calling.ask("call lobby/l1 say"), "ERR fixed call: status.call does not have that type")
        self.assertEqual(server.say("call world/w2 say"), "ERR fixed call: status.call does not have that type")
        self.assertEqual(caller.say(f"result {ID} ok"), "ERR fixed result: status.accept names no command")
        calls = [calling.ask("call world/w1 say") for _ in range(17)]
        self.assertEqual(calls[-1], "ERR range call: too many calls wait for their answers")


class BadInput(Commands):
    def test_http(self):
        _, observer = self.pair()
        for body, code in ((dict(), "bad_body"), (dict(name="Say"), "bad_body"), (dict(name="a" * 65), "bad_body"),
                           (dict(name="say", args={}), "bad_body"), (dict(name="say", args="x" * 4097), "bad_body"),
                           (dict(name="say", args="\0"), "bad_body"), (dict(name="say", ttl="0s"), "bad_body"),
                           (dict(name="say", ttl="61m"), "bad_body"), (dict(name="say", more=1), "bad_body")):
            status, document = self.post(observer, **body)
            self.assertEqual((status, document["error"]["code"]), (400, code), body)
        self.assertEqual(self.post(observer, server="nobody", name="say")[0], 404)
        self.assertEqual(self.post(observer, key="k" * 65, name="say")[0], 400)
        for path in ("x", ID, ID.lower(), "..%2F" + ID):
            self.assertEqual(self.get(observer, f"/api/services/world/w1/commands/{path}")[0], 404, path)
        self.assertEqual(observer.request("GET", "/api/services/world/w1/commands")[0], 405)
        self.assertEqual(self.etcd.under(self.inbox()), [])

    def test_nothing_forges_an_event(self):
        server, observer = self.pair()
        line = self.watching(server)
        args = 'x"}\nEVENT drain on\r\nEVENT result id=1 ok\u0085\u2028\u001b[2J 가'
        self.sent(observer, name="say", args=args)
        self.assertEqual(self.heard(line)[3], args)
        self.assertEqual(line.ask(""), "OK")

    def test_foreign_values(self):
        server, observer = self.pair()
        line = self.watching(server)
        lease = self.etcd.grant(60)
        for ident, value in ((ID, "nonsense"), ("x", self.value()), ("", "x"), ("y" * 300, "x"),
                             (ID[:-1] + "2", self.value(**{"from": "a\nEVENT drain on"})),
                             (ID[:-1] + "3", self.value(name="a b")), (ID[:-1] + "4", self.value(state="done"))):
            self.etcd.put(self.inbox() + ident, value, lease)
        self.etcd.put(self.inbox() + ID[:-1] + "5", self.value())  # under no lease
        self.etcd.put(self.inbox() + ID[:-1] + "6", self.value(args="good"), lease)
        self.assertEqual(self.heard(line)[3], "good")
        self.assertEqual(line.ask(""), "OK")
        self.assertEqual(self.get(observer, f"/api/services/world/w1/commands/{ID}")[0], 409)
        text = server.request("GET", "/metrics")[2].decode()
        self.assertIn('\noutrider_commands_total{outcome="foreign"} 8\n', text)

    def test_ten_thousand(self):
        """A sender fills no inbox, and an inbox that is full of what others put there fills no agent."""
        server, observer = self.pair()
        lease = self.etcd.grant(600)
        puts = [{"request_put": {"key": encode(f"{self.inbox()}01K{ident:023}"), "value": encode(self.value()), "lease": str(lease)}}
                for ident in range(300)]
        for begin in range(0, 300, 100):
            self.etcd.call("/v3/kv/txn", {"success": puts[begin:begin + 100]})
        self.assertEqual(self.post(observer, name="say")[0], 503)
        waiting = lambda: server.request("GET", "/metrics")[2].decode().split("\noutrider_commands_waiting ")[1].split("\n")[0]
        wait_until(lambda: waiting() == "32", "32 are kept")
        line, heard = self.watching(server), set()
        while len(heard) < 300:
            event = line.read()
            if event != "OK":
                ident = event.split(" ")[2][len("id="):]
                self.assertNotIn(ident, heard)
                heard.add(ident)
                line.send(f"result {ident} ok")

    def test_a_server_that_does_not_read(self):
        server, observer = self.pair()
        lines = [self.watching(server) for _ in range(2)]
        good = lines[1]
        for number in range(256):
            status, document = self.post(observer, name="say", args="\u0001" * 4096, ttl="1h")
            self.assertEqual(status, 202, document)
            ident = self.heard(good)[0]
            good.ask(f"result {ident} ok")
            if "does not read its events" in server.log():
                break
        server.logged("does not read its events")
        self.assertEqual(server.say(""), "OK")


class Rights(AuthCase, Commands):
    def test_least_roles(self):
        self.etcd.allow(self.prefix, "sidecar", self.user, "world", "w1")
        server = self.server(registry=self.login()).start()
        self.etcd.allow(self.prefix, "operator", self.user + "o")
        operator = self.observer(registry=self.login(username=self.user + "o")).start()
        self.etcd.allow(self.prefix, "observer", self.user + "v")
        viewer = self.observer("v", registry=self.login(username=self.user + "v")).start()
        self.etcd.allow(self.prefix, "sidecar", self.user + "c", "world", "w2")
        self.etcd.allow(self.prefix, "caller", self.user + "c", "world")
        caller = self.server("w2", status={"call": ["world"]}, registry=self.login(username=self.user + "c")).start()
        for agent in (operator, viewer):
            self.wait_ids(agent, ["w1", "w2"])
        line, calling = self.watching(server), caller.line()
        other = self.sent(operator, server="w2", name="say")  # so that both inboxes have keys of one sender
        ident = self.sent(operator, name="say")
        self.assertEqual(self.heard(line)[0], ident)
        line.ask(f"result {ident} ok")
        self.wait_state(operator, ident, "ok")
        self.assertNotEqual(other, ident)
        answer = calling.ask("call world/w1 say")
        line.ask(f"result {self.heard(line)[0]} ok hello")
        self.assertEqual(calling.read(), f"EVENT result id={answer[6:]} ok hello")
        status, document = self.post(viewer, name="say")
        self.assertEqual((status, document["error"]["code"]), (502, "registry_denied"))


del Fleet, AuthCase  # only their heirs have tests
if __name__ == "__main__":
    unittest.main()
