// JupyterLab behind the gate: its own login, the code, a cell that computes, a terminal behind a code of its own, its logout.

import { answer, check, codeField, GATE, isOurs, phone, sendButton, step, tell, visitor } from './visitor.mjs';

async function logIn(page, password) {
  await page.locator('#password_input').fill(password);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
}

/** Chooses what the Lab's scripts call by this name, in the menu or in a menu of it. */
async function fromFileMenu(page, command, menu) {
  await page.getByRole('menuitem', { name: 'File', exact: true }).click();
  if (menu) await page.locator('.lm-Menu-item').filter({ hasText: new RegExp(`^${menu}$`) }).hover();
  await page.locator(`.lm-Menu-item[data-command="${command}"]`).click();
}

tell(async (browser) => {
  const { context, page, watch } = await visitor(browser, { viewport: { width: 1280, height: 900 } });

  step("a stranger gets the Lab's own login page, with its style");
  await page.goto(`${GATE}/lab`);
  check(new URL(page.url()).pathname === '/login', `the login page, not ${page.url()}`);
  check(await page.evaluate(() => [...document.styleSheets].some((sheet) => sheet.cssRules.length > 10)), 'the style is there');

  step('a wrong password is told by the Lab');
  await logIn(page, 'wrong');
  await page.getByText('Invalid credentials').waitFor();

  step('the right one leads to the code page, and to nothing else');
  await logIn(page, 'Ju-pw-1');
  await codeField(page).waitFor();
  check(isOurs(page.url()), `at the gate, not at ${page.url()}`);
  check(!(await context.cookies()).some((cookie) => cookie.name.startsWith('username-')), 'the session is held');

  step('the code leads to the Lab');
  const message = await phone.next();
  check(phone.received === 1, `one message, not ${phone.received}`);
  await answer(page, message.code);
  await page.getByText('Launcher').first().waitFor({ timeout: 60_000 });

  step('a cell computes');
  await page.locator('.jp-LauncherCard[data-category="Notebook"]').first().click();
  const cell = page.locator('.jp-Notebook .jp-CodeCell .cm-content').first();
  // A cell that is run before its kernel is there is forgotten, without a word.
  await page.getByText('| Idle').waitFor({ timeout: 60_000 });
  await cell.click();
  await page.keyboard.type('6*7');
  await page.keyboard.press('Shift+Enter');
  await page.locator('.jp-OutputArea-output').filter({ hasText: '42' }).waitFor({ timeout: 60_000 });

  step('a terminal is not to be had by the code of the login; the Lab says nothing at all about it');
  const refused = page.waitForResponse((answer) => answer.request().method() === 'POST' && new URL(answer.url()).pathname === '/api/terminals');
  await fromFileMenu(page, 'terminal:create-new', 'New');
  check((await refused).status() === 401, 'the request is refused so that a script can tell');
  check(await page.locator('.jp-Terminal').count() === 0, 'there is no terminal');

  step('an address that people can keep asks for the code of the terminals, and leads back to the Lab');
  await page.goto(`${GATE}/lab?terminals=on`);
  await sendButton(page).click();
  await codeField(page).waitFor();
  await answer(page, (await phone.next()).code);
  check(phone.received === 2, `two messages, not ${phone.received}`);
  await page.locator('.jp-LabShell').waitFor({ timeout: 60_000 });

  step('now there is a terminal, and it answers');
  const opened = page.waitForEvent('websocket', { predicate: (socket) => new URL(socket.url()).pathname.startsWith('/terminals/websocket/'), timeout: 60_000 });
  await fromFileMenu(page, 'terminal:create-new', 'New');
  const shell = await opened;
  await page.locator('.jp-Terminal .xterm-helper-textarea').waitFor({ state: 'attached' });
  const heard = shell.waitForEvent('framereceived', { predicate: (frame) => String(frame.payload).includes('heron42'), timeout: 60_000 });
  await page.locator('.jp-Terminal').click();
  await page.keyboard.type('echo heron$((6*7))\n');
  await heard;

  step("the Lab's own logout ends the grants, too: in again is with a code");
  await fromFileMenu(page, 'filemenu:logout');
  await page.getByText('Successfully logged out').waitFor();
  await page.goto(`${GATE}/lab`);
  await logIn(page, 'Ju-pw-1');
  await codeField(page).waitFor();
  await answer(page, (await phone.next()).code);
  await page.locator('.jp-LabShell').waitFor({ timeout: 60_000 });
  check(phone.received === 3, `three messages, not ${phone.received}`);
  check(watch.extraRequests.length === 0, `besides the page: ${watch.extraRequests.join(', ')}`);
});
