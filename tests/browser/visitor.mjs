// A visitor: Debian's Chromium, a phone on which the codes arrive (standard input), and the steps of a story by name.

import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

/** Where the gateway is, without a slash at the end. */
export const GATE = process.env.GATE.replace(/\/$/, '');

export const JAVASCRIPT = process.env.JAVASCRIPT !== 'off';

/** The messages that the gateway sends, in order. The code stands in the last line of each, after `@host #`. */
export const phone = {
  received: 0,
  waiting: [],
  messages: [],

  /** The next message: `{ code, text }`. */
  async next() {
    if (this.messages.length > 0) return this.messages.shift();
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => reject(new Error('no message came')), 20_000);
      this.waiting.push((message) => { clearTimeout(patience); resolve(message); });
    });
  },

  take(message) {
    this.received += 1;
    const first = this.waiting.shift();
    if (first) first(message); else this.messages.push(message);
  },
};

let lines = [];
createInterface({ input: process.stdin }).on('line', (line) => {
  lines.push(line);
  const last = /@\S+ #(\d{4,8})\b/.exec(line);
  if (!last) return;
  phone.take({ code: last[1], text: lines.join('\n') });
  lines = [];
});

/** Plays a story and ends the process with its outcome. The browser's page is described where it fails. */
export async function tell(story) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    chromiumSandbox: false,
    // Whatever the gateway is called, it is on this machine.
    args: [`--host-resolver-rules=MAP ${new URL(GATE).hostname} 127.0.0.1`, '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  let status = 0;
  try {
    await story(browser);
    console.log('the story ends well');
  } catch (error) {
    status = 1;
    console.log(`FAILED at step "${current}": ${error.stack ?? error}`);
    for (const context of browser.contexts()) for (const page of context.pages()) await describe(page);
  }
  await browser.close();
  process.exit(status);
}

let current = 'start';

/** Says which step begins, so that a failure has a name. */
export function step(name) {
  current = name;
  console.log(`- ${name}`);
}

/** A browser of its own: cookies, console and requests. `watch` collects what a visitor of our pages must never see. */
export async function visitor(browser, options = {}) {
  const context = await browser.newContext({ javaScriptEnabled: JAVASCRIPT, ignoreHTTPSErrors: true, ...options });
  context.setDefaultTimeout(15_000);
  const watch = { console: [], extraRequests: [] };
  context.on('console', (message) => watch.console.push(`${message.type()}: ${message.text()} (${message.location().url})`));
  context.on('weberror', (error) => watch.console.push(String(error.error())));
  context.on('request', (request) => {
    // A page of ours is one request: whatever its document asks for besides navigating is one too many, but for the
    // question what became of the message.
    const asks = /^\/\.countersign\/c\/[^/?]+\/state$/.test(new URL(request.url()).pathname);
    if (!asks && !request.isNavigationRequest() && isOurs(request.frame().url())) watch.extraRequests.push(request.url());
  });
  return { context, watch, page: await context.newPage() };
}

export const isOurs = (url) => new URL(url, GATE).pathname.startsWith('/.countersign/');

export function check(holds, what) {
  if (!holds) throw new Error(what);
}

/** The code page's one field. */
export const codeField = (page) => page.getByRole('textbox', { name: /digit code$/ });

/** The ask page's one field. */
export const userField = (page) => page.getByRole('textbox', { name: /^User name or/ });

export const sendButton = (page) => page.getByRole('button', { name: 'Send a code' });

/** Types a code, or anything, and presses Continue. */
export async function answer(page, typed) {
  await codeField(page).fill(typed);
  await page.getByRole('button', { name: 'Continue' }).click();
}

/** At the ask page: says who one is. */
export async function name(page, user) {
  await userField(page).fill(user);
  await sendButton(page).click();
  await codeField(page).waitFor();
}

/** Passes the gate from the ask page that `page` shows. */
export async function passGate(page, user) {
  await name(page, user);
  const message = await phone.next();
  await answer(page, message.code);
  await page.waitForURL((url) => !isOurs(String(url)));
  return message;
}

/** An error as it must look: the summary has the focus, the field is empty and marked (if it is about the field), the
 * title says it. */
export async function errorIs(page, words, { field = true } = {}) {
  await page.locator(':focus').filter({ hasText: words }).waitFor();
  check(await page.locator('[tabindex="-1"]:focus').count() === 1, 'the summary of the error is focused');
  check(await codeField(page).inputValue() === '', 'the field is empty after an error');
  check(await codeField(page).getAttribute('aria-invalid') === (field ? 'true' : null), 'the field is marked if it is wrong');
  check((await page.title()).startsWith('Error: '), 'the title says that there is an error');
}

let pictures = 0;

async function describe(page) {
  try {
    console.log(`at ${page.url()}: "${await page.title()}"`);
    console.log(await page.locator('body').innerText({ timeout: 2_000 }));
    const picture = fileURLToPath(new URL(`../../target/tmp/story-${process.pid}-${pictures += 1}.png`, import.meta.url));
    await page.screenshot({ path: picture, timeout: 5_000 });
    console.log(`a picture of it: ${picture}`);
  } catch (error) {
    console.log(`(nothing to be seen of it: ${error.message.split('\n')[0]})`);
  }
}
