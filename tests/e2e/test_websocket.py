"""GET /api/ws: the event stream and actions in messages of a WebSocket."""
import hashlib
import json
import socket
import unittest

import websockets
from harness import wait_until
from registry import DEADLINE_S
from test_commands import Commands
from test_observer import record

TOKEN = "the-token-of-"


class WebSockets(Commands):
    def open(self, agent, **more):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(DEADLINE_S)
        self.addCleanup(sock.close)
        sock.connect(str(agent.http))
        return websockets.WebSocket(sock, **more)

    def synced(self, peer, **more):
        """Subscribes, and returns the records and the id of the end."""
        self.assertEqual(peer.ask(type="subscribe", **more)["status"], 200)
        records = []
        while True:
            got = peer.message()
            if got["event"] == "synced":
                return records, got["id"]
            if got["event"] == "init":
                records.append(got["data"])


class Stream(WebSockets):
    def setUp(self):
        super().setUp()
        self.target = self.observer().start()
        self.wait_synced(self.target)

    def test_events_are_those_of_the_stream(self):
        for ident in ("w1", "w2"):
            self.put("world", ident, players=7)
        self.put("gate", "g1")
        self.wait_ids(self.target, ["g1", "w1", "w2"])
        peer = self.open(self.target)
        records, ident = self.synced(peer, id="s", filter={"type": "world"})
        self.assertEqual([json.dumps(each, sort_keys=True) for each in records],
                         [json.dumps(json.loads(record("world", name, players=7)), sort_keys=True) for name in ("w1", "w2")])
        self.put("gate", "g1", "error")
        self.put("world", "w1", "error", note="é\n\u2028")
        got = peer.message()
        self.assertEqual((got["event"], got["data"]["status"], got["data"]["note"]), ("update", "error", "é\n\u2028"))
        self.etcd.delete(f"{self.prefix}/world/w2")
        removed = peer.event("remove")
        self.assertEqual(removed["data"], {"key": f"{self.prefix}/world/w2", "type": "world", "id": "w2", "clean": False})
        # another one goes on behind an id, and its own is what SSE would have
        other = self.open(self.target)
        self.assertEqual(other.ask(type="subscribe", filter={"type": "world"}, after=ident)["status"], 200)
        self.assertEqual([other.message()["event"], other.message()], ["update", removed])
        # a stream takes the place of the one before, and ends without the connection
        records, _ = self.synced(other, filter={"type": ["gate"], "include": ["state", "leader"]})
        self.assertEqual([each["id"] for each in records], ["g1"])
        self.assertEqual(other.event("state")["data"]["stale"], False)
        self.assertEqual(other.ask(type="unsubscribe", id="u"), {"type": "result", "id": "u", "status": 200, "body": None})
        wait_until(lambda: self.metric(self.target, "outrider_sse_clients") == 1, "one stream")
        self.assertEqual(self.metric(self.target, "outrider_websockets"), 2)
        self.target.stop()
        self.assertEqual(peer.closed(), (1001, "stopping"))
        self.assertEqual(other.closed(), (1001, "the agent is stopping"))

    def test_a_large_fleet_and_a_slow_reader(self):
        self.etcd.call("/v3/kv/txn", {"success": []})
        for i in range(300):
            self.put("world", f"w{i}", customState="x" * 4000)
        wait_until(lambda: len(self.ids(self.target, "?limit=1000")) == 300, "300 servers")
        peer = self.open(self.target)
        records, _ = self.synced(peer)
        self.assertEqual(len(records), 300)

    def test_bad_messages_are_answered(self):
        peer = self.open(self.target)
        for text, part in (("", "JSON"), ("[]", "object"), ("{", "JSON"), ('{"type":"drain"}', "server"), ('{"type":"nothing"}', "type"),
                           ('{"type":"subscribe","filter":[]}', "filter"), ('{"type":"subscribe","filter":{"type":1}}', "filter"),
                           ('{"type":"subscribe","more":1}', "more"), ('{"type":"drain","server":"w1"}', "TYPE/ID"),
                           ('{"type":"unsubscribe","id":"' + "x" * 65 + '"}', "id"), ('{"type":"unsubscribe","type":"drain"}', "JSON"),
                           ("[" * 200, "nested"), ('{"type":"unsubscribe","id":"\\u0000"}', "JSON")):
            peer.sock.sendall(websockets.frame(text))
            got = peer.message()
            self.assertEqual((got["status"], got["body"]["error"]["code"]), (400, "bad_message"), text)
            self.assertIn(part, got["body"]["error"]["message"])
        for more, code in (({"filter": {"nothing": "x"}}, "bad_parameter"), ({"after": "x"}, "bad_parameter"),
                           ({"filter": {"include": "offline"}}, "bad_parameter")):
            got = peer.ask(type="subscribe", id="7", **more)
            self.assertEqual((got["id"], got["status"], got["body"]["error"]["code"]), ("7", 400, code))
        got = peer.ask(type="drain", server="world/none", reason="x", id="8")
        self.assertEqual((got["status"], got["body"]["error"]["code"]), (404, "no_such_service"))
        self.assertEqual(peer.ask(type="drain", server="world/..", reason="x")["status"], 400)

    def test_pieces_pings_and_the_end(self):
        text = json.dumps({"type": "unsubscribe", "id": "x"})
        peer = self.open(self.target, ahead=websockets.frame(text))
        self.assertEqual(peer.message()["id"], "x")
        for size in (0, 1, 125):
            peer.sock.sendall(websockets.frame(b"p" * size, websockets.PING))
            self.assertEqual(peer.frame(), (websockets.PONG, b"p" * size))
        pieces = [websockets.frame(text[:1], fin=False)] + [websockets.frame(part, 0, fin=False) for part in text[1:-1]]
        pieces.insert(9, websockets.frame(b"in between", websockets.PING))
        for byte in b"".join(pieces[:40]) + b"".join(pieces[40:]) + websockets.frame(text[-1:], 0):
            peer.sock.sendall(bytes([byte]))
        self.assertEqual(peer.message()["id"], "x")
        peer.sock.sendall(websockets.frame(b"\x03\xe8bye", websockets.CLOSE))
        self.assertEqual(peer.closed(), (1000, "bye"))
        wait_until(lambda: self.metric(self.target, "outrider_websockets") == 0, "it is gone")


class Actions(WebSockets):
    def test_drain_command_and_undrain(self):
        server, observer = self.pair()
        line = self.watching(server)
        peer = self.open(observer)
        self.synced(peer, filter={"type": "world"})
        got = peer.ask(type="drain", id="d1", server="world/w1", reason="patch", by="olga", deadline="10m")
        self.assertEqual((got["id"], got["status"]), ("d1", 200), got)
        self.assertEqual(peer.event("update")["data"]["status"], "draining")
        self.assertEqual(server.api()["holds"][0]["reason"], "patch")
        got = peer.ask(type="command", id="c1", server="world/w1", name="say", args="hello", idempotencyKey="once")
        self.assertEqual((got["status"], got["body"]["state"]), (202, "queued"), got)
        again = peer.ask(type="command", id="c2", server="world/w1", name="say", args="hello", idempotencyKey="once")
        self.assertEqual(again["body"]["id"], got["body"]["id"])
        while not (event := line.read()).startswith("EVENT command "):
            pass
        self.assertIn("name=say", event)
        self.assertEqual(peer.ask(type="undrain", id="u1", server="world/w1", by="olga")["status"], 200)
        wait_until(lambda: server.api()["holds"] == [], "lifted")


class Names(WebSockets):
    def setUp(self):
        super().setUp()
        self.access = self.dir / "access"
        self.allow("viewer", "operator")
        self.target = self.observer(http={"access_file": str(self.access), "listen": f"127.0.0.1:{self.free_port()}"})
        self.port = int(self.target.config["http"]["listen"].split(":")[1])
        self.target.start()
        self.put("world", "w1")
        wait_until(lambda: self.asked("operator", "/api/services/world/w1") == 200, "known")

    @staticmethod
    def free_port():
        with socket.create_server(("127.0.0.1", 0)) as sock:
            return sock.getsockname()[1]

    def asked(self, name, path):
        import http.client
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}{name}"})
        answer = connection.getresponse()
        self.last = json.loads(answer.read())
        connection.close()
        return answer.status

    def allow(self, *names):
        fresh = self.dir / "access.new"
        fresh.write_text("".join(f"{name} {name} sha256:{hashlib.sha256((TOKEN + name).encode()).hexdigest()}\n" for name in names))
        fresh.chmod(0o600)
        fresh.replace(self.access)

    def as_name(self, name):
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)
        self.addCleanup(sock.close)
        return websockets.WebSocket(sock, f"127.0.0.1:{self.port}", [("Authorization", f"Bearer {TOKEN}{name}")])

    def test_each_action_takes_its_role_and_leaves_a_trace(self):
        viewer, operator = self.as_name("viewer"), self.as_name("operator")
        self.synced(viewer)
        got = viewer.ask(type="drain", id="no", server="world/w1", reason="x")
        self.assertEqual((got["status"], got["body"]["error"]["code"]), (403, "role"))
        self.assertEqual(viewer.ask(type="command", server="world/w1", name="say")["status"], 403)
        self.assertEqual(operator.ask(type="drain", id="yes", server="world/w1", reason="patch")["status"], 200)
        control = f"/outrider{self.prefix}/control/world/w1"
        self.assertIn('"by":"operator"', self.etcd.get(control).value)
        self.assertEqual(self.asked("operator", "/api/audit"), 200)
        entry = self.last["entries"][0]
        self.assertEqual((entry["who"], entry["what"], entry["target"], entry["request"]), ("operator", "drain", "world/w1", "yes"))

    def test_a_name_that_is_taken_out_is_shut_out(self):
        viewer, operator = self.as_name("viewer"), self.as_name("operator")
        self.synced(viewer)
        self.allow("viewer")
        got = operator.ask(type="drain", server="world/w1", reason="x")
        self.assertEqual(got["status"], 401, "at the next message")
        self.assertEqual(operator.closed()[0], 1008)
        self.assertEqual(viewer.ask(type="unsubscribe")["status"], 200, "the other stays")


if __name__ == "__main__":
    unittest.main()
