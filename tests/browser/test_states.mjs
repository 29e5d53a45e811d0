// What the page says when it does not show the present: every state is brought about by a fault.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser } from "./page.mjs";
import { World } from "./world.mjs";

describe("a page that is out of touch", () => {
  let world;
  let browser;
  before(async () => {
    [world, browser] = await Promise.all([World.start(), Browser.start()]);
  });
  after(() => Promise.allSettled([browser?.close(), world?.close()]));

  it("says that the fleet is not known yet, and shows it once it is", async () => {
    world.etcd.signal("SIGSTOP");
    world.observer.start();
    const view = await browser.open(world);
    for (;;) {
      if (await view.go("/").then(() => true, () => false)) {
        break;
      }
    }
    await view.page.getByLabel("Token").fill(world.tokens.olga);
    await view.page.keyboard.press("Enter");
    await view.page.getByText("The observer has not read the fleet yet").waitFor();
    await view.accessible("a fleet that is not known");
    await view.shot("not-known");
    world.etcd.signal("SIGCONT");
    await world.server({ type: "world", id: "w1" });
    await view.page.getByText("w1").first().waitFor();
    assert.equal(await view.page.getByText("The observer has not read the fleet yet").count(), 0);
    await view.close();
  });

  it("greys the fleet while the registry is away, says why, and comes back by itself", async () => {
    const view = await browser.open(world);
    await view.signIn("olga");
    await view.page.getByText("w1").first().waitFor();
    assert.equal(await view.page.locator("[data-old]").count(), 0);
    world.etcd.signal("SIGSTOP");
    await view.page.locator(".banner", { hasText: "The registry is out of touch" }).waitFor({ timeout: 60_000 });
    assert.ok((await view.page.locator("[data-old]").count()) > 0);
    await view.page.getByText("w1").first().waitFor();
    await view.accessible("a stale fleet");
    await view.shot("stale");
    world.etcd.signal("SIGCONT");
    await world.server({ type: "world", id: "w2" });
    await view.page.getByText("w2").first().waitFor();
    await view.page.locator(".banner", { hasText: "The registry is out of touch" }).waitFor({ state: "detached" });
    await view.close();
  });

  it("says when the observer is gone, and resumes with what it missed", async () => {
    const view = await browser.open(world);
    await view.signIn("olga");
    await view.page.getByText("w1").first().waitFor();
    await world.observer.stop();
    await view.page.locator(".banner", { hasText: "No word from the observer" }).waitFor();
    await view.accessible("no word from the observer");
    await view.shot("lost");
    await world.server({ type: "world", id: "w3" });
    await world.startObserver();
    await view.page.getByText("w3").first().waitFor({ timeout: 40_000 });
    await view.page.locator(".banner", { hasText: "No word from the observer" }).waitFor({ state: "detached" });
    await view.close();
  });
});
