"""The status sockets: the tools of an operator, bad input, bad peers, and the sockets themselves."""
import grp
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import unittest

from harness import BINARY, Case, environment, wait_until
from registry import DEADLINE_S


def tool(*words, text="", **more):
    return subprocess.run([str(word) for word in words], input=text, capture_output=True, text=True, timeout=DEADLINE_S,
                          check=False, **more)


class Tools(Case):
    def test_netcat_and_socat(self):
        watcher = self.watch()
        agent = self.agent().start()
        done = tool("nc", "-NU", agent.status, text="initializing # loading harbor 3/10\nplayers=1")
        self.assertEqual((done.returncode, done.stdout), (0, "OK\nOK\n"))
        watcher.status("initializing", customState="loading harbor 3/10", players=1)
        done = tool("socat", "-u", "-", f"UNIX-CONNECT:{agent.status}", text="ready players=2 # by socat\r\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        watcher.status("ready", players=2, customState="by socat")

    def test_outrider_send(self):
        watcher = self.watch()
        agent = self.agent().start()
        done = agent.run("send", "ready", "players=12/64", "label.map=harbor", "# a boss fight")
        self.assertEqual((done.returncode, done.stdout), (0, "OK\n"), done.stderr)
        watcher.status("ready", players=12, capacity=64, labels={"map": "harbor"}, customState="a boss fight")
        done = agent.run("send", "plyers=3")
        self.assertEqual((done.returncode, done.stdout), (1, "ERR key plyers: did you mean `players=`?\n"), done.stderr)
        for word in ("attach", "watch"):
            self.assertEqual(agent.run("send", word).returncode, 64)
        agent.kill()
        self.assertEqual(agent.run("send", "ready").returncode, 75)

    def test_by_hand(self):
        """Without systemd there is no runtime directory: the log and `send` say what is off and what to set."""
        agent = self.agent(status={"socket": ..., "notify_socket": ...}, state_dir=...).start()
        log = agent.log()
        for name in ("status.socket", "status.notify_socket"):
            self.assertIn(f'msg="socket off" setting={name} cause="auto, and $RUNTIME_DIRECTORY names no directory" hint="set it to'
                          ' a path', log)
        self.assertRegex(log, r'state_dir not set, .* cause="auto, and \$STATE_DIRECTORY names no directory" hint="set state_dir')
        self.assertIn(f"msg=\"API open\" listen=unix:{agent.http}\n", log)
        self.assertLess(log.index("socket off"), log.index('msg="started"'))
        done = agent.run("send", "ready")
        self.assertEqual((done.returncode, done.stdout), (75, ""))
        self.assertIn(f"status.socket of {agent.path} is auto, and $RUNTIME_DIRECTORY is not set", done.stderr)
        self.assertEqual(agent.stop(), 0)
        agent.write(status={"socket": str(agent.status), "notify_socket": None}, state_dir=None)
        agent.start()
        self.assertIn(f'msg="socket open" setting=status.socket path={agent.status}\n', agent.log())
        self.assertIn('msg="socket off" setting=status.notify_socket cause="null in the configuration"\n', agent.log())
        self.assertRegex(agent.log(), r'state_dir not set, .* cause="null in the configuration"')
        self.assertEqual(agent.run("send", "ready").stdout, "OK\n")
        self.assertEqual(agent.stop(), 0)

    def test_systemd_notify(self):
        watcher = self.watch()
        agent = self.agent().start()
        def notify(*words):
            done = tool("systemd-notify", *words, env=environment(NOTIFY_SOCKET=agent.notify))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        notify("--ready", "--status=12/64 on harbor")  # waits for its barrier: it would time out if the agent kept the descriptor
        watcher.status("ready", customState="12/64 on harbor")
        since = watcher.mark()
        notify("RELOADING=1")
        event = watcher.status("draining", since)
        self.assertEqual(event.record["drain"]["holds"], ["reload"])
        since = watcher.mark()
        notify("--ready")
        self.assertNotIn("drain", watcher.status("ready", since).record)
        since = watcher.mark()
        notify("STOPPING=1")
        watcher.status("shutting_down", since)

    def test_barrier_and_every_passed_descriptor_are_closed_at_once(self):
        agent = self.agent().start()
        reader, writer = os.pipe()
        agent.notify_with("BARRIER=1", [writer, writer, writer])
        os.close(writer)
        self.assertEqual(os.read(reader, 1), b"")  # end of file: the other end is closed
        os.close(reader)

    def test_x_outrider_and_unknown_keys(self):
        watcher = self.watch()
        agent = self.agent().start()
        agent.notify_with("READY=1\nX_OUTRIDER=players=7 label.map=forest\nFDSTORE=1\nERRNO=2\n")
        watcher.status("ready", players=7, labels={"map": "forest"})
        agent.logged("ERRNO")

    def test_bad_datagrams_change_nothing_and_are_counted(self):
        watcher = self.watch()
        agent = self.agent().start()
        agent.notify_with("READY=1\nSTATUS=fine")
        watcher.status("ready", customState="fine")
        since = watcher.mark()
        for bad in ("nonsense", b"\xff\xfe", b"READY=1\0x", "X_OUTRIDER=players=-1", "WATCHDOG_USEC=soon", b"",
                    "READY=1\nSTATUS=" + "x" * 2000):
            agent.notify_with(bad)
        agent.notify_with("X_OUTRIDER=players=1")
        watcher.status("ready", since, players=1, customState="fine")
        self.assertEqual(len(watcher.until_now(since)), 1)
        agent.logged("datagram refused")
        self.assertEqual(agent.log().count("msg=\"datagram refused\""), 1)


class Lines(Case):
    def setUp(self):
        super().setUp()
        self.watcher = self.watch()
        self.a = self.agent().start()
        self.a.say("ready players=5/10 label.map=harbor # fine")
        self.watcher.status("ready", players=5, customState="fine")

    def unchanged(self, since):
        self.assertEqual(self.watcher.until_now(since), [])
        self.assertEqual(self.a.api()["status"], "ready")

    def test_bad_input_gets_its_answer_and_changes_nothing(self):
        since = self.watcher.mark()
        line = self.a.line()
        labels = " ".join(f"label.l{i}=1" for i in range(64))
        for bad, answer in (
                ("failed", "ERR word failed"), ("plyers=3", "ERR key plyers"), ("players=-1", "ERR value players"),
                ("players=1e3", "ERR value players"), ("players=12/", "ERR value players"),
                ("status=busy", "ERR key status"), ("ready error", "ERR twice status"),
                ("players=1 players=2", "ERR twice players"), (b"players=1 # \0\n", "ERR nul"),
                (b"players=1 # \xff\xfe\n", "ERR utf8"), ("players=1 # " + "x" * 1025, "ERR range text"),
                ("label.x=" + "v" * 257, "ERR range label.x"), (labels, "ERR range label.l63"),
                ("ready drain=1x", "ERR value drain"), ("label.=x", None), ("MAINPID=-1", None)):
            line.send(bad)
            got = line.read()
            if answer:
                self.assertEqual(got.split(": ")[0], answer)
            self.assertTrue(got.startswith("ERR "), (bad, got))
            self.assertEqual(line.ask("heartbeat"), "OK")  # the connection stays, and the count of bad lines is reset
        self.unchanged(since)

    def test_a_refused_line_is_logged_and_shown(self):
        """The author of a server that ignores the replies finds the mistake in log and status, once a minute."""
        self.assertNotIn("refused", self.a.run("status").stdout)
        line = self.a.line()
        reply = "ERR word players: did you mean `players=12`, without blanks around the `=`?"
        self.assertEqual(line.ask("players = 12"), reply)
        self.assertEqual(line.ask("ready"), "OK")
        self.assertEqual(line.ask("players = 12"), reply)
        self.assertEqual(self.a.log().count("line refused"), 1)
        self.a.logged(f'msg="line refused" reply="{reply}" pid={os.getpid()} count=1')
        self.assertIn(f" ago, 2 lines so far: {reply}\n", self.a.run("status").stdout)
        self.assertEqual(self.a.api()["refused"]["last"], reply)

    def test_ports_that_the_file_decides_are_refused(self):
        since = self.watcher.mark()
        reply = "ERR fixed ports: server.ports of the agent decides them; to report them here, set it to dynamic"
        line = self.a.line()
        self.assertEqual(line.ask("ready ports=9999"), reply)
        self.assertEqual(line.ask(f"ready ports={self.game.port} # fine"), "OK")  # it is true
        self.a.notify_with("X_OUTRIDER=ports=9999")
        self.a.logged("sd_notify datagram: ports: not to be reported: server.ports of the agent decides them")
        self.unchanged(since)

    def test_what_ends_the_connection(self):
        since = self.watcher.mark()
        line = self.a.line()
        line.send(b"ready " + b"x" * 16400 + b"\n")
        self.assertEqual(line.read(), "ERR too-long")
        self.assertIsNone(line.read())
        line = self.a.line()
        line.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nready\n")
        self.assertEqual(line.read(), "ERR word /: this is the status socket, HTTP is at http.listen")
        self.assertIsNone(line.read())
        line = self.a.line()
        for number in range(8):
            answer = line.ask("nonsense")
            self.assertEqual(answer.split()[:2], ["ERR", "word" if number < 7 else "too-many"])
        self.assertIsNone(line.read())
        self.unchanged(since)

    def test_a_life_does_not_end_with_a_connection_that_bad_input_ended(self):
        since = self.watcher.mark()
        for bad in (b"ready " + b"x" * 16400 + b"\n", b"GET / HTTP/1.1\r\n\r\n", b"nonsense\n" * 8):
            line = self.a.line()
            self.assertEqual(line.ask("attach"), "OK")
            line.send(bad)
            while line.read() is not None:
                pass
        self.unchanged(since)

    def test_more_players_than_capacity_is_their_business(self):
        self.assertEqual(self.a.say("players=12/10"), "OK")
        self.watcher.status("ready", players=12, capacity=10)

    def test_text_and_labels_come_and_go(self):
        self.a.say("players=6")
        self.watcher.status("ready", players=6, customState="fine")
        self.a.say("label.map= label.mode=ctf")
        self.watcher.status("ready", labels={"mode": "ctf"})
        self.a.say("ready")
        self.assertNotIn("customState", self.watcher.wait(
            lambda e: e.record and "customState" not in e.record and e.record.get("players") == 6, "no text").record)

    def test_watch_quit_and_drain_words(self):
        watching = self.a.line()
        self.assertEqual(watching.ask("watch"), "OK")
        self.a.request("POST", "/api/agent/drain", {"reason": "patch", "deadline": "9m"})
        event = watching.read()
        self.assertRegex(event, r"^EVENT drain on deadline=(540|539) reason=patch$")
        self.assertRegex(self.a.say("players=4"), r"^OK drain=1 deadline=(540|539)$")
        late = self.a.line()
        self.assertRegex(late.ask("watch"), r"^OK drain=1 deadline=")
        self.assertRegex(late.read(), r"^EVENT drain on deadline=(540|539) reason=patch$")
        self.a.request("POST", "/api/agent/undrain", {})
        self.assertEqual(watching.read(), "EVENT drain off")
        self.assertEqual(late.read(), "EVENT drain off")
        self.assertEqual(self.a.say("drain=30").split()[:2], ["OK", "drain=1"])
        self.assertRegex(watching.read(), r"^EVENT drain on deadline=(30|29)")
        self.watcher.status("draining")
        self.assertEqual(late.read().split()[:3], ["EVENT", "drain", "on"])
        self.a.say("undrain")
        self.assertEqual(late.read(), "EVENT drain off")
        self.assertEqual(late.ask("quit"), "OK")
        self.assertIsNone(late.read())

    def test_a_line_in_pieces_and_many_in_one(self):
        line = self.a.line()
        for piece in (b"play", b"ers=", b"8\r", b"\nplayers=9\nplayers=", b"10\n"):
            line.send(piece)
        self.assertEqual([line.read(), line.read(), line.read()], ["OK", "OK", "OK"])
        self.watcher.status("ready", players=10)


class Paths(Case):
    def test_mode_and_group(self):
        group = next((g for g in grp.getgrall() if g.gr_gid not in (0, os.getgid())), None)
        if os.getuid() != 0 or group is None:
            self.skipTest("needs root and a second group")
        for value in (group.gr_name, str(group.gr_gid)):
            agent = self.agent(f"g{value}", status={"mode": "0620", "group": value}).start()
            for path in (agent.status, agent.notify):
                about = path.stat()
                self.assertEqual(stat.S_IMODE(about.st_mode), 0o620)
                self.assertEqual(about.st_gid, group.gr_gid)
            self.assertEqual(agent.stop(), 0)

    def test_default_mode_and_files_go_at_the_end(self):
        agent = self.agent().start()
        self.assertEqual(stat.S_IMODE(agent.status.stat().st_mode), 0o660)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual([path.name for path in (agent.status, agent.notify, agent.http) if path.exists()], [])

    def test_stale_socket_files_are_replaced(self):
        agent = self.agent()
        for path, kind in ((agent.status, socket.SOCK_STREAM), (agent.http, socket.SOCK_STREAM),
                           (agent.notify, socket.SOCK_DGRAM)):
            sock = socket.socket(socket.AF_UNIX, kind)
            sock.bind(str(path))
            sock.close()
        agent.start()
        self.assertEqual(agent.say("ready"), "OK")
        agent.notify_with("STATUS=here")
        self.assertEqual(agent.request("GET", "/healthz")[0], 200)
        agent.kill()
        agent.start()
        self.assertEqual(agent.say("ready"), "OK")

    def refused(self, agent, *texts):
        agent.spawn()
        self.assertEqual(agent.wait(), 1)
        for text in texts:
            self.assertIn(str(text), agent.log())
        self.assertFalse(agent.systemd.lines())

    def test_a_socket_in_use_is_left_alone(self):
        agent = self.agent()
        for path, kind in ((agent.status, socket.SOCK_STREAM), (agent.notify, socket.SOCK_DGRAM),
                           (agent.http, socket.SOCK_STREAM)):
            sock = socket.socket(socket.AF_UNIX, kind)
            sock.bind(str(path))
            if kind == socket.SOCK_STREAM:
                sock.listen()
            self.refused(agent, path)
            self.assertTrue(path.is_socket())
            sock.close()
            path.unlink()
        agent.status.write_text("a file of somebody")
        self.refused(agent, agent.status)
        self.assertEqual(agent.status.read_text(), "a file of somebody")

    def reachable(self, agent):
        agent.say("ready # here")
        agent.notify_with("STATUS=there")
        return agent.request("GET", "/healthz")[0] == 200

    def sockets(self, agent):
        return {entry["setting"]: entry for entry in agent.api()["sockets"]}

    def test_removed_socket_files_come_back_at_hup(self):
        agent = self.agent().start()
        peer = agent.line()
        self.assertEqual(peer.ask("attach ready"), "OK")
        self.assertEqual(self.sockets(agent)["status.socket"],
                         {"setting": "status.socket", "path": str(agent.status), "inherited": False, "remade": 0,
                          "lastError": None})
        for path in (agent.status, agent.notify, agent.http):
            path.unlink()
        agent.send_signal(signal.SIGHUP)
        agent.logged("socket file was gone, made again", 3)
        self.assertTrue(self.reachable(agent))
        self.assertEqual([entry["remade"] for entry in self.sockets(agent).values()], [1, 1, 1])
        self.assertEqual(peer.ask("players=1"), "OK")
        metrics = agent.request("GET", "/metrics")[2].decode()
        self.assertIn('outrider_socket_remade_total{socket="http.listen"} 1\n', metrics)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual([path.name for path in (agent.status, agent.notify, agent.http) if path.exists()], [])

    def test_removed_socket_files_come_back_by_themselves(self):
        agent = self.agent().start()
        for path in (agent.status, agent.notify, agent.http):
            path.unlink()
        wait_until(lambda: all(path.is_socket() for path in (agent.status, agent.notify, agent.http)), "the files", 60)
        self.assertTrue(self.reachable(agent))

    def test_what_has_taken_the_place_of_a_socket_is_left_alone_and_named(self):
        agent = self.agent().start()
        agent.status.unlink()
        agent.status.write_text("a file of somebody")
        agent.notify.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(str(agent.notify))
            for _ in range(2):
                agent.send_signal(signal.SIGHUP)
                agent.systemd.wait("RELOADING=1")
            agent.logged("socket cannot be reached, its file is gone or replaced", 2)
            self.assertEqual(agent.status.read_text(), "a file of somebody")
            errors = wait_until(lambda: [e["lastError"] for e in self.sockets(agent).values() if e["lastError"]], "errors")
            self.assertIn(f"{agent.status}: a file that is not a socket is there; remove it", errors[0])
            self.assertIn(f"{agent.notify}: another process answers on it", errors[1])
            self.assertRegex(agent.run("status").stdout, r"(?m)^  socket    status.socket cannot be reached: .*remove it$")
            self.assertIn('outrider_socket_reachable{socket="status.notify_socket"} 0\n',
                          agent.request("GET", "/metrics")[2].decode())
        agent.status.unlink()
        agent.send_signal(signal.SIGHUP)
        agent.logged("socket file was gone, made again", 2)
        self.assertTrue(self.reachable(agent))
        self.assertEqual([e["lastError"] for e in self.sockets(agent).values()], [None, None, None])
        self.assertEqual(agent.log().count("socket cannot be reached"), 2)

    def test_http_port_in_use_is_named(self):
        agent = self.agent(http={"listen": f"127.0.0.1:{self.game.port}"})
        self.refused(agent, "http.listen: ", "127.0.0.1", self.game.port, "in use; each agent of this machine needs its own")


class Inherited(Case):
    WRAPPER = ("import os,sys; os.environ['LISTEN_PID']=str(os.getpid());"
               "os.environ['LISTEN_FDS']=sys.argv[1]; os.environ['LISTEN_FDNAMES']=sys.argv[2];"
               "fds=[int(n) for n in sys.argv[3].split(',')]; high=[os.dup2(fd, 100+i) for i, fd in enumerate(fds)];"
               "[os.dup2(fd, 3+i) for i, fd in enumerate(high)]; os.execv(sys.argv[4], sys.argv[4:])")

    def test_listen_fds(self):
        """Lines and datagrams sent while no agent runs are read by the next one."""
        path, notify = self.dir / "in.sock", self.dir / "in-notify.sock"
        stream, datagram = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(stream.close)
        self.addCleanup(datagram.close)
        stream.bind(str(path))
        stream.listen()
        datagram.bind(str(notify))
        waiting = socket.socket(socket.AF_UNIX)
        self.addCleanup(waiting.close)
        waiting.settimeout(DEADLINE_S)
        waiting.connect(str(path))
        waiting.sendall(b"ready players=9 # queued\n")
        watcher = self.watch()
        wrapper = [sys.executable, "-c", self.WRAPPER, "2", "status:notify", f"{stream.fileno()},{datagram.fileno()}"]
        agent = self.agent(wrapper=wrapper, status={"socket": ..., "notify_socket": ...})
        agent.start(pass_fds=(stream.fileno(), datagram.fileno()))
        watcher.status("ready", players=9, customState="queued")
        self.assertEqual(waiting.recv(100), b"OK\n")
        agent.notify = notify
        agent.notify_with("STATUS=by datagram")
        watcher.status("ready", customState="by datagram")
        self.assertEqual([(e["setting"], e["path"], e["inherited"], e["lastError"]) for e in agent.api()["sockets"][:2]],
                         [("status.socket", str(path), True, None), ("status.notify_socket", str(notify), True, None)])
        path.rename(self.dir / "moved")
        agent.send_signal(signal.SIGHUP)
        agent.logged("restart the socket unit that made it")
        self.assertFalse(path.exists())
        (self.dir / "moved").rename(path)
        agent.send_signal(signal.SIGHUP)
        agent.logged("socket file is there again")
        self.assertEqual(agent.stop(), 0)
        self.assertTrue(path.is_socket() and notify.is_socket())  # they outlive the agent
        agent.notify_with("STATUS=while away")
        agent.start(pass_fds=(stream.fileno(), datagram.fileno()))
        watcher.wait(lambda e: (e.record or {}).get("customState") == "while away", "what was sent meanwhile")

    def test_an_api_socket_that_the_configuration_does_not_name_is_shown_where_it_is(self):
        """Commands with -c look for it at http.listen, so that an upgrade to the units' socket must not be silent."""
        path = self.dir / "unit.sock"
        stream = socket.socket(socket.AF_UNIX)
        self.addCleanup(stream.close)
        stream.bind(str(path))
        stream.listen()
        agent = self.agent(wrapper=[sys.executable, "-c", self.WRAPPER, "1", "http", str(stream.fileno())])
        named = agent.http
        agent.http = path
        agent.start(pass_fds=(stream.fileno(),))
        agent.logged("API is on an inherited socket that is not that of http.listen")
        self.assertIn(f"inherited={path} listen={named} ", agent.log())
        shown = {entry["setting"]: entry for entry in agent.api()["sockets"]}["http.listen"]
        self.assertEqual((shown["path"], shown["inherited"], shown["lastError"]), (str(path), True, None))
        self.assertEqual(agent.run("status").returncode, 75)
        # Another name of the same file is no other socket.
        self.assertEqual(agent.stop(), 0)
        os.link(path, named)
        agent.start(pass_fds=(stream.fileno(),))
        self.assertEqual(agent.log().count("not that of http.listen"), 1)
        self.assertEqual(agent.run("status").returncode, 0)

    @unittest.skipUnless(pathlib.Path("/usr/bin/systemd-socket-activate").exists(), "no systemd-socket-activate here")
    def test_systemd_socket_activate(self):
        watcher = self.watch()
        path = self.dir / "act.sock"
        agent = self.agent(wrapper=["systemd-socket-activate", "-l", str(path), "--fdname=status", "-E",
                                    f"NOTIFY_SOCKET={self.dir}/a/systemd1.sock"], status={"socket": ...})
        agent.spawn()
        wait_until(path.is_socket, "the activator listens")
        done = tool("nc", "-NU", path, text="ready # awake\n")
        self.assertEqual(done.stdout, "OK\n", agent.log())
        watcher.status("ready", customState="awake")
        self.assertEqual(agent.stop(), 0)


class Usage(Case):
    def test_wrong_usage_is_64(self):
        for words in (["drain", "--reson", "x"], ["status", "more"], ["send"], ["agent", "-x"]):
            done = tool(BINARY, *words)
            self.assertEqual(done.returncode, 64, done.stderr)
            self.assertTrue(done.stderr)
