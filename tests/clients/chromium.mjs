// Plays an address in Chromium with mpegts.js and prints a JSON line per look: node chromium.mjs PAGE CHROMIUM
// Node's modules are found in the folder TEST_NODE_MODULES names.
import { createRequire } from "node:module";

const [page_address, executablePath] = process.argv.slice(2);
const require = createRequire(process.env.TEST_NODE_MODULES + "/here.js");
const { chromium } = require("playwright-core");
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-gpu"],
});
const stop = async () => {
    await browser.close();
    process.exit(0);
};
process.on("SIGTERM", stop);
process.stdin.on("end", stop);
const page = await browser.newPage();
page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) say({ complaint: message.text() });
});
page.on("pageerror", (error) => say({ complaint: "page error: " + error }));
say({ ready: true });
await new Promise((done) => process.stdin.once("data", done));
await page.goto(page_address);
for (;;) {
    say(await page.evaluate(() => window.look()));
    await new Promise((done) => setTimeout(done, 250));
}
