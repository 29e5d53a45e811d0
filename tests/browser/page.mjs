// A page in a real browser, under watch: what the console says, what the policy of the page blocks, and whom the page asks are
// errors of every test that uses it.
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8");
const SHOTS = process.env.OUTRIDER_SHOTS;

export class Browser {
  static async start() {
    const browser = new Browser();
    browser.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    return browser;
  }

  /** A new profile. `options`: locale, colorScheme, phone, reducedMotion, forcedColors. */
  async open(world, { locale = "en-US", phone = false, ...options } = {}) {
    const size = phone ? { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 } : { viewport: { width: 1360, height: 850 } };
    const context = await this.chromium.newContext({ locale, timezoneId: "UTC", ...size, ...options });
    const view = new View(world, context, await context.newPage());
    await view.watch();
    return view;
  }

  close() {
    return this.chromium.close();
  }
}

/** One tab, and what went wrong in it. */
export class View {
  constructor(world, context, page) {
    Object.assign(this, { world, context, page, wrong: [], asked: [] });
  }

  async watch() {
    this.page.setDefaultTimeout(15_000);
    await this.page.addInitScript(() => {
      window.violations = [];
      document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    });
    // What a fault of the test brings about is the network's: the browser writes a line for each answer that is an error.
    this.page.on("console", (line) => ["error", "warning"].includes(line.type()) && !line.text().startsWith("Failed to load resource") && this.wrong.push(`console: ${line.text()}`));
    this.page.on("pageerror", (error) => this.wrong.push(`error: ${error.message}`));
    this.page.on("request", (request) => this.asked.push(request.url()));
  }

  /** Signs in as a name of the world, by the page. */
  async signIn(name, place = "/") {
    await this.page.goto(this.world.url + place);
    await this.page.getByLabel(/^(Token|토큰)/).fill(this.world.tokens[name]);
    await this.page.keyboard.press("Enter");
    await this.page.getByLabel(/^(Token|토큰)/).waitFor({ state: "detached" });
  }

  go(place) {
    return this.page.goto(this.world.url + place);
  }

  /** A picture for those who look at it. */
  async shot(name) {
    if (SHOTS) {
      fs.mkdirSync(SHOTS, { recursive: true });
      await this.page.screenshot({ path: path.join(SHOTS, `${name}.png`) });
    }
  }

  /** No serious or critical finding of the accessibility checker in what is shown now. */
  async accessible(what) {
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    const bad = violations.filter((each) => ["serious", "critical"].includes(each.impact));
    assert.deepEqual(bad.map((each) => `${each.id}: ${each.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`).join(" | ")}`), [], what);
  }

  /** Nothing sticks out to the right. */
  async fits(what) {
    const [inner, whole] = await this.page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
    assert.ok(whole <= inner, `${what}: ${whole} px in a window of ${inner}`);
  }

  /** Ends the view; what went wrong in it fails the test. */
  async close() {
    const violations = await this.page.evaluate(() => window.violations).catch(() => []);
    await this.context.close();
    assert.deepEqual([...new Set(violations)], [], "the policy of the page was violated");
    assert.deepEqual([...new Set(this.wrong)], [], "the console has errors");
    const foreign = this.asked.filter((url) => !url.startsWith(this.world.url) && !url.startsWith("blob:") && !url.startsWith("data:"));
    assert.deepEqual(foreign, [], "other hosts were asked");
  }
}
