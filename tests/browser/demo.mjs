// The demonstration's story: the application's own login, then the code, then the page; one browser, two people, two
// scopes.

import { answer, check, codeField, errorIs, GATE, isOurs, JAVASCRIPT, phone, sendButton, step, tell, visitor } from './visitor.mjs';

const LOGIN_COOKIE = '__Host-countersign-demo-login';
const ADMIN_COOKIE = '__Host-countersign-demo-admin';
const SESSION = 'demo_session';
const PASSWORD = 'demo';

tell(async (browser) => {
  const { context, page, watch } = await visitor(browser);

  step("a stranger meets the application's own login form, in its own clothes");
  await page.goto(`${GATE}/`);
  await atTheForm(page);
  check(await page.evaluate(() => document.styleSheets[0].cssRules.length > 0), 'its style is public');
  const stranger = await session(context);

  step('nothing behind it is to be seen');
  for (const path of ['/home', '/events', '/logout', '/nothing']) {
    await page.goto(`${GATE}${path}`);
    await atTheForm(page);
  }

  step('a wrong password gets the words of the application, and sends nothing');
  await logIn(page, 'ann', 'wrong');
  await page.getByText('Wrong user name or password').waitFor();
  await logIn(page, 'nobody', PASSWORD);
  await page.getByText('Wrong user name or password').waitFor();
  check(await page.getByLabel('User name').inputValue() === 'nobody', "the application's form is as it made it");
  check(phone.received === 0, `no message, not ${phone.received}`);

  step('the right one leads to the code page, and a message is on its way');
  await logIn(page, 'ann', PASSWORD);
  await codeField(page).waitFor();
  check(/^\/\.countersign\/c\/[^/?]+$/.test(new URL(page.url()).pathname), `the code page, not ${page.url()}`);
  check(/\b43\b/.test(await page.locator('main').innerText()), 'who knows the password is told how the number ends');
  await itIsOneGoodField(page);
  await fitsOnAPhone(page);
  const login = await phone.next();

  step('the browser has nothing that the application would know it by');
  check(await session(context) === stranger, 'the session of the login is kept back');
  check(!await has(context, LOGIN_COOKIE), 'there is no grant yet');
  const thief = await visitor(browser);
  await thief.context.addCookies((await context.cookies()).filter((cookie) => cookie.name === SESSION));
  for (const path of ['/home', '/login', '/%68ome']) {
    await thief.page.goto(`${GATE}${path}`);
    await closed(thief.page);
  }
  await thief.context.close();

  step('a second tab logs in as well and joins the same challenge: no second message');
  const tab = await context.newPage();
  await tab.goto(`${GATE}/home`);
  // Where a code is asked for already, the tab may be taken there at once.
  if (!isOurs(tab.url())) {
    await atTheForm(tab);
    await logIn(tab, 'ann', PASSWORD);
    await codeField(tab).waitFor();
  }
  check(tab.url() === page.url(), `the tabs are at one challenge, not at ${page.url()} and ${tab.url()}`);

  if (JAVASCRIPT) {
    step('the page finds out by itself that a carrier took the message');
    await page.locator('#fate').filter({ hasText: /^Sent at \d/ }).waitFor();
  }

  step('a wrong code is refused, and the error has the focus');
  const wrong = another(login.code);
  await answer(page, wrong);
  await errorIs(page, /not the code/i);
  check(/^Sent at \d/.test(await page.locator('#fate').innerText()), 'and the page still says what became of the message');
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

  step("the right code opens, spaces and all: the application's own answer arrives, with its session");
  await answer(page, ` ${login.code.slice(0, 3)} ${login.code.slice(3)} `);
  await page.waitForURL(`${GATE}/home`);
  await greets(page, 'ann');
  const ann = await session(context);
  check(ann !== undefined && ann !== stranger, 'the session that was held is here now');
  check(await has(context, LOGIN_COOKIE), 'and the grant');

  step('the second tab is let in as well');
  await tab.reload();
  await tab.waitForURL((url) => !isOurs(String(url)));
  await greets(tab, 'ann');
  await tab.close();

  step('Back shows neither form again');
  await page.goBack();
  await page.waitForLoadState();
  check(!isOurs(page.url()) && await codeField(page).count() === 0, `past the gate, not at ${page.url()}`);
  await page.goto(`${GATE}/`);
  await greets(page, 'ann');

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
  await logIn(other.page, 'ann', PASSWORD);
  await codeField(other.page).waitFor();
  await phone.next();
  await answer(other.page, admin.code);
  await errorIs(other.page, /not the code/i);
  await other.context.close();
  const onlyAdmin = await visitor(browser);
  await onlyAdmin.context.addCookies((await context.cookies()).filter((cookie) => cookie.name !== LOGIN_COOKIE));
  check(await has(onlyAdmin.context, ADMIN_COOKIE), 'there is an admin grant');
  await onlyAdmin.page.goto(`${GATE}/home`);
  await closed(onlyAdmin.page);
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

  step("the application's own sign-out ends its session; the same person needs no second code soon after");
  await logOut(page);
  await logIn(page, 'ann', 'wrong');
  await page.getByText('Wrong user name or password').waitFor();
  await logIn(page, 'ann', PASSWORD);
  await greets(page, 'ann');
  check(page.url() === `${GATE}/home`, `straight to the page, not to ${page.url()}`);

  step('somebody else in the same browser does: a grant belongs to a person');
  await logOut(page);
  await logIn(page, 'bob', PASSWORD);
  await codeField(page).waitFor();
  check(/\b67\b/.test(await page.locator('main').innerText()), "it is the other's number");
  const bob = await phone.next();
  const meanwhile = await context.newPage();
  for (const path of ['/home', '/admin/']) {
    await meanwhile.goto(`${GATE}${path}`);
    await closed(meanwhile);
  }
  await meanwhile.close();
  await answer(page, bob.code);
  await greets(page, 'bob');
  await page.goto(`${GATE}/admin/`);
  await closed(page);

  step('signing out at the gate ends the grants and what is open');
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
  for (const grant of [LOGIN_COOKIE, ADMIN_COOKIE]) check(!await has(context, grant), `${grant} is left in the browser`);
  await page.goBack();
  await page.waitForLoadState();
  check(await page.getByRole('heading', { name: 'Hello' }).count() === 0, 'Back shows nothing of the application');
  for (const path of ['/home', '/admin/']) {
    await open.goto(`${GATE}${path}`);
    await closed(open);
  }

  step('whoever comes back starts over');
  await open.goto(`${GATE}/home?from=bookmark`);
  await atTheForm(open);
  await logIn(open, 'bob', PASSWORD);
  await codeField(open).waitFor();
  await answer(open, (await phone.next()).code);
  await greets(open, 'bob');

  step("a stranger's form goes nowhere");
  await context.clearCookies({ name: LOGIN_COOKIE });
  await open.getByLabel(/A file/).setInputFiles({ name: 'late.txt', mimeType: 'text/plain', buffer: Buffer.from('late') });
  await open.getByRole('button', { name: 'Upload' }).click();
  await open.waitForLoadState();
  check(await open.getByText('late.txt').count() === 0, 'the application has not seen it');
  await closed(open);

  step('a login that is called off leaves nothing behind');
  const hesitant = await visitor(browser);
  await hesitant.page.goto(`${GATE}/`);
  await logIn(hesitant.page, 'bob', PASSWORD);
  await codeField(hesitant.page).waitFor();
  await phone.next();
  await hesitant.page.getByRole('button', { name: 'Cancel and sign out' }).click();
  await codeField(hesitant.page).waitFor({ state: 'detached' });
  check(await session(hesitant.context) === undefined, 'the session of the form is gone from the browser');
  await hesitant.page.goto(`${GATE}/home`);
  await atTheForm(hesitant.page);
  await hesitant.context.close();

  step('nothing was said on the console, no page of ours made a second request, no message was sent in vain');
  check(watch.console.length === 0, `the console says: ${watch.console.join('; ')}`);
  check(watch.extraRequests.length === 0, `besides the page: ${watch.extraRequests.join(', ')}`);
  check(phone.received === 7, `seven messages, not ${phone.received}`);
});

/** The login form of the application stands here, and nothing else of it. */
async function atTheForm(page) {
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  check(page.url() === `${GATE}/login`, `at the login page, not at ${page.url()}`);
}

/** Nothing private is to be seen: the login form, or a page of ours. */
async function closed(page) {
  check(isOurs(page.url()) || page.url() === `${GATE}/login`, `closed, not at ${page.url()}`);
  check(await page.getByRole('heading', { name: /^(Hello|Administration|Received)/ }).count() === 0, `nothing private at ${page.url()}`);
}

async function greets(page, user) {
  await page.getByRole('heading', { name: `Hello ${user}` }).waitFor();
}

/** In the application's own form. */
async function logIn(page, user, password) {
  await page.getByLabel('User name').fill(user);
  await page.getByLabel('Password').fill(password);
  const arrived = page.waitForEvent('domcontentloaded');
  await page.getByRole('button', { name: 'Log in' }).click();
  await arrived;
}

/** The application's own. */
async function logOut(page) {
  await page.getByRole('link', { name: 'Log out', exact: true }).click();
  await atTheForm(page);
}

/** The application's own cookie, if the browser has one. */
async function session(context) {
  return (await context.cookies()).find((cookie) => cookie.name === SESSION)?.value;
}

async function has(context, name) {
  return (await context.cookies()).some((cookie) => cookie.name === name);
}

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
