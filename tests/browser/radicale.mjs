// Radicale behind the gate: the browser's own password window, the code, and the calendars on its page, by its scripts.

import { answer, check, codeField, GATE, isOurs, phone, step, tell, visitor } from './visitor.mjs';

const as = (username, password) => ({ httpCredentials: { username, password } });

tell(async (browser) => {
  step('a browser asks its visitor for a name and a password');
  const nobody = await visitor(browser);
  // Without a window to open, a browser on trial gives up.
  const asked = await nobody.page.goto(`${GATE}/.web/`).then(() => '', (error) => error.message);
  check(asked.includes('ERR_INVALID_AUTH_CREDENTIALS'), `it asks: ${asked}`);

  step('a wrong password is told by Radicale, and no message goes out');
  const wrong = await visitor(browser, as('alice', 'wrong'));
  await wrong.page.goto(`${GATE}/.web/`);
  await wrong.page.getByText('Access to the requested resource forbidden').waitFor();
  check(phone.received === 0, 'no message');

  step('the right one leads to the code page');
  const { page, watch } = await visitor(browser, as('alice', 'Rad-pw-1'));
  await page.goto(`${GATE}/.web/`);
  await codeField(page).waitFor();
  check(isOurs(page.url()), `at the gate, not at ${page.url()}`);

  step("the code leads to Radicale's page");
  const message = await phone.next();
  await answer(page, message.code);
  await page.locator('#loginscene').waitFor();

  step('its script signs in with the same password, and shows the calendar');
  await page.locator('#loginscene [data-name=user]').fill('alice');
  await page.locator('#loginscene [data-name=password]').fill('Rad-pw-1');
  await page.locator('#loginscene button').click();
  await page.locator('#collectionsscene').getByText('Plans').waitFor();

  step('another calendar is made');
  await page.getByText('Create new addressbook or calendar').click();
  await page.locator('#createcollectionscene [data-name=displayname]').fill('Tulips');
  await page.locator('#createcollectionscene [data-name=type]').selectOption('CALENDAR');
  await page.locator('#createcollectionscene [data-name=submit]').click();
  await page.locator('#collectionsscene').getByText('Tulips').waitFor();

  step('an event is shown as it is stored');
  const shown = await page.evaluate(async () => {
    const answered = await fetch('/alice/calendar.ics/plan.ics');
    return answered.text();
  });
  check(shown.includes('heron-4-violet'), shown);

  check(phone.received === 1, `one message, not ${phone.received}`);
  check(watch.extraRequests.length === 0, `besides the page: ${watch.extraRequests.join(', ')}`);
});
