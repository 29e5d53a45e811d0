// What the page says of what an observer does not keep or show, of answers that are not complete, and of another version.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser } from "./page.mjs";
import { World } from "./world.mjs";

async function sees(view, text, name) {
  await view.page.getByText(text).first().waitFor();
  await view.accessible(name);
  await view.fits(name);
  await view.shot(name);
}

describe("a page of an observer that keeps little", () => {
  let world;
  let browser;
  before(async () => {
    [world, browser] = await Promise.all([
      World.start({ http: { keys: false }, audit: { file: "off" }, history: "off", sessions: { store: "off" } }),
      Browser.start(),
    ]);
    await world.startObserver();
    await world.server({ type: "world", id: "w1" });
  });
  after(() => Promise.allSettled([browser?.close(), world?.close()]));

  for (const [name, place, text] of [
    ["history-off-activity", "/activity", "This observer keeps no history"],
    ["history-off-server", "/server/world/w1", "This observer keeps no history"],
    ["audit-off", "/audit", "This observer keeps no audit"],
    ["keys-off", "/keys", "The key browser is switched off"],
    ["sessions-off", "/sessions", "This observer keeps no sessions"],
  ]) {
    it(`says so: ${name}`, async () => {
      const view = await browser.open(world);
      await view.signIn("ada");
      await view.go(place);
      await sees(view, text, name);
      await view.close();
    });
  }
});

describe("a page that gets less than it asks for", () => {
  let world;
  let browser;
  before(async () => {
    [world, browser] = await Promise.all([World.start(), Browser.start()]);
    await world.startObserver();
    await world.server({ type: "world", id: "w1" });
  });
  after(() => Promise.allSettled([browser?.close(), world?.close()]));

  it("says that entries of other observers may be missing", async () => {
    const view = await browser.open(world);
    await view.signIn("ada");
    world.etcd.signal("SIGSTOP");
    await view.go("/audit");
    await view.page.getByText("Entries of other observers may be missing").first().waitFor({ timeout: 60_000 });
    await sees(view, "Entries of other observers may be missing", "audit-incomplete");
    world.etcd.signal("SIGCONT");
    await view.close();
  });

  it("says that the observer has another version, once it has", async () => {
    const view = await browser.open(world);
    await view.signIn("ada");
    await view.page.getByText("w1").first().waitFor();
    assert.equal(await view.page.getByText("The observer has another version now").count(), 0);
    await view.page.route("**/api/me", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), version: "99.0.0" } });
    });
    await world.observer.stop();
    await world.startObserver();
    await view.page.getByText("The observer has another version now").waitFor({ timeout: 60_000 });
    await sees(view, "The observer has another version now", "new-version");
    await view.close();
  });

  it("says that a page could not be loaded, and goes on with the others", async () => {
    const view = await browser.open(world);
    await view.page.route(/\/assets\/Keys/, (route) => route.abort());
    await view.signIn("ada");
    await view.go("/keys");
    await sees(view, "This page could not be loaded", "failed-chunk");
    await view.page.locator("nav a[href='/']").first().click();
    await view.page.getByText("w1").first().waitFor();
    // What could not be loaded is on the console, and nothing else.
    view.wrong = view.wrong.filter((line) => !/dynamically imported module|Keys|preload assets/.test(line));
    await view.close();
  });
});
