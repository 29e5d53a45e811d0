// The table with more servers than fit: its rows are used again for others, and are in order for who hears the page, copies from it
// or goes by keys.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser } from "./page.mjs";
import { until, World } from "./world.mjs";

const SERVERS = 400;
const idOf = (i) => `w${String(i).padStart(3, "0")}`;

describe("the table", () => {
  let world;
  let browser;
  before(async () => {
    [world, browser] = await Promise.all([World.start(), Browser.start()]);
    await world.startObserver();
    const base64 = (text) => Buffer.from(text).toString("base64");
    for (let from = 0; from < SERVERS; from += 100) {
      const success = Array.from({ length: 100 }, (_, i) => recordOf(from + i)).map((record) => ({
        requestPut: { key: base64(`/services/world/${record.id}`), value: base64(JSON.stringify(record)) },
      }));
      await world.etcd.call("kv/txn", { success });
    }
    await until("the observer has them all", async () => (await world.api("olga", "GET", "/api/services?limit=1")).body.total === SERVERS);
  });
  after(() => Promise.allSettled([browser?.close(), world?.close()]));

  function recordOf(i) {
    return { type: "world", id: idOf(i), status: "ready", host: "10.0.0.1", ports: [7000 + i], zone: `z${i % 3}`, players: i, capacity: 500, updatedAt: new Date().toISOString() };
  }

  const row = (view, i) => view.page.locator(`[data-key="world/${idOf(i)}"]`);
  const grid = (view) => view.page.getByRole("grid", { name: "Servers" });

  async function open(options) {
    const view = await browser.open(world, options);
    await view.signIn("olga");
    await row(view, 0).waitFor();
    return view;
  }

  /** Whether the rows stand in the document as they do on the screen, without a gap, each with its own texts. */
  function look(view) {
    return view.page.evaluate(() => {
      const rows = [...document.querySelectorAll("[role=grid] [data-key]")];
      const tops = rows.map((row) => row.getBoundingClientRect().top);
      return {
        rows: rows.length,
        indexes: rows.map((row) => Number(row.getAttribute("aria-rowindex"))),
        even: tops.every((top, i) => i === 0 || Math.abs(top - tops[i - 1] - rows[0].offsetHeight) < 1),
        wrong: rows.filter((row) => !row.textContent.includes(row.dataset.key) || row.querySelector("a").getAttribute("href") !== `/server/${row.dataset.key}`).map((row) => row.dataset.key),
      };
    });
  }

  async function inOrder(view, what) {
    await until(`${what}: in order`, async () => {
      const { indexes } = await look(view);
      return indexes.length > 10 && indexes.every((index, i) => i === 0 || index === indexes[i - 1] + 1);
    });
    const { even, wrong } = await look(view);
    assert.deepEqual([even, wrong], [true, []], what);
  }

  it("makes no row while it is scrolled, and stands in order after that", async () => {
    const view = await open();
    await inOrder(view, "at first");
    const made = await view.page.evaluate(async () => {
      const table = document.querySelector("[role=grid]");
      let made = 0;
      const before = document.querySelectorAll("[data-key]").length;
      const watch = new MutationObserver((changes) => (made += changes.filter((each) => each.type === "childList").length));
      watch.observe(table, { childList: true, subtree: true });
      for (let i = 0; i < 20; i++) {
        table.scrollTop += 200;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      }
      watch.disconnect();
      return [made, document.querySelectorAll("[data-key]").length - before];
    });
    assert.deepEqual(made, [0, 0]);
    await inOrder(view, "after it was scrolled");
    await row(view, 120).getByText("120 / 500").waitFor();
    await view.page.evaluate(() => (document.querySelector("[role=grid]").scrollTop = 1e6));
    await row(view, SERVERS - 1).waitFor();
    await inOrder(view, "at the end");
    await view.close();
  });

  it("goes by keys to where there was no row, and names the one it is at", async () => {
    const view = await open();
    await grid(view).focus();
    for (const [key, i] of [["End", SERVERS - 1], ["Home", 0], ["PageDown", 15], ["j", 16], ["k", 15]]) {
      await view.page.keyboard.press(key);
      await row(view, i).and(view.page.locator("[data-active]")).waitFor();
      const seen = await view.page.evaluate(() => {
        const table = document.querySelector("[role=grid]");
        const active = document.getElementById(table.getAttribute("aria-activedescendant"));
        const [{ bottom: head }, box, own] = [table.querySelector(".head"), table, active].map((each) => each.getBoundingClientRect());
        return { key: active.dataset.key, within: own.top >= head - 1 && own.bottom <= box.bottom + 1, active: document.querySelectorAll("[data-active]").length };
      });
      assert.deepEqual(seen, { key: `world/${idOf(i)}`, within: true, active: 1 }, key);
    }
    await view.accessible("with a row that is active");
    await view.page.keyboard.press("x");
    await row(view, 15).and(view.page.locator("[aria-selected=true]")).waitFor();
    await view.close();
  });

  it("does not keep the focus in a row that is another server's", async () => {
    const view = await open();
    await row(view, 3).getByRole("link").focus();
    await view.page.evaluate(() => (document.querySelector("[role=grid]").scrollTop = 5000));
    await row(view, 140).waitFor();
    assert.equal(await view.page.evaluate(() => document.activeElement.getAttribute("role")), "grid");
    await view.close();
  });

  it("shows a change in its row, and moves the row where it belongs", async () => {
    const view = await open();
    await world.server({ ...recordOf(5), players: 499 });
    await row(view, 5).getByText("499 / 500").waitFor();
    assert.equal(await row(view, 5).locator(".load").isVisible(), true);
    await world.server({ ...recordOf(5), players: undefined });
    await row(view, 5).getByText("– / 500").waitFor();
    assert.equal(await row(view, 5).locator(".load").isVisible(), false);
    await world.server({ ...recordOf(390), status: "error", reason: "probe game: no answer" });
    await row(view, 390).getByText("probe game: no answer").waitFor();
    await inOrder(view, "with trouble at the top");
    assert.equal(await row(view, 390).getAttribute("aria-rowindex"), "2");
    await world.server(recordOf(390));
    await row(view, 390).waitFor({ state: "detached" });
    await inOrder(view, "without it");
    await view.close();
  });

  it("groups, and closes a group", async () => {
    const view = await open();
    await view.go("/?group=zone");
    const group = view.page.getByRole("button", { name: /zone z0/ });
    await group.waitFor();
    await view.accessible("with groups");
    await group.click();
    await row(view, 1).waitFor();
    assert.equal(await group.getAttribute("aria-expanded"), "false");
    assert.equal(await grid(view).getAttribute("aria-rowcount"), String(3 + SERVERS - Math.ceil(SERVERS / 3) + 1));
    await group.click();
    await row(view, 0).waitFor();
    await view.close();
  });

  it("has the title of a cell once it is pointed at, and not of the one before", async () => {
    const view = await open();
    const cell = row(view, 4).locator(".changed");
    await cell.hover();
    await until("it has a title", async () => (await cell.getAttribute("title")) !== null);
    await row(view, 6).locator(".host").hover();
    await until("it has none", async () => (await cell.getAttribute("title")) === null);
    assert.equal(await view.page.locator("[data-pointed]").count(), 1);
    await view.close();
  });

  it("has cards on a phone", async () => {
    const view = await open({ phone: true });
    await inOrder(view, "cards");
    await view.page.evaluate(() => (document.querySelector("[role=grid]").scrollTop = 7000));
    await row(view, 100).waitFor();
    await inOrder(view, "cards after they were scrolled");
    await view.close();
  });
});
