// Django's admin behind the gate: its own login first, then the code, then its pages, an upload and its logout.

import { answer, check, codeField, GATE, isOurs, phone, sendButton, step, tell, visitor } from './visitor.mjs';

async function logIn(page, password) {
  await page.getByLabel('Username:').fill('alice');
  await page.getByLabel('Password:').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

tell(async (browser) => {
  const { context, page, watch } = await visitor(browser);

  step("a stranger gets Django's own login page, with its style");
  await page.goto(`${GATE}/admin/`);
  check(new URL(page.url()).pathname === '/admin/login/', `the login page, not ${page.url()}`);
  check(await page.evaluate(() => [...document.styleSheets].some((sheet) => sheet.cssRules.length > 10)), 'the style is there');

  step('a wrong password is told by Django');
  await logIn(page, 'wrong');
  await page.getByText('Please enter the correct username and password').waitFor();
  check(!isOurs(page.url()), `Django's page, not ${page.url()}`);

  step('the right one leads to the code page, and to nothing else');
  await logIn(page, 'Dj-pw-1');
  await codeField(page).waitFor();
  check(isOurs(page.url()), `at the gate, not at ${page.url()}`);
  check(!(await context.cookies()).some((cookie) => cookie.name === 'sessionid'), "Django's session is held");
  const tab = await context.newPage();
  await tab.goto(`${GATE}/admin/`);
  check(!(await tab.content()).includes('Site administration'), 'a second tab shows nothing');
  await tab.close();

  step('the code leads to the admin');
  const message = await phone.next();
  check(phone.received === 1, `one message, not ${phone.received}`);
  await answer(page, message.code);
  await page.getByRole('heading', { name: 'Site administration' }).waitFor();

  step('its forms work: a group is added');
  await page.goto(`${GATE}/admin/auth/group/add/`);
  const group = `group ${Date.now()}`;
  await page.getByLabel('Name:').fill(group);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('was added successfully').waitFor();
  await page.getByRole('link', { name: group }).first().waitFor();

  step('the upload wants a code of its own');
  await page.goto(`${GATE}/upload/`);
  await sendButton(page).click();
  await codeField(page).waitFor();
  const second = await phone.next();
  await answer(page, second.code);
  await page.locator('input[type=file]').waitFor();

  step('a file of 3 MB is uploaded');
  await page.locator('input[type=file]').setInputFiles({ name: 'scan.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(3_000_000, 'x') });
  await page.locator('input[type=submit]').click();
  await page.getByText('received scan.bin 3000000 bytes from alice').waitFor();

  step("Django's own logout, and in again: the browser is still alice's, nothing is sent");
  await page.goto(`${GATE}/admin/`);
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Logged out' }).waitFor();
  await page.goto(`${GATE}/admin/`);
  await logIn(page, 'Dj-pw-1');
  await page.getByRole('heading', { name: 'Site administration' }).waitFor();
  check(phone.received === 2, `two messages, not ${phone.received}`);
  check(watch.extraRequests.length === 0, `besides the page: ${watch.extraRequests.join(', ')}`);
});
