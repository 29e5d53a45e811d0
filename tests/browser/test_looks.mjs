// Every page in both languages and both themes, and on a phone: accessible, within its window, and a picture for people.
import { after, before, describe, it } from "node:test";
import { Browser } from "./page.mjs";
import { fill, PLACES } from "./places.mjs";
import { World } from "./world.mjs";

describe("the looks of the page", () => {
  let world;
  let browser;
  before(async () => {
    [world, browser] = await Promise.all([World.start({ ui: { name: "LIVE KR", colour: "red" } }), Browser.start()]);
    await world.startObserver();
    await fill(world);
  });
  after(() => Promise.allSettled([browser?.close(), world?.close()]));

  async function settled(view) {
    await view.page.locator("main h1, main [role=grid], main [role=dialog]").first().waitFor();
    await view.page.waitForFunction(() => document.querySelector("main .waiting") === null);
    await view.page.evaluate(() => document.fonts.ready);
  }

  for (const locale of ["en-US", "ko-KR"]) {
    it(`are right on a desktop in ${locale}`, async () => {
      const view = await browser.open(world, { locale, colorScheme: "light", reducedMotion: "reduce" });
      await view.signIn("ada");
      for (const [name, place] of Object.entries(PLACES)) {
        await view.go(place);
        await settled(view);
        for (const colorScheme of ["light", "dark"]) {
          await view.page.emulateMedia({ colorScheme });
          await view.accessible(`${name}, ${locale}, ${colorScheme}`);
          await view.fits(`${name}, ${locale}`);
          await view.shot(`${name}-${locale.slice(0, 2)}-${colorScheme}`);
        }
        await view.page.emulateMedia({ colorScheme: "light" });
      }
      await view.close();
    });
  }

  it("are right on a phone", async () => {
    const view = await browser.open(world, { phone: true, colorScheme: "light" });
    await view.signIn("ada");
    for (const [name, place] of Object.entries(PLACES)) {
      await view.go(place);
      await settled(view);
      await view.accessible(`${name} on a phone`);
      await view.fits(`${name} on a phone`);
      await view.shot(`${name}-phone`);
    }
    await view.close();
  });

  it("are right with forced colours and without motion", async () => {
    const view = await browser.open(world, { forcedColors: "active", reducedMotion: "reduce" });
    await view.signIn("ada");
    await view.go("/");
    await settled(view);
    await view.accessible("forced colours");
    await view.shot("fleet-forced-colors");
    await view.close();
  });
});
