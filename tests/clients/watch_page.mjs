// Opens a page that plays in Chromium, lets it play, jumps, and prints where it was and what it said, as JSON:
// node watch_page.mjs PAGE CHROMIUM SECOND. Node's modules are found in the folder TEST_NODE_MODULES names.
import { createRequire } from "node:module";

const [address, executablePath, second] = process.argv.slice(2);
const require = createRequire(process.env.TEST_NODE_MODULES + "/here.js");
const { chromium } = require("playwright-core");

const args = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-gpu"];
const browser = await chromium.launch({ executablePath, headless: true, args });
const page = await browser.newPage();
const complaints = [];
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push("page error: " + error));
const reached = (at) =>
    page
        .waitForFunction((at) => document.querySelector("video").currentTime > at, at, { timeout: 60_000, polling: 200 })
        .then(() => true, () => false);
await page.goto(address);
const began = await reached(1);
await page.evaluate((to) => (document.querySelector("video").currentTime = to), Number(second));
const jumped = await reached(Number(second) + 1);
const said = await page.evaluate(() => document.getElementById("message").textContent);
process.stdout.write(JSON.stringify({ began, jumped, said, complaints }));
await browser.close();
