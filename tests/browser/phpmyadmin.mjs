// phpMyAdmin behind the gate: its own login, the code, a table by its scripts, the pages of the server, and its logout.

import { answer, check, codeField, GATE, isOurs, phone, sendButton, step, tell, visitor } from './visitor.mjs';

async function logIn(page, password) {
  await page.locator('#input_username').fill('alice');
  await page.locator('#input_password').fill(password);
  await page.locator('#input_go').click();
}

tell(async (browser) => {
  const { context, page, watch } = await visitor(browser, { viewport: { width: 1280, height: 900 } });

  step("a stranger gets phpMyAdmin's own login page, with its style and scripts");
  await page.goto(`${GATE}/`);
  check(new URL(page.url()).search === '?route=/', `the login page, not ${page.url()}`);
  check(await page.evaluate(() => typeof jQuery === 'function'), 'the scripts are there');

  step('a wrong password is told by phpMyAdmin');
  await logIn(page, 'wrong');
  await page.getByText('Access denied').first().waitFor();

  step('the right one leads to the code page, and to nothing else');
  await logIn(page, 'pma-pw-1');
  await codeField(page).waitFor();
  check(isOurs(page.url()), `at the gate, not at ${page.url()}`);
  check(!(await context.cookies()).some((cookie) => cookie.name.startsWith('pmaAuth')), 'the session is held');

  step('the code leads in');
  const message = await phone.next();
  check(phone.received === 1, `one message, not ${phone.received}`);
  await answer(page, message.code);
  await page.locator('#pma_navigation_tree').waitFor();

  step('a table is opened, by script');
  await page.locator('#pma_navigation_tree').getByRole('link', { name: 'garden', exact: true }).click();
  await page.locator('#tablesForm').getByRole('link', { name: 'plan', exact: true }).click();
  await page.getByText('heron-4-violet').first().waitFor();

  step('the pages of the server want a code of their own');
  await page.goto(`${GATE}/index.php?route=/server/privileges`);
  await sendButton(page).click();
  await codeField(page).waitFor();
  const second = await phone.next();
  await answer(page, second.code);
  await page.getByText('User accounts overview').waitFor();

  step("phpMyAdmin's own logout");
  await page.getByRole('link', { name: 'Log out' }).click();
  await page.locator('#input_username').waitFor();
  check(phone.received === 2, `two messages, not ${phone.received}`);
  check(watch.extraRequests.length === 0, `besides the page: ${watch.extraRequests.join(', ')}`);
});
