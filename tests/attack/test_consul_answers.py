"""A Consul that lies: nonsense, giants, nothing and halves to every request, and answers that are well-formed and wrong once it has
said which store it is. The agent stays alive and small, publishes nothing that is not so, and logs lines that are clean."""
import collections
import json
import threading

import test_registry_answers
from harness import wait_until
from hostile import Hostile, binary
from measure import Held, run_measured
from mitm import Endless, Mitm

HEAD = b"HTTP/1.1 200 OK\r\nX-Consul-Index: 9\r\nX-Consul-Knownleader: true\r\nX-Consul-Lastcontact: 0\r\nConnection: close\r\n"
CLEAN = test_registry_answers.Lies.assert_log_is_clean
NONSENSE = {name: test_registry_answers.NONSENSE[name] for name in (
    "endless head", "endless body", "endless small chunks", "a length beyond every number", "a body, byte by byte", "nothing",
    "not HTTP", "HTTP/2 at once", "NUL in a header", "deep objects", "a million values", "a number", "null", "an empty object",
    "no UTF-8", "an error with everything in it", "a page of a proxy", "no content")}


def answer(body, head=HEAD):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def kv(key, value="x", mod=5, create=5, **more):
    return {"Key": key, "Value": binary(value), "ModifyIndex": mod, "CreateIndex": create, "LockIndex": 0, "Flags": 0, **more}


ID = answer([kv("outrider/id", "00000000000000a7")])
# What is answered to listings, transactions and questions that wait, and to all of them.
WRONG = {
    "no index": answer([kv("services/world/w1")], b"HTTP/1.1 200 OK\r\nConnection: close\r\n"),
    "an index of 0": answer([], HEAD.replace(b"9", b"0")),
    "an index beyond every number": answer([], HEAD.replace(b"9", b"9" * 30)),
    "a negative index": answer([kv("services/world/w1", mod=-5)]),
    "an index of 2^63": answer([kv("services/world/w1", mod=1 << 63)]),
    "a key twice": answer([kv("services/world/w1"), kv("services/world/w1")]),
    "other keys": answer([kv("elsewhere"), kv("services"), kv("services/../x")]),
    "a value that is no base64": answer([{**kv("services/world/w1"), "Value": "?"}]),
    "a session that is none": answer([kv("services/world/w1", Session="x\r\n\x1b[31m")]),
    "a refusal without a reason": answer({"Results": None, "Errors": None}, HEAD.replace(b"200 OK", b"409 Conflict")),
    "a refusal of nothing": answer({"Errors": [{"OpIndex": 99, "What": "x"}]}, HEAD.replace(b"200 OK", b"409 Conflict")),
    "a refusal that is none": answer({"Results": [], "Errors": [{"OpIndex": 0, "What": "Permission denied"}]}),
    "another store each time": answer({"Results": None, "Errors": [{"OpIndex": 0, "What": 'failed index check for key "outrider/id"'}]},
                                      HEAD.replace(b"200 OK", b"409 Conflict")),
    "texts with controls": answer({"Results": None, "Errors": [{"OpIndex": 1, "What": "x\r\nlevel=error msg=\"forged\"\x1b[2J" * 1000}]},
                                  HEAD.replace(b"200 OK", b"409 Conflict")),
    "half a listing": HEAD + b"Content-Length: 1000\r\n\r\n[{\"Key\":",
    "a listing without an end": Endless(HEAD + b"\r\n[", json.dumps(kv("services/world/w1")).encode() + b","),
    "100,000 keys": answer([kv(f"services/world/w{i}", "{}") for i in range(100000)]),
    "a session of another one": answer([{"ID": "adf4238a-882b-9ddc-4a9d-5b6758e4159e", "TTL": "10s"}]),
    "true": answer(b"true"),
    "not there": answer(b"", HEAD.replace(b"200 OK", b"404 Not Found")),
}


class ConsulLies(Hostile):
    def registry(self, mitm, **more):
        return {"backend": "consul", "endpoints": [mitm.url], "ttl": "10s", "heartbeat": "300ms", "request_timeout": "300ms", **more}

    def test_commands(self):
        """`outrider kv get` fails with a clean text, in bounded time and memory."""
        mitm = Mitm(self, self.etcd)
        agent = self.agent(registry=self.registry(mitm))
        agent.write()
        worst = 0
        for name, rule in WRONG.items():
            with self.subTest(name):
                mitm.set(every=lambda request, _, wrong=rule: ID if "outrider/id?" in request.path else wrong)
                status, output, most = run_measured("kv", "get", "--prefix", "/services/", OUTRIDER_CONFIG=agent.path)
                worst = max(worst, most)
                self.assertIn(status, (0, 1, 75), output[-3000:])
                self.assertNotIn(b"\x1b", output)
        print(f"\nheld | {len(WRONG)} wrong answers of Consul for a command | - | {worst / 1024:.1f} MB | - | -")

    def test_every_answer_is_nonsense(self):
        """A sidecar and an observer get one kind after the other, then one wrong answer after the other."""
        mitm = Mitm(self, self.etcd)
        kinds = {**NONSENSE, **WRONG}
        served, lock = collections.Counter(), threading.Lock()

        def lie(request, _ask):
            with lock:
                name = list(kinds)[served.total() % len(kinds)]
                served[name] += 1
            return ID if name in WRONG and "outrider/id?" in request.path else kinds[name]

        mitm.set(every=lie)
        sidecar = self.agent("a1", server={"id": "w1"}, registry=self.registry(mitm)).start()
        observer = self.observer(registry=self.registry(mitm)).start()
        with Held(f"{len(kinds)} kinds of nonsense from Consul", sidecar) as held:
            wait_until(lambda: len(served) == len(kinds) or
                       any(agent.process.poll() is not None for agent in (sidecar, observer)), "each kind was an answer", deadline=60)
            for agent in (sidecar, observer):
                self.assertIsNone(agent.process.poll(), agent.log()[-3000:])
                self.assertEqual(self.get(agent, "/healthz")[0], 200)
        held.assert_modest(self, 96 << 10, 48 << 10)
        for agent in (sidecar, observer):
            CLEAN(self, agent)
            self.assertEqual(agent.stop(), 0)
