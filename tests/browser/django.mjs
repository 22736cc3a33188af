// Django's admin behind the gate: a code first, then Django's own login, its pages and an upload.

import { check, GATE, isOurs, passGate, phone, step, tell, visitor } from './visitor.mjs';

tell(async (browser) => {
  const { page, watch } = await visitor(browser);

  step('a stranger is asked who they are');
  await page.goto(`${GATE}/admin/`);
  check(isOurs(page.url()), `at the gate, not at ${page.url()}`);

  step("the code leads to Django's own login");
  await passGate(page, 'alice');
  await page.waitForURL(`${GATE}/admin/login/?next=/admin/`);

  step('a wrong password is told by Django');
  await page.getByLabel('Username:').fill('alice');
  await page.getByLabel('Password:').fill('wrong');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('Please enter the correct username and password').waitFor();

  step('the right one leads to the admin');
  await page.getByLabel('Username:').fill('alice');
  await page.getByLabel('Password:').fill('Dj-pw-1');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Site administration' }).waitFor();

  step('its forms work: a group is added');
  await page.goto(`${GATE}/admin/auth/group/add/`);
  const group = `group ${Date.now()}`;
  await page.getByLabel('Name:').fill(group);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('was added successfully').waitFor();
  await page.getByRole('link', { name: group }).first().waitFor();

  step('a file of 100 KiB is uploaded');
  await page.goto(`${GATE}/upload/`);
  await page.locator('input[type=file]').setInputFiles({ name: 'scan.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(102_400, 'x') });
  await page.locator('input[type=submit]').click();
  await page.getByText('received scan.bin 102400 bytes from alice').waitFor();

  step('one code was enough, and no page of ours made a second request');
  check(phone.received === 1, `one message, not ${phone.received}`);
  check(watch.extraRequests.length === 0, `besides the page: ${watch.extraRequests.join(', ')}`);
});
