"""What the rows of the benchmark share: agents, floors, what /proc tells of them, and numbers."""
import base64
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import threading
import time
import urllib.request

PREFIX = "/services/bench"
TTL_S = 10
PATIENCE_S = 30
ETCD3 = "etcd3@1.1.2"
NPM_WITHIN_S = 80


class Failed(Exception):
    """Something did not work: no figure, and no success."""


def median(values):
    return statistics.median(values)


def p99(values):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def wait_until(what, condition, patience_s=PATIENCE_S):
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not within {patience_s} s")
        time.sleep(0.01)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Listener:
    """A game server's port: accepts and closes, as a server would whose backlog never fills."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                self.socket.accept()[0].close()
            except OSError:
                return

    def close(self):
        self.socket.close()


def free_ports(count):
    """Free ports; a meter binds them a moment later."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Place:
    """The programs, the etcd, and a folder for everything that runs."""

    def __init__(self, build, agent, endpoint, folder):
        self.programs = build / "tests" / "bench"
        self.agent = agent
        self.endpoint = endpoint
        self.folder = folder
        self.children = []

    def program(self, name):
        return str(self.programs / f"bench_{name}")

    def start(self, command, log=subprocess.DEVNULL, environment=None):
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                                 env=environment)
        self.children.append(child)
        return child

    def stop(self, *children):
        """TERM to each, then waits for each; an exit status that is not 0 is a failure."""
        for child in children:
            child.send_signal(signal.SIGTERM)
        for child in children:
            status = child.wait(timeout=PATIENCE_S)
            self.children.remove(child)
            if status != 0:
                raise Failed(f"{child.args[0]} ended with {status}")

    def kill_all(self):
        for child in self.children:
            child.kill()
            child.wait()
        self.children.clear()

    def meter(self, name, *arguments):
        """Runs a measuring program; returns its samples by name."""
        done = subprocess.run([self.program(name), *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"bench_{name} {arguments[1]}: {done.stderr.strip()}")
        samples = {}
        for line in done.stdout.splitlines():
            key, value = line.split()
            samples.setdefault(key, []).append(int(value))
        return samples

    def post(self, path, body):
        request = urllib.request.Request(self.endpoint + path, json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def count_keys(self, prefix):
        key = prefix.encode()
        end = key[:-1] + bytes([key[-1] + 1])
        answer = self.post("/v3/kv/range", {"key": base64.b64encode(key).decode(),
                                            "range_end": base64.b64encode(end).decode(), "count_only": True})
        return int(answer.get("count", 0))


def etcd3_modules(place):
    """The folder with the etcd3 package of npm, installed once beside the programs; None and why not."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None, "there is no node or no npm here"
    folder = place.programs / "npm"
    modules = folder / "node_modules"
    if (modules / "etcd3").is_dir():
        return modules, ""
    # No script of a package runs during the installation, and npm requests nothing but the package.
    try:
        done = subprocess.run(["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund",
                               "--no-update-notifier", "--no-save", "--fetch-retries=1", ETCD3], capture_output=True,
                              timeout=NPM_WITHIN_S, check=False)
        works = done.returncode == 0
    except subprocess.TimeoutExpired:
        works = False
    return (modules, "") if works else (None, f"npm cannot install {ETCD3}")


class Agent:
    """An agent with the defaults of a deployment, a record of its own, and every socket in its own folder. Its server is never
    said to be flapping: rows crash it more often than that allows."""

    def __init__(self, place, name, port, interval="5s", state=False, start=True):
        self.place = place
        self.name = name
        self.key = f"{PREFIX}/{name}"
        self.folder = place.folder / name
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.config = self.folder / "outrider.yaml"
        state_dir = f"state_dir: {self.folder}/state\n" if state else ""
        if state:
            (self.folder / "state").mkdir()
        self.config.write_text(
            f"server: {{type: bench, id: {name}, host: 127.0.0.1, ports: [{port}], flapping: null}}\n"
            f"registry: {{endpoints: [\"{place.endpoint}\"], ttl: {TTL_S}s}}\n"
            f"status: {{socket: {self.folder}/status.sock, notify_socket: {self.folder}/notify.sock, "
            f"min_publish_interval: {interval}}}\n"
            f"shutdown: {{linger: 0s}}\n"
            f"http: {{listen: \"unix:{self.folder}/http.sock\"}}\n"
            f"log: {{level: warn}}\n{state_dir}")
        self.process = None
        if start:
            self.start()

    @property
    def pid(self):
        return self.process.pid

    @property
    def socket(self):
        return self.folder / "status.sock"

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = self.place.start([str(self.place.agent), "agent", "-c", str(self.config)], log)

    def metrics(self):
        connection = UnixConnection(str(self.folder / "http.sock"))
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))

    def is_settled(self, initializing=False):
        """Registered and in sync, and its status is initializing, or anything else."""
        if self.process.poll() is not None:
            log = (self.folder / "log").read_text(errors="replace")[-500:]
            raise Failed(f"agent {self.name} ended with {self.process.returncode}: {log}")
        try:
            metrics = self.metrics()
        except OSError:
            return False
        undecided = metrics.get('outrider_status{status="initializing"}', "1") == "1"
        return metrics.get("outrider_registry_in_sync") == "1" and undecided == initializing

    def settle(self, initializing=False):
        wait_until(f"agent {self.name} registers", lambda: self.is_settled(initializing))

    def failed_requests(self):
        name = "outrider_registry_requests_total{"
        return sum(int(value) for key, value in self.metrics().items()
                   if key.startswith(name) and 'outcome="ok"' not in key)

    def stop(self):
        self.place.stop(self.process)


def proc(pid, name):
    return pathlib.Path(f"/proc/{pid}/{name}").read_text()


def fields(text):
    """Lines of "Name:  number unit" as a dictionary."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key: int(value.split()[0]) for key, value in pairs if value.split() and value.split()[0].isdigit()}


def memory(pid):
    rollup = fields(proc(pid, "smaps_rollup").split("\n", 1)[1])
    return {"rss": rollup["Rss"], "pss": rollup["Pss"], "dirty": rollup["Private_Dirty"]}


def activity(pid):
    """CPU in microseconds, and voluntary context switches, of all threads so far."""
    cpu = wakeups = threads = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        threads += 1
        cpu += int(proc(pid, f"task/{task}/schedstat").split()[0]) / 1000
        wakeups += fields(proc(pid, f"task/{task}/status"))["voluntary_ctxt_switches"]
    return {"cpu": cpu, "wakeups": wakeups, "threads": threads}


def perf_works():
    try:
        done = subprocess.run(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "true"], capture_output=True,
                              text=True, check=False)
    except OSError:
        return False
    return done.returncode == 0 and done.stderr.split(",")[0].isdigit()


def strace_total(path):
    """The total of `strace -c`: its last line, whose third number is the calls."""
    words = pathlib.Path(path).read_text().splitlines()[-1].split()
    return int(words[3])


def count_syscalls(place, pids, seconds):
    """System calls of each process during that time, by perf where the kernel lets us, else by strace."""
    perf = perf_works()
    tracers = []
    for pid in pids:
        out = place.folder / f"calls.{pid}"
        command = (["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", str(out), "-p", str(pid)] if perf
                   else ["strace", "-f", "-c", "-o", str(out), "-p", str(pid)])
        tracers.append((subprocess.Popen(command, stderr=subprocess.DEVNULL), out))
    time.sleep(seconds)
    counts = []
    for tracer, out in tracers:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        if perf:
            last = [line for line in out.read_text().splitlines() if "sys_enter" in line][-1]
            counts.append(int(last.split(",")[0]))
        else:
            counts.append(strace_total(out))
    return counts
