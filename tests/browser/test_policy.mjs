// The policy of the page (CSP) is the one that is documented, and the page works under it.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser } from "./page.mjs";
import { World } from "./world.mjs";

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

describe("the policy of the page", () => {
  let world;
  let browser;
  before(async () => {
    [world, browser] = await Promise.all([World.start(), Browser.start()]);
    await world.startObserver();
    await world.server({ type: "world", id: "w1" });
  });
  after(() => Promise.allSettled([browser?.close(), world?.close()]));

  it("is sent with it", async () => {
    const answer = await fetch(`${world.url}/`);
    assert.equal(answer.headers.get("content-security-policy"), POLICY);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  });

  it("lets the styles of the components through", async () => {
    const view = await browser.open(world);
    await view.signIn("olga");
    await view.page.getByRole("button", { name: "View" }).click();
    const menu = view.page.getByRole("menu");
    await menu.waitFor();
    const position = await menu.evaluate((each) => getComputedStyle(each.closest(".MuiPopover-root")).position);
    assert.equal(position, "fixed");
    assert.equal(await view.page.locator("style").count(), 0);
    await view.close();
  });

  it("stops what a fault of the page would let in", async () => {
    const view = await browser.open(world);
    await view.signIn("olga");
    const stopped = await view.page.evaluate(async () => {
      const results = {};
      try {
        document.body.innerHTML = "<p>hello</p>";
        results.markup = false;
      } catch {
        results.markup = true;
      }
      try {
        setTimeout("window.coded = true", 0);
      } catch {
        // refused before it could run
      }
      await new Promise((done) => setTimeout(done, 0));
      results.code = window.coded === undefined;
      const script = document.createElement("script");
      try {
        script.text = "window.hacked = true";
        document.head.append(script);
      } catch {
        // refused before it could run
      }
      results.script = window.hacked === undefined;
      results.foreign = await fetch("http://127.0.0.1:1/").then(() => false, () => true);
      return results;
    });
    await view.page.waitForFunction(() => window.violations.length >= 2);
    await view.page.evaluate(() => (window.violations = []));
    assert.deepEqual(stopped, { markup: true, code: true, script: true, foreign: true });
    view.wrong = [];
    view.asked = view.asked.filter((url) => url !== "http://127.0.0.1:1/");
    await view.close();
  });

  it("lets no other page frame it", async () => {
    const view = await browser.open(world);
    await view.page.setContent(`<iframe src="${world.url}/"></iframe>`);
    await view.page.waitForTimeout(0);
    const frame = view.page.frames()[1];
    await frame.waitForLoadState();
    assert.ok(!frame.url().startsWith(world.url) || (await frame.evaluate(() => document.body.innerText)) === "");
    view.wrong = [];
    await view.close();
  });
});
