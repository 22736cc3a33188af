// Node-RED behind its own login: its script has a token at once, which opens nothing; whoever reloads meets the code.

import { answer, check, codeField, GATE, isOurs, phone, step, tell, visitor } from './visitor.mjs';

async function logIn(page, password) {
  await page.locator('#node-dialog-login-username').fill('alice');
  await page.locator('#node-dialog-login-password').fill(password);
  await page.locator('#node-dialog-login-submit').click();
}

const frame = (socket, words) => socket.waitForEvent('framereceived', { predicate: (frame) => words.test(String(frame.payload)), timeout: 30_000 });

tell(async (browser) => {
  const { context, page } = await visitor(browser);

  step("a stranger gets the editor's own login");
  await page.goto(`${GATE}/`);
  await page.locator('#node-dialog-login-submit').waitFor({ timeout: 30_000 });
  check(!isOurs(page.url()), `not at the gate: ${page.url()}`);

  step('a wrong password is told by the editor');
  await logIn(page, 'wrong');
  await page.locator('#node-dialog-login-failed').waitFor();
  check(phone.received === 0, 'and sends nothing');

  step('the right one: the token is there, the settings are not, and the login is drawn again');
  const refused = page.waitForResponse((response) => new URL(response.url()).pathname === '/settings' && response.status() === 401);
  await logIn(page, 'Nr-pw-1');
  const problem = await refused;
  check(problem.headers()['content-type'].startsWith('application/problem+json'), 'a problem for scripts');
  const waits = (await problem.json()).challenge_url;
  const message = await phone.next();
  await page.locator('#node-dialog-login-username').waitFor();
  check(await page.locator('#node-dialog-login-username').inputValue() === '', 'a login drawn anew');
  check(await page.evaluate(() => Boolean(JSON.parse(localStorage.getItem('auth-tokens')).access_token)), 'its token is kept');
  await page.getByText('reload this page').first().waitFor(); // which the operator has written there

  step('who types the password again joins: no second message');
  const again = page.waitForResponse((response) => new URL(response.url()).pathname === '/auth/token');
  await logIn(page, 'Nr-pw-1');
  check((await again).status() === 200, 'its script is content');

  step('who reloads meets the code page');
  await page.reload();
  await codeField(page).waitFor();
  check(new URL(page.url()).pathname === waits, `the page that its script was told of, not ${page.url()}`);
  check(phone.received === 1, `one message, not ${phone.received}`);

  step('the code leads into the editor, with its flow and its WebSocket');
  const socket = page.waitForEvent('websocket', { predicate: (socket) => new URL(socket.url()).pathname === '/comms', timeout: 60_000 });
  await answer(page, message.code);
  await page.locator('#red-ui-workspace-tabs').getByText('Flow 1').waitFor({ timeout: 30_000 });
  check(new URL(page.url()).pathname === '/', `the editor, not ${page.url()}`);
  const comms = await socket;
  await frame(comms, /auth|hb|topic/);

  step('another browser with the token gets nothing');
  const token = await page.evaluate(() => localStorage.getItem('auth-tokens'));
  const thief = await visitor(browser);
  await thief.page.goto(`${GATE}/`);
  await thief.page.evaluate((token) => localStorage.setItem('auth-tokens', token), token);
  await thief.page.reload();
  await thief.page.locator('#node-dialog-login-submit').waitFor({ timeout: 30_000 });
  const flows = await thief.page.evaluate(async (token) => (await fetch('/flows', { headers: { Authorization: `Bearer ${token}` } })).status, JSON.parse(token).access_token);
  check(flows === 401, `401 for the flows, not ${flows}`);

  step('a change is deployed, and heard of');
  await page.evaluate(() => RED.nodes.addWorkspace({ type: 'tab', id: 'nt2', label: 'Flow 2', disabled: false, info: '' }));
  const heard = frame(comms, /runtime-deploy/);
  await page.evaluate(() => { RED.nodes.dirty(true); document.querySelector('#red-ui-header-button-deploy').click(); });
  await heard;

  step("the editor's own logout ends the grant");
  check(!comms.isClosed(), 'the WebSocket is still open');
  await page.evaluate(() => RED.user.logout());
  await page.locator('#node-dialog-login-submit').waitFor({ timeout: 30_000 });
  const granted = (await context.cookies()).filter((cookie) => /-nodered-login$/.test(cookie.name));
  check(granted.length === 0, 'the browser has no grant any more');
  check(phone.received === 1, `one message, not ${phone.received}`);
});
