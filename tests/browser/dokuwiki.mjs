// DokuWiki behind the gate: its own login first, then the code, then a private page, an edit and its logout.

import { answer, check, codeField, GATE, isOurs, phone, sendButton, step, tell, visitor } from './visitor.mjs';

const PLAN = `${GATE}/doku.php?id=vault:plan`;

async function logIn(page, password) {
  const form = page.locator('form#dw__login');
  await form.locator('input[name=u]').fill('alice');
  await form.locator('input[name=p]').fill(password);
  await form.getByRole('button', { name: 'Log In' }).click();
}

tell(async (browser) => {
  const { context, page, watch } = await visitor(browser);

  step("a stranger gets the wiki's own login page, with its style and scripts");
  await page.goto(PLAN);
  check(new URL(page.url()).search === '?do=login', `the login page, not ${page.url()}`);
  check(await page.evaluate(() => [...document.styleSheets].some((sheet) => sheet.cssRules.length > 10)), 'the style is there');
  check(await page.evaluate(() => typeof jQuery === 'function'), 'the scripts are there');

  step('a wrong password is told by the wiki');
  await logIn(page, 'wrong');
  await page.getByText('Sorry, username or password was wrong').waitFor();
  check(!isOurs(page.url()), `the wiki's page, not ${page.url()}`);

  step('the right one leads to the code page, and to nothing else');
  await logIn(page, 'wiki-pw-1');
  await codeField(page).waitFor();
  check(isOurs(page.url()), `at the gate, not at ${page.url()}`);
  check(!(await context.cookies()).some((cookie) => cookie.name.startsWith('DW')), "the wiki's session is held");

  step('the code leads to the wiki');
  const message = await phone.next();
  check(phone.received === 1, `one message, not ${phone.received}`);
  await answer(page, message.code);
  await page.getByText('Logged in as').waitFor();
  await page.goto(PLAN);
  await page.getByText('heron-4-violet').waitFor();

  step('a page is written');
  await page.goto(`${GATE}/doku.php?id=vault:note&do=edit`);
  await page.locator('textarea[name=wikitext]').fill('Feed the heron.');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('#dokuwiki__content').getByText('Feed the heron.').waitFor();

  step('the admin area wants a code of its own');
  await page.goto(`${GATE}/doku.php?do=admin`);
  await sendButton(page).click();
  await codeField(page).waitFor();
  const second = await phone.next();
  await answer(page, second.code);
  await page.getByText('User Manager').first().waitFor();

  step("the wiki's own logout, and in again: the browser is still alice's, nothing is sent");
  await page.getByRole('link', { name: 'Log Out' }).click();
  await page.getByRole('link', { name: 'Log In' }).first().waitFor();
  await page.goto(`${GATE}/doku.php?do=login`);
  await logIn(page, 'wiki-pw-1');
  await page.getByText('Logged in as').waitFor();
  check(phone.received === 2, `two messages, not ${phone.received}`);
  check(watch.extraRequests.length === 0, `besides the page: ${watch.extraRequests.join(', ')}`);
});
