// WordPress behind the gate: its own login, the code, a post in the block editor, and its logout.

import { answer, check, codeField, GATE, isOurs, phone, step, tell, visitor } from './visitor.mjs';

async function logIn(page, password) {
  // A script of the page's empties the field that it brings the focus to, a moment after it is there.
  await page.locator('#user_login:focus, #user_pass:focus').waitFor();
  await page.locator('#user_login').fill('alice');
  await page.locator('#user_pass').fill(password);
  await page.getByRole('button', { name: 'Log In' }).click();
}

tell(async (browser) => {
  const { context, page, watch } = await visitor(browser, { viewport: { width: 1280, height: 900 } });

  step('the site is open');
  await page.goto(`${GATE}/`);
  await page.getByText('Test site').first().waitFor();

  step("a stranger at the dashboard gets WordPress's own login page, with its style and scripts");
  await page.goto(`${GATE}/wp-admin/`);
  check(new URL(page.url()).pathname === '/wp-login.php', `the login page, not ${page.url()}`);
  check(await page.evaluate(() => [...document.styleSheets].some((sheet) => sheet.cssRules.length > 10)), 'the style is there');
  check(await page.evaluate(() => typeof jQuery === 'function'), 'the scripts are there');

  step('a wrong password is told by WordPress');
  await logIn(page, 'wrong');
  await page.locator('#login_error').getByText('is incorrect').waitFor();

  step('the right one leads to the code page, and to nothing else');
  await logIn(page, 'wp-pw-1');
  await codeField(page).waitFor();
  check(isOurs(page.url()), `at the gate, not at ${page.url()}`);
  check(!(await context.cookies()).some((cookie) => cookie.name.startsWith('wordpress_logged_in')), 'the session is held');

  step('the code leads to the dashboard');
  const message = await phone.next();
  check(phone.received === 1, `one message, not ${phone.received}`);
  await answer(page, message.code);
  await page.getByRole('heading', { name: 'Dashboard' }).waitFor();

  step('a post is written in the block editor');
  const title = `Note ${Date.now()}`;
  await page.goto(`${GATE}/wp-admin/post-new.php`);
  // The editor welcomes people once.
  await page.addLocatorHandler(page.getByRole('dialog'), () => page.keyboard.press('Escape'));
  await page.getByRole('textbox', { name: 'Add title' }).fill(title);
  await page.keyboard.press('Enter');
  await page.keyboard.type('Feed the heron.');
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  await page.getByRole('region', { name: 'Editor publish' }).getByRole('button', { name: 'Publish', exact: true }).click();
  await page.getByText('is now live').waitFor();

  step('everybody may read it');
  const other = await visitor(browser);
  await other.page.goto(`${GATE}/`);
  await other.page.getByText(title).first().waitFor();

  step("WordPress's own logout ends the code, too: in again, with another one");
  await page.goto(`${GATE}/wp-admin/`);
  await page.locator('#wp-admin-bar-my-account').hover();
  await page.locator('#wp-admin-bar-logout a').click();
  await page.getByText('You are now logged out').waitFor();
  await logIn(page, 'wp-pw-1');
  await codeField(page).waitFor();
  const second = await phone.next();
  await answer(page, second.code);
  await page.getByRole('heading', { name: 'Dashboard' }).waitFor();
  check(phone.received === 2, `two messages, not ${phone.received}`);
  check(watch.extraRequests.length === 0, `besides the page: ${watch.extraRequests.join(', ')}`);
});
