import { expect, test } from 'vitest';
import { launchChromium } from './chromium.js';

test('a Chromium is found or fetched, and shows a page', { timeout: 300_000 }, async () => {
  const browser = await launchChromium();
  const page = await browser.newPage();
  await page.setContent('<h1>Here</h1>');
  expect(await page.textContent('h1')).toBe('Here');
  await browser.close();
});
