// Every state of every page, as the golden files hold it, under the headers that the gateway itself sends: the rules
// of a page, and what the script adds to it.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { check, GATE, step, tell, visitor } from './visitor.mjs';

const GOLDEN = new URL('../golden/pages/', import.meta.url);
const STATES = readdirSync(GOLDEN).map((file) => file.replace(/\.html$/, '')).sort();
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ALL = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
// What other colours can change.
const COLOURS = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };

tell(async (browser) => {
  step('the gateway serves a page with its one style, its one script and its headers');
  const real = await stranger(browser);

  step('every state keeps the rules of a page');
  await everyState(browser, real);

  step('without JavaScript the error has the focus, and Enter answers');
  await withoutScript(browser, real);

  step('a code that the browser reads from the message is filled in and sent');
  await codeFromTheMessage(browser, real);

  step('whoever types it themself is faster: the browser stops waiting, and a second click sends nothing');
  await typedCode(browser, real);

  step('the wait counts down, and what changes is said once');
  await countdown(browser, real);

  step('what becomes of the message is asked for, shown, and said once');
  await outcome(browser, real);

  step('nobody asks in a hidden tab, after ten minutes, or once a form was sent');
  await noMoreQuestions(browser, real);
});

/** What is the same on all pages: `{ style, script, headers }`, taken from one that the gateway sent. */
async function stranger(browser) {
  const { context } = await visitor(browser);
  const response = await context.request.get(`${GATE}/.countersign/sign-out`);
  const html = await response.text();
  const block = (name) => html.match(new RegExp(`<${name}>([^]*?)</${name}>`))[1];
  const headers = response.headers();
  delete headers['content-length'];
  delete headers['set-cookie'];
  await context.close();
  return { style: block('style'), script: block('script'), headers };
}

/** A visitor to whom the golden files are the pages of the gateway; what they post leads nowhere. */
async function reader(browser, real, options = {}) {
  const { context, page, watch } = await visitor(browser, options);
  const asked = { times: 0, answer: { status: 200, json: { state: 'none', text: '' } } };
  await context.route(`${GATE}/.countersign/**`, async (route) => {
    if (route.request().url() === `${GATE}/.countersign/c/4f1b/state`) {
      asked.times += 1;
      await route.fulfill(asked.answer);
      return;
    }
    if (route.request().method() === 'POST') {
      // No other page comes: what this one does while an answer is under way stays to be seen.
      await route.fulfill({ status: 204 });
      return;
    }
    const name = new URL(route.request().url()).pathname.split('/').pop();
    const body = readFileSync(new URL(`${name}.html`, GOLDEN), 'utf8')
      .replace('/* style.css */', () => real.style)
      .replace('/* script.js */', () => real.script);
    // A site's colours are a second block, with a hash of its own.
    const hashes = [...body.matchAll(/<style>([^]*?)<\/style>/g)].map((block) => hash(block[1])).join(' ');
    const own = real.headers['content-security-policy'];
    check(own.includes(`style-src ${hash(real.style)};`), `the policy names the style: ${own}`);
    // So does a page that asks: the tests of the gateway say what it sends.
    const policy = body.includes(' data-ask=') ? own.replace('base-uri', "connect-src 'self'; base-uri") : own;
    const headers = { ...real.headers, 'content-security-policy': policy.replace(hash(real.style), hashes) };
    await route.fulfill({ headers, body });
  });
  return { context, page, watch, asked, show: (name) => page.goto(`${GATE}/.countersign/golden/${name}`) };
}

const hash = (block) => `'sha256-${createHash('sha256').update(block).digest('base64')}'`;

async function everyState(browser, real) {
  const { context, page, watch, show } = await reader(browser, real, { viewport: { width: 320, height: 800 } });
  for (const name of STATES) {
    await page.emulateMedia({ colorScheme: 'light' });
    await show(name);
    const errors = await page.locator('.err').count();
    check(await page.locator('.err:focus').count() === errors, `${name}: an error has the focus`);
    if (errors === 0 && await page.locator('#code').count() > 0) {
      check(await page.locator('#code:focus').count() === 1, `${name}: the field has the focus`);
    }
    await page.evaluate(`${AXE};void 0`);
    await good(page, `${name}, on a narrow phone`, ALL);
    await page.emulateMedia({ colorScheme: 'dark' });
    await good(page, `${name}, dark`, COLOURS);
    await page.evaluate(() => {
      document.documentElement.dir = 'rtl';
      const larger = new CSSStyleSheet();
      larger.replaceSync('html { font-size: 200% !important }');
      document.adoptedStyleSheets = [larger];
    });
    await good(page, `${name}, from right to left, with text of twice the size`, ALL);
  }
  silent(watch);
  await context.close();
}

/** Nothing is wider than the window, too small to hit, or against axe's rules; what can be unfolded is. */
async function good(page, state, rules) {
  const { wide, small, violations } = await page.evaluate(async (rules) => {
    for (const details of document.querySelectorAll('details')) details.open = true;
    const targets = [...document.querySelectorAll('button, input:not([type=hidden]), summary, a.main')];
    const small = targets.filter((target) => {
      const { width, height } = target.getBoundingClientRect();
      return width < 44 || height < 44;
    });
    const { violations } = await window.axe.run(document, { runOnly: rules, resultTypes: ['violations'] });
    return {
      wide: document.documentElement.scrollWidth - window.innerWidth,
      small: small.map((target) => target.outerHTML),
      violations: violations.map(({ id, help, nodes }) => `${id} (${help}): ${nodes.map((node) => node.html)}`),
    };
  }, rules);
  check(wide <= 0, `${state}: ${wide} px too wide`);
  check(small.length === 0, `${state}: targets smaller than 44 px: ${small}`);
  check(violations.length === 0, `${state}: ${violations.join('\n')}`);
}

async function withoutScript(browser, real) {
  const { context, page, show } = await reader(browser, real, { javaScriptEnabled: false });
  await show('code-wrong');
  check(await page.locator('.err:focus').count() === 1, 'the error has the focus');
  await show('code');
  await page.locator('#code').fill('123456');
  const sent = page.waitForRequest((request) => request.method() === 'POST');
  await page.locator('#code').press('Enter', { noWaitAfter: true });
  check((await sent).postData() === 'token=dG9rZW4&code=123456&do=answer', `sent: ${(await sent).postData()}`);
  await context.close();
}

async function codeFromTheMessage(browser, real) {
  const { context, page, watch, show } = await reader(browser, real);
  await context.addInitScript(() => {
    window.asked = [];
    const message = new Promise((arrives) => addEventListener('load', () => setTimeout(() => arrives({ code: '123456' }))));
    const get = (options) => { window.asked.push(JSON.stringify(options.otp)); return message; };
    Object.defineProperty(navigator, 'credentials', { value: { get } });
    window.OTPCredential ??= class {};
  });
  const sent = page.waitForRequest((request) => request.method() === 'POST');
  await show('code');
  check((await sent).postData() === 'token=dG9rZW4&code=123456&do=answer', `sent: ${(await sent).postData()}`);
  const asked = await page.evaluate(() => window.asked);
  check(asked.length === 1 && asked[0] === '{"transport":["sms"]}', `asked for: ${asked}`);
  silent(watch);
  await context.close();
}

async function typedCode(browser, real) {
  const { context, page, watch, show } = await reader(browser, real);
  await context.addInitScript(() => {
    const get = (options) => { window.signal = options.signal; return new Promise(() => {}); };
    Object.defineProperty(navigator, 'credentials', { value: { get } });
    window.OTPCredential ??= class {};
  });
  await show('code');
  await page.locator('#code').fill('111111');
  const sent = page.waitForRequest((request) => request.method() === 'POST');
  await page.getByRole('button', { name: 'Continue' }).click({ noWaitAfter: true });
  await sent;
  const after = await page.evaluate(() => {
    const go = document.querySelector('button.main');
    const seen = { aborted: window.signal.aborted, busy: go.getAttribute('aria-busy'), focused: go === document.activeElement, sent: 0 };
    // Heard after the page's own script, which stops what must not be sent.
    addEventListener('submit', (event) => { seen.sent += event.defaultPrevented ? 0 : 1; });
    go.click();
    document.getElementById('send').click();
    return seen;
  });
  check(after.aborted, 'the browser stops waiting for a message');
  check(after.busy === 'true' && after.focused, `the button is busy and keeps the focus: ${JSON.stringify(after)}`);
  check(after.sent === 0, `nothing more is sent, not ${after.sent} forms`);
  silent(watch);
  await context.close();
}

async function countdown(browser, real) {
  const { context, page, watch, show } = await reader(browser, real);
  await page.clock.install({ time: 0 });
  await page.clock.pauseAt(1_000);
  await show('code');
  const wait = page.locator('#wait'), status = page.locator('#status');
  const shows = async (locator, words) => check(await locator.textContent() === words, `"${words}", not "${await locator.textContent()}"`);
  await shows(wait, 'You can ask for a new code in 0:24');
  await page.clock.runFor(5_000);
  await shows(wait, 'You can ask for a new code in 0:19');
  await shows(status, '');
  await page.clock.runFor(20_000);
  await shows(wait, 'You can ask for a new code now');
  await shows(status, 'You can ask for a new code now');
  await page.clock.runFor(126_000);
  await shows(status, 'The code works for another 2 minutes and 30 seconds');
  await show('code-sent-again');
  check(/^We sent a new code at /.test(await status.textContent()), 'a new code is announced');
  silent(watch);
  await context.close();
}

async function outcome(browser, real) {
  const { context, page, watch, asked, show } = await reader(browser, real);
  await overheard(context);
  await page.clock.install({ time: 0 });
  await page.clock.pauseAt(1_000);
  await show('code-under-way');
  const fate = page.locator('#fate'), status = page.locator('#status');
  const shows = async (words, seen) => {
    check(await fate.textContent() === words && await fate.isVisible() === (words !== ''), `"${words}" is shown`);
    check(await status.textContent() === seen, `"${seen}" is said, not "${await status.textContent()}"`);
  };
  await page.locator('#code').fill('49');
  await shows('', '');
  await page.clock.runFor(2_900);
  check(asked.times === 0, 'not at once');
  await answered(page, asked, 200);
  await shows('', '');
  asked.answer = { json: { state: 'sent', text: 'Sent at 00:00 UTC', at: '1970-01-01T00:00:00Z', time: '00:00 UTC' } };
  await page.clock.runFor(3_000);
  check(asked.times === 1, 'the pauses grow');
  await answered(page, asked, 2_000);
  const local = await page.evaluate(() => new Date(0).toLocaleTimeString([], { timeStyle: 'short' }));
  await shows(`Sent at ${local}`, `Sent at ${local}`);
  await page.evaluate(() => { document.getElementById('status').textContent = ''; });
  await answered(page, asked, 7_000);
  await shows(`Sent at ${local}`, '');
  asked.answer = { status: 500, body: 'no' };
  await show('code-taken');
  check(/^Sent at \d/.test(await fate.textContent()), 'what was known is there at once');
  await answered(page, asked, 3_000);
  await page.clock.runFor(60_000);
  check(asked.times === 4, `an answer that is none ends it, not ${asked.times} questions`);
  asked.answer = { json: { state: 'failed', text: 'It could not be delivered. Send a new code' } };
  await show('code-under-way');
  await page.locator('#code').fill('49');
  await answered(page, asked, 3_000);
  await shows('It could not be delivered. Send a new code', 'It could not be delivered. Send a new code');
  check(await fate.getAttribute('class') === 'wrong', 'in the colour of what is wrong');
  check(await page.locator('#code').inputValue() === '49' && await page.locator('#code:focus').count() === 1, 'whoever types goes on typing');
  await page.clock.runFor(120_000);
  check(asked.times === 5, `nothing is asked after the last word, not ${asked.times} questions`);
  const refused = watch.console.filter((line) => !line.includes('500'));
  check(refused.length === 0, `the console says: ${refused.join('; ')}`);
  await context.close();
}

async function noMoreQuestions(browser, real) {
  const { context, page, watch, asked, show } = await reader(browser, real);
  await overheard(context);
  await page.clock.install({ time: 0 });
  await page.clock.pauseAt(1_000);
  await show('code-taken');
  await hide(page, true);
  await page.clock.runFor(120_000);
  check(asked.times === 0, 'nobody looks');
  await hide(page, false);
  await answered(page, asked, 3_000);
  for (let minute = 0; minute < 12; minute += 1) {
    await page.clock.runFor(60_000);
    await page.evaluate(() => window.answer);
  }
  check(asked.times > 5 && asked.times < 30, `ten minutes are some questions, not ${asked.times}`);
  const before = asked.times;
  await hide(page, false);
  await page.clock.runFor(60_000);
  check(asked.times === before, 'and then it is over');
  await show('code-taken');
  await page.locator('#code').fill('111111');
  const sent = page.waitForRequest((request) => request.method() === 'POST');
  await page.getByRole('button', { name: 'Continue' }).click({ noWaitAfter: true });
  await sent;
  await page.clock.runFor(60_000);
  check(asked.times === before, 'a form is on its way');
  silent(watch);
  await context.close();
}

/** Runs the page's clock until it asks, and on to where it has the answer. */
async function answered(page, asked, time) {
  const before = asked.times;
  await page.clock.runFor(time);
  await page.evaluate(() => window.answer);
  check(asked.times === before + 1, `it asks once, not ${asked.times - before} times`);
}

/** Lets a story wait for an answer: `window.answer` ends after the page's own script has it. */
async function overheard(context) {
  await context.addInitScript(() => {
    const fetch = window.fetch;
    window.fetch = (...asked) => {
      const answer = fetch(...asked).then((answer) => {
        const json = answer.json.bind(answer);
        let once;
        answer.json = () => (once ??= json());
        return answer;
      });
      window.answer = answer.then((answer) => answer.ok && answer.json()).catch(() => {});
      return answer;
    };
  });
}

/** Makes the page believe that nobody sees it. */
async function hide(page, hidden) {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, hidden);
}

function silent(watch) {
  check(watch.console.length === 0, `the console says: ${watch.console.join('; ')}`);
  check(watch.extraRequests.length === 0, `besides the page: ${watch.extraRequests.join(', ')}`);
}
