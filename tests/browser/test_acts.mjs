// What an operator does on the page, to real agents: drain and undrain by mouse, by keys alone and on a phone, and a command.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser } from "./page.mjs";
import { until, World } from "./world.mjs";

describe("acting on servers", () => {
  let world;
  let browser;
  const agents = [];
  before(async () => {
    [world, browser] = await Promise.all([World.start(), Browser.start()]);
    await world.startObserver();
    for (const id of ["w1", "w2", "w3"]) {
      agents.push(await world.agent(id, { status: { accept: ["say"] } }));
    }
    await until("three servers are ready", async () => {
      const { body } = await world.api("olga", "GET", "/api/services?status=ready");
      return body.total === 3;
    }).catch((error) => {
      throw new Error(`${error.message}\n${world.logs()}`);
    });
  });
  after(() => Promise.allSettled([browser?.close(), world?.close()]));

  const row = (view, key) => view.page.locator(`[data-key="${key}"]`);
  const statusOf = async (key) => (await world.api("olga", "GET", `/api/services/${key}`)).body.status;

  /** The page is at this place, or says where it is. */
  function at(view, place) {
    const is = (path) => (place instanceof RegExp ? place.test(path) : path === place);
    return view.page.waitForURL((url) => is(url.pathname)).catch(async () => {
      const focus = await view.page.evaluate(() => document.activeElement.outerHTML.slice(0, 200));
      assert.fail(`at ${view.page.url()} instead of ${place}; the focus is at ${focus}`);
    });
  }

  async function open(name, options) {
    const view = await browser.open(world, options);
    await view.signIn(name);
    await row(view, "world/w1").waitFor();
    return view;
  }

  it("drains the server of a row, which says so, and undrains it", async () => {
    const view = await open("olga");
    await row(view, "world/w1").locator("[data-act=select]").click();
    await view.page.getByRole("button", { name: "Drain world/w1", exact: true }).click();
    await view.page.getByLabel("Reason").fill("patch 1.4.3");
    await view.accessible("the dialog of a drain");
    await view.shot("drain-dialog");
    await view.page.getByRole("dialog").getByRole("button", { name: "Drain world/w1", exact: true }).click();
    await row(view, "world/w1").getByText("draining").waitFor();
    await row(view, "world/w1").getByText("patch 1.4.3").first().waitFor();
    const { body } = await world.api("olga", "GET", "/api/services/world/w1");
    assert.equal(body.drain.by, "olga");
    await row(view, "world/w1").locator("[data-act=select]").click();
    await view.page.getByRole("button", { name: "Undrain world/w1", exact: true }).click();
    await view.page.getByRole("dialog").getByRole("button", { name: "Undrain world/w1", exact: true }).click();
    await row(view, "world/w1").getByText("ready").waitFor();
    await view.close();
  });

  it("drains by keys alone", async () => {
    const view = await open("olga");
    const press = (key) => view.page.keyboard.press(key);
    await press("/");
    await view.page.keyboard.type("w2");
    await press("Enter");
    await row(view, "world/w1").waitFor({ state: "detached" });
    await press("j");
    await press("d");
    await view.page.getByRole("dialog").waitFor();
    await view.page.keyboard.type("by keys");
    await press("Enter");
    await view.page.getByRole("dialog").waitFor({ state: "detached" });
    const drained = await until("one server drains", async () => {
      const { body } = await world.api("olga", "GET", "/api/services?status=draining");
      return body.services[0];
    });
    assert.equal(drained.drain.reason, "by keys");
    await row(view, `world/${drained.id}`).getByText("draining").waitFor();
    await world.api("olga", "POST", `/api/services/world/${drained.id}/undrain`, {});
    await until("it is ready again", async () => (await statusOf(`world/${drained.id}`)) === "ready");
    await view.close();
  });

  it("goes from page to page by keys, and lists them", async () => {
    const view = await open("ada");
    const press = (key) => view.page.keyboard.press(key);
    for (const [letter, place] of [["d", "/drains"], ["a", "/activity"], ["k", "/keys"], ["f", "/"]]) {
      await press("g");
      await press(letter);
      await at(view, place);
    }
    await row(view, "world/w1").waitFor();
    await press("?");
    await view.page.getByRole("dialog").waitFor();
    await view.accessible("the keys");
    await press("Escape");
    await view.page.getByRole("dialog").waitFor({ state: "detached" });
    await press("j");
    await press("Enter");
    await at(view, /\/server\/world\/w/);
    await view.page.getByRole("region", { name: /^Server world/ }).waitFor();
    await press("Escape");
    await at(view, "/");
    await view.close();
  });

  it("drains a server on a phone in three taps", async () => {
    const view = await open("olga", { phone: true });
    await row(view, "world/w3").locator("[data-act=select]").tap();
    await view.page.getByRole("button", { name: "Drain world/w3", exact: true }).tap();
    await view.shot("drain-phone");
    await view.page.getByRole("dialog").getByRole("button", { name: "Drain world/w3", exact: true }).tap();
    await row(view, "world/w3").getByText("draining").waitFor();
    await world.api("olga", "POST", "/api/services/world/w3/undrain", {});
    await row(view, "world/w3").getByText("ready").waitFor();
    await view.close();
  });

  it("lets a viewer see why it may not", async () => {
    const view = await open("vera");
    await row(view, "world/w1").locator("[data-act=select]").click();
    const button = view.page.getByRole("button", { name: "Drain world/w1", exact: true });
    assert.equal(await button.count() === 0 || (await button.isDisabled()), true);
    await view.close();
  });

  it("sends a command and shows what the server answers", async () => {
    const view = await open("olga");
    const watch = world.watch(agents[0]);
    await view.go("/server/world/w1");
    await view.page.getByRole("button", { name: "Send a command" }).click();
    await view.page.getByLabel(/^Command/).fill("say");
    await view.page.getByLabel("Arguments").fill("restart in 5");
    await view.page.getByRole("button", { name: "Send to world/w1" }).click();
    const line = await watch.line(/^EVENT command /);
    const id = /id=(\S+)/.exec(line)[1];
    assert.match(line, /name=say from=op:olga args="restart in 5"/);
    await view.page.getByText(/delivered/).first().waitFor();
    watch.send(`result ${id} ok said to 12 players`);
    await view.page.getByText("said to 12 players").first().waitFor();
    watch.close();
    await view.close();
  });

  it("says on the row that a server has gone, and why", async () => {
    const view = await open("olga");
    await agents[2].stop("SIGKILL");
    agents[2].game.close();
    await row(view, "world/w3").getByText("offline").waitFor({ timeout: 40_000 });
    await view.go("/server/world/w3");
    await view.page.getByText(/lease/i).first().waitFor();
    await view.accessible("a server that is gone");
    await view.shot("server-offline");
    await view.close();
  });
});
