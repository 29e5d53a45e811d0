// Who may see the page, and what it does when that changes while it is open.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser } from "./page.mjs";
import { until, World } from "./world.mjs";

describe("signing in", () => {
  let world;
  let browser;
  before(async () => {
    [world, browser] = await Promise.all([World.start(), Browser.start()]);
    await world.startObserver();
    await world.server({ type: "world", id: "w1", players: 3, capacity: 10 });
  });
  after(() => Promise.allSettled([browser?.close(), world?.close()]));

  it("shows nothing of the fleet before", async () => {
    const view = await browser.open(world);
    await view.go("/");
    await view.page.getByRole("button", { name: "Sign in" }).waitFor();
    assert.equal(await view.page.getByText("w1").count(), 0);
    await view.accessible("the sign-in");
    await view.shot("sign-in");
    await view.close();
  });

  it("says that a token is not known, and takes the right one after it", async () => {
    const view = await browser.open(world);
    await view.go("/");
    const token = view.page.getByLabel("Token");
    await token.fill("wrong");
    await view.page.keyboard.press("Enter");
    await view.page.getByRole("alert").waitFor();
    await view.accessible("a wrong token");
    await token.fill(world.tokens.olga);
    await view.page.keyboard.press("Enter");
    await view.page.getByText("w1").first().waitFor();
    await view.close();
  });

  it("leaves nothing of the token in the page or in its storage", async () => {
    const view = await browser.open(world);
    await view.signIn("olga");
    await view.page.getByText("w1").first().waitFor();
    const kept = await view.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, document.documentElement.outerHTML]));
    assert.ok(!kept.includes(world.tokens.olga));
    await view.close();
  });

  it("lasts over a reload and a restart of the observer", async () => {
    const view = await browser.open(world);
    await view.signIn("olga");
    await world.observer.stop();
    await world.startObserver();
    await view.page.reload();
    await view.page.getByText("w1").first().waitFor();
    await view.close();
  });

  it("ends with the sign-out, and the fleet goes with it", async () => {
    const view = await browser.open(world);
    await view.signIn("olga");
    await view.page.getByText("w1").first().waitFor();
    await view.page.getByRole("button", { name: /olga/ }).click();
    await view.page.getByRole("button", { name: "Sign out" }).click();
    await view.page.getByLabel("Token").waitFor();
    assert.equal(await view.page.getByText("w1").count(), 0);
    await view.close();
  });

  it("ends when the name is taken out of the access file", async () => {
    world.grant("guest", "viewer");
    const view = await browser.open(world);
    await until("the observer knows the name", async () => (await world.api("guest", "GET", "/api/me")).body.name === "guest");
    await view.signIn("guest");
    await view.page.getByText("w1").first().waitFor();
    world.deny("guest");
    await view.page.getByLabel("Token").waitFor({ timeout: 40_000 });
    assert.equal(await view.page.getByText("w1").count(), 0);
    await view.close();
  });
});
