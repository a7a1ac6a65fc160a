/** Opens the page in Chromium, draws every dashboard of the job, and photographs each: `node photograph.js job.json`. */
import { readFile } from "node:fs/promises";
import puppeteer, { type Browser } from "puppeteer-core";
import type { Dashboard } from "./grafana";
import type { Recording } from "./recording";

interface Job {
  chromium: string;
  page: string;
  recording: Recording;
  pictures: Record<string, string>; // dashboard: picture
}

const WIDTH = 1600;
const PATIENCE = 60_000;

const job: Job = JSON.parse(await readFile(process.argv[2] ?? "", "utf8"));
const browser = await puppeteer.launch({ executablePath: job.chromium, args: ["--no-sandbox", "--hide-scrollbars"] });
try {
  for (const [dashboard, picture] of Object.entries(job.pictures)) {
    await photograph(browser, JSON.parse(await readFile(dashboard, "utf8")), picture);
  }
} finally {
  await browser.close();
}

async function photograph(browser: Browser, dashboard: Dashboard, picture: string): Promise<void> {
  const page = await browser.newPage();
  const faults: unknown[] = [];
  page.on("pageerror", (error) => faults.push(error));
  await page.setViewport({ width: WIDTH, height: 900 });
  await page.goto(`file://${job.page}`);
  await page.evaluate((given, recording) => window.draw(given, recording), dashboard, job.recording);
  await page.waitForNetworkIdle({ timeout: PATIENCE });
  if (faults.length > 0) {
    throw new Error(`${dashboard.title} cannot be drawn: ${faults.join("; ")}`);
  }
  await page.screenshot({ path: picture as `${string}.png`, fullPage: true });
}
