// What a browser has to load before the first table, what it loads later, and what the page does where it cannot.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser } from "./page.mjs";
import { World } from "./world.mjs";

const FIRST_LOAD_BYTES = 200_000;
const FIRST_LOAD_FILES = 5; // the index, two scripts, the style sheet, the icon

describe("loading the page", () => {
  let world;
  let browser;
  before(async () => {
    [world, browser] = await Promise.all([World.start(), Browser.start()]);
    await world.startObserver();
    await world.server({ type: "world", id: "w1", zone: "kr-a" });
  });
  after(() => Promise.allSettled([browser?.close(), world?.close()]));

  const row = (view) => view.page.locator('[data-key="world/w1"]');
  const later = "**/assets/mui-*.js";

  it("takes few files and few bytes for the first table, and asks for each thing once", async () => {
    const names = [...(await (await fetch(`${world.url}/`)).text()).matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, name]) => name);
    const files = ["/", ...names.filter((name) => !name.startsWith("/api/") && !name.endsWith(".webmanifest"))];
    assert.ok(files.length <= FIRST_LOAD_FILES, files.join(" "));
    const view = await browser.open(world);
    await view.context.route("**/assets/*", (route) => (files.includes(new URL(route.request().url()).pathname) ? route.continue() : route.abort()));
    await view.signIn("olga");
    await row(view).waitFor();
    view.asked = [];
    await view.page.reload();
    await row(view).waitFor();
    for (const path of ["/api/me", "/api/services"]) {
      assert.equal(view.asked.filter((url) => url === world.url + path).length, 1, `${path} of the index is taken by the script`);
    }
    let bytes = 0;
    for (const path of files) {
      const answer = await fetch(world.url + path, { headers: { "Accept-Encoding": "gzip" } });
      await answer.arrayBuffer();
      bytes += Number(answer.headers.get("content-length"));
    }
    assert.ok(bytes > 50_000 && bytes <= FIRST_LOAD_BYTES, `${bytes} bytes`);
    view.wrong = [];
    await view.close();
  });

  it("loads the rest by itself while nothing is done", async () => {
    const view = await browser.open(world);
    const rest = view.page.waitForResponse((answer) => /\/assets\/HelpDialog-.*\.js$/.test(answer.url()));
    await view.signIn("olga");
    await rest;
    await view.close();
  });

  it("goes on where a menu or a dialog cannot be loaded, and says so", async () => {
    const view = await browser.open(world);
    await view.context.route(later, (route) => route.abort());
    await view.signIn("olga");
    await row(view).waitFor();
    await view.page.locator(".facets").getByRole("button", { name: "Zone" }).click();
    const note = view.page.getByRole("alert");
    await note.getByText("This page could not be loaded").waitFor();
    await view.accessible("a menu that could not be loaded");
    await view.shot("menu-not-loaded");
    await row(view).waitFor();
    await note.getByRole("button", { name: "Close" }).click();
    await note.waitFor({ state: "detached" });
    await row(view).locator("[data-act=select]").click();
    await view.page.getByRole("button", { name: "Drain world/w1", exact: true }).click();
    await note.getByText("This page could not be loaded").waitFor();
    await note.getByRole("button", { name: "Reload the page" }).waitFor();
    view.wrong = []; // React tells the console what it has caught
    await view.close();
  });
});
