// The Flask application behind the gate: its form login, and the old one that elevates the session in place.

import { answer, check, codeField, GATE, isOurs, phone, step, tell, visitor } from './visitor.mjs';

async function logIn(page, password) {
  await page.locator('input[name=username]').fill('alice');
  await page.locator('input[name=password]').fill(password);
  await page.locator('input[name=password]').press('Enter');
}

tell(async (browser) => {
  const { context, page } = await visitor(browser);

  step("a stranger gets the application's own login page");
  await page.goto(`${GATE}/private`);
  check(new URL(page.url()).pathname === '/login', `the login page, not ${page.url()}`);

  step('a wrong password is told by the application');
  await logIn(page, 'wrong');
  await page.getByText('Wrong user or password').waitFor();

  step('the right one leads to the code page, the code to the private page');
  await page.goto(`${GATE}/login`); // the form under the error has no button
  await logIn(page, 'Fl-pw-1');
  await codeField(page).waitFor();
  check(isOurs(page.url()), `at the gate, not at ${page.url()}`);
  const message = await phone.next();
  check(phone.received === 1, `one message, not ${phone.received}`);
  await answer(page, message.code);
  await page.getByText('Hello alice').waitFor();

  step('its own logout');
  await page.getByRole('link', { name: 'logout' }).click();
  await page.waitForURL((url) => !isOurs(String(url)) && url.pathname.endsWith('/login'));

  step('another browser, the old login: a wrong password leads back to a login');
  const old = await visitor(browser);
  await old.page.goto(`${GATE}/legacy/login`);
  const [before] = (await old.context.cookies()).filter((cookie) => cookie.name === 'LEGACYSID');
  await logIn(old.page, 'wrong');
  await old.page.waitForURL((url) => !isOurs(String(url)) && url.pathname.endsWith('/login'));
  check(phone.received === 1, `no message, not ${phone.received - 1}`);

  step('the right one leads to the code page; the session is elevated, and shows nothing');
  await old.page.goto(`${GATE}/legacy/login`);
  await logIn(old.page, 'Fl-pw-1');
  await codeField(old.page).waitFor();
  const thief = await visitor(browser);
  await thief.context.addCookies([before]);
  await thief.page.goto(`${GATE}/legacy/home`);
  check(!(await thief.page.content()).includes('Hello'), 'the cookie from before the login shows nothing');

  step('the code leads to the old home page');
  await answer(old.page, (await phone.next()).code);
  await old.page.getByText('Hello alice').waitFor();
  check(phone.received === 2, `two messages, not ${phone.received}`);
  await thief.page.goto(`${GATE}/legacy/home`);
  check(!(await thief.page.content()).includes('Hello'), 'and still shows nothing without the grant');
});
