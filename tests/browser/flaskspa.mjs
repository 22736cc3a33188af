// A page of the Flask application that logs in by script: once it stays where it is, once it goes on by itself.

import { answer, check, codeField, GATE, isOurs, phone, step, tell, visitor } from './visitor.mjs';

async function logIn(page, password) {
  await page.locator('input[name=username]').fill('alice');
  await page.locator('input[name=password]').fill(password);
  await page.locator('button').click();
}

tell(async (browser) => {
  const { context, page } = await visitor(browser);

  step('a wrong password is told by the page');
  await page.goto(`${GATE}/spa`);
  await logIn(page, 'wrong');
  await page.getByText('failed invalid_credentials').waitFor();
  check(phone.received === 0, 'and sends nothing');

  step('the right one: the page stays, and its calls are told of the code');
  await logIn(page, 'Fl-pw-1');
  await page.getByText('challenge_url').waitFor();
  const problem = JSON.parse(await page.locator('#o').innerText());
  const message = await phone.next();
  check(!isOurs(page.url()), `where it was, not at ${page.url()}`);
  check((await context.cookies()).every((cookie) => cookie.name.startsWith('__Host-countersign-')), 'no cookie of the application');

  step('a reload meets the code page, the code leads back, and the page goes on with its token');
  await page.reload();
  await codeField(page).waitFor();
  check(new URL(page.url()).pathname === problem.challenge_url, `the page that its script was told of, not ${page.url()}`);
  await answer(page, message.code);
  await page.getByText('"user":"alice"').waitFor();
  check(new URL(page.url()).pathname === '/spa', `back where it was, not at ${page.url()}`);

  step('events are heard until the logout');
  await page.evaluate(() => {
    window.events = new EventSource('/events');
    window.ticks = 0;
    window.events.onmessage = () => { window.ticks += 1; };
  });
  await page.waitForFunction(() => window.ticks > 0);
  await page.evaluate(() => fetch('/logout'));
  await page.waitForFunction(() => window.events.readyState !== EventSource.OPEN);
  check(await page.evaluate(async () => (await fetch('/api/me', { headers: { Authorization: `Bearer ${localStorage.t}` } })).status) === 401, 'its token opens nothing any more');

  step('another browser, a page that goes on by itself: it meets the code at once');
  const other = await visitor(browser);
  await other.page.goto(`${GATE}/spa?go=/private`);
  await logIn(other.page, 'Fl-pw-1');
  await codeField(other.page).waitFor();
  await answer(other.page, (await phone.next()).code);
  await other.page.getByText('Hello alice').waitFor();
  check(new URL(other.page.url()).pathname === '/private', `where it was going, not at ${other.page.url()}`);
  check(phone.received === 2, `two messages, not ${phone.received}`);
});
