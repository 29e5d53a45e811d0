// Measures the page and its floor (vanilla.html) in the same browser, turn by turn. Reads one order as JSON from the command line,
// prints the raw samples as JSON; tests/bench/rows_page.py makes rows of them.
import fs from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";

const order = JSON.parse(process.argv[2]); // url, etcd, prefix, types: how many servers of each, rounds, seconds, growth (seconds too), rate, changes
const vanilla = fs.readFileSync(path.join(order.here, "vanilla.html"), "utf8");
const places = { floor: "/floor-of-the-page", page: "/" };
const base64 = (text) => Buffer.from(text).toString("base64");
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

class Fleet {
  constructor() {
    this.records = [];
    for (const [type, count] of Object.entries(order.types)) {
      for (let i = 0; i < count; i++) {
        this.records.push(this.record(type, i));
      }
    }
    this.next = 0;
  }

  record(type, i) {
    return {
      id: `${type}-${String(i).padStart(5, "0")}`, type, host: "10.0.0.5", ports: [8001], status: "ready", updatedAt: new Date().toISOString(),
      region: "kr", zone: `kr-${"abc"[i % 3]}`, version: "1.4.2", labels: { map: "harbor" }, players: i % 64, capacity: 64,
    };
  }

  async put(records) {
    const success = records.map((record) => ({ requestPut: { key: base64(`${order.prefix}/${record.type}/${record.id}`), value: base64(JSON.stringify(record)) } }));
    const answer = await fetch(`${order.etcd}/v3/kv/txn`, { method: "POST", body: JSON.stringify({ success }) });
    if (!answer.ok) {
      throw new Error(`etcd: ${answer.status}`);
    }
  }

  async fill() {
    for (let i = 0; i < this.records.length; i += 100) {
      await this.put(this.records.slice(i, i + 100));
    }
  }

  /** One server in turn says another number of players; one in twenty changes its status. */
  step() {
    const record = this.records[(this.next * 7919) % this.records.length];
    record.players = (record.players + 1) % 65;
    if (this.next % 20 === 0) {
      record.status = record.status === "ready" ? "error" : "ready";
      record.reason = record.status === "error" ? "probe game: connection refused (3 of 3)" : undefined;
    }
    record.updatedAt = new Date().toISOString();
    this.next++;
    return record;
  }

  /** `rate` changes a second for so many seconds; resolves with how many there were. */
  async move(seconds, rate) {
    const begin = performance.now();
    let done = 0;
    while (performance.now() - begin < seconds * 1000) {
      const due = Math.floor(((performance.now() - begin) / 1000) * rate) - done;
      if (due > 0) {
        await this.put([...new Set(Array.from({ length: Math.min(due, 100) }, () => this.step()))]);
        done += Math.min(due, 100);
      }
      await sleep(5);
    }
    return done;
  }
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-precise-memory-info"],
});

async function open(kind, context) {
  const own = context ?? (await browser.newContext({ viewport: { width: 1360, height: 850 }, locale: "en-US" }));
  const page = await own.newPage();
  if (kind === "floor") {
    // Not for the page: where requests are looked at, the browser keeps nothing of what it has loaded.
    await page.route(`**${places.floor}`, (route) => route.fulfill({ contentType: "text/html", body: vanilla }));
  }
  await page.addInitScript(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => list.getEntries().forEach((each) => window.longTasks.push(each.duration))).observe({ type: "longtask" });
    // The table is there when 10 rows are.
    const seen = new MutationObserver(() => {
      if (document.querySelectorAll("[data-key]").length >= 10) {
        window.firstTable = performance.now();
        seen.disconnect();
      }
    });
    seen.observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-key"] });
  });
  const devtools = await own.newCDPSession(page);
  return { page, devtools, context: own, close: () => own.close() };
}

async function load(view, kind) {
  await view.page.goto(order.url + places[kind]);
  await view.page.waitForFunction(() => window.firstTable !== undefined, null, { timeout: 60_000, polling: 50 });
  return view.page.evaluate(() => window.firstTable);
}

async function metrics(view) {
  const { metrics } = await view.devtools.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

/** Milliseconds until the table is there, each time with an empty cache. */
async function cold(kind) {
  const view = await open(kind);
  const ms = await load(view, kind);
  await view.close();
  return ms;
}

/** The same over a slow line with a slow processor; the second time with what the browser has kept. */
async function slow(kind) {
  const view = await open(kind);
  const throttle = async (each) => {
    await each.devtools.send("Network.enable");
    await each.devtools.send("Network.emulateNetworkConditions", { offline: false, latency: 150, downloadThroughput: (1.6e6 / 8) * 0.9, uploadThroughput: (7.5e5 / 8) * 0.9 });
    await each.devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  };
  await throttle(view);
  const first = await load(view, kind);
  await view.page.close();
  const again = await open(kind, view.context);
  await throttle(again);
  const second = await load(again, kind);
  await view.close();
  return { first, second };
}

/** The share of the main thread while the fleet moves, what of it is script, and tasks over 50 ms. */
async function busy(kind, fleet, seconds, rate) {
  const view = await open(kind);
  await load(view, kind);
  await view.devtools.send("Performance.enable", { timeDomain: "threadTicks" }); // what other processes take of the machine is not the page's
  await fleet.move(2, rate); // the compiler of the browser has seen the code
  await view.page.evaluate(() => (window.longTasks = []));
  const before = await metrics(view);
  const begin = performance.now();
  const changes = await fleet.move(seconds, rate);
  const took = (performance.now() - begin) / 1000;
  const after = await metrics(view);
  const longTasks = await view.page.evaluate(() => window.longTasks);
  await view.devtools.send("HeapProfiler.collectGarbage");
  const heap = (await view.devtools.send("Runtime.getHeapUsage")).usedSize;
  await view.close();
  return { busy: (after.TaskDuration - before.TaskDuration) / took, script: (after.ScriptDuration - before.ScriptDuration) / took, longTasks, heap, changes, rate: changes / took };
}

/** Milliseconds from the arrival of a change at a plain reader of the stream to its word in the page. */
async function latency(kind, fleet, count, make, find) {
  const view = await open(kind);
  await load(view, kind);
  const arrived = new Map();
  const stop = new AbortController();
  const stream = await fetch(`${order.url}/api/subscribe?after=${(await (await fetch(`${order.url}/api/services?limit=1`)).json()).cursor}`, { signal: stop.signal });
  (async () => {
    const decoder = new TextDecoder();
    let rest = ""; // a mark may be cut by the end of a chunk
    for await (const chunk of stream.body) {
      const text = rest + decoder.decode(chunk, { stream: true });
      for (const [, mark] of text.matchAll(/mark-(\d+)-/g)) {
        arrived.set(Number(mark), arrived.get(Number(mark)) ?? Date.now());
      }
      rest = text.slice(-20);
    }
  })().catch(() => {});
  const samples = [];
  const key = await view.page.evaluate(() => document.querySelectorAll("[data-key]")[3].dataset.key);
  const record = fleet.records.find((each) => `${each.type}/${each.id}` === key);
  for (let i = 0; i < count; i++) {
    const wanted = make(record, i);
    const shown = view.page.evaluate(
      ({ key, text }) =>
        new Promise((done) => {
          const look = () => [...document.querySelectorAll("[data-key]")].some((each) => each.dataset.key === key && each.textContent.includes(text)) && (watch.disconnect(), done(Date.now()));
          const watch = new MutationObserver(look);
          watch.observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true });
          look();
        }),
      { key, text: wanted },
    );
    await sleep(60 + (i % 7) * 37);
    await fleet.put([record]);
    const at = await shown;
    while (!arrived.has(find(record))) {
      await sleep(5); // the page was faster than the plain reader
    }
    samples.push(at - arrived.get(find(record)));
  }
  stop.abort();
  await view.close();
  return samples;
}

/** Frames a second while the table is scrolled by a wheel on a slow processor. */
async function scroll(kind) {
  const view = await open(kind);
  await load(view, kind);
  await sleep(3000); // what is loaded after the first table is there
  await view.devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await view.page.mouse.move(600, 500);
  await view.page.evaluate(() => {
    window.frames_ = 0;
    const count = () => {
      window.frames_++;
      requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
  });
  const begin = performance.now();
  const from = await view.page.evaluate(() => window.frames_);
  while (performance.now() - begin < 4000) {
    await view.page.mouse.wheel(0, 240);
    await sleep(16);
  }
  const frames = (await view.page.evaluate(() => window.frames_)) - from;
  const fps = frames / ((performance.now() - begin) / 1000);
  await view.close();
  return fps;
}

const LOOKS = 10;

/** The heap of a page once each server has changed, and ten times while the fleet moves on. */
async function growth(fleet, seconds, rate) {
  const view = await open(kind);
  await load(view, "page");
  const heap = async () => {
    await view.devtools.send("HeapProfiler.collectGarbage");
    return (await view.devtools.send("Runtime.getHeapUsage")).usedSize;
  };
  await fleet.move(fleet.records.length / rate + 10, rate); // each server has changed once
  const heaps = [await heap()];
  let changes = 0;
  for (let i = 0; i < LOOKS; i++) {
    changes += await fleet.move(seconds / LOOKS, rate);
    heaps.push(await heap());
  }
  await view.close();
  return { heaps, changes };
}

async function turns(rounds, measure) {
  const samples = { page: [], floor: [] };
  for (let i = 0; i < rounds; i++) {
    for (const kind of i % 2 ? ["page", "floor"] : ["floor", "page"]) {
      samples[kind].push(await measure(kind));
    }
  }
  return samples;
}

const parts = {
  cold: () => turns(order.rounds, cold),
  slow: () => turns(Math.min(3, order.rounds), slow),
  busy: (fleet) => turns(Math.min(3, order.rounds), (kind) => busy(kind, fleet, order.seconds, order.rate)),
  scroll: () => turns(Math.min(3, order.rounds), scroll),
  growth: (fleet) => growth(fleet, order.growth, order.rate),
  status: (fleet) =>
    turns(1, (kind) =>
      latency(kind, fleet, order.changes, (record, i) => {
        record.status = "error";
        record.reason = `mark-${i}-${kind}`;
        return record.reason;
      }, (record) => Number(/mark-(\d+)-/.exec(record.reason)[1])),
    ),
  players: (fleet) =>
    turns(1, (kind) =>
      latency(kind, fleet, order.changes, (record, i) => {
        record.players = 1000 + i; // a number that stands nowhere else in the row
        record.capacity = 9999;
        record.reason = undefined;
        record.customState = `mark-${i}-${kind}`;
        return String(record.players);
      }, (record) => Number(/mark-(\d+)-/.exec(record.customState)[1])),
    ),
};

const fleet = new Fleet();
const results = {};
try {
  if (order.fill) {
    await fleet.fill();
  }
  for (const part of order.parts) {
    results[part] = await parts[part](fleet);
  }
  process.stdout.write(JSON.stringify(results));
} finally {
  await browser.close();
}
