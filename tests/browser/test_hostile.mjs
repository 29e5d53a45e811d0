// What a server, a player or an operator can write is shown as the text that it is: nothing executes, nothing leaves its place.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser } from "./page.mjs";
import { PLACES } from "./places.mjs";
import { World } from "./world.mjs";

const MARKUP = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script><svg onload="window.hacked=1">"'><b id=hacked>`;
const LINK = "javascript:window.hacked=1";
const LONG = "W".repeat(900);
const TURNED = "\u202Egnp.exe\u2066 \u0300\u0301\u0302".repeat(20);

describe("stored markup", () => {
  let world;
  let browser;
  before(async () => {
    [world, browser] = await Promise.all([World.start(), Browser.start()]);
    await world.startObserver();
    const drain = { holds: ["ops"], by: MARKUP.slice(0, 60), reason: MARKUP, since: new Date().toISOString() };
    for (const [id, text] of [["<b id=hacked>", MARKUP], ["w-link", LINK], ["w-long", LONG], ["w-turned", TURNED], ["..%2f..", MARKUP]]) {
      await world.server({
        type: "world", id, status: "error", reason: text, customState: text, host: text.slice(0, 200), region: text, zone: text, group: text, version: text,
        tags: [text, MARKUP], labels: { map: text, "<i id=hacked>": text }, drain: { ...drain, reason: text },
      });
    }
    await world.server({ type: "<b id=hacked>", id: "w9", status: MARKUP.slice(0, 40) });
    await world.api("olga", "POST", "/api/services/world/w-link/drain", { reason: MARKUP.slice(0, 200), by: LINK });
    await world.api("ada", "PUT", "/api/sessions/s1", { player: MARKUP, server: "world/w-link", data: { text: MARKUP } });
    await world.etcd.put("/services/<b id=hacked>", MARKUP);
    await world.etcd.put(`/services/${LONG}`, LONG.repeat(20));
  });
  after(() => Promise.allSettled([browser?.close(), world?.close()]));

  async function harmless(view, what) {
    const found = await view.page.evaluate(() => ({
      hacked: window.hacked ?? null,
      elements: document.querySelectorAll("#hacked").length,
      links: [...document.querySelectorAll("a[href], form[action], [src]")].map((each) => each.getAttribute("href") ?? each.getAttribute("src")).filter((to) => /^\s*javascript:/i.test(to ?? "")),
    }));
    assert.deepEqual(found, { hacked: null, elements: 0, links: [] }, what);
    await view.fits(what);
  }

  for (const phone of [false, true]) {
    it(`does nothing on any page${phone ? " on a phone" : ""}`, async () => {
      const view = await browser.open(world, { phone });
      await view.signIn("ada");
      for (const [name, place] of Object.entries({ ...PLACES, server: "/server/world/w-long", "a server named as markup": `/server/world/${encodeURIComponent("<b id=hacked>")}` })) {
        await view.go(place);
        await view.page.locator("main h1, main [role=grid], main [role=dialog]").first().waitFor();
        await view.page.waitForLoadState("load");
        await harmless(view, name);
        await view.shot(`hostile-${name.replaceAll(" ", "-")}${phone ? "-phone" : ""}`);
      }
      await view.close();
    });
  }

  it("does nothing in the value of a key", async () => {
    const view = await browser.open(world);
    await view.signIn("ada", "/keys?prefix=/services/");
    await view.page.getByText("<b id=hacked>").first().click();
    await view.page.getByText("onerror=").first().waitFor();
    await harmless(view, "a key");
    await view.close();
  });

  it("does nothing in an address of the page", async () => {
    const view = await browser.open(world);
    await view.signIn("ada");
    for (const place of [`/?q=${encodeURIComponent(MARKUP)}`, `/server/${encodeURIComponent(MARKUP)}/x`, `/drains/${encodeURIComponent(MARKUP)}`, `/keys?prefix=${encodeURIComponent(LINK)}`, "/server/%E0%A4%A/x"]) {
      await view.go(place).catch(() => {});
      await view.page.waitForLoadState("load");
      await harmless(view, place);
    }
    view.wrong = view.wrong.filter((each) => !each.includes("404"));
    await view.close();
  });
});
