// The demonstration's story: one visitor, two codes, two scopes.

import { answer, check, codeField, errorIs, GATE, isOurs, JAVASCRIPT, name, passGate, phone, sendButton, step, tell, visitor } from './visitor.mjs';

const LOGIN_COOKIE = '__Host-countersign-demo-login';
const ADMIN_COOKIE = '__Host-countersign-demo-admin';

tell(async (browser) => {
  const { context, page, watch } = await visitor(browser);

  step('a stranger is asked who they are, and sees nothing of the application');
  await page.goto(`${GATE}/`);
  check(new URL(page.url()).pathname === '/.countersign/ask/login', `the ask page, not ${page.url()}`);
  await fitsOnAPhone(page);

  step('the code page asks for the code, and a message is on its way');
  await name(page, 'ann');
  check(/^\/\.countersign\/c\/[^/?]+$/.test(new URL(page.url()).pathname), `the code page, not ${page.url()}`);
  await itIsOneGoodField(page);
  await fitsOnAPhone(page);
  const login = await phone.next();

  step('a second tab joins the same challenge: no second message');
  const tab = await context.newPage();
  await tab.goto(`${GATE}/home`);
  await name(tab, ' Ann ');
  check(tab.url() === page.url(), `the tabs are at one challenge, not at ${page.url()} and ${tab.url()}`);

  step('a wrong code is refused, and the error has the focus');
  const wrong = another(login.code);
  await answer(page, wrong);
  await errorIs(page, /not the code/i);
  await fitsOnAPhone(page);

  step('nothing, too little and letters are told apart from a wrong code');
  await answer(page, '');
  await errorIs(page, /Enter the 6-digit code/i);
  await answer(page, '12345');
  await errorIs(page, /You entered 5/i);
  await answer(page, 'abcdef');
  await errorIs(page, /digits only/i);

  step('a button that is pressed too early says when, and sends nothing');
  await page.getByRole('button', { name: 'Send a new code' }).click();
  await errorIs(page, /You can ask again in \d+ seconds/i, { field: false });

  step('a reload after an error spends no try');
  await answer(page, wrong);
  await errorIs(page, /not the code/i);
  await answer(page, wrong);
  await errorIs(page, /2 more times/i);
  for (let i = 0; i < 3; i += 1) await page.reload();
  await codeField(page).waitFor();
  check(/2 more times/.test(await page.locator('main').innerText()), 'still two tries left');

  step('the right code opens, spaces and all, and leads to where they were going');
  await answer(page, ` ${login.code.slice(0, 3)} ${login.code.slice(3)} `);
  await page.waitForURL(`${GATE}/login`);
  await page.getByRole('heading', { name: 'Log in' }).waitFor();

  step('the second tab is let in as well');
  await tab.reload();
  await tab.waitForURL((url) => !isOurs(String(url)));
  await tab.close();

  step('Back does not show the form again');
  await page.goBack();
  await page.waitForLoadState();
  check(!isOurs(page.url()) && await codeField(page).count() === 0, `past the gate, not at ${page.url()}`);
  await page.goto(`${GATE}/`);

  step("the application's own login is untouched");
  await page.getByLabel('User name').fill('ann');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('Wrong user name or password').waitFor();
  await page.getByLabel('Password').fill('demo');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Hello ann' }).waitFor();

  step('an upload passes');
  await page.getByLabel(/A file/).setInputFiles({ name: 'holiday.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(300_000, 'x') });
  await page.getByRole('button', { name: 'Upload' }).click();
  await page.getByText('300000 bytes').waitFor();
  await page.goto(`${GATE}/home`);

  if (JAVASCRIPT) {
    step('the WebSocket clock ticks');
    await tick(page);
  }

  step('the admin area wants a code of its own, and sends none before it is asked to');
  await page.getByRole('link', { name: 'The admin area' }).click();
  await sendButton(page).waitFor();
  check(await page.getByRole('textbox').count() === 0, 'there is nothing to type yet');
  check(isOurs(page.url()), `at the gate, not at ${page.url()}`);
  const before = phone.received;
  await page.reload();
  check(phone.received === before, 'looking sends nothing');
  await sendButton(page).click();
  const admin = await phone.next();
  check(/admin/i.test(admin.text), 'the message names the admin scope');
  await codeField(page).waitFor();
  if (process.env.SCREENSHOT) await picture(browser, context, page);

  step('the login code does not open admin');
  await answer(page, login.code);
  await errorIs(page, /not the code/i);

  step('the second code does');
  await answer(page, admin.code);
  await page.waitForURL(`${GATE}/admin/`);
  await page.getByRole('heading', { name: 'Administration' }).waitFor();

  step('the admin code does not open login, nor does its grant');
  const other = await visitor(browser);
  await other.page.goto(`${GATE}/home`);
  await name(other.page, 'ann');
  await phone.next();
  await answer(other.page, admin.code);
  await errorIs(other.page, /not the code/i);
  await other.context.close();
  const onlyAdmin = await visitor(browser);
  await onlyAdmin.context.addCookies((await context.cookies()).filter((cookie) => cookie.name !== LOGIN_COOKIE));
  check((await onlyAdmin.context.cookies()).some((cookie) => cookie.name === ADMIN_COOKIE), 'there is an admin grant');
  await onlyAdmin.page.goto(`${GATE}/home`);
  check(isOurs(onlyAdmin.page.url()), `the admin grant alone got to ${onlyAdmin.page.url()}`);
  await onlyAdmin.context.close();

  step('a form that was sent after the admin grant had gone is kept, and arrives once');
  await context.clearCookies({ name: ADMIN_COOKIE });
  await rename(page, 'Renamed & held');
  await sendButton(page).click();
  await answer(page, (await phone.next()).code);
  await page.waitForURL(`${GATE}/admin/`);
  check(await page.locator('#title').innerText() === 'Renamed & held', 'the held form reached the application');
  await rename(page, 'Named anew');
  await page.locator('#title').filter({ hasText: 'Named anew' }).waitFor();
  for (const again of ['goBack', 'goForward', 'reload']) {
    await page[again]();
    await page.getByRole('heading', { name: 'Administration' }).waitFor();
  }
  check(await page.locator('#title').innerText() === 'Named anew', 'nothing sends the held form a second time');

  step('signing out ends the grants and what is open');
  await page.goto(`${GATE}/home`);
  const open = await context.newPage();
  await open.goto(`${GATE}/home`);
  if (JAVASCRIPT) await tick(open);
  await page.getByRole('link', { name: 'Sign out at the gate' }).click();
  const signedOut = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signedOut;
  await page.waitForLoadState();
  // A tunnel's grant is looked at again every few seconds.
  if (JAVASCRIPT) await open.getByText('the clock has stopped').waitFor({ timeout: 8_000 });
  const left = (await context.cookies()).map((cookie) => cookie.name).filter((left) => [LOGIN_COOKIE, ADMIN_COOKIE].includes(left));
  check(left.length === 0, `no grant is left in the browser, not ${left}`);
  await page.goBack();
  await page.waitForLoadState();
  check(await page.getByRole('heading', { name: 'Hello' }).count() === 0, 'Back shows nothing of the application');
  for (const path of ['/home', '/admin/']) {
    await open.goto(`${GATE}${path}`);
    check(isOurs(open.url()), `${path} is closed again, not at ${open.url()}`);
  }

  step('whoever comes back starts over, and gets to where they were going');
  await open.goto(`${GATE}/home?from=bookmark`);
  await passGate(open, 'ann');
  await open.getByRole('heading', { name: 'Hello ann' }).waitFor();
  check(open.url() === `${GATE}/home?from=bookmark`, `not to ${open.url()}`);

  step("a stranger's form is not kept: the page says so, and leads back");
  await context.clearCookies({ name: LOGIN_COOKIE });
  await open.getByLabel(/A file/).setInputFiles({ name: 'late.txt', mimeType: 'text/plain', buffer: Buffer.from('late') });
  await open.getByRole('button', { name: 'Upload' }).click();
  await name(open, 'bob');
  await answer(open, (await phone.next()).code);
  await open.getByRole('heading', { name: 'Please send that again' }).waitFor();
  await open.getByRole('link', { name: 'Go back' }).click();
  await open.getByRole('heading', { name: 'Hello ann' }).waitFor();

  step('nothing was said on the console, no page of ours made a second request, no message was sent in vain');
  check(watch.console.length === 0, `the console says: ${watch.console.join('; ')}`);
  check(watch.extraRequests.length === 0, `besides the page: ${watch.extraRequests.join(', ')}`);
  check(phone.received === 6, `six messages, not ${phone.received}`);
});

/** Another code of as many digits. */
function another(code) {
  return String((Number(code) + 1) % 10 ** code.length).padStart(code.length, '0');
}

async function itIsOneGoodField(page) {
  check(await page.getByRole('textbox').count() === 1, 'exactly one field');
  check(await codeField(page).getAttribute('autocomplete') === 'one-time-code', 'the field takes one-time codes');
  check(await codeField(page).getAttribute('inputmode') === 'numeric', 'phones show digits');
  check(await page.locator('input[type=text]:focus').count() === 1, 'the field has the focus');
}

async function rename(page, title) {
  await page.getByLabel('New title').fill(title);
  await page.getByRole('button', { name: 'Rename' }).click();
}

/** No sideways scrolling on a narrow phone. */
async function fitsOnAPhone(page) {
  const usual = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.setViewportSize(usual);
  check(width <= 320, `the page is ${width} px wide at 320 px`);
}

/** The clock shows a time, and then another. */
async function tick(page) {
  const clock = page.locator('#clock');
  await clock.filter({ hasText: /^\d\d:\d\d:\d\d$/ }).waitFor();
  const shown = await clock.innerText();
  await clock.filter({ hasText: /^\d\d:\d\d:\d\d$/, hasNotText: shown }).waitFor();
}

/** The picture in the README: 900 pixels wide. */
async function picture(browser, context, page) {
  const frame = await browser.newContext({
    storageState: await context.storageState(),
    viewport: { width: 450, height: 600 },
    deviceScaleFactor: 2,
    timezoneId: 'America/New_York',
  });
  const sitting = await frame.newPage();
  await sitting.goto(page.url());
  await codeField(sitting).fill('492');
  await sitting.screenshot({ path: new URL('../../docs/code-page.png', import.meta.url).pathname, fullPage: true, caret: 'initial' });
  await frame.close();
}
