// The world of a test of the page: a real etcd, a real observer, and servers: records that the test writes itself, or real agents
// with a game server of the test. Nothing sleeps to let something happen: `until` waits for what it names.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";

export const ROOT = process.env.OUTRIDER_ROOT;
const BINARY = process.env.OUTRIDER_BINARY;
const DEADLINE_MS = 20_000;

export async function until(what, condition, deadlineMs = DEADLINE_MS) {
  const end = Date.now() + deadlineMs;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) {
        return value;
      }
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      throw new Error(`not in ${deadlineMs} ms: ${what}${last ? ` (${last.message})` : ""}`);
    }
    await new Promise((done) => setTimeout(done, 20));
  }
}

export function freePort() {
  return new Promise((done) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

const base64 = (text) => Buffer.from(text).toString("base64");

/** A node of its own, by tests/support/with-etcd, which removes it whatever happens to this process. */
export class Etcd {
  static async start() {
    const etcd = new Etcd();
    etcd.process = spawn(path.join(ROOT, "tests/support/with-etcd"), ["--", "sh", "-c", 'echo "$OUTRIDER_TEST_ETCD $OUTRIDER_TEST_ETCD_DIR"; exec cat'], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const line = await new Promise((done, failed) => {
      let text = "";
      etcd.process.stdout.on("data", (data) => {
        text += data;
        if (text.includes("\n")) {
          done(text.trim());
        }
      });
      etcd.process.on("exit", () => failed(new Error("there is no etcd")));
    });
    [etcd.endpoint, etcd.folder] = line.split(" ");
    return etcd;
  }

  signal(name) {
    process.kill(Number(fs.readFileSync(path.join(this.folder, "1/pid"), "utf8")), name);
  }

  async call(request, body) {
    const answer = await fetch(`${this.endpoint}/v3/${request}`, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) {
      throw new Error(`etcd: ${request}: ${answer.status} ${await answer.text()}`);
    }
    return answer.json();
  }

  put(key, value, lease = 0) {
    return this.call("kv/put", { key: base64(key), value: base64(value), lease: String(lease) });
  }

  remove(key) {
    return this.call("kv/deleterange", { key: base64(key) });
  }

  async lease(ttl) {
    return (await this.call("lease/grant", { TTL: String(ttl) })).ID;
  }

  revoke(lease) {
    return this.call("lease/revoke", { ID: lease });
  }

  close() {
    this.process.stdin.end();
    return new Promise((done) => (this.process.exitCode !== null ? done() : this.process.on("exit", done)));
  }
}

/** The environment of an agent: nothing of the shell that runs the tests. In its sandbox the leak detector cannot work. */
function environment() {
  const kept = Object.fromEntries(["PATH", "HOME", "TMPDIR", "UBSAN_OPTIONS"].map((name) => [name, process.env[name]]).filter(([, value]) => value));
  return { ...kept, ASAN_OPTIONS: "detect_leaks=0" };
}

class Agent {
  constructor(folder, name, config) {
    this.name = name;
    this.config = path.join(folder, `${name}.yaml`);
    this.log = path.join(folder, `${name}.log`);
    fs.writeFileSync(this.config, JSON.stringify(config, null, 1)); // JSON is YAML
  }

  start() {
    const log = fs.openSync(this.log, "a");
    this.process = spawn(BINARY, ["agent", "-c", this.config], { stdio: ["ignore", log, log], env: environment() });
    this.ended = new Promise((done) => this.process.on("exit", done));
    fs.closeSync(log);
  }

  async stop(signal = "SIGTERM") {
    if (this.process?.exitCode === null && this.process.signalCode === null) {
      this.process.kill(signal);
      this.process.kill("SIGCONT");
      await this.ended;
    }
  }

  text() {
    return fs.readFileSync(this.log, "utf8");
  }
}

class Watch {
  #text = "";

  constructor(place) {
    this.socket = net.connect(place, () => this.send("watch"));
    this.socket.on("data", (data) => (this.#text += data));
  }

  send(line) {
    this.socket.write(`${line}\n`);
  }

  /** The first line that is like this. */
  line(pattern) {
    return until(`a line like ${pattern}`, () => this.#text.split("\n").slice(0, -1).find((each) => pattern.test(each)));
  }

  close() {
    this.socket.destroy();
  }
}

/** Everything of one test file: `await using` is not in Node 18, so the file calls close() in an after hook. */
export class World {
  static async start(options = {}) {
    const world = new World();
    world.folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrider-page-"));
    world.agents = [];
    world.leases = new Map();
    world.tokens = {};
    world.etcd = await Etcd.start();
    world.port = await freePort();
    world.access = path.join(world.folder, "access");
    for (const [name, role] of [["ada", "admin"], ["olga", "operator"], ["vera", "viewer"], ["lobby", "service"]]) {
      world.grant(name, role);
    }
    const { http = {}, registry = {}, ...more } = options;
    world.observer = new Agent(world.folder, "observer", {
      registry: { endpoints: world.etcd.endpoint, request_timeout: "1s", ...registry },
      http: { listen: `127.0.0.1:${world.port}`, access_file: world.access, keys: "own", peer_share: 100, ...http },
      sessions: { store: "memory" },
      state_dir: path.join(world.folder, "observer"),
      ...more,
    });
    world.agents.push(world.observer);
    return world;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Gives a name a role, and a token in `tokens`. */
  grant(name, role) {
    this.tokens[name] ??= randomBytes(32).toString("hex");
    const line = `${name} ${role} sha256:${createHash("sha256").update(this.tokens[name]).digest("hex")}\n`;
    const others = fs.existsSync(this.access) ? fs.readFileSync(this.access, "utf8").split("\n").filter((each) => each && !each.startsWith(`${name} `)) : [];
    this.writeAccess([...others, line.trim()]);
  }

  deny(name) {
    this.writeAccess(fs.readFileSync(this.access, "utf8").split("\n").filter((each) => each && !each.startsWith(`${name} `)));
  }

  writeAccess(lines) {
    fs.writeFileSync(`${this.access}.new`, `${lines.join("\n")}\n`, { mode: 0o600 });
    fs.renameSync(`${this.access}.new`, this.access);
  }

  /** What the agents logged, for an error. */
  logs() {
    return this.agents.map((agent) => `${agent.name}: ${agent.text().split("\n").slice(-4).join("\n")}`).join("\n");
  }

  async startObserver() {
    this.observer.start();
    await until("the observer is ready", async () => (await fetch(`${this.url}/readyz`)).ok).catch((error) => {
      throw new Error(`${error.message}\n${this.logs()}`);
    });
  }

  /** A request of a program, with the token of `name`. */
  async api(name, method, path_, body) {
    const headers = { Authorization: `Bearer ${this.tokens[name]}` };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
    }
    const answer = await fetch(this.url + path_, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  }

  /** Writes a record as a server without an agent does, under a lease of its own. */
  async server(record) {
    const key = `/services/${record.type}/${record.id}`;
    if (!this.leases.has(key)) {
      this.leases.set(key, await this.etcd.lease(600));
    }
    const full = { status: "ready", host: "10.0.0.1", ports: [7000], updatedAt: new Date().toISOString(), ...record };
    await this.etcd.put(key, JSON.stringify(full), this.leases.get(key));
    return full;
  }

  /** The server dies: its lease ends. */
  async loses(record) {
    const key = `/services/${record.type}/${record.id}`;
    await this.etcd.revoke(this.leases.get(key));
    this.leases.delete(key);
  }

  /** A real agent beside a port that answers. */
  async agent(id, more = {}) {
    const game = net.createServer((socket) => socket.destroy());
    await new Promise((done) => game.listen(0, "127.0.0.1", done));
    const agent = new Agent(this.folder, id, {
      server: { type: "world", id, host: "127.0.0.1", ports: [game.address().port], ...more.server },
      registry: { endpoints: this.etcd.endpoint, ttl: "5s" },
      probes: [{ name: "game", type: "tcp", port: game.address().port, interval: "200ms", timeout: "100ms" }],
      drain: { settle: "100ms" },
      status: { socket: path.join(this.folder, `${id}.sock`), ...more.status },
      http: { listen: `unix:${this.folder}/${id}-http.sock` },
      state_dir: path.join(this.folder, `state-${id}`),
    });
    agent.game = game;
    this.agents.push(agent);
    agent.start();
    return agent;
  }

  /** A connection of the game server to its agent that hears events. */
  watch(agent) {
    return new Watch(path.join(this.folder, `${agent.name}.sock`));
  }

  async close() {
    for (const agent of this.agents) {
      await agent.stop(agent === this.observer ? "SIGTERM" : "SIGKILL");
      agent.game?.close();
    }
    await this.etcd.close();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
