// Tomcat's manager behind the gate: the browser's own password window, the code, an upload, and the host manager.

import { fileURLToPath } from 'node:url';

import { answer, check, codeField, GATE, isOurs, phone, sendButton, step, tell, visitor } from './visitor.mjs';

const WAR = fileURLToPath(new URL('../../target/tmp/apps/tomcat/hello.war', import.meta.url));

const as = (username, password) => ({ httpCredentials: { username, password }, viewport: { width: 1280, height: 900 } });

tell(async (browser) => {
  step("a wrong password is told by Tomcat's own page");
  const wrong = await visitor(browser, as('alice', 'wrong'));
  await wrong.page.goto(`${GATE}/manager/html`);
  await wrong.page.getByRole('heading', { name: '401 Unauthorized' }).waitFor();
  check(phone.received === 0, 'no message');

  step('the right one leads to the code page');
  const { context, page, watch } = await visitor(browser, as('alice', 'to-pw-1'));
  await page.goto(`${GATE}/manager/html`);
  await codeField(page).waitFor();
  check(isOurs(page.url()), `at the gate, not at ${page.url()}`);
  check(!(await context.cookies()).some((cookie) => cookie.name === 'JSESSIONID'), 'there is no session yet');

  step('the code leads in');
  const message = await phone.next();
  await answer(page, message.code);
  await page.getByText('Tomcat Web Application Manager').first().waitFor();
  check(await page.evaluate(() => document.images[0].naturalWidth > 0), 'its pictures are there');

  step('a link with the session in its address is followed');
  await page.getByRole('link', { name: 'List Applications' }).click();
  await page.waitForURL(/\/manager\/html\/list;jsessionid=/);
  await page.getByText('Tomcat Web Application Manager').first().waitFor();

  step('an application is uploaded, answers, and is taken away');
  await page.locator('#deployWarFile').setInputFiles(WAR);
  await page.locator('form[enctype="multipart/form-data"] input[type=submit]').click();
  const link = page.getByRole('link', { name: '/hello', exact: true });
  await link.waitFor();
  const hello = await context.newPage();
  await hello.goto(`${GATE}/hello/`);
  await hello.getByText('tulip-9-white').waitFor();
  await page.locator('form[action*="undeploy"][action*="hello"] input[type=submit]').click();
  await page.getByText('Undeployed application').waitFor();

  step('the host manager wants a code of its own');
  await page.goto(`${GATE}/host-manager/html`);
  await sendButton(page).click();
  await codeField(page).waitFor();
  const second = await phone.next();
  await answer(page, second.code);
  await page.getByText('Tomcat Virtual Host Manager').first().waitFor();

  step('the manager goes on');
  await page.goto(`${GATE}/manager/html`);
  await page.getByText('Tomcat Web Application Manager').first().waitFor();
  check(phone.received === 2, `two messages, not ${phone.received}`);
  check(watch.extraRequests.length === 0, `besides the page: ${watch.extraRequests.join(', ')}`);
});
