"""Everything at once, by a seed: after it the record is true, and the stop is clean.

OUTRIDER_CHAOS_SEED and OUTRIDER_CHAOS_STEPS choose another run; a failure prints the seed and the actions."""
import os
import random
import signal
import sys
import time

from harness import Case, wait_until


class Chaos(Case):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("OUTRIDER_CHAOS_SEED", "20261121"))
        self.steps = int(os.environ.get("OUTRIDER_CHAOS_STEPS", "80"))
        self.done = []

    def actions(self, random_, agent, net):
        lines = []

        def attach():
            lines.append(agent.line())
            lines[-1].ask("attach ready")

        def detach():
            if lines:
                lines.pop(random_.randrange(len(lines))).close()

        def restart(end):
            lines.clear()
            end()
            agent.start()

        def revoke():
            kv = self.etcd.get(agent.key)
            if kv and kv.lease:
                self.etcd.revoke(kv.lease)

        def pause():
            agent.send_signal(signal.SIGSTOP)
            time.sleep(random_.random() / 4)  # a random pause
            agent.send_signal(signal.SIGCONT)

        return [
            ("game up", self.game.open), ("game up", self.game.open), ("game down", self.game.close),
            ("game hangs", self.game.hang), ("attach", attach), ("detach", detach),
            ("ready", lambda: agent.say("ready # back")), ("loading", lambda: agent.say("initializing # loading")),
            ("bye", lambda: agent.say("shutting_down")), ("error", lambda: agent.say("error # disk")),
            ("players", lambda: agent.say(f"players={random_.randrange(100)}")),
            ("nonsense", lambda: agent.say("nonsense")),
            ("self drain", lambda: agent.say("drain")), ("self undrain", lambda: agent.say("undrain")),
            ("reloading", lambda: agent.notify_with("RELOADING=1")),
            ("USR1", lambda: agent.send_signal(signal.SIGUSR1)), ("USR2", lambda: agent.send_signal(signal.SIGUSR2)),
            ("HUP", lambda: agent.send_signal(signal.SIGHUP)),
            ("QUIT", lambda: restart(lambda: agent.stop(signal.SIGQUIT))), ("kill -9", lambda: restart(agent.kill)),
            ("INT", lambda: restart(lambda: agent.stop(signal.SIGINT))), ("suspend", pause), ("revoke", revoke),
            ("delete", lambda: self.etcd.delete(agent.key)), ("overwrite", lambda: self.etcd.put(agent.key, "{}")),
            *((f"net {fault}", lambda fault=fault: net.do(fault))
              for fault in ("pass", "pass", "pass", "stall", "black-hole", "reset", "half-close", "drop 20", "refuse",
                            "delay 20", "split 20")),
        ]

    def settled(self, agent):
        kv = self.etcd.get(agent.key)
        document = agent.api()
        return kv is not None and kv.record == document["record"] and document["registry"]["inSync"] and kv

    def run_seed(self, seed, name):
        random_ = random.Random(seed)
        net = self.proxy()
        registry = {"endpoints": [net.url], "ttl": "3s", "prefix": f"{self.prefix}/{name}", "request_timeout": "300ms"}
        agent = self.agent(name, registry=registry, shutdown={"linger": "50ms", "timeout": "1s"}).start()
        actions = self.actions(random_, agent, net)
        for _ in range(self.steps):
            what, action = random_.choice(actions)
            self.done.append(what)
            action()
            time.sleep(random_.choice((0, 0, 0.01, 0.05, 0.2)))
            self.assertIsNone(agent.process.poll(), "the agent is gone")
        net.do("pass")
        self.game.open()
        agent.send_signal(signal.SIGUSR2)
        wait_until(lambda: not any(hold["kind"] == "ops" for hold in agent.api()["holds"]), "undrained")
        agent.say("ready players=7 undrain # the end")
        wait_until(lambda: agent.api()["status"] == "ready", "ready once all is well")
        kv = wait_until(lambda: self.settled(agent), "the record is the truth")
        self.assertEqual((kv.record["status"], kv.record["players"], kv.record["customState"]), ("ready", 7, "the end"))
        self.assertEqual(agent.stop(), 0)
        self.assertIsNone(self.etcd.get(agent.key))

    def test_everything(self):
        try:
            self.run_seed(self.seed, "a")
        except Exception:
            print(f"\nOUTRIDER_CHAOS_SEED={self.seed}: {', '.join(self.done)}", file=sys.stderr)
            raise
