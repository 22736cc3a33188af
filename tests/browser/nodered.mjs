// Node-RED behind the gate: a code first, then the editor's login by script and its WebSocket.

import { check, GATE, isOurs, passGate, phone, step, tell, visitor } from './visitor.mjs';

tell(async (browser) => {
  const { context, page } = await visitor(browser);

  step('a stranger is asked who they are');
  await page.goto(`${GATE}/`);
  check(isOurs(page.url()), `at the gate, not at ${page.url()}`);

  step("a stranger's script gets a refusal that it can read");
  const refused = await context.request.get(`${GATE}/flows`, { headers: { 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' } });
  check(refused.status() === 401 && refused.headers()['content-type'].startsWith('application/problem+json'), `401 and a problem, not ${refused.status()}`);

  step('the code leads to the editor');
  const socket = page.waitForEvent('websocket', { predicate: (socket) => new URL(socket.url()).pathname === '/comms', timeout: 60_000 });
  await passGate(page, 'alice');

  step("the editor's own login, by script, is untouched");
  await page.locator('#node-dialog-login-username').fill('alice');
  await page.locator('#node-dialog-login-password').fill('Nr-pw-1');
  await page.locator('#node-dialog-login-submit').click();

  step('the WebSocket is connected, and what comes through it is heard');
  const comms = await socket;
  await comms.waitForEvent('framereceived', { predicate: (frame) => /auth|hb|topic/.test(String(frame.payload)), timeout: 30_000 });

  step('the editor shows its flow');
  await page.locator('#red-ui-workspace-tabs').getByText('Flow 1').waitFor({ timeout: 30_000 });
  check(!comms.isClosed(), 'the WebSocket is still open');
  check(phone.received === 1, `one message, not ${phone.received}`);
});
