// A drain of many servers on the page: planned, begun, paused by another operator, gone on with after its observer was killed, undone.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser } from "./page.mjs";
import { until, World } from "./world.mjs";

describe("a drain of many servers", () => {
  let world;
  let browser;
  const agents = [];
  before(async () => {
    [world, browser] = await Promise.all([World.start({ registry: { ttl: "6s" } }), Browser.start()]);
    await world.startObserver();
    for (const id of ["w1", "w2", "w3"]) {
      agents.push(await world.agent(id));
    }
    await until("three servers are ready", async () => (await world.api("olga", "GET", "/api/services?status=ready")).body.total === 3);
    for (const agent of agents) {
      const watch = world.watch(agent);
      watch.send("players=4/10");
      await watch.line(/^OK/);
      watch.close();
    }
    await until("their players are known", async () => (await world.api("olga", "GET", "/api/services")).body.services.every((each) => each.players === 4));
  });
  after(() => Promise.allSettled([browser?.close(), world?.close()]));

  async function plan(view) {
    const { page } = view;
    await view.signIn("olga", "/drains");
    await page.getByRole("link", { name: "Drain many servers" }).or(page.getByRole("button", { name: "Drain many servers" })).click();
    await page.getByRole("group", { name: "type" }).getByRole("button", { name: "world" }).click();
    await page.getByLabel("Reason").fill("patch 1.4.3");
    await page.getByLabel("Keep one of a type in each zone").uncheck();
    await page.getByRole("button", { name: "Look at the plan" }).click();
    await page.getByRole("button", { name: "Drain 3 servers" }).waitFor();
  }

  const drain = async () => (await world.api("olga", "GET", "/api/drains")).body.drains[0];

  it("is refused when the fleet has changed since its plan, and shows what has", async () => {
    const view = await browser.open(world);
    await plan(view);
    await world.api("olga", "POST", "/api/services/world/w2/drain", { reason: "another one" });
    await until("w2 drains", async () => (await world.api("olga", "GET", "/api/services/world/w2")).body.status === "draining");
    await view.page.getByRole("button", { name: "Drain 3 servers" }).click();
    await view.page.getByText("The fleet has changed since you looked").waitFor();
    await view.accessible("a plan that has changed");
    await view.shot("drain-plan-changed");
    assert.equal(await drain(), undefined);
    await world.api("olga", "POST", "/api/services/world/w2/undrain", {});
    await until("w2 is ready", async () => (await world.api("olga", "GET", "/api/services/world/w2")).body.status === "ready");
    await view.close();
  });

  it("goes through its waves, and is seen by all while another operator pauses it", async () => {
    const view = await browser.open(world);
    await plan(view);
    await view.accessible("the plan of a drain");
    await view.shot("drain-plan");
    await view.page.getByRole("button", { name: "Drain 3 servers" }).click();
    await view.page.waitForURL(/\/drains\/[0-9A-Z]+$/);
    await view.page.getByText("wave 1 of 3").first().waitFor();
    await view.page.getByText("running").first().waitFor();
    await view.accessible("a drain under way");
    await view.shot("drain-running");
    const { id } = await drain();
    await world.api("ada", "POST", `/api/drains/${id}/pause`, {});
    await view.page.getByText("paused").first().waitFor();
    await view.shot("drain-paused");
    await view.close();
  });

  it("goes on after its observer was killed, and the page with it", async () => {
    const view = await browser.open(world);
    await view.signIn("olga", "/drains");
    const { id } = await drain();
    await view.page.getByText("paused").first().waitFor();
    await world.observer.stop("SIGKILL");
    await view.page.locator(".banner", { hasText: "No word from the observer" }).waitFor();
    await world.startObserver();
    await view.page.locator(".banner").waitFor({ state: "detached", timeout: 40_000 });
    await until("the observer drives it again", async () => (await world.api("olga", "POST", `/api/drains/${id}/resume`, {})).status === 200);
    await view.page.getByText("running").first().waitFor();
    await view.close();
  });

  it("is undone: its holds are lifted, and the page says so", async () => {
    const view = await browser.open(world, { phone: true });
    const { id } = await drain();
    await view.signIn("olga", `/drains/${id}`);
    await view.page.getByRole("button", { name: "Undo drain" }).tap();
    await view.page.getByRole("dialog").waitFor();
    await view.accessible("before a drain is undone");
    await view.shot("drain-undo-phone");
    await view.page.getByRole("dialog").getByRole("button", { name: "Undo drain" }).tap();
    await view.page.getByText("undone").first().waitFor();
    await until("all servers are ready", async () => (await world.api("olga", "GET", "/api/services?status=ready")).body.total === 3);
    await view.close();
  });

  it("may not be begun by a viewer", async () => {
    const view = await browser.open(world);
    await view.signIn("vera", "/drains");
    await view.page.getByText("patch 1.4.3").first().waitFor();
    const begin = view.page.getByRole("button", { name: "Drain many servers" });
    assert.ok((await begin.count()) === 0 || (await begin.isDisabled()));
    await view.close();
  });
});
