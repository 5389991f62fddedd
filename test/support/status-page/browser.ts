import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const PLACES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** A Chromium that this machine has; undefined: it has none, and what needs one is skipped. */
export const CHROMIUM = PLACES.find((place) => place !== undefined && existsSync(place));

export function startBrowser(): Promise<Browser> {
  // In a container the browser's own sandbox needs rights that the container does not have.
  return chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
